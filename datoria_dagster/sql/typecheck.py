"""What a query returns."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.errors import SqlError

Columns = tuple[tuple[str, Type | None], ...]
Schemas = Mapping[str, tuple[Field, ...]]


class Call(NamedTuple):
    """A call of a routine, what its arguments are, None where unsure, and where its name stands."""

    name: str
    types: tuple[Type | None, ...]
    span: tuple[int, int]


def argument_types(query: str, schemas: Schemas, functions: Mapping[str, Type]) -> Iterator[Call]:
    """Yield the calls of a query by a qualified name. Nothing of a query that is not resolved.

    Raises SqlError for an unknown relation or column.
    """
    from datoria_dagster.sql import outputs, qualified

    try:
        resolved = qualified.resolve(query, schemas, functions)
    except qualified.Unsure:
        return
    for name, types, span in outputs.calls_in(query, resolved):
        yield Call(name, types, span)


def output(query: str, schemas: Schemas, functions: Mapping[str, Type]) -> Columns | None:
    """Return a query's columns, lower-cased, with their types (without parameters) where sure.

    A column without a name is called f0_, f1_, … as BigQuery does. `schemas` are those of relations
    and table functions. None when the columns can't be told offline. Raises SqlError for an unknown
    relation or column.
    """
    from datoria_dagster.sql import outputs, qualified

    try:
        return outputs.columns(qualified.resolve(query, schemas, functions))
    except qualified.Unsure:
        from datoria_dagster.sql import unresolved

        return unresolved.columns(query, schemas)


def output_of_body(
    query: str,
    schemas: Schemas,
    functions: Mapping[str, Type],
    arguments: Mapping[str, Type],
) -> Columns | None:
    """Return the same of a table function's query; it sees the arguments."""
    from datoria_dagster.sql import unresolved

    columns = unresolved.columns(query, schemas, arguments)
    try:
        typed = output(unresolved.with_values(query, schemas, arguments), schemas, functions)
    except SqlError:
        typed = None
    return typed or columns
