"""Files as `bq show --format=prettyjson` prints them: relations, routines, datasets, columns."""

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.relations import Relation
from datoria_dagster.model.types import Field, Mode, TypeName, check_unique, walk
from datoria_dagster.warehouse.codec import decode
from datoria_dagster.warehouse.codec.options import OPTIONS, Option
from datoria_dagster.warehouse.port import Body, Ref, ResourceKind

# The key that names a resource, and the last part of its name.
_REFERENCES: dict[ResourceKind, tuple[str, str]] = {
    "table": ("tableReference", "tableId"),
    "routine": ("routineReference", "routineId"),
    "dataset": ("datasetReference", "datasetId"),
}
_OF_TABLES = frozenset(("schema", "view", "materializedView", "externalDataConfiguration"))
# What BigQuery does where a resource doesn't say it; "" where it does nothing.
_UNSAID = {
    "rounding_mode": "ROUND_HALF_AWAY_FROM_ZERO",
    "default_rounding_mode": "ROUND_HALF_AWAY_FROM_ZERO",
    "max_time_travel_hours": 168,
    "storage_billing_model": "LOGICAL",
    "max_bad_records": 0,
    "ignore_unknown_values": False,
    "skip_leading_rows": 0,
    "field_delimiter": ",",
}
_OF_COLUMNS = ("policy_tag", "collation", "rounding_mode")
Fields = tuple[Field, ...]
_T = TypeVar("_T", bound=Managed)


class UnreadableFile(DatoriaError):
    """A file holds nothing that can be compared."""


class Pair(NamedTuple):
    """What two files hold, under one name. `columns_only`: one of them is a list of columns."""

    before: Managed
    after: Managed
    columns_only: bool


class _File(NamedTuple):
    path: Path
    kind: ResourceKind
    body: Body
    is_list: bool = False

    @property
    def name(self) -> str:
        reference, last = _REFERENCES[self.kind]
        said = self.body.get(reference)
        keys = dict.fromkeys(("projectId", "datasetId", last))
        parts = [str(said.get(key) or "") for key in keys] if isinstance(said, dict) else [""]
        return ".".join(parts) if all(parts) else ""


def read_pair(old: Path, new: Path) -> Pair:
    """Return what the two files hold, under the name of the new one. Raises UnreadableFile.

    A list of columns says nothing of the rest: only the columns are compared with it. Of a
    resource, what it doesn't say is not there, for `bq show` prints all.
    """
    one, other = _read(old), _read(new)
    if one.kind != other.kind:
        raise UnreadableFile(
            f"{old} is a {one.kind} and {new} a {other.kind}: they can't be compared."
        )
    stem = f"file.{new.stem}" if other.kind == "dataset" else f"file.schema.{new.stem}"
    address = Ref(other.kind, other.name or one.name or stem)
    before, after = _decode(address, one), _decode(address, other)
    if not (one.is_list or other.is_list):
        return Pair(*_settled(before, after), columns_only=False)
    if isinstance(before, Relation) and isinstance(after, Relation):
        if other.is_list:
            after = before.with_fields(after.fields)
        else:
            before = after.with_fields(before.fields)
    return Pair(before, after, columns_only=True)


def _read(path: Path) -> _File:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot read it: {error.strerror or error}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile(f"{path}: this is not JSON: {error}.") from None
    if isinstance(content, list) and all(isinstance(item, dict) for item in content):
        return _File(path, "table", {"schema": {"fields": content}}, is_list=True)
    if isinstance(content, dict) and isinstance(content.get("fields"), list):
        return _File(path, "table", {"schema": content}, is_list=True)
    kind = _kind(content) if isinstance(content, dict) else None
    if kind is None or not isinstance(content, dict):
        raise UnreadableFile(
            f"{path}: this is neither a table, a view, a routine or a dataset as "
            "`bq show --format=prettyjson` prints it, nor a list of columns (`bq show --schema`)."
        )
    return _File(path, kind, content)


def _kind(content: Body) -> ResourceKind | None:
    for kind, (reference, _) in _REFERENCES.items():
        if reference in content:
            return kind
    if "routineType" in content:
        return "routine"
    return "table" if _OF_TABLES & content.keys() else None


def _decode(address: Ref, file: _File) -> Managed:
    try:
        if file.kind == "table":
            _check_modes((file.body.get("schema") or {}).get("fields") or [])
        found = decode(address, file.body)
        if isinstance(found, Relation):
            _check_columns(found.fields)
    except (KeyError, TypeError, AttributeError, ValueError, LookupError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise UnreadableFile(f"{file.path}: this is not what BigQuery prints: {reason}.") from None
    if isinstance(found, Foreign):
        raise UnreadableFile(f"{file.path}: this version does not judge a {found.live_kind}.")
    return found


def _check_modes(fields: list[Body]) -> None:
    for field in fields:
        mode = field.get("mode")
        if mode and str(mode).upper() not in get_args(Mode):
            raise ValueError(f"column {field['name']!r} has the mode {mode!r}")
        _check_modes(field.get("fields") or [])


def _check_columns(fields: Fields) -> None:
    check_unique(fields)
    for name, field in walk(fields):
        check_unique(field.type.fields)
        if field.type.name not in get_args(TypeName):
            raise ValueError(f"column {name!r} has no type: {field.type.name}")
        if field.type.name == "STRUCT" and not field.type.fields:
            raise ValueError(f"column {name!r} is a RECORD without fields")


def _settled(before: Managed, after: Managed) -> tuple[Managed, Managed]:
    """Return both so that what is kept where it isn't declared is compared as what it is."""
    if type(before) is not type(after):
        return before, after
    options = [option for option in OPTIONS.get(after.kind, ()) if option.kept]
    alike = {
        option.name: None for option in options if _side(before, option) == _side(after, option)
    }
    others = {option.name: _side(after, option) for option in options if option.name not in alike}
    before, after = _with(before, alike), _with(after, {**alike, **others})
    if isinstance(before, Relation) and isinstance(after, Relation):
        after = after.with_fields(_settled_columns(before.fields, after.fields))
    return before, after


def _side(found: Managed, option: Option) -> Any:
    value = getattr(found, option.name)
    return _UNSAID.get(option.name, "") if value is None else value


def _with(found: _T, values: dict[str, Any]) -> _T:
    return found.model_copy(update=values)


def _settled_columns(before: Fields, after: Fields) -> Fields:
    """Return the columns so that what they no longer say is none, and not kept."""
    old = {field.name.lower(): field for field in before}
    return tuple(
        _settled_column(old[field.name.lower()], field) if field.name.lower() in old else field
        for field in after
    )


def _settled_column(before: Field, after: Field) -> Field:
    gone = {
        name: _UNSAID.get(name, "")
        for name in _OF_COLUMNS
        if getattr(after, name) is None and getattr(before, name) is not None
    }
    field = after.model_copy(update=gone) if gone else after
    inner = field.type.fields
    return field.with_fields(_settled_columns(before.type.fields, inner)) if inner else field
