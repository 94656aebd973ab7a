"""The only entry to the diff: `compare(before, after)`."""

from collections.abc import Iterator, Mapping

from datoria_dagster.diff.change import (
    Change,
    ObjectAdded,
    ObjectKindChanged,
    ObjectRemoved,
    ObjectRenamed,
)
from datoria_dagster.diff.datasets import compare_datasets
from datoria_dagster.diff.place import whose
from datoria_dagster.diff.relations import (
    compare_external_tables,
    compare_materialized_views,
    compare_tables,
    compare_views,
)
from datoria_dagster.diff.renames import Known, renamed_tables
from datoria_dagster.diff.routines import (
    compare_functions,
    compare_procedures,
    compare_table_functions,
)
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.model.routines import (
    AggregateFunction,
    Procedure,
    ScalarFunction,
    TableFunction,
)


def compare(before: Platform, after: Platform, renamed: Known = frozenset()) -> tuple[Change, ...]:
    """Return what takes the managed objects of `before` to those of `after`, by object id.

    What `after` declares as a source table is not ours, so it is never removed. `renamed` tells
    which columns were renamed before, as (object, old path, new name): names that change places
    tell it not by themselves. Raises DeclarationError for a `renamed_from` that leads nowhere.
    """
    old, new = before.managed, after.managed
    names = sorted(old.keys() | new.keys())
    tables = renamed_tables(old, after)
    gone = frozenset(tables.values())
    return tuple(
        change
        for name in names
        if name in new or (name not in after.objects and name not in gone)
        for change in (
            _rename(name, tables, old, new, renamed)
            if name in tables
            else _compare(old.get(name), new.get(name), renamed)
        )
    )


def _rename(
    name: str,
    tables: Mapping[str, str],
    old: Mapping[str, Managed],
    new: Mapping[str, Managed],
    renamed: Known,
) -> Iterator[Change]:
    before, after = old[tables[name]], new[name]
    if isinstance(before, Table) and isinstance(after, Table):
        yield ObjectRenamed(**whose(after), before=before.id, after=after.id)
        yield from compare_tables(before.model_copy(update={"name": after.name}), after, renamed)


def _compare(before: Managed | None, after: Managed | None, renamed: Known) -> Iterator[Change]:
    if before is after:
        return
    match before, after:
        case None, None:
            return
        case None, _:
            yield ObjectAdded(**whose(after), after=after)
        case _, None:
            yield ObjectRemoved(**whose(before), before=before)
        case Table(), Table():
            yield from compare_tables(before, after, renamed)
        case _ if type(before) is type(after):
            yield from _compare_alike(before, after)
        case _:
            yield ObjectKindChanged(**whose(after), before=before, after=after)


def _compare_alike(before: Managed, after: Managed) -> Iterator[Change]:
    match before, after:
        case Dataset(), Dataset():
            yield from compare_datasets(before, after)
        case View(), View():
            yield from compare_views(before, after)
        case MaterializedView(), MaterializedView():
            yield from compare_materialized_views(before, after)
        case ExternalTable(), ExternalTable():
            yield from compare_external_tables(before, after)
        case (ScalarFunction(), ScalarFunction()) | (AggregateFunction(), AggregateFunction()):
            yield from compare_functions(before, after)
        case TableFunction(), TableFunction():
            yield from compare_table_functions(before, after)
        case Procedure(), Procedure():
            yield from compare_procedures(before, after)
        case _:
            yield ObjectKindChanged(**whose(after), before=before, after=after)
