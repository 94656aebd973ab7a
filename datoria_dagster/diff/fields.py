"""Differences of two lists of columns, at every depth. Names are compared without case."""

from collections.abc import Iterator

from datoria_dagster.diff.change import (
    Change,
    DescriptionChanged,
    FieldAdded,
    FieldDefaultChanged,
    FieldModeChanged,
    FieldRemoved,
    FieldTypeChanged,
)
from datoria_dagster.diff.options import compare_column_options
from datoria_dagster.diff.place import Place
from datoria_dagster.diff.types import same_type
from datoria_dagster.model.types import Field
from datoria_dagster.sql.canonical import same_expression

Fields = tuple[Field, ...]


def compare_fields(place: Place, before: Fields, after: Fields) -> Iterator[Change]:
    """Yield the changes of columns, in the order of `before`, then what is new."""
    old = {field.name.lower(): field for field in before}
    new = {field.name.lower(): field for field in after}
    added = [field for name, field in new.items() if name not in old]
    for name, field in old.items():
        other = new.get(name)
        if other is None:
            yield _removed(place, field, added)
        elif other is not field and other != field:
            yield from _compare_field(place, field, other)
    for field in added:
        yield FieldAdded(**place.at(field.name), after=field)


def _removed(place: Place, field: Field, added: list[Field]) -> FieldRemoved:
    beside = (
        new.name for new in added if new.mode == field.mode and same_type(new.type, field.type)
    )
    return FieldRemoved(
        **place.at(field.name),
        before=field,
        # Only a table's column can be renamed: the others hold no rows.
        beside=tuple(beside) if place.object_kind == "table" else (),
        roles=place.uses(field.name),
    )


def _compare_field(place: Place, before: Field, after: Field) -> Iterator[Change]:
    where = place.at(before.name)
    if before.mode != after.mode:
        yield FieldModeChanged(**where, before=before.mode, after=after.mode)
    if before.type.name == "STRUCT" == after.type.name:
        yield from compare_fields(place.inside(before), before.type.fields, after.type.fields)
    elif not same_type(before.type, after.type):
        yield FieldTypeChanged(
            **where,
            before=before.type,
            after=after.type,
            in_array=place.in_array or before.repeated,
            roles=place.uses(before.name),
        )
    if not _same_default(before.default, after.default):
        yield FieldDefaultChanged(**where, before=before.default, after=after.default)
    yield from compare_column_options(place, before, after)
    if before.description != after.description:
        yield DescriptionChanged(**where, before=before.description, after=after.description)


def _same_default(before: str | None, after: str | None) -> bool:
    if before is None or after is None:
        return before == after
    return same_expression(before, after)
