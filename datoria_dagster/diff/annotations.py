"""Differences of what is only said about an object: its description and its labels."""

from collections.abc import Iterator

from datoria_dagster.diff.change import Change, DescriptionChanged, LabelsChanged
from datoria_dagster.diff.place import whose
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.model.routines import AnyRoutine

_Labelled = Dataset | Table | View | MaterializedView | ExternalTable
_Described = _Labelled | AnyRoutine


def compare_description(before: _Described, after: _Described) -> Iterator[Change]:
    """Yield the change of an object's description."""
    if before.description != after.description:
        yield DescriptionChanged(**whose(after), before=before.description, after=after.description)


def compare_annotations(before: _Labelled, after: _Labelled) -> Iterator[Change]:
    """Yield the changes of an object's description and labels."""
    yield from compare_description(before, after)
    if before.labels != after.labels:
        yield LabelsChanged(**whose(after), before=before.labels, after=after.labels)
