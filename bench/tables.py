"""Two platforms to compare: one as it would be read from a warehouse, one as declared."""

from collections.abc import Callable

import datoria_dagster
from bench.generate import COLUMNS
from datoria_dagster import Dataset, Field, Platform, Table
from datoria_dagster.diff.compare import compare
from datoria_dagster.warehouse import codec


def equal(tables: int) -> Callable[[], object]:
    """Return a comparison that finds nothing."""
    return _comparison(_declared(tables), _declared(tables), expected=0)


def with_a_column_more(tables: int) -> Callable[[], object]:
    """Return a comparison that finds a new column in each table."""
    more = _declared(tables, Field("added", datoria_dagster.STRING))
    return _comparison(_declared(tables), more, expected=tables)


def _comparison(before: Platform, after: Platform, *, expected: int) -> Callable[[], object]:
    live = Platform(
        {
            name: codec.decode(codec.ref(found), codec.resource(found))
            for name, found in before.managed.items()
        }
    )

    def run() -> None:
        found = len(compare(live, after))
        if found != expected:
            raise AssertionError(f"compare found {found} changes, not {expected}.")

    return run


def _declared(tables: int, *more: Field) -> Platform:
    dataset = Dataset(project="bench", name="generated")
    columns = tuple(
        Field(name, getattr(datoria_dagster, type), description=f"Column {name}.")
        for name, type in COLUMNS
    )
    return Platform.of(
        *(
            Table(dataset=dataset, name=f"t{number}", schema=(*columns, *more))
            for number in range(tables)
        )
    )
