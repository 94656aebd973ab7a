"""Schema files: BigQuery table resources as `bq show --format=prettyjson` prints them."""

import json
from pathlib import Path
from typing import Any, get_args

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.relations import Table, View
from datoria_dagster.model.types import TypeName, walk
from datoria_dagster.warehouse.codec import decode
from datoria_dagster.warehouse.port import Body, Ref


class UnreadableFile(DatoriaError):
    """A file holds no BigQuery schema."""


def read_pair(old: Path, new: Path) -> tuple[Managed, Managed]:
    """Return the two objects, under the name of the new one. Raises UnreadableFile."""
    before, after = _read(old), _read(new)
    ref = Ref("table", _name(after, new))
    return _decode(ref, before, old), _decode(ref, after, new)


def _read(path: Path) -> Body:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot read it: {error.strerror or error}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile(f"{path}: this is not JSON: {error}.") from None
    if isinstance(content, list) and all(isinstance(item, dict) for item in content):
        return {"schema": {"fields": content}}
    if isinstance(content, dict) and isinstance(content.get("fields"), list):
        return {"schema": content}
    if isinstance(content, dict) and ("schema" in content or "view" in content):
        return content
    raise UnreadableFile(
        f"{path}: this is neither a table resource (`bq show --format=prettyjson`) "
        "nor a list of columns (`bq show --schema`)."
    )


def _name(body: Body, path: Path) -> str:
    reference = body.get("tableReference") or {}
    parts = [str(reference.get(key, "")) for key in ("projectId", "datasetId", "tableId")]
    return ".".join(parts) if all(parts) else f"file.schema.{path.stem}"


def _decode(ref: Ref, body: Body, path: Path) -> Managed:
    try:
        found = decode(ref, body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UnreadableFile(f"{path}: this is no schema that BigQuery prints: {reason}.") from None
    if isinstance(found, Foreign):
        raise UnreadableFile(f"{path}: this version does not judge a {found.live_kind}.")
    _check(found, path)
    return found


def _check(found: Managed, path: Path) -> None:
    fields = found.fields if isinstance(found, Table | View) else ()
    names = [name.lower() for name, _ in walk(fields)]
    for name, field in walk(fields):
        wrong = field.type.name not in get_args(TypeName)
        empty = field.type.name == "STRUCT" and not field.type.fields
        if wrong or empty or names.count(name.lower()) > 1:
            reason = "is there twice" if not (wrong or empty) else f"has no type: {field.type.name}"
            raise UnreadableFile(f"{path}: column {name!r} {reason}.")
