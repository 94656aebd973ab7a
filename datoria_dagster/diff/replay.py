"""Carry a change out on the in-memory model: what makes a diff provable."""

from collections.abc import Callable
from typing import assert_never

from datoria_dagster.diff import change as c
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import Table, View
from datoria_dagster.model.template import raw
from datoria_dagster.model.types import Field


def replay(platform: Platform, change: c.Change) -> Platform:
    """Return the platform after the change. Raises KeyError when it does not fit."""
    match change:
        case c.ObjectAdded() | c.ObjectKindChanged():
            return platform.with_object(change.after)
        case c.ObjectRemoved():
            return platform.without(change.object)
        case (
            c.FieldAdded()
            | c.FieldRemoved()
            | c.FieldTypeChanged()
            | c.FieldModeChanged()
            | c.FieldDefaultChanged()
        ):
            return _replay_field(platform, change)
        case c.DescriptionChanged() if change.path:
            return _replay_field(platform, change)
        case _:
            found = platform.managed[change.object]
            return platform.with_object(_replay_object(found, change))


def _replay_object(found: Managed, change: c.Change) -> Managed:
    match change:
        case c.DescriptionChanged():
            return found.model_copy(update={"description": change.after})
        case c.LabelsChanged():
            return found.model_copy(update={"labels": change.after})
        case c.LocationChanged():
            return found.model_copy(update={"location": change.after})
        case c.PartitioningChanged():
            return found.model_copy(update={"cut": change.after})
        case c.ClusteringChanged():
            return found.model_copy(update={"clustering": change.after})
        case c.QueryChanged():
            return found.model_copy(update={"query": raw(change.after)})
        case c.BodyChanged():
            return found.model_copy(update={"body": raw(change.after)})
        case c.ArgumentsChanged():
            return found.model_copy(update={"arguments": change.after})
        case c.ReturnTypeChanged():
            return found.model_copy(update={"returns": change.after})
        case _:
            raise KeyError(change.kind)


_FieldChange = (
    c.FieldAdded
    | c.FieldRemoved
    | c.FieldTypeChanged
    | c.FieldModeChanged
    | c.FieldDefaultChanged
    | c.DescriptionChanged
)


def _replay_field(platform: Platform, change: _FieldChange) -> Platform:
    relation = platform.managed[change.object]
    if not isinstance(relation, Table | View):
        raise KeyError(change.object)
    fields = edit(relation.fields, change.path, lambda field: _edited(field, change))
    return platform.with_object(relation.with_fields(fields))


def _edited(field: Field | None, change: _FieldChange) -> Field | None:
    if isinstance(change, c.FieldAdded):
        return change.after
    if field is None:
        raise KeyError(change.path)
    match change:
        case c.FieldRemoved():
            return None
        case c.FieldTypeChanged():
            return field.model_copy(update={"type": change.after})
        case c.FieldModeChanged():
            return field.with_mode(change.after)
        case c.FieldDefaultChanged():
            return field.model_copy(update={"default": change.after})
        case c.DescriptionChanged():
            return field.model_copy(update={"description": change.after})
        case _:
            assert_never(change)


def edit(
    fields: tuple[Field, ...], path: str, change: Callable[[Field | None], Field | None]
) -> tuple[Field, ...]:
    """Return the fields with the one at the path replaced, removed (None) or, if new, appended."""
    name, _, rest = path.partition(".")
    index = next((i for i, f in enumerate(fields) if f.name.lower() == name.lower()), None)
    old = None if index is None else fields[index]
    if rest:
        if old is None:
            raise KeyError(path)
        new: Field | None = old.with_fields(edit(old.type.fields, rest, change))
    else:
        new = change(old)
    added = () if new is None else (new,)
    if index is None:
        return (*fields, *added)
    return (*fields[:index], *added, *fields[index + 1 :])
