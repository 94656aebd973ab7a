"""The typed SQL template: `sql("SELECT * FROM {orders}", orders=orders)`.

A value is never pasted as text: a relation becomes a qualified, back-quoted reference, a Python
value a typed literal, a template a nested fragment.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from inspect import currentframe
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

from datoria_dagster.model.base import HALF, DeclarationError, Renderable, is_unicode
from datoria_dagster.model.ident import quote

if TYPE_CHECKING:
    from datoria_dagster.model.partitions import Partition

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}|\{|\}")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\x00": "\\x00"}


class Sql:
    """A SQL text with holes that are filled when it is rendered. Immutable.

    `origin` is the place of the declaration, `file:line`, for messages.
    """

    __slots__ = ("_rendered", "origin", "parts")

    def __init__(self, parts: tuple[str | Renderable, ...], origin: str = "") -> None:
        self.parts = parts
        self.origin = origin
        self._rendered: str | None = None

    def render(self, execution: "Partition | None" = None) -> str:
        """Return GoogleSQL; `execution` is the partition that a job is run for."""
        if execution is not None:
            return self._render(execution)
        if self._rendered is None:
            self._rendered = self._render(None)
        return self._rendered

    def _render(self, execution: "Partition | None") -> str:
        return "".join(
            part if isinstance(part, str) else part.render(execution) for part in self.parts
        )

    def values(self) -> Iterator[Renderable]:
        """Yield what fills the holes, nested fragments included, in order."""
        for part in self.parts:
            if isinstance(part, Sql):
                yield from part.values()
            elif not isinstance(part, str):
                yield part

    @property
    def own_text(self) -> str:
        """The text as it was written, without what fills the holes."""
        texts = (part if isinstance(part, str) else _own_text(part) for part in self.parts)
        return " ".join(texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sql) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(len(self.parts))

    def __repr__(self) -> str:
        return f"sql({''.join(p if isinstance(p, str) else '{…}' for p in self.parts)!r})"


def _own_text(value: Renderable) -> str:
    return value.own_text if isinstance(value, Sql) else ""


class Ident:
    """An identifier as a template's value, for example the name of a column."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, execution: "Partition | None") -> str:  # noqa: ARG002
        """Return the name in back-quotes."""
        return quote(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ident) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class _ExecutionDate:
    """The partition that a job is run for, as a value: a DATE, a TIMESTAMP (hour) or an INT64."""

    def render(self, execution: "Partition | None") -> str:
        if execution is None:
            raise DeclarationError(
                "ExecutionDate has no value here: only a job with partitions has one."
            )
        return literal(execution.start)


ExecutionDate = _ExecutionDate()


def ident(name: str) -> Ident:
    """Return an identifier to put into a template."""
    return Ident(name)


def sql(text: str, /, **values: Any) -> Sql:
    """Return a typed template. Common indentation is removed; a literal brace is doubled.

    Raises DeclarationError when a brace is left open, a name has no value or a value no name.
    """
    origin = ":".join(map(str, _caller()))
    return _template(dedent(text).strip(), values, origin)


def sql_file(path: str | Path, /, **values: Any) -> Sql:
    """Return a typed template whose text is a file's. The path is relative to the caller's file."""
    file = Path(_caller().filename).parent / path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"sql_file({str(path)!r}): cannot read {file}: {error}.") from None
    return _template(text.strip(), values, str(file))


class _Caller(NamedTuple):
    filename: str
    lineno: int


def _caller() -> _Caller:
    """Return who called the function that calls this one."""
    here = currentframe()
    frame = here and here.f_back and here.f_back.f_back
    return _Caller(frame.f_code.co_filename, frame.f_lineno) if frame else _Caller("", 0)


def raw(text: str) -> Sql:
    """Return SQL that a warehouse gave us, as it is. Not for declarations."""
    return Sql((text,))


def _template(text: str, values: dict[str, Any], origin: str) -> Sql:
    if not is_unicode(text):
        raise DeclarationError(f"SQL template {text!r}: {HALF}")
    parts: list[str | Renderable] = []
    unused = set(values)
    end = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[end : token.start()])
        end = token.end()
        name = token.group(1)
        if name is not None:
            parts.append(_value(name, values, text, token.start()))
            unused.discard(name)
        elif token.group() in ("{{", "}}"):
            parts.append(token.group()[0])
        else:
            raise DeclarationError(
                f"SQL template {_at(text, token.start())}: a brace is left open or closed alone. "
                "Write {name} for a value, {{ or }} for a literal brace."
            )
    parts.append(text[end:])
    if unused:
        names = ", ".join(sorted(unused))
        raise DeclarationError(
            f"SQL template: no place uses {names}. Write {{{names}}} in the text."
        )
    return Sql(_merge(parts), origin)


def _value(name: str, values: dict[str, Any], text: str, position: int) -> Renderable:
    if name not in values:
        raise DeclarationError(
            f"SQL template {_at(text, position)}: {{{name}}} has no value. "
            f"Pass {name}=… to sql(), or double the braces."
        )
    value = values[name]
    # Asking isinstance of a protocol takes 100 times as long.
    return value if hasattr(value, "render") else Sql((literal(value),))


def _at(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _merge(parts: list[str | Renderable]) -> tuple[str | Renderable, ...]:
    merged: list[str | Renderable] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def literal(value: Any) -> str:
    """Return a Python value as a GoogleSQL literal of its type.

    Raises DeclarationError for a value that has none.
    """
    match value:
        case Sql():
            return value.render()
        case None | bool():
            return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
        case str():
            return _string(value)
        case bytes():
            return "b'" + "".join(f"\\x{byte:02x}" for byte in value) + "'"
        case int():
            return str(value)
        case float():
            return repr(value) if value - value == 0 else f"CAST('{value}' AS FLOAT64)"
        case Decimal():
            return f"NUMERIC '{value}'"
        case list() | tuple():
            return f"[{', '.join(literal(item) for item in value)}]"
        case datetime() | date() | time():
            return _moment(value)
        case _:
            raise DeclarationError(
                f"a {type(value).__name__} has no SQL literal; pass a str, int, float, Decimal, "
                "bool, bytes, date, datetime, time or a list of them."
            )


def _string(value: str) -> str:
    if not is_unicode(value):
        raise DeclarationError(f"{value!r} has no SQL literal. {HALF}")
    return "'" + "".join(_ESCAPES.get(char, char) for char in value) + "'"


def _moment(value: date | time) -> str:
    match value:
        case datetime() if value.tzinfo is not None:
            return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"
        case datetime():
            return f"DATETIME '{value:%Y-%m-%d %H:%M:%S.%f}'"
        case date():
            return f"DATE '{value:%Y-%m-%d}'"
        case _:
            return f"TIME '{value:%H:%M:%S.%f}'"
