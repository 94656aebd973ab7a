"""The GoogleSQL that creates objects: every name in back-quotes, every value a literal.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from datoria_dagster.model.ident import quote
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.model.template import literal
from datoria_dagster.model.types import Field

_TABLE_OPTIONS = (
    *("expiration_timestamp", "partition_expiration_days", "require_partition_filter"),
    *("kms_key_name", "max_staleness", "default_rounding_mode"),
)
_VIEW_OPTIONS = (
    *("enable_refresh", "refresh_interval_minutes", "max_staleness"),
    "allow_non_incremental_definition",
)
_FILE_OPTIONS = (
    *("format", "uris", "compression", "max_bad_records", "ignore_unknown_values"),
    *("skip_leading_rows", "field_delimiter", "hive_partition_uri_prefix"),
)


def create_table(table: Table) -> str:
    """Return the statement that creates a table. A policy tag has no place in it."""
    parts = [_column(field) for field in table.fields]
    if table.primary_key:
        parts.append(primary_key(table.primary_key))
    parts += [foreign_key(key) for key in table.foreign_keys]
    collation = table.default_collation
    return _lines(
        _columns(f"CREATE TABLE {quote(table.id)}", parts),
        "" if collation is None else f"DEFAULT COLLATE {literal(collation)}",
        *_layout(table),
        options(table, _TABLE_OPTIONS),
    )


def create_view(view: View) -> str:
    """Return the statement that creates a view, or replaces it."""
    head = f"CREATE OR REPLACE VIEW {quote(view.id)}"
    return _lines(head, options(view, ()), f"AS {view.query.render()}")


def create_materialized_view(view: MaterializedView) -> str:
    """Return the statement that creates a materialized view, or another one in its place."""
    head = f"CREATE OR REPLACE MATERIALIZED VIEW {quote(view.id)}"
    query = f"AS {view.query.render()}"
    return _lines(head, *_layout(view), options(view, _VIEW_OPTIONS), query)


def create_external_table(table: ExternalTable) -> str:
    """Return the statement that creates an external table."""
    connection = table.connection
    return _lines(
        _columns(f"CREATE EXTERNAL TABLE {quote(table.id)}", map(_column, table.fields)),
        "" if connection is None else f"WITH CONNECTION {quote(connection)}",
        options(table, _FILE_OPTIONS),
    )


def primary_key(names: tuple[str, ...]) -> str:
    """Return the primary key as CREATE TABLE and ADD write it."""
    return f"PRIMARY KEY ({', '.join(map(quote, names))}) NOT ENFORCED"


def foreign_key(key: ForeignKey) -> str:
    """Return the foreign key as CREATE TABLE and ADD write it."""
    columns, referenced = (", ".join(map(quote, names)) for names in (key.columns, key.referenced))
    return (
        f"CONSTRAINT {quote(key.name)} FOREIGN KEY ({columns}) "
        f"REFERENCES {quote(key.table)} ({referenced}) NOT ENFORCED"
    )


def partition_expression(cut: Partitioning, value: str, kind: str) -> str:
    """Return the partition that a value, of the type `kind`, belongs to. Not for ranges."""
    if kind == "DATE" and cut.granularity == "DAY":
        return value
    return f"{kind}_TRUNC({value}, {cut.granularity})"


def options(found: Table | View | MaterializedView | ExternalTable, names: tuple[str, ...]) -> str:
    """Return the OPTIONS clause: what is said of the object, and these of its attributes."""
    default = {name: field.default for name, field in type(found).model_fields.items()}
    given: dict[str, Any] = {
        name: getattr(found, name)
        for name in ("friendly_name", "description", *names)
        if getattr(found, name) != default[name]
    }
    texts = [f"{name} = {_option(value)}" for name, value in given.items()]
    if found.labels:
        texts.append(f"labels = {_pairs(found.labels)}")
    return f"OPTIONS ({', '.join(texts)})" if texts else ""


def _option(value: Any) -> str:
    if not isinstance(value, timedelta):
        return literal(value)
    hours, rest = divmod(round(value.total_seconds()), 3600)
    return f"INTERVAL '{hours}:{rest // 60}:{rest % 60}' HOUR TO SECOND"


def _pairs(labels: Mapping[str, str]) -> str:
    return f"[{', '.join(f'({literal(key)}, {literal(value)})' for key, value in labels.items())}]"


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _columns(head: str, parts: Any) -> str:
    return f"{head} (\n" + ",\n".join(f"  {part}" for part in parts) + "\n)"


def _layout(found: Table | MaterializedView) -> tuple[str, str]:
    cut = f"PARTITION BY {_partition_by(found)}" if found.cut else ""
    names = ", ".join(map(quote, found.clustering))
    return cut, f"CLUSTER BY {names}" if names else ""


def _partition_by(found: Table | MaterializedView) -> str:
    cut = found.cut
    if cut.granularity == "RANGE":
        bounds = f"{cut.start}, {cut.end}, {cut.interval}"
        return f"RANGE_BUCKET({quote(cut.column or '')}, GENERATE_ARRAY({bounds}))"
    if cut.column is None:
        day = cut.granularity == "DAY"
        return "_PARTITIONDATE" if day else f"TIMESTAMP_TRUNC(_PARTITIONTIME, {cut.granularity})"
    return partition_expression(cut, quote(cut.column), found.partition_type)


def _column(field: Field) -> str:
    parts = [quote(field.name), _declared_type(field)]
    if field.collation is not None:
        parts.append(f"COLLATE {literal(field.collation)}")
    if field.default is not None:
        parts.append(f"DEFAULT {field.default}")
    if field.required:
        parts.append("NOT NULL")
    said = [
        f"{name} = {literal(text)}"
        for name in ("description", "rounding_mode")
        if (text := getattr(field, name))
    ]
    return " ".join([*parts, f"OPTIONS ({', '.join(said)})"] if said else parts)


def _declared_type(field: Field) -> str:
    kind = str(field.type)
    if field.type.fields:
        kind = f"STRUCT<{', '.join(_column(nested) for nested in field.type.fields)}>"
    return f"ARRAY<{kind}>" if field.repeated else kind
