"""Differences of two datasets."""

from collections.abc import Iterator

from datoria_dagster.diff.annotations import compare_annotations
from datoria_dagster.diff.change import Change, LocationChanged
from datoria_dagster.diff.options import compare_options
from datoria_dagster.diff.place import whose
from datoria_dagster.model.datasets import Dataset


def compare_datasets(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Yield the changes of a dataset."""
    if before.location != after.location:
        yield LocationChanged(**whose(after), before=before.location, after=after.location)
    yield from compare_annotations(before, after)
    yield from compare_options(before, after)
