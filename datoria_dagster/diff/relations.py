"""Differences of two tables, and of two relations of another kind."""

from collections.abc import Iterator

from datoria_dagster.diff.annotations import compare_annotations
from datoria_dagster.diff.change import (
    Change,
    ClusteringChanged,
    FieldRenamed,
    PartitioningChanged,
    QueryChanged,
)
from datoria_dagster.diff.fields import compare_fields
from datoria_dagster.diff.keys import compare_keys
from datoria_dagster.diff.options import compare_options
from datoria_dagster.diff.place import folded, place, place_in_table, whose
from datoria_dagster.diff.renames import Known, with_names_of
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.sql.canonical import same_query


def compare_tables(before: Table, after: Table, known: Known) -> Iterator[Change]:
    """Yield the changes of a table, renames first. The order of its columns is no change."""
    equal = len(before.fields) == len(after.fields) and before.fields == after.fields
    renames: list[FieldRenamed] = []
    if not equal:
        before, renames = with_names_of(before, after, known)
    yield from renames
    yield from _compare_layout(before, after)
    yield from compare_annotations(before, after)
    yield from compare_options(before, after)
    yield from compare_keys(before, after)
    if not equal:
        yield from compare_fields(place_in_table(before, after), before.fields, after.fields)


def compare_views(before: View, after: View) -> Iterator[Change]:
    """Yield the changes of a view: its query, and the columns that it returns."""
    yield from _compare_query(before, after)
    yield from compare_annotations(before, after)
    yield from compare_options(before, after)
    yield from compare_fields(place(after), before.fields, after.fields)


def compare_materialized_views(
    before: MaterializedView, after: MaterializedView
) -> Iterator[Change]:
    """Yield the changes of a materialized view."""
    yield from _compare_query(before, after)
    yield from _compare_layout(before, after)
    yield from compare_annotations(before, after)
    yield from compare_options(before, after)
    yield from compare_fields(place(after), before.fields, after.fields)


def compare_external_tables(before: ExternalTable, after: ExternalTable) -> Iterator[Change]:
    """Yield the changes of an external table.

    The server adds the keys of a hive layout to its columns; so what is not declared there stays.
    """
    yield from compare_annotations(before, after)
    yield from compare_options(before, after)
    live = before.fields
    if before.hive_partition_uri_prefix and after.hive_partition_uri_prefix is not None:
        declared = {field.name.lower() for field in after.fields}
        live = tuple(field for field in live if field.name.lower() in declared)
    yield from compare_fields(place(after), live, after.fields)


def _compare_query(
    before: View | MaterializedView, after: View | MaterializedView
) -> Iterator[Change]:
    old, new = before.query.render(), after.query.render()
    if not same_query(old, new):
        yield QueryChanged(**whose(after), before=old, after=new)


def _compare_layout(
    before: Table | MaterializedView, after: Table | MaterializedView
) -> Iterator[Change]:
    if before.cut != after.cut and _fold(before.cut) != _fold(after.cut):
        yield PartitioningChanged(**whose(after), before=before.cut, after=after.cut)
    if before.clustering != after.clustering and folded(before.clustering) != folded(
        after.clustering
    ):
        yield ClusteringChanged(**whose(after), before=before.clustering, after=after.clustering)


def _fold(cut: Partitioning) -> Partitioning:
    return cut.model_copy(update={"column": cut.column and cut.column.lower()})
