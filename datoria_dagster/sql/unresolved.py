"""What can be told of a query that is not resolved: a function's, or over functions, wildcards.

Imports sqlglot: import this when needed.
"""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.errors import unknown_name
from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.reads import Walk, outermost
from datoria_dagster.sql.values import Row

Schemas = Mapping[str, tuple[Field, ...]]
_NO_ARGUMENTS: Mapping[str, Type] = {}


def columns(
    query: str, schemas: Schemas, arguments: Mapping[str, Type] = _NO_ARGUMENTS
) -> tuple[tuple[str, None], ...] | None:
    """Return the names of a query's columns; None when some can't be told.

    Raises SqlError for an unknown column.
    """
    walk, rows = _walked(query, schemas, arguments)
    for column, known in walk.unknown:
        name = ".".join(part.name for part in column.parts)
        first = column.parts[0].meta
        span = (first.get("start", 0), column.this.meta.get("end", 0) + 1)
        raise unknown_name(name, "column", query, span, known)
    return None if rows.is_open else tuple((name, None) for name in _numbered(rows))


def with_values(query: str, schemas: Schemas, arguments: Mapping[str, Type]) -> str:
    """Return a table function's query with typed NULLs instead of the arguments."""
    walk, _ = _walked(query, schemas, arguments)
    types = {name.lower(): type for name, type in arguments.items()}
    spans = {
        (meta["start"], meta["end"] + 1): (column.parts[0].name, column)
        for column in walk.given
        if "start" in (meta := column.parts[0].meta)
    }
    for (start, end), (name, column) in sorted(spans.items(), reverse=True):
        value = f"CAST(NULL AS {types[name.lower()].unparameterized})"
        if isinstance(column.parent, exp.Select) and len(column.parts) == 1:
            value += f" AS {name}"
        query = query[:start] + value + query[end:]
    return query


def _walked(query: str, schemas: Schemas, arguments: Mapping[str, Type]) -> tuple[Walk, Row]:
    walk = Walk(schemas)
    return walk, walk.query(parse(query), outermost(arguments))


def _numbered(rows: Row) -> Iterator[str]:
    number = 0
    for name, _ in rows.columns:
        if name:
            yield name
        else:
            yield f"f{number}_"
            number += 1
