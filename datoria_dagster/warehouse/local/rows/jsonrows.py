"""JSON rows on their way into a table, read by the types of its columns."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.local.rows.contents import STAGE, Stage, known_field
from datoria_dagster.warehouse.local.rows.physical import ident
from datoria_dagster.warehouse.port import Body, Refused, Resource


def staged(catalog: Catalog, table: Resource, rows: Sequence[Mapping[str, Any]]) -> Stage:
    """Stage JSON rows that all have the same keys; values are read by the column's type."""
    fields = [known_field(table, name) for name in rows[0]] if rows else []
    shape = json.dumps([{field["name"]: _shape(field) for field in fields}])
    given = json.dumps(
        [
            {f["name"]: _texts(f, v) for f, v in zip(fields, row.values(), strict=True)}
            for row in rows
        ]
    )
    catalog.cursor.execute(
        f"CREATE TEMP TABLE {STAGE} AS SELECT unnest(from_json_strict(?, ?), max_depth := 2)",
        [given, shape],
    )
    values = {f["name"].lower(): _parsed(ident(f["name"]), f) for f in fields}
    return Stage(tuple(fields), values)


def _shape(field: Body) -> Any:
    if field["type"] == "RECORD":
        inner: Any = {nested["name"]: _shape(nested) for nested in field["fields"]}
    else:
        inner = "VARCHAR"
    return [inner] if field["mode"] == "REPEATED" else inner


def _texts(field: Body, value: Any) -> Any:
    if value is None:
        return None
    if field["mode"] == "REPEATED":
        if not isinstance(value, list | tuple):
            raise Refused(f"Field {field['name']} is REPEATED: give a list.")
        return [_texts({**field, "mode": "NULLABLE"}, item) for item in value]
    if field["type"] != "RECORD":
        return _text(field, value)
    if not isinstance(value, dict):
        raise Refused(f"Field {field['name']} is a RECORD: give an object.")
    given = {str(key).lower(): item for key, item in value.items()}
    names = {nested["name"].lower() for nested in field["fields"]}
    if unknown := sorted(given.keys() - names):
        raise Refused(f"no such field: {field['name']}.{unknown[0]}.")
    return {f["name"]: _texts(f, given.get(f["name"].lower())) for f in field["fields"]}


def _text(field: Body, value: Any) -> str:
    if field["type"] == "JSON":
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, dict | list):
        raise Refused(f"Field {field['name']} is {field['type']}: give one value.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(outputs.jsonable(value)) if not isinstance(value, Decimal) else format(value, "f")


def _parsed(value: str, field: Body, level: int = 0) -> str:
    if field["mode"] == "REPEATED":
        item = f"_item{level}"
        inner = _parsed(item, {**field, "mode": "NULLABLE"}, level + 1)
        return f"coalesce(list_transform({value}, lambda {item}: {inner}), [])"
    match field["type"]:
        case "RECORD":
            parts = ", ".join(
                f"{ident(f['name'])} := {_parsed(physical.member(value, f), f, level)}"
                for f in field["fields"]
            )
            return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({parts}) END"
        case "BYTES":
            return f"from_base64({value})"
        case "GEOGRAPHY":
            return physical.geography(value)
        case "RANGE":
            return physical.range_of(value, physical.item_type(field))
        case _:
            return physical.rounded(value, field)
