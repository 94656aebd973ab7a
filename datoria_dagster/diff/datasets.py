"""Differences of two datasets."""

from collections.abc import Iterator

from datoria_dagster.diff.annotations import compare_annotations
from datoria_dagster.diff.change import Change, LocationChanged
from datoria_dagster.model.datasets import Dataset


def compare(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Yield the changes of a dataset."""
    whose = {"object": after.id, "object_kind": after.kind}
    if before.location != after.location:
        yield LocationChanged(**whose, before=before.location, after=after.location)
    yield from compare_annotations(before, after)
