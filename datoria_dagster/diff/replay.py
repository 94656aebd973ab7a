"""Carry a change out on the in-memory model: what makes a diff provable."""

from collections.abc import Callable
from typing import assert_never

from datoria_dagster.diff import change as c
from datoria_dagster.diff.renames import with_column_names
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.model.routines import (
    AggregateFunction,
    Procedure,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import raw
from datoria_dagster.model.types import Field

_FieldChange = (
    c.FieldAdded
    | c.FieldRemoved
    | c.FieldRenamed
    | c.FieldTypeChanged
    | c.FieldModeChanged
    | c.FieldDefaultChanged
    | c.DescriptionChanged
    | c.OptionChanged
)
# Stands before a name whose column is about to be renamed, where another one took the name.
_DISPLACED = "\0"
# The attribute that a change sets to its `after`.
_ATTRIBUTES: dict[type[c.BaseChange], str] = {
    c.DescriptionChanged: "description",
    c.LabelsChanged: "labels",
    c.LocationChanged: "location",
    c.PartitioningChanged: "cut",
    c.ClusteringChanged: "clustering",
    c.BodyChanged: "body",
    c.ArgumentsChanged: "arguments",
    c.ReturnTypeChanged: "returns",
}


def replay(platform: Platform, change: c.Change) -> Platform:
    """Return the platform after the change. Raises KeyError when it does not fit."""
    match change:
        case c.ObjectAdded() | c.ObjectKindChanged():
            return platform.with_object(change.after)
        case c.ObjectRemoved():
            return platform.without(change.object)
        case c.ObjectRenamed():
            name = change.after.rpartition(".")[2]
            renamed = platform.managed[change.before].model_copy(update={"name": name})
            return platform.without(change.before).with_object(renamed)
        case (
            c.FieldAdded()
            | c.FieldRemoved()
            | c.FieldRenamed()
            | c.FieldTypeChanged()
            | c.FieldModeChanged()
            | c.FieldDefaultChanged()
        ):
            return platform.with_object(_replay_field(platform.managed[change.object], change))
        case c.DescriptionChanged() | c.OptionChanged() if change.path:
            return platform.with_object(_replay_field(platform.managed[change.object], change))
        case _:
            return platform.with_object(_replay_object(platform.managed[change.object], change))


def _replay_object(found: Managed, change: c.Change) -> Managed:
    match change:
        case c.OptionChanged():
            return found.model_copy(update={change.option: change.after})
        case c.QueryChanged():
            return found.model_copy(update={"query": raw(change.after)})
        case c.ForeignKeyAdded() | c.ForeignKeyRemoved() if isinstance(found, Table):
            return _replay_key(found, change)
        case (
            c.DescriptionChanged()
            | c.LabelsChanged()
            | c.LocationChanged()
            | c.PartitioningChanged()
            | c.ClusteringChanged()
            | c.BodyChanged()
            | c.ArgumentsChanged()
            | c.ReturnTypeChanged()
        ):
            return found.model_copy(update={_ATTRIBUTES[type(change)]: change.after})
        case _:
            raise KeyError(change.kind)


def _replay_key(table: Table, change: c.ForeignKeyAdded | c.ForeignKeyRemoved) -> Table:
    match change:
        case c.ForeignKeyAdded():
            keys = (*table.foreign_keys, change.after)
        case c.ForeignKeyRemoved():
            keys = tuple(key for key in table.foreign_keys if key.name != change.before.name)
        case _:
            assert_never(change)
    return table.model_copy(update={"foreign_keys": keys})


def _replay_field(found: Managed, change: _FieldChange) -> Managed:
    match found:
        case Table() if isinstance(change, c.FieldRenamed):
            return _rename(found, change)
        case Table() | View() | MaterializedView() | ExternalTable():
            fields = edit(found.fields, change.path, lambda field: _edited(field, change))
            return found.with_fields(fields)
        case TableFunction():
            fields = edit(found.returns, change.path, lambda field: _edited(field, change))
            return found.model_copy(update={"returns": fields})
        case Dataset() | ScalarFunction() | AggregateFunction() | Procedure() | Foreign():
            raise KeyError(change.object)
        case _:
            assert_never(found)


def _rename(table: Table, change: c.FieldRenamed) -> Table:
    """Rename a column in all that names it. Where its new name is still taken, that waits."""
    parents, _, _ = change.path.rpartition(".")

    def renamed(fields: tuple[Field, ...]) -> tuple[Field, ...]:
        names = _names(fields, change)
        hint = {change.after.lower(): change.before}
        return tuple(
            field
            if field.name.lower() not in names
            else field.model_copy(
                update={
                    "name": (new := names[field.name.lower()]),
                    "renamed_from": hint.get(new.lower(), field.renamed_from),
                }
            )
            for field in fields
        )

    if parents:
        fields = edit(table.fields, parents, lambda f: f and f.with_fields(renamed(f.type.fields)))
        return table.with_fields(fields)
    names = _names(table.fields, change)
    return with_column_names(table.with_fields(renamed(table.fields)), names)


def _names(fields: tuple[Field, ...], change: c.FieldRenamed) -> dict[str, str]:
    """Return old name, folded → new name. Raises KeyError when there is no such column."""
    known = {field.name.lower() for field in fields}
    old, new = change.before.lower(), change.after
    waiting = f"{_DISPLACED}{old}"
    start = waiting if waiting in known else old
    if start not in known:
        raise KeyError(change.path)
    taken = {new.lower(): f"{_DISPLACED}{new}"} if new.lower() in known else {}
    return {start: new, **taken}


def _edited(field: Field | None, change: _FieldChange) -> Field | None:
    if isinstance(change, c.FieldAdded):
        return change.after
    if field is None:
        raise KeyError(change.path)
    match change:
        case c.FieldRemoved():
            return None
        case c.FieldRenamed():
            return field.model_copy(update={"name": change.after})
        case c.FieldTypeChanged():
            return field.model_copy(update={"type": change.after})
        case c.FieldModeChanged():
            return field.with_mode(change.after)
        case c.FieldDefaultChanged():
            return field.model_copy(update={"default": change.after})
        case c.DescriptionChanged():
            return field.model_copy(update={"description": change.after})
        case c.OptionChanged():
            return field.model_copy(update={change.option: change.after})
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
