"""Differences of two lists of columns, at every depth. Names are compared without case."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datoria_dagster.diff.change import (
    Change,
    DescriptionChanged,
    FieldAdded,
    FieldDefaultChanged,
    FieldModeChanged,
    FieldRemoved,
    FieldTypeChanged,
)
from datoria_dagster.model.relations import Table, View
from datoria_dagster.model.types import Field
from datoria_dagster.sql.canonical import same_expression


@dataclass(frozen=True, slots=True)
class _Place:
    """Where we are: whose columns, under which path, inside an array of structs or not."""

    object: str
    object_kind: str
    prefix: str = ""
    in_array: bool = False

    def at(self, field: Field) -> dict[str, Any]:
        path = f"{self.prefix}{field.name}"
        return {"object": self.object, "object_kind": self.object_kind, "path": path}

    def inside(self, before: Field) -> "_Place":
        prefix = f"{self.prefix}{before.name}."
        return _Place(self.object, self.object_kind, prefix, self.in_array or before.repeated)


def compare_fields(
    whose: Table | View, before: tuple[Field, ...], after: tuple[Field, ...]
) -> Iterator[Change]:
    """Yield the changes of a relation's columns, in the order of `before`, then what is new."""
    if before != after:
        yield from _compare(_Place(whose.id, whose.kind), before, after)


def _compare(
    place: _Place, before: tuple[Field, ...], after: tuple[Field, ...]
) -> Iterator[Change]:
    new = {field.name.lower(): field for field in after}
    old = {field.name.lower() for field in before}
    for field in before:
        other = new.get(field.name.lower())
        if other is None:
            yield FieldRemoved(**place.at(field), before=field)
        elif other != field:
            yield from _compare_field(place, field, other)
    for field in after:
        if field.name.lower() not in old:
            yield FieldAdded(**place.at(field), after=field)


def _compare_field(place: _Place, before: Field, after: Field) -> Iterator[Change]:
    where = place.at(before)
    if before.mode != after.mode:
        yield FieldModeChanged(**where, before=before.mode, after=after.mode)
    if before.type.name == "STRUCT" == after.type.name:
        yield from _compare(place.inside(before), before.type.fields, after.type.fields)
    elif before.type != after.type:
        in_array = place.in_array or before.repeated
        yield FieldTypeChanged(**where, before=before.type, after=after.type, in_array=in_array)
    if not _same_default(before.default, after.default):
        yield FieldDefaultChanged(**where, before=before.default, after=after.default)
    if before.description != after.description:
        yield DescriptionChanged(**where, before=before.description, after=after.description)


def _same_default(before: str | None, after: str | None) -> bool:
    if before is None or after is None:
        return before == after
    return same_expression(before, after)
