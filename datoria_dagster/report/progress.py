"""A progress bar on stderr, for work that takes longer than a second."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Timer

PATIENCE_SECONDS = 1.0


@contextmanager
def progress(what: str, total: int) -> Generator[Callable[[], None]]:
    """Yield what to call when one of `total` is done. Shows nothing unless stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    timer = Timer(PATIENCE_SECONDS, bar.start)
    timer.start()
    try:
        yield lambda: bar.advance(task)
    finally:
        timer.cancel()
        bar.stop()
