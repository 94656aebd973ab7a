"""Rows going into a table: from a query, from a file. All or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datoria_dagster.warehouse.local import kinds
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.resources import (
    INGESTION,
    column,
    fields_of,
    is_ingestion_time,
)
from datoria_dagster.warehouse.local.rows import expiry, partitions, physical, rowchecks
from datoria_dagster.warehouse.local.rows.physical import ident, text
from datoria_dagster.warehouse.local.rules.amendment import mismatch
from datoria_dagster.warehouse.port import Body, Refused, Resource

STAGE = "_datoria_stage"
READY = "_datoria_ready"
# https://docs.cloud.google.com/bigquery/quotas#partitioned_tables
MAX_PARTITIONS_PER_JOB = 4_000


@dataclass(frozen=True)
class Stage:
    """Rows that wait to be written: the columns they have, and how each becomes a value."""

    fields: tuple[Body, ...]
    values: Mapping[str, str]


def check_writable(table: Resource) -> None:
    """Refuse all but a table: views, external tables, snapshots."""
    if table.body["type"] != "TABLE":
        kind = kinds.noun(table.body)
        raise Refused(f"{legacy(table.ref)} is {kind}; rows can be written to a table only.")


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


def known_field(table: Resource, name: str) -> Body:
    """Return the table's column of this name, or refuse it."""
    field = column(fields_of(table.body), name)
    if field is None:
        raise Refused(f"{legacy(table.ref)}: no such field: {name}.")
    return field


def from_parquet(catalog: Catalog, table: Resource, path: Path) -> Stage:
    """Stage a parquet file for a table; values are cast to the columns' types."""
    if not path.is_file():
        raise Refused(f"{path} can't be loaded: there is no such file.")
    _create_stage(catalog, f"SELECT * FROM read_parquet({text(str(path))})")
    described = catalog.cursor.execute(f"SELECT * FROM {STAGE} LIMIT 0").description or []
    names = [str(name) for name, *_ in described]
    fields = tuple(known_field(table, name) for name in names)
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
        given = stage.values.get(INGESTION.lower())
        arrival = given or partitions.arrival(body, partition)
        parts.append(f"{arrival} AS {ident(INGESTION)}")
    cursor = catalog.cursor
    cursor.execute(f"CREATE TEMP TABLE {READY} AS SELECT {', '.join(parts)} FROM {STAGE}")
    cursor.execute(f"DROP TABLE {STAGE}")
    rowchecks.check(catalog, table, READY)
    rows = cursor.execute(
        f"SELECT {partitions.id_expression(body)}, count(*) FROM {READY} GROUP BY ALL"
    ).fetchall()
    if len(rows) > MAX_PARTITIONS_PER_JOB:
        raise Refused(
            f"Too many partitions produced by query, allowed {MAX_PARTITIONS_PER_JOB}, query "
            f"produces at least {len(rows)} partitions."
        )
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
    from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

    return f"CAST({googlesql.expression(catalog, default)} AS {physical.column_type(field)})"


def _finish(catalog: Catalog, table: Resource, counts: dict[str, int]) -> int:
    names = ", ".join(map(ident, physical.columns(table.body)))
    catalog.cursor.execute(
        f"INSERT INTO {physical.table_name(table.ref)} ({names}) SELECT {names} FROM {READY}"
    )
    catalog.cursor.execute(f"DROP TABLE {READY}")
    expiry.purge(catalog, table)
    return sum(counts.values())
