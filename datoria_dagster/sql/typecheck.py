"""What a query returns."""

from collections.abc import Mapping

from datoria_dagster.model.types import Field, Type

Columns = tuple[tuple[str, Type | None], ...]


def output(
    query: str, schemas: Mapping[str, tuple[Field, ...]], functions: Mapping[str, Type]
) -> Columns | None:
    """Return a query's columns, lower-cased, with their types (without parameters) where sure.

    A column without a name is called f0_, f1_, … as BigQuery does. None when the columns can't be
    told offline. Raises SqlError for an unknown relation or column.
    """
    from datoria_dagster.sql import outputs, qualified

    try:
        return outputs.columns(qualified.resolve(query, schemas, functions))
    except qualified.Unsure:
        return None
