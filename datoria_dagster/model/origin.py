"""Where in whose file a piece of rendered SQL is written."""

import linecache
import re
from pathlib import Path
from typing import TYPE_CHECKING

from datoria_dagster.model.template import Sql

if TYPE_CHECKING:
    from datoria_dagster.model.partitions import Partition

_HOLE = "\0"


def place(query: Sql, offset: int = 0, execution: "Partition | None" = None) -> str:
    """Return `file:line` of what stands at an offset of the rendered text, "" if it is unknown.

    The file is relative to the current folder. It is that of a nested template for what is in it.
    """
    inner, line = _found(query, offset, execution)
    if not inner.origin:
        return ""
    file, _, first = inner.origin.rpartition(":")
    path, start = (Path(file), int(first)) if first.isdigit() else (Path(inner.origin), 1)
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{shown}:{_line(str(path), start, _written(inner), line)}"


def _found(query: Sql, offset: int, execution: "Partition | None") -> tuple[Sql, int]:
    """Return the innermost template around an offset, and the line in it, from 0."""
    line = 0
    for part in query.parts:
        text = part if isinstance(part, str) else part.render(execution)
        if offset < len(text):
            if isinstance(part, Sql) and part.origin:
                return _found(part, offset, execution)
            return query, line + (part.count("\n", 0, offset) if isinstance(part, str) else 0)
        offset -= len(text)
        line += part.count("\n") if isinstance(part, str) else 0
    return query, line


def _written(query: Sql) -> list[str]:
    """Return the lines of a template as they are typed, a mark for each hole."""
    doubled = (
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else _HOLE
        for part in query.parts
    )
    return "".join(doubled).split("\n")


def _line(file: str, start: int, written: list[str], line: int) -> int:
    """Return the line of a file at which a line of a template is; `start` where it isn't found."""
    linecache.checkcache(file)
    lines = linecache.getlines(file)
    patterns = [_pattern(each) for each in written]
    for first in range(start - 1, len(lines) - len(patterns) + 1):
        if all(pattern.search(lines[first + n]) for n, pattern in enumerate(patterns)):
            return first + line + 1
    return start


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(r"\{\w+\}".join(map(re.escape, line.strip().split(_HOLE))))
