"""The rows of the views of INFORMATION_SCHEMA, made from resources.

Whether an array is nullable, and how options are written, is unverified against BigQuery.
Sources: https://docs.cloud.google.com/bigquery/docs/information-schema-tables,
https://docs.cloud.google.com/bigquery/docs/information-schema-columns,
https://docs.cloud.google.com/bigquery/docs/information-schema-partitions
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server.parameters import string
from tests.bigquery_server.resources import is_partitioned, schema_of

_TYPES = {"TABLE": "BASE TABLE", "MATERIALIZED_VIEW": "MATERIALIZED VIEW"}
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class View:
    """Columns (name, type, mode), those that are lacking, and the rows of one dataset."""

    columns: tuple[tuple[str, str, str], ...]
    lacking: tuple[str, ...]
    rows: Callable


def _columns(text, *more):
    return (*((name, "STRING", "NULLABLE") for name in text.split()), *more)


def _moment(milliseconds):
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat()


def _members(server, dataset):
    return server.members(dataset.ref, "table")


def _place(table):
    return dict(zip(("table_catalog", "table_schema", "table_name"), table.ref.parts, strict=True))


def _tables(server, dataset):
    return [_table(table) for table in _members(server, dataset)]


def _table(table):
    body = table.body
    base = body.get("cloneDefinition") or body.get("snapshotDefinition") or {}
    source = base.get("baseTableReference") or {}
    kind = "CLONE" if "cloneDefinition" in body else _TYPES.get(body["type"], body["type"])
    return {
        **_place(table),
        "table_type": kind,
        "is_insertable_into": "YES" if body["type"] == "TABLE" else "NO",
        "is_typed": "NO",
        "creation_time": _moment(body["creationTime"]),
        "base_table_catalog": source.get("projectId"),
        "base_table_schema": source.get("datasetId"),
        "base_table_name": source.get("tableId"),
        "snapshot_time_ms": base.get("snapshotTime"),
        "default_collation_name": body.get("defaultCollation"),
    }


def data_type(field):
    """Return a column's type as GoogleSQL."""
    name = _STANDARD.get(field["type"], field["type"])
    if field["type"] == "RECORD":
        inner = ", ".join(f"{f['name']} {data_type(f)}" for f in field["fields"])
        name = f"STRUCT<{inner}>"
    elif field["type"] == "RANGE":
        name = f"RANGE<{field['rangeElementType']['type']}>"
    elif "maxLength" in field:
        name = f"{name}({field['maxLength']})"
    elif "precision" in field:
        name = f"{name}({', '.join(field[k] for k in ('precision', 'scale') if k in field)})"
    return f"ARRAY<{name}>" if field["mode"] == "REPEATED" else name


def _column_rows(server, dataset):
    return [
        {**place, **_column(table.body, field, number)}
        for table, place in _placed(server, dataset)
        for number, field in enumerate(_fields(table.body), 1)
    ]


def _placed(server, dataset):
    return [(table, _place(table)) for table in _members(server, dataset)]


def _fields(body):
    cut = body.get("timePartitioning")
    hidden = {"name": "_PARTITIONTIME", "type": "TIMESTAMP", "mode": "NULLABLE"}
    return [*schema_of(body), *([hidden] if cut and not cut.get("field") else [])]


def _column(body, field, number):
    name = field["name"]
    hidden = name == "_PARTITIONTIME"
    cut = (body.get("timePartitioning") or body.get("rangePartitioning") or {}).get("field", "")
    clustered = [each.lower() for each in (body.get("clustering") or {}).get("fields") or []]
    by = name.lower() in clustered
    return {
        "column_name": name,
        "is_nullable": "NO" if field["mode"] != "NULLABLE" else "YES",
        "data_type": data_type(field),
        "is_generated": "NEVER",
        "is_hidden": "YES" if hidden else "NO",
        "is_system_defined": "YES" if hidden else "NO",
        "is_partitioning_column": "YES" if hidden or name.lower() == cut.lower() else "NO",
        "collation_name": field.get("collation"),
        "column_default": field.get("defaultValueExpression"),
        "rounding_mode": field.get("roundingMode"),
        "ordinal_position": None if hidden else number,
        "clustering_ordinal_position": clustered.index(name.lower()) + 1 if by else None,
        "policy_tags": (field.get("policyTags") or {}).get("names") or [],
    }


def _path_rows(server, dataset):
    return [
        {**place, **_path(root, path, field)}
        for table, place in _placed(server, dataset)
        for root in schema_of(table.body)
        for path, field in _walk(root, "")
    ]


def _walk(field, parent):
    path = f"{parent}{field['name']}"
    yield path, field
    for inner in field.get("fields") or []:
        yield from _walk(inner, f"{path}.")


def _path(root, path, field):
    return {
        "column_name": root["name"],
        "field_path": path,
        "data_type": data_type(field),
        "description": field.get("description"),
        "collation_name": field.get("collation"),
        "rounding_mode": field.get("roundingMode"),
        "policy_tags": (field.get("policyTags") or {}).get("names") or [],
    }


def _option_rows(server, dataset):
    return [
        {**_place(table), "option_name": name, "option_type": kind, "option_value": text}
        for table in _members(server, dataset)
        for name, kind, text in _options(table.body)
    ]


def _options(body):
    for name, (kind, path, write) in _OPTIONS.items():
        value = body
        for key in path.split("."):
            value = (value or {}).get(key)
        if value not in (None, {}, ""):
            yield name, kind, write(value)


def _labels(labels):
    return "[" + ", ".join(f"STRUCT({string(k)}, {string(v)})" for k, v in labels.items()) + "]"


_OPTIONS = {
    "description": ("STRING", "description", string),
    "expiration_timestamp": (
        "TIMESTAMP",
        "expirationTime",
        lambda ms: f"TIMESTAMP {string(_moment(ms))}",
    ),
    "friendly_name": ("STRING", "friendlyName", string),
    "kms_key_name": ("STRING", "encryptionConfiguration.kmsKeyName", string),
    "labels": ("ARRAY<STRUCT<STRING, STRING>>", "labels", _labels),
    "max_staleness": ("INTERVAL", "maxStaleness", lambda v: f"INTERVAL {string(v)} YEAR TO SECOND"),
    "partition_expiration_days": (
        "FLOAT64",
        "timePartitioning.expirationMs",
        lambda ms: str(int(ms) / _DAY_MS),
    ),
    "require_partition_filter": ("BOOL", "requirePartitionFilter", lambda v: str(v).lower()),
}


def _partition_rows(server, dataset):
    tables = [t for t in _members(server, dataset) if t.body["type"] in ("TABLE", "SNAPSHOT")]
    found = server.warehouse.partitions([table.ref for table in tables])
    return [row for table in tables for row in _partitions(table, found.get(table.ref, ()))]


def _partitions(table, facts):
    if not facts and not is_partitioned(table.body):
        changed = _moment(table.body["lastModifiedTime"])
        return [{**_place(table), "total_rows": 0, "last_modified_time": changed}]
    return [
        {
            **_place(table),
            "partition_id": each.id or None,
            "total_rows": each.rows,
            "last_modified_time": each.modified.isoformat(),
        }
        for each in facts
    ]


def _view_rows(server, dataset):
    return [
        {
            **_place(table),
            "view_definition": table.body["view"]["query"],
            "use_standard_sql": "NO" if table.body["view"].get("useLegacySql") else "YES",
        }
        for table in _members(server, dataset)
        if "view" in table.body
    ]


def _key_rows(server, dataset):
    """The columns of keys; those of a foreign key with their place in the primary key."""
    return [
        {**_place(table), **_home(table), **row}
        for table in _members(server, dataset)
        for row in _keys(server, table)
    ]


def _home(table):
    return dict(zip(("constraint_catalog", "constraint_schema"), table.ref.parts, strict=False))


def _keys(server, table):
    name = table.ref.parts[-1]
    keys = table.body.get("tableConstraints") or {}
    for number, column in enumerate((keys.get("primaryKey") or {}).get("columns") or [], 1):
        yield _key(f"{name}.pk$", column, number, None)
    for key in keys.get("foreignKeys") or []:
        at = key["referencedTable"]
        target = Ref("table", f"{at['projectId']}.{at['datasetId']}.{at['tableId']}")
        other = server.read([target])[target].body["tableConstraints"]["primaryKey"]["columns"]
        places = {column.lower(): number for number, column in enumerate(other, 1)}
        for number, pair in enumerate(key["columnReferences"], 1):
            place = places[pair["referencedColumn"].lower()]
            yield _key(f"{name}.{key['name']}", pair["referencingColumn"], number, place)


def _key(constraint, column, number, place):
    return {
        "constraint_name": constraint,
        "column_name": column,
        "ordinal_position": number,
        "position_in_unique_constraint": place,
    }


_TABLE = "table_catalog table_schema table_name "
_TAGS = ("policy_tags", "STRING", "REPEATED")
_ORDINALS = (
    ("ordinal_position", "INTEGER", "NULLABLE"),
    ("clustering_ordinal_position", "INTEGER", "NULLABLE"),
)
_TIMES = (
    ("creation_time", "TIMESTAMP", "NULLABLE"),
    ("snapshot_time_ms", "TIMESTAMP", "NULLABLE"),
)
_FACTS = (
    ("total_rows", "INTEGER", "NULLABLE"),
    ("last_modified_time", "TIMESTAMP", "NULLABLE"),
)
_BASE = "base_table_catalog base_table_schema base_table_name default_collation_name"
_COLUMN = (
    "column_name is_nullable data_type is_generated is_hidden is_system_defined "
    "is_partitioning_column collation_name column_default rounding_mode"
)
_FIELD = "column_name field_path data_type description collation_name rounding_mode"
VIEWS = {
    "TABLES": View(
        _columns(f"{_TABLE} table_type is_insertable_into is_typed {_BASE}", *_TIMES),
        (
            "ddl",
            "managed_table_type",
            "is_fine_grained_mutations_enabled",
            "sync_status",
            "is_change_history_enabled",
            "upsert_stream_apply_watermark",
        ),
        _tables,
    ),
    "COLUMNS": View(
        _columns(_TABLE + _COLUMN, *_ORDINALS, _TAGS),
        ("data_policies", "generation_expression", "is_stored", "is_updatable"),
        _column_rows,
    ),
    "COLUMN_FIELD_PATHS": View(_columns(_TABLE + _FIELD, _TAGS), ("data_policies",), _path_rows),
    "TABLE_OPTIONS": View(
        _columns(f"{_TABLE} option_name option_type option_value"), (), _option_rows
    ),
    "KEY_COLUMN_USAGE": View(
        _columns(
            f"constraint_catalog constraint_schema constraint_name {_TABLE} column_name",
            ("ordinal_position", "INTEGER", "NULLABLE"),
            ("position_in_unique_constraint", "INTEGER", "NULLABLE"),
        ),
        (),
        _key_rows,
    ),
    "PARTITIONS": View(
        _columns(f"{_TABLE} partition_id", *_FACTS),
        ("total_logical_bytes", "total_billable_bytes", "storage_tier"),
        _partition_rows,
    ),
    "VIEWS": View(
        _columns(f"{_TABLE} view_definition use_standard_sql"), ("check_option",), _view_rows
    ),
}
