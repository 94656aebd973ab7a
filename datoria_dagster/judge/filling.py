"""Whether a job still fills its destination after a change."""

from collections.abc import Mapping

from datoria_dagster.diff.change import (
    BaseChange,
    FieldAdded,
    FieldModeChanged,
    FieldRemoved,
    FieldRenamed,
    FieldTypeChanged,
)
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.assignable import is_assignable
from datoria_dagster.sql.typecheck import output

_FILLED = (FieldAdded, FieldRemoved, FieldRenamed, FieldTypeChanged, FieldModeChanged)


def stops_filling(
    job: Job,
    change: BaseChange,
    schemas: Mapping[str, tuple[Field, ...]],
    functions: Mapping[str, Type],
) -> bool:
    """Tell whether what a job's query returns no longer goes into its destination.

    What can't be told offline goes in.
    """
    if not isinstance(change, _FILLED) or change.is_nested:
        return False
    types = _returned(job, schemas, functions)
    if types is None:
        return False
    name = change.path.lower()
    match change:
        case FieldAdded():
            return change.after.required and name not in types
        case FieldModeChanged() if change.after == "REQUIRED":
            return name not in types
        case _:
            return name in types and _misfits(types[name], change)


def _returned(
    job: Job, schemas: Mapping[str, tuple[Field, ...]], functions: Mapping[str, Type]
) -> dict[str, Type | None] | None:
    try:
        columns = output(job.query.render(job.start), schemas, functions)
    except DeclarationError:
        return None
    return None if columns is None else dict(columns)


def _misfits(type: Type | None, change: BaseChange) -> bool:
    """Tell whether a column does not go into the destination's. An unsure type does."""
    match change:
        case FieldRemoved() | FieldRenamed():
            return True
        case FieldTypeChanged():
            item = type.element if type and type.name == "ARRAY" else type
            return item is not None and not is_assignable(item, change.after)
        case FieldModeChanged():
            return type is not None and (type.name == "ARRAY") != (change.after == "REPEATED")
        case _:
            return False
