"""The outline of a table or view: its REST resource, pieced together from lists and bulk metadata.

`tables.list` says what kind it is, its labels, friendly name, partitioning, clustering and
expiration; COLUMNS and COLUMN_FIELD_PATHS its columns; TABLE_OPTIONS its description, key and
staleness; VIEWS the query of a view; KEY_COLUMN_USAGE its primary key. What these don't tell
completely has no outline:

- a struct column: of nested columns nobody tells whether they are REQUIRED. Source:
  https://docs.cloud.google.com/bigquery/docs/information-schema-column-field-paths
- a foreign key: the columns that it refers to have no order. Source:
  https://docs.cloud.google.com/bigquery/docs/information-schema-constraint-column-usage
- external tables, whose files no view tells; materialized views, whose times of refresh are
  needed; snapshots and whatever else is neither TABLE nor VIEW
- generated columns, and options and types that are not known here.

Default collations and rounding modes are in no outline: what is declared with one is read. That
REST's `defaultValueExpression` is `column_default` letter by letter, and how string options are
escaped, is unverified: what differs is read.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from datoria_dagster.warehouse.codec.fields import LEGACY
from datoria_dagster.warehouse.codec.options import rounding_mode
from datoria_dagster.warehouse.port import Body

# What `tables.list` tells of a table as `tables.get` does.
# https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables/list
LISTED = (
    *("type", "labels", "friendlyName", "timePartitioning", "rangePartitioning", "clustering"),
    *("requirePartitionFilter", "expirationTime"),
)
# The options that say the same, and those that can't be declared.
# https://docs.cloud.google.com/bigquery/docs/information-schema-table-options
TOLD_ELSEWHERE = (
    *("labels", "friendly_name", "expiration_timestamp", "partition_expiration_days"),
    *("require_partition_filter", "tags"),
)
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:, ?(\d+))?\)|<(DATE|DATETIME|TIMESTAMP)>)?")
_ARRAY = re.compile(r"ARRAY<(.*)>")
_INTERVAL = re.compile(r"""INTERVAL\s*["']([^"']*)["']\s*YEAR TO SECOND""")


class Untold(Exception):
    """Bulk metadata does not tell all of an object."""


def outline(
    listed: Body,
    columns: Sequence[Mapping[str, Any]],
    options: Mapping[str, str],
    *,
    query: str | None,
    key: Sequence[str],
) -> Body:
    """Return the body. Raises Untold.

    `query` is that of a view in GoogleSQL, `key` the columns of a primary key.
    """
    if listed.get("type") != ("TABLE" if query is None else "VIEW"):
        raise Untold
    body: Body = {name: value for name, value in listed.items() if name in LISTED}
    body["schema"] = {"fields": [_field(column) for column in columns]}
    if query is not None:
        body["view"] = {"query": query, "useLegacySql": False}
    if key:
        body["tableConstraints"] = {"primaryKey": {"columns": list(key)}}
    for name, literal in options.items():
        body |= _option(name, literal)
    return body


def _field(column: Mapping[str, Any]) -> Body:
    # Without a path there is no row in COLUMN_FIELD_PATHS, and no description to be known.
    if column["path"] is None or column["is_generated"] not in (None, "NEVER"):
        raise Untold
    body: Body = {"name": column["column_name"], **_data_type(column["data_type"])}
    if "mode" not in body:
        body["mode"] = "REQUIRED" if column["is_nullable"] == "NO" else "NULLABLE"
    for name, value in (
        ("description", column["description"]),
        ("defaultValueExpression", _said(column["column_default"])),
        ("collation", _said(column["collation_name"])),
        ("roundingMode", rounding_mode(_said(column["rounding_mode"]))),
    ):
        if value:
            body[name] = value
    if column["policy_tags"]:
        body["policyTags"] = {"names": column["policy_tags"]}
    return body


def _said(text: str | None) -> str | None:
    """Return a text; the views write NULL for none."""
    return None if text == "NULL" else text


@lru_cache(maxsize=1024)
def _data_type(text: str) -> Body:
    """Return a GoogleSQL type as a field's resource has it, an array with its mode."""
    array = _ARRAY.fullmatch(text)
    found = _TYPE.fullmatch(array[1] if array else text)
    if found is None or found[1] == "STRUCT":
        raise Untold
    name, first, scale, element = found.groups()
    body: Body = {"type": LEGACY.get(name, name)}
    if first is not None:
        body["maxLength" if name in ("STRING", "BYTES") else "precision"] = first
    if scale is not None and scale != "0":
        body["scale"] = scale
    if element is not None:
        body["rangeElementType"] = {"type": element}
    return body | {"mode": "REPEATED"} if array else body


def _option(name: str, literal: str) -> Body:
    match name:
        case "description":
            return {"description": _text(literal)}
        case "kms_key_name":
            return {"encryptionConfiguration": {"kmsKeyName": _text(literal)}}
        case "max_staleness":
            found = _INTERVAL.fullmatch(literal)
            if found is None:
                raise Untold
            return {"maxStaleness": found[1]}
        case _:
            raise Untold


def _text(literal: str) -> str:
    """Return the value of a string literal that is one of JSON too."""
    try:
        value = json.loads(literal)
    except ValueError:
        raise Untold from None
    if not isinstance(value, str):
        raise Untold
    return value
