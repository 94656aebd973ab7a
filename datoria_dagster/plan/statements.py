"""The GoogleSQL of steps: DDL, with every name in back-quotes and every value a literal.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from collections.abc import Iterable

from datoria_dagster.model.ident import quote
from datoria_dagster.model.relations import Table, View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.model.template import literal
from datoria_dagster.model.types import Field, Type

SNAPSHOT_DAYS = 7


def create_table(table: Table, verb: str = "CREATE TABLE", query: str = "") -> str:
    """Return the statement that creates a table; with a query, filled by it."""
    columns = ",\n".join(f"  {_column(field)}" for field in table.fields)
    lines = [f"{verb} {quote(table.id)} (\n{columns}\n)"]
    if table.partitioning:
        lines.append(f"PARTITION BY {_partition_by(table)}")
    if table.clustering:
        lines.append(f"CLUSTER BY {', '.join(map(quote, table.clustering))}")
    lines.append(_options(table.description, table.labels))
    if query:
        lines.append(f"AS {query}")
    return "\n".join(line for line in lines if line)


def create_view(view: View) -> str:
    """Return the statement that creates a view, or replaces it."""
    options = _options(view.description, view.labels)
    head = f"CREATE OR REPLACE VIEW {quote(view.id)}"
    return "\n".join(line for line in (head, options, f"AS {view.query.render()}") if line)


def create_function(function: ScalarFunction) -> str:
    """Return the statement that creates a function, or replaces it."""
    arguments = ", ".join(f"{quote(a.name)} {a.type}" for a in function.arguments)
    return (
        f"CREATE OR REPLACE FUNCTION {quote(function.id)}({arguments}) RETURNS {function.returns}\n"
        f"AS ({function.body.render()})"
    )


def drop_columns(table: str, names: Iterable[str]) -> str:
    """Return the statement that drops top-level columns."""
    drops = ", ".join(f"DROP COLUMN IF EXISTS {quote(name)}" for name in names)
    return f"ALTER TABLE {quote(table)} {drops}"


def set_type(table: str, field: Field) -> str:
    """Return the statement that widens a column; a struct is restated whole."""
    column = f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(field.name)}"
    return f"{column} SET DATA TYPE {field.sql_type}"


def set_default(table: str, name: str, default: str | None) -> str:
    """Return the statement that sets a column's default, or with None removes it."""
    column = f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(name)}"
    return f"{column} DROP DEFAULT" if default is None else f"{column} SET DEFAULT {default}"


def snapshot(table: str, copy_id: str) -> str:
    """Return the statement that keeps a table's rows for SNAPSHOT_DAYS days."""
    expires = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {SNAPSHOT_DAYS} DAY)"
    return (
        f"CREATE SNAPSHOT TABLE {quote(copy_id)} CLONE {quote(table)} "
        f"OPTIONS (expiration_timestamp = {expires})"
    )


def rebuild(before: Table, after: Table) -> str:
    """Return the statement that rewrites a table with another schema, in one atomic step.

    A value that does not fit its new type fails the statement; none is turned into NULL.
    """
    old = {field.name.lower(): field for field in before.fields}
    values = ",\n".join(
        f"  {_value(old.get(field.name.lower()), field)} AS {quote(field.name)}"
        for field in after.fields
    )
    query = f"SELECT\n{values}\nFROM {quote(before.id)}"
    return create_table(after, "CREATE OR REPLACE TABLE", query)


def _column(field: Field) -> str:
    parts = [quote(field.name), _declared_type(field)]
    if field.default is not None:
        parts.append(f"DEFAULT {field.default}")
    if field.required:
        parts.append("NOT NULL")
    if field.description:
        parts.append(f"OPTIONS (description = {literal(field.description)})")
    return " ".join(parts)


def _declared_type(field: Field) -> str:
    kind = str(field.type)
    if field.type.fields:
        kind = f"STRUCT<{', '.join(_column(nested) for nested in field.type.fields)}>"
    return f"ARRAY<{kind}>" if field.repeated else kind


def _options(description: str, labels: dict[str, str]) -> str:
    options: list[str] = []
    if description:
        options.append(f"description = {literal(description)}")
    if labels:
        pairs = ", ".join(f"({literal(key)}, {literal(value)})" for key, value in labels.items())
        options.append(f"labels = [{pairs}]")
    return f"OPTIONS ({', '.join(options)})" if options else ""


def _partition_by(table: Table) -> str:
    cut = table.partitioning
    if cut.granularity == "RANGE":
        bounds = f"{cut.start}, {cut.end}, {cut.interval}"
        return f"RANGE_BUCKET({quote(cut.column or '')}, GENERATE_ARRAY({bounds}))"
    if cut.column is None:
        day = cut.granularity == "DAY"
        return "_PARTITIONDATE" if day else f"TIMESTAMP_TRUNC(_PARTITIONTIME, {cut.granularity})"
    kind = table.partition_type
    if kind == "DATE" and cut.granularity == "DAY":
        return quote(cut.column)
    return f"{kind}_TRUNC({quote(cut.column)}, {cut.granularity})"


def _value(before: Field | None, after: Field) -> str:
    if before is None:
        return f"{after.sql_type}[]" if after.repeated else f"CAST(NULL AS {after.type})"
    return _convert(quote(before.name), before, after)


def _convert(value: str, before: Field, after: Field) -> str:
    if before.repeated and after.repeated:
        return _convert_items(value, before.type, after.type)
    if before.repeated:
        return _cast(f"{value}[SAFE_OFFSET(0)]", before.type, after.type)
    if after.repeated:
        one = f"[{_cast(value, before.type, after.type)}]"
        return f"IF({value} IS NULL, {after.sql_type}[], {one})"
    return _cast(value, before.type, after.type)


def _convert_items(value: str, before: Type, after: Type) -> str:
    if _same_shape(before, after):
        return value
    item = _cast("item", before, after)
    return (
        f"ARRAY(SELECT {item} FROM UNNEST({value}) AS item WITH OFFSET AS position "
        "ORDER BY position)"
    )


def _cast(value: str, before: Type, after: Type) -> str:
    if _same_shape(before, after):
        return value
    if before.name != "STRUCT" or after.name != "STRUCT":
        return f"CAST({value} AS {after})"
    old = {field.name.lower(): field for field in before.fields}
    parts = ", ".join(
        f"{_nested(value, old.get(field.name.lower()), field)} AS {quote(field.name)}"
        for field in after.fields
    )
    return f"IF({value} IS NULL, NULL, STRUCT({parts}))"


def _nested(value: str, before: Field | None, after: Field) -> str:
    if before is None:
        return _value(None, after)
    return _convert(f"{value}.{quote(before.name)}", before, after)


def _same_shape(before: Type, after: Type) -> bool:
    return str(before) == str(after)
