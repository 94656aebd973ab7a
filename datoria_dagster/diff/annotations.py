"""Differences of what is only said about an object: its description and its labels."""

from collections.abc import Iterator

from datoria_dagster.diff.change import Change, DescriptionChanged, LabelsChanged
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.relations import Table, View


def compare_annotations(
    before: Dataset | Table | View, after: Dataset | Table | View
) -> Iterator[Change]:
    """Yield the changes of an object's description and labels."""
    whose = {"object": after.id, "object_kind": after.kind}
    if before.description != after.description:
        yield DescriptionChanged(**whose, before=before.description, after=after.description)
    if before.labels != after.labels:
        yield LabelsChanged(**whose, before=before.labels, after=after.labels)
