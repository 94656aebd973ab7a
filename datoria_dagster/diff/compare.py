"""The only entry to the diff: `compare(before, after)`."""

from collections.abc import Iterator
from typing import Any

from datoria_dagster.diff import datasets, relations, routines
from datoria_dagster.diff.change import Change, ObjectAdded, ObjectKindChanged, ObjectRemoved
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import Table, View
from datoria_dagster.model.routines import ScalarFunction


def compare(before: Platform, after: Platform) -> tuple[Change, ...]:
    """Return what takes the managed objects of `before` to those of `after`, by object id.

    What `after` declares as a source table is not ours, so it is never removed.
    """
    old, new = before.managed, after.managed
    names = sorted(old.keys() | new.keys())
    return tuple(
        change
        for name in names
        if name in new or name not in after.objects
        for change in _compare(old.get(name), new.get(name))
    )


def _compare(before: Managed | None, after: Managed | None) -> Iterator[Change]:
    if before is after:
        return
    match before, after:
        case None, None:
            return
        case None, _:
            yield ObjectAdded(**_whose(after), after=after)
        case _, None:
            yield ObjectRemoved(**_whose(before), before=before)
        case Dataset(), Dataset():
            yield from datasets.compare(before, after)
        case Table(), Table():
            yield from relations.compare_tables(before, after)
        case View(), View():
            yield from relations.compare_views(before, after)
        case ScalarFunction(), ScalarFunction():
            yield from routines.compare(before, after)
        case _:
            yield ObjectKindChanged(**_whose(after), before=before, after=after)


def _whose(found: Managed) -> dict[str, Any]:
    return {"object": found.id, "object_kind": found.kind}
