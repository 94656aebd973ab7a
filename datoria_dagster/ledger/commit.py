"""Which commit a declaration is of, where it is known."""

import os
import subprocess
from functools import lru_cache
from pathlib import Path

_SECONDS = 5


def commit(folder: Path | None) -> str:
    """Return the git commit of a folder, or the current one; "" if unknown.

    It ends in `-dirty` when files differ from it. DATORIA_GIT_COMMIT says it where there is no
    repository.
    """
    return os.environ.get("DATORIA_GIT_COMMIT", "").strip() or _described(folder or Path())


@lru_cache(maxsize=32)
def _described(folder: Path) -> str:
    # The code of a process is what it was when it was loaded: once is enough.
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        ran = subprocess.run(  # noqa: S603 - the words are ours
            command,
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return ran.stdout.strip()
