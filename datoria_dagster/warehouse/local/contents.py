"""Rows going into a table: from a query, from JSON, from a file. All or none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from datoria_dagster.warehouse.local import outputs, partitions, physical
from datoria_dagster.warehouse.local.amendment import mismatch
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.physical import ident, text
from datoria_dagster.warehouse.local.resources import (
    INGESTION,
    column,
    fields_of,
    is_ingestion_time,
)
from datoria_dagster.warehouse.port import Body, Refused, Resource

STAGE = "_datoria_stage"
_READY = "_datoria_ready"


@dataclass(frozen=True)
class Stage:
    """Rows that wait to be written: the columns they have, and how each becomes a value."""

    fields: tuple[Body, ...]
    values: Mapping[str, str]


def check_writable(table: Resource) -> None:
    """Refuse a view or a snapshot."""
    if table.body["type"] != "TABLE":
        kind = table.body["type"].lower()
        raise Refused(f"{legacy(table.ref)} is a {kind}; rows can be written to a table only.")


def from_query(catalog: Catalog, table: Resource, sql: str) -> Stage:
    """Run a query (DuckDB's SQL) for a table; its columns must fit the table's."""
    _create_stage(catalog, sql)
    found = outputs.fields(catalog.cursor.execute(f"SELECT * FROM {STAGE} LIMIT 0"))
    for field in found:
        _check_fits(table, field)
    return Stage(found, {f["name"].lower(): _assigned(table, f) for f in found})


def _create_stage(catalog: Catalog, sql: str) -> None:
    catalog.cursor.execute(f"CREATE TEMP TABLE {STAGE} AS {sql}")


def _check_fits(table: Resource, field: Body) -> None:
    target = column(fields_of(table.body), field["name"])
    if target is None:
        raise mismatch(table.ref, f"Cannot add fields (field: {field['name']})")
    _check_type(target, field, target["name"])


def _check_type(target: Body, given: Body, path: str) -> None:
    # A query's destination takes each column as it is: unlike INSERT, nothing is coerced, not even
    # INT64 to FLOAT64. https://github.com/mozilla/bigquery-etl/issues/1806
    modes = {target["mode"], given["mode"]}
    if "REPEATED" in modes and len(modes) > 1:
        raise Refused(
            f"Invalid schema update. Field {path} has changed mode from {target['mode']} to "
            f"{given['mode']}"
        )
    if not _same_type(target, given):
        raise Refused(
            f"Invalid schema update. Field {path} has changed type from {target['type']} to "
            f"{given['type']}. Cast it in the query."
        )
    if target["type"] == "RECORD":
        _check_struct(target, given, path)


def _same_type(target: Body, given: Body) -> bool:
    # DuckDB has one DECIMAL for both.
    decimals = ("NUMERIC", "BIGNUMERIC")
    if target["type"] in decimals and given["type"] in decimals:
        return True
    same = target.get("rangeElementType") == given.get("rangeElementType")
    return target["type"] == given["type"] and same


def _check_struct(target: Body, given: Body, path: str) -> None:
    for field in given["fields"]:
        known = column(target["fields"], field["name"])
        if known is None:
            raise Refused(
                f"Invalid schema update. Cannot add fields (field: {path}.{field['name']})"
            )
        _check_type(known, field, f"{path}.{known['name']}")


def _assigned(table: Resource, field: Body) -> str:
    target = column(fields_of(table.body), field["name"]) or field
    return physical.converted(ident(field["name"]), field, target)


def from_json(catalog: Catalog, table: Resource, rows: Sequence[Mapping[str, Any]]) -> Stage:
    """Stage JSON rows that all have the same keys; values are read by the column's type."""
    fields = [_known(table, name) for name in rows[0]] if rows else []
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


def _known(table: Resource, name: str) -> Body:
    field = column(fields_of(table.body), name)
    if field is None:
        raise Refused(f"{legacy(table.ref)}: no such field: {name}.")
    return field


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
            raise Refused(f"Field {field['name']} is REPEATED: give a list, not {value!r}.")
        return [_texts({**field, "mode": "NULLABLE"}, item) for item in value]
    if field["type"] != "RECORD":
        return _text(field, value)
    if not isinstance(value, dict):
        raise Refused(f"Field {field['name']} is a RECORD: give an object, not {value!r}.")
    given = {str(key).lower(): item for key, item in value.items()}
    names = {nested["name"].lower() for nested in field["fields"]}
    if unknown := sorted(given.keys() - names):
        raise Refused(f"no such field: {field['name']}.{unknown[0]}.")
    return {f["name"]: _texts(f, given.get(f["name"].lower())) for f in field["fields"]}


def _text(field: Body, value: Any) -> str:
    if field["type"] == "JSON":
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, dict | list):
        raise Refused(f"Field {field['name']} is {field['type']}: {value!r} is no value of it.")
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
            return (
                f'CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack("_geography" := {value}) END'
            )
        case "RANGE":
            return _parsed_range(value, field)
        case _:
            return f"CAST({value} AS {physical.item_type(field)})"


def _parsed_range(value: str, field: Body) -> str:
    element = field["rangeElementType"]["type"]
    kind = physical.item_type({"type": element})
    bounds = [
        f"CAST(nullif(trim(split_part(trim({value}, '[) '), ',', {n})), 'UNBOUNDED') AS {kind})"
        for n in (1, 2)
    ]
    pack = f'struct_pack("_range_start" := {bounds[0]}, "_range_end" := {bounds[1]})'
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE {pack} END"


def from_parquet(catalog: Catalog, table: Resource, path: Path) -> Stage:
    """Stage a parquet file for a table; values are cast to the columns' types."""
    if not path.is_file():
        raise Refused(f"{path} can't be loaded: there is no such file.")
    _create_stage(catalog, f"SELECT * FROM read_parquet({text(str(path))})")
    described = catalog.cursor.execute(f"SELECT * FROM {STAGE} LIMIT 0").description or []
    names = [str(name) for name, *_ in described]
    fields = tuple(_known(table, name) for name in names)
    values = {
        field["name"].lower(): f"CAST({ident(name)} AS {physical.column_type(field)})"
        for field, name in zip(fields, names, strict=True)
    }
    return Stage(fields, values)


def replace_all(catalog: Catalog, table: Resource, stage: Stage) -> int:
    """Make the staged rows the only rows of the table; return their count."""
    counts = _prepare(catalog, table, stage, None)
    catalog.cursor.execute(f"DELETE FROM {physical.table_name(table.ref)}")
    catalog.replace_facts(table.ref.id, _or_whole(table, counts))
    return _finish(catalog, table, counts)


def replace_partition(catalog: Catalog, table: Resource, stage: Stage, partition: str) -> int:
    """Make the staged rows the only rows of one partition; return their count."""
    counts = _prepare(catalog, table, stage, partition)
    if counts.keys() - {partition}:
        raise Refused(
            "Some rows belong to different partitions rather than destination partition "
            f"{legacy(table.ref).removeprefix('Table ')}${partition}"
        )
    catalog.cursor.execute(
        f"DELETE FROM {physical.table_name(table.ref)} "
        f"WHERE {partitions.id_expression(table.body)} = {text(partition)}"
    )
    catalog.set_facts(table.ref.id, {partition: counts.get(partition, 0)})
    return _finish(catalog, table, counts)


def append(catalog: Catalog, table: Resource, stage: Stage) -> int:
    """Add the staged rows; return their count."""
    counts = _prepare(catalog, table, stage, None)
    catalog.add_facts(table.ref.id, counts)
    return _finish(catalog, table, counts)


def _or_whole(table: Resource, counts: dict[str, int]) -> dict[str, int]:
    return counts if counts or partitions.is_partitioned(table.body) else {"": 0}


def _prepare(
    catalog: Catalog, table: Resource, stage: Stage, partition: str | None
) -> dict[str, int]:
    """Turn the stage into rows of the table's own columns; count them by partition."""
    body = table.body
    parts = [f"{_value(catalog, table, stage, f)} AS {ident(f['name'])}" for f in fields_of(body)]
    if is_ingestion_time(body):
        parts.append(f"{partitions.arrival(body, partition)} AS {ident(INGESTION)}")
    cursor = catalog.cursor
    cursor.execute(f"CREATE TEMP TABLE {_READY} AS SELECT {', '.join(parts)} FROM {STAGE}")
    cursor.execute(f"DROP TABLE {STAGE}")
    _check_values(catalog, table)
    rows = cursor.execute(
        f"SELECT {partitions.id_expression(body)}, count(*) FROM {_READY} GROUP BY ALL"
    ).fetchall()
    return dict(rows)


def _value(catalog: Catalog, table: Resource, stage: Stage, field: Body) -> str:
    given = stage.values.get(field["name"].lower())
    if given is not None:
        return f"coalesce({given}, [])" if field["mode"] == "REPEATED" else given
    if (default := field.get("defaultValueExpression")) is not None:
        return default_value(catalog, field, default)
    if field["mode"] == "REQUIRED":
        raise mismatch(table.ref, f"Field {field['name']} is missing in new schema")
    return physical.empty_value(field)


def default_value(catalog: Catalog, field: Body, default: str) -> str:
    """Return a column's default value as a DuckDB expression of the column's type."""
    from datoria_dagster.warehouse.local import googlesql  # noqa: PLC0415  # imports sqlglot

    return f"CAST({googlesql.expression(catalog, default)} AS {physical.column_type(field)})"


def _check_values(catalog: Catalog, table: Resource) -> None:
    checks = list(_checks(fields_of(table.body)))
    if not checks:
        return
    counts = ", ".join(f"count(*) FILTER (WHERE {wrong})" for wrong, _ in checks)
    row = catalog.cursor.execute(f"SELECT {counts} FROM {_READY}").fetchone() or ()
    for (_, reason), count in zip(checks, row, strict=True):
        if count:
            raise Refused(f"{legacy(table.ref)}: {reason} ({count} row(s)). Nothing was written.")


def _checks(fields: list[Body]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for field in fields:
        _check_column(ident(field["name"]), field, field["name"], found)
    return found


def _check_column(value: str, field: Body, path: str, found: list[tuple[str, str]]) -> None:
    if field["mode"] == "REQUIRED":
        found.append((f"{value} IS NULL", f"Required field {path} cannot be null"))
    item = value
    if field["mode"] == "REPEATED":
        item = "_checked"
        null = f"len(list_filter({value}, lambda _checked: _checked IS NULL)) > 0"
        found.append((null, f"Array cannot have a null element; error in writing field {path}"))
    inner: list[tuple[str, str]] = []
    _check_item(item, field, path, inner)
    for wrong, reason in inner:
        if item is value:
            found.append((wrong, reason))
        else:
            found.append((f"len(list_filter({value}, lambda _checked: {wrong})) > 0", reason))


def _check_item(value: str, field: Body, path: str, found: list[tuple[str, str]]) -> None:
    if length := field.get("maxLength"):
        size = f"octet_length({value})" if field["type"] == "BYTES" else f"length({value})"
        found.append(
            (
                f"{size} > {length}",
                f"Field {path}: {field['type']}({length}) has maximum length {length}",
            )
        )
    if field["type"] == "RECORD":
        for nested in field["fields"]:
            inner = physical.member(value, nested)
            part: list[tuple[str, str]] = []
            _check_column(inner, nested, f"{path}.{nested['name']}", part)
            found.extend((f"({value} IS NOT NULL AND ({wrong}))", reason) for wrong, reason in part)


def _finish(catalog: Catalog, table: Resource, counts: dict[str, int]) -> int:
    names = ", ".join(map(ident, physical.columns(table.body)))
    catalog.cursor.execute(
        f"INSERT INTO {physical.table_name(table.ref)} ({names}) SELECT {names} FROM {_READY}"
    )
    catalog.cursor.execute(f"DROP TABLE {_READY}")
    return sum(counts.values())
