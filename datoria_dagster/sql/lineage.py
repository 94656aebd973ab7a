"""Which columns a query reads, and what becomes of it when one of them changes."""

import functools
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from datoria_dagster.model.types import Field
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.parse import parse_any, parse_statement
from datoria_dagster.sql.script import statements

Schemas = Mapping[str, tuple[Field, ...]]
# A relation, and a column or struct path of it, lower-cased and dotted.
Place = tuple[str, str]
_WORD = re.compile(r"\w+")
_STAR = re.compile(r"(?:\b(?:SELECT|DISTINCT|ALL|STRUCT|VALUE)|[,.])\s*\*", re.IGNORECASE)


@dataclass(frozen=True)
class Reads:
    """What a text reads, by what a change of it does to the text.

    `named`: it fails when this goes away, for the text names it. `opened`: and when it is no
    longer an array or a struct. `used`: and when anything in it changes, for something is computed
    of it. `passed`: an output shows it as it is; with the output's name, or a path in it.
    """

    named: frozenset[Place] = frozenset()
    opened: frozenset[Place] = frozenset()
    used: frozenset[Place] = frozenset()
    passed: frozenset[tuple[Place, str]] = frozenset()

    def __or__(self, other: "Reads") -> "Reads":
        """Return what two texts read together."""
        return Reads(
            self.named | other.named,
            self.opened | other.opened,
            self.used | other.used,
            self.passed | other.passed,
        )

    def fails(self, relation: str, path: str, *, is_gone: bool) -> bool:
        """Tell whether the text fails as a whole when a path changes, or goes away."""
        shallow = (self.opened | self.named) if is_gone else self.opened
        return any(name == relation and _is_in(path, at) for name, at in shallow) or any(
            name == relation and (_is_in(path, at) or _is_in(at, path)) for name, at in self.used
        )

    def shows(self, relation: str, path: str) -> tuple[str, ...]:
        """Return the outputs, or paths in them, that change with a path; sorted."""
        found: set[str] = set()
        for (name, at), output in self.passed:
            if name == relation and _is_in(path, at):
                found.add(output)
            elif name == relation and _is_in(at, path):
                found.add(f"{output}{path[len(at) :]}")
        return tuple(sorted(found))


class _Known(NamedTuple):
    schemas: tuple[tuple[str, tuple[Field, ...]], ...]
    arguments: tuple[str, ...]
    outputs: tuple[Field, ...] | None
    is_script: bool


def reads(
    text: str,
    schemas: Schemas,
    *,
    arguments: Iterable[str] = (),
    outputs: tuple[Field, ...] | None = None,
    is_script: bool = False,
) -> Reads:
    """Return what a text reads of the relations in `schemas`; cached by the text.

    The text is a query, an expression, or with `is_script` the statements of a procedure.
    `arguments` are names that it sees without reading anything. `outputs` are the columns that are
    promised: what else a star brings is not read. Of a text, or a statement, that can't be followed
    every column counts whose name stands in it, all of them when a star does.
    """
    known = _Known(tuple(schemas.items()), tuple(arguments), outputs, is_script)
    slot = _slot(text)
    if slot.known != known:
        slot.reads = _read(text, known)
        slot.known = known
    return slot.reads


class _Slot:
    """The last answer for a text. Other schemas for the same text are rare."""

    def __init__(self) -> None:
        self.known: _Known | None = None
        self.reads = Reads()


@lru_cache(maxsize=16_384)
def _slot(text: str) -> _Slot:  # noqa: ARG001
    return _Slot()


def _read(text: str, known: _Known) -> Reads:
    schemas = dict(known.schemas)
    if not known.is_script:
        return _of_one(text, schemas, known)
    parts = (_of_one(statement.text, schemas, known) for statement in statements(text))
    return functools.reduce(operator.or_, parts, Reads())


def _of_one(text: str, schemas: Schemas, known: _Known) -> Reads:
    from datoria_dagster.sql.reads import exact, of_statement

    try:
        return exact(parse_any(text), schemas, known.arguments, known.outputs)
    except (SqlError, RecursionError):
        pass
    try:
        found = of_statement(parse_statement(text), schemas) if known.is_script else None
    except (SqlError, RecursionError):
        found = None
    return found or _rough(text, schemas)


def _rough(text: str, schemas: Schemas) -> Reads:
    words = set(_words(text))
    is_whole = _STAR.search(text) is not None
    return Reads(
        used=frozenset(
            (name, field.name.lower())
            for name, fields in schemas.items()
            if words.issuperset(_words(name.rpartition(".")[2])) or "_*" in text
            for field in fields
            if is_whole or words.issuperset(_words(field.name))
        )
    )


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _is_in(path: str, inner: str) -> bool:
    """Tell whether a path is another one, or leads to something above it."""
    return inner == path or inner.startswith(f"{path}.")
