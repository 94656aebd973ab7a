"""Differences of two tables, and of two views."""

from collections.abc import Iterator

from datoria_dagster.diff.annotations import compare_annotations
from datoria_dagster.diff.change import (
    Change,
    ClusteringChanged,
    PartitioningChanged,
    QueryChanged,
)
from datoria_dagster.diff.fields import compare_fields
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.relations import Table, View
from datoria_dagster.sql.canonical import same_query


def compare_tables(before: Table, after: Table) -> Iterator[Change]:
    """Yield the changes of a table. The order of its columns is no change."""
    whose = {"object": after.id, "object_kind": after.kind}
    if before.partitioning != after.partitioning and _fold(before.cut) != _fold(after.cut):
        yield PartitioningChanged(**whose, before=before.partitioning, after=after.partitioning)
    if before.clustering != after.clustering and not _same_names(before, after):
        yield ClusteringChanged(**whose, before=before.clustering, after=after.clustering)
    yield from compare_annotations(before, after)
    yield from compare_fields(after, before.fields, after.fields)


def compare_views(before: View, after: View) -> Iterator[Change]:
    """Yield the changes of a view: its query, and the columns that it returns."""
    old, new = before.query.render(), after.query.render()
    if not same_query(old, new):
        yield QueryChanged(object=after.id, object_kind=after.kind, before=old, after=new)
    yield from compare_annotations(before, after)
    yield from compare_fields(after, before.fields, after.fields)


def _same_names(before: Table, after: Table) -> bool:
    return [n.lower() for n in before.clustering] == [n.lower() for n in after.clustering]


def _fold(cut: Partitioning) -> Partitioning:
    return cut.model_copy(update={"column": cut.column and cut.column.lower()})
