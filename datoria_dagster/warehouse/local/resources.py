"""Resources in the form in which BigQuery's REST API returns them.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from collections.abc import Iterator
from typing import Any

from datoria_dagster.warehouse.local.objects import forms
from datoria_dagster.warehouse.port import Body, Ref

_LEGACY = {
    "INT64": "INTEGER",
    "INT": "INTEGER",
    "SMALLINT": "INTEGER",
    "BIGINT": "INTEGER",
    "TINYINT": "INTEGER",
    "BYTEINT": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_TEXT_NUMBERS = ("maxLength", "precision", "scale")
INGESTION = "_PARTITIONTIME"


def legacy_type(name: str) -> str:
    """Return the spelling that the API answers with, whatever it was given."""
    return _LEGACY.get(name.upper(), name.upper())


def normal_fields(fields: list[Body]) -> list[Body]:
    """Return columns as the API returns them: legacy types, a mode, numbers as strings."""
    return [_normal_field(field) for field in fields]


def _normal_field(field: Body) -> Body:
    normal = {key: value for key, value in field.items() if value not in (None, "", [], {})}
    if field.get("collation") == "":
        # It says "none", which is not to inherit one; until the column is settled, it stays.
        normal["collation"] = ""
    normal["type"] = legacy_type(field["type"])
    normal["mode"] = str(field.get("mode") or "NULLABLE").upper()
    if normal.get("roundingMode") == "ROUNDING_MODE_UNSPECIFIED":
        del normal["roundingMode"]
    for key in _TEXT_NUMBERS:
        if key in normal:
            normal[key] = str(normal[key])
    if normal.get("scale") == "0":
        del normal["scale"]
    if "fields" in normal:
        normal["fields"] = normal_fields(normal["fields"])
    return normal


def fields_of(body: Body) -> list[Body]:
    """Return the columns of a table resource."""
    return (body.get("schema") or {}).get("fields") or []


def with_fields(body: Body, fields: list[Body]) -> Body:
    """Return the table resource with other columns."""
    return {**body, "schema": {**(body.get("schema") or {}), "fields": fields}}


def walk(fields: list[Body], parent: str = "") -> Iterator[tuple[str, Body]]:
    """Yield every column with its dotted path, parents first."""
    for field in fields:
        path = f"{parent}{field['name']}"
        yield path, field
        yield from walk(field.get("fields") or [], f"{path}.")


def depth(fields: list[Body]) -> int:
    """Return how deep the columns nest; a flat list has depth 1."""
    return max((1 + depth(field.get("fields") or []) for field in fields), default=0)


def column(fields: list[Body], name: str) -> Body | None:
    """Return the column of this name, compared without case."""
    return next((field for field in fields if field["name"].lower() == name.lower()), None)


def is_ingestion_time(body: Body) -> bool:
    """Whether the table is partitioned by the time of arrival."""
    cut = body.get("timePartitioning")
    return bool(cut) and not cut.get("field")


def partition_column(body: Body) -> str | None:
    """Return the partitioning column, hidden or not; None for a table without partitions."""
    if ranges := body.get("rangePartitioning"):
        return str(ranges["field"])
    if cut := body.get("timePartitioning"):
        return str(cut.get("field") or INGESTION)
    return None


def merged(current: Body, patch: Body) -> Body:
    """Return the body after a JSON merge patch (RFC 7386): lists are replaced, None deletes."""
    result = dict(current)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def dataset(ref: Ref, body: Body) -> Body:
    """Return a dataset's resource from what was inserted."""
    project, name = ref.parts
    return _without_empty(
        {
            "kind": "bigquery#dataset",
            "id": f"{project}:{name}",
            **forms.normal_dataset(body),
            "datasetReference": {"projectId": project, "datasetId": name},
            "location": body.get("location") or "US",
        }
    )


def table(ref: Ref, body: Body, location: str, kind: str = "TABLE") -> Body:
    """Return a table's or a view's resource from what was inserted."""
    project, home, name = ref.parts
    result = {
        "kind": "bigquery#table",
        "id": f"{project}:{home}.{name}",
        **forms.normal_table(body),
        "tableReference": {"projectId": project, "datasetId": home, "tableId": name},
        "type": kind,
        "location": location,
        "schema": {"fields": normal_fields(fields_of(body))},
    }
    for key in ("timePartitioning", "rangePartitioning"):
        if result.get(key):
            result[key] = _text_numbers(result[key])
    return _without_empty(result)


def _text_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _text_numbers(inner) for key, inner in value.items() if inner is not None}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_empty(body: Body) -> Body:
    optional = ("labels", "description", "friendlyName", "clustering", "arguments")
    dropped = {key for key in optional if body.get(key) in (None, "", [], {}, {"fields": []})}
    return {k: v for k, v in body.items() if v is not None and k not in dropped}
