"""Of which stored columns each output of a query is computed. Imports sqlglot."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from datoria_dagster.model.types import Field
from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.reads import Schemas, Walk, is_date_part, outermost
from datoria_dagster.sql.references import references, routines
from datoria_dagster.sql.scope import Scope
from datoria_dagster.sql.values import COMPUTED, Computed, Found, Place, Row, Several, Stored, Value

Derivation = tuple[tuple[str, tuple[Place, ...]], ...]


def derivation(query: str, schemas: Schemas) -> Derivation:
    """Return the outputs of a query in order, each with the columns that it is computed of; cached.

    Names and struct paths are lower-cased. What decides which rows there are, as WHERE and ON, is
    not among the columns. An output that can't be followed to the end is left out. Raises SqlError.
    """
    named = (*references(query), *routines(query))
    return _derivation(query, tuple((name, schemas[name]) for name in named if name in schemas))


@lru_cache(maxsize=4096)
def _derivation(query: str, schemas: tuple[tuple[str, tuple[Field, ...]], ...]) -> Derivation:
    walk = _Followed(dict(schemas))
    try:
        columns = walk.query(parse(query), outermost(())).columns
    except RecursionError:
        return ()
    names = [name for name, _ in columns]
    found = ((name, _inputs(value)) for name, value in columns if names.count(name) == 1 and name)
    return tuple((name, tuple(sorted(inputs))) for name, inputs in found if inputs is not None)


@dataclass(frozen=True)
class _Derived(Computed):
    """A result whose inputs are known."""

    inputs: frozenset[Place]


class _Inputs(Found):
    """What one expression is computed of; None once something in it can't be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: frozenset[Place] | None = frozenset()

    def use(self, value: Value) -> None:
        self.inputs = _both(self.inputs, _inputs(value))


class _Followed(Walk):
    """A walk whose results know what they are computed of."""

    def computed(self, node: exp.Expr, scope: Scope) -> Value:
        around, self.found = self.found, _Inputs()
        self.use(node, scope)
        inputs, self.found = self.found.inputs, around
        return COMPUTED if inputs is None else _Derived(inputs)

    def union(self, first: Row, second: Row) -> Row:
        pairs = zip(first.columns, second.columns, strict=True)
        return Row(tuple((name, Several((one, other))) for (name, one), (_, other) in pairs))

    def use(self, node: exp.Expr, scope: Scope) -> None:
        if not isinstance(node, exp.Query):
            super().use(node, scope)
            return
        around, self.found = self.found, _Inputs()
        rows = self.query(node, scope)
        self.found = around
        if not isinstance(node.parent, exp.Exists):
            self.found.use(rows)

    def _column(self, column: exp.Column, scope: Scope) -> Value:
        value = super()._column(column, scope)
        return _Derived(frozenset()) if value is COMPUTED and is_date_part(column) else value


def _inputs(value: Value) -> frozenset[Place] | None:
    match value:
        case _Derived():
            return value.inputs
        case Stored():
            return frozenset({value.place})
        case Several():
            return _all(value.values)
        case Row() if not value.is_open:
            return _all(column for _, column in value.columns)
        case _:
            return None


def _all(values: Iterable[Value]) -> frozenset[Place] | None:
    found: frozenset[Place] | None = frozenset()
    for value in values:
        found = _both(found, _inputs(value))
    return found


def _both(one: frozenset[Place] | None, other: frozenset[Place] | None) -> frozenset[Place] | None:
    return None if one is None or other is None else one | other
