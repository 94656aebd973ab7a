"""DuckDB tables behind BigQuery tables: types, and changes that keep the rows.

A table `project.dataset.name` is the table `name` in the DuckDB schema `project.dataset`. A table
partitioned by ingestion time has one more column, `_PARTITIONTIME`. NOT NULL is checked on
writing and is no constraint of DuckDB's, so that it can be relaxed without touching rows.
"""

from typing import TYPE_CHECKING

from datoria_dagster.warehouse.local.resources import INGESTION, fields_of, is_ingestion_time
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# DuckDB has 38 digits, BigQuery 76: what doesn't fit is an error, not a rounded value. The scale
# is one that no product of NUMERICs has, so that a result's type tells which of the two it is.
BIGNUMERIC = "DECIMAL(38, 17)"
_TYPES = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "JSON": "JSON",
    "INTERVAL": "INTERVAL",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": BIGNUMERIC,
    # The text is kept, in a type of its own so that it is not taken for a STRING.
    "GEOGRAPHY": 'STRUCT("_geography" VARCHAR)',
}
_MAX_DIGITS = 38


def ident(name: str) -> str:
    """Return a name quoted for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a DuckDB string literal; DuckDB knows no backslash escapes."""
    return "'" + value.replace("'", "''") + "'"


def member(value: str, field: Body) -> str:
    """Return the expression of one field of a struct."""
    return f"struct_extract({value}, {text(field['name'])})"


def schema_name(ref: Ref) -> str:
    """Return the quoted DuckDB schema of a dataset or of what is in it."""
    return ident(ref.dataset.id)


def table_name(ref: Ref) -> str:
    """Return the quoted, qualified DuckDB table."""
    return f"{schema_name(ref)}.{ident(ref.parts[-1])}"


def item_type(field: Body) -> str:
    """Return the DuckDB type of a column's value, of one item when it is REPEATED."""
    kind = field["type"]
    if kind == "RECORD":
        inner = ", ".join(f"{ident(f['name'])} {column_type(f)}" for f in field["fields"])
        return f"STRUCT({inner})"
    if kind == "RANGE":
        return range_type(_TYPES[field["rangeElementType"]["type"]])
    if field.get("precision") and kind in ("NUMERIC", "BIGNUMERIC"):
        digits = int(field["precision"])
        if digits > _MAX_DIGITS:
            raise NotSupportedLocally(
                f"The embedded warehouse has decimals of {_MAX_DIGITS} digits; "
                f"{field.get('name', 'a value')} is {kind}({digits})."
            )
        return f"DECIMAL({digits}, {int(field.get('scale') or 0)})"
    return _TYPES[kind]


def range_type(element: str) -> str:
    """Return the DuckDB type of a RANGE of a DuckDB type."""
    return f'STRUCT("_range_start" {element}, "_range_end" {element})'


def column_type(field: Body) -> str:
    """Return the DuckDB type of a column."""
    return f"{item_type(field)}[]" if field["mode"] == "REPEATED" else item_type(field)


def readable(field: Body) -> str:
    """Return the expression of a column whose value Python can hold: an INTERVAL as its text."""
    name = ident(field["name"])
    if field["type"] != "INTERVAL":
        return name
    many = "[]" if field["mode"] == "REPEATED" else ""
    return f"CAST({name} AS VARCHAR{many})"


def columns(body: Body) -> list[str]:
    """Return the names of all physical columns, the hidden one last."""
    hidden = [INGESTION] if is_ingestion_time(body) else []
    return [field["name"] for field in fields_of(body)] + hidden


def create(cursor: "Connection", ref: Ref, body: Body) -> None:
    """Create the empty table."""
    parts = [_declared(field) for field in fields_of(body)]
    if is_ingestion_time(body):
        parts.append(f"{ident(INGESTION)} TIMESTAMPTZ")
    # BigQuery has tables without columns, DuckDB has not.
    cursor.execute(f"CREATE TABLE {table_name(ref)} ({', '.join(parts) or '_empty BOOLEAN'})")


def _declared(field: Body) -> str:
    # DuckDB collates columns, but neither arrays nor what is inside of a struct.
    collated = field.get("collation") and field["mode"] != "REPEATED"
    return f"{ident(field['name'])} {column_type(field)}" + (" COLLATE NOCASE" if collated else "")


def drop(cursor: "Connection", ref: Ref) -> None:
    """Drop the table with its rows."""
    cursor.execute(f"DROP TABLE {table_name(ref)}")


def reshape(cursor: "Connection", ref: Ref, before: list[Body], after: list[Body]) -> None:
    """Bring a table from one list of columns to a longer or wider one, with its rows."""
    old = {field["name"].lower(): field for field in before}
    table = table_name(ref)
    for field in after:
        name, kind = ident(field["name"]), column_type(field)
        known = old.get(field["name"].lower())
        if known is None:
            # An array is never NULL in BigQuery: the rows that are there get an empty one.
            default = " DEFAULT []" if field["mode"] == "REPEATED" else ""
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN {_declared(field)}{default}")
            if default:
                cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT")
        elif column_type(known) != kind:
            value = converted(name, known, field)
            cursor.execute(
                f"ALTER TABLE {table} ALTER COLUMN {name} SET DATA TYPE {kind} USING {value}"
            )
    if not before and after:
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN _empty")


def converted(value: str, before: Body, after: Body, level: int = 0) -> str:
    """Return the expression that turns a value of one column into one of another of its kind."""
    if column_type(before) == column_type(after):
        return value
    if after["mode"] != "REPEATED":
        return _converted_item(value, before, after, level)
    item = f"_item{level}"
    body = _converted_item(item, before, after, level + 1)
    return f"list_transform({value}, lambda {item}: {body})"


def _converted_item(value: str, before: Body, after: Body, level: int) -> str:
    if after["type"] != "RECORD":
        return rounded(value, after)
    old = {field["name"].lower(): field for field in before["fields"]}
    parts: list[str] = []
    for field in after["fields"]:
        known = old.get(field["name"].lower())
        if known is None:
            part = empty_value(field)
        else:
            part = converted(member(value, known), known, field, level)
        parts.append(f"{ident(field['name'])} := {part}")
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"


def rounded(value: str, field: Body) -> str:
    """Return the expression of a value cast to a column's type, rounded as the column says.

    DuckDB rounds halves away from zero, which is BigQuery's default.
    """
    kind = item_type(field)
    if field.get("roundingMode") != "ROUND_HALF_EVEN" or not field.get("precision"):
        return f"CAST({value} AS {kind})"
    exact = f"CAST({value} AS {_TYPES[field['type']]})"
    return f"CAST(round_even({exact}, {int(field.get('scale') or 0)}) AS {kind})"


def geography(value: str) -> str:
    """Return the expression of a GEOGRAPHY whose text is given; the text is not checked."""
    return f'CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack("_geography" := {value}) END'


def range_of(value: str, kind: str) -> str:
    """Return the expression of a RANGE, of that DuckDB type, from its text or from a RANGE.

    `[2013-01-31, UNBOUNDED)` is respelled as DuckDB writes a struct.
    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-types#range_type
    """
    bounds = r"'^\[\s*(.*?)\s*,\s*(.*?)\s*\)$'"
    struct = r"'{''_range_start'': ''\1'', ''_range_end'': ''\2''}'"
    respelled = f"regexp_replace(CAST({value} AS VARCHAR), {bounds}, {struct})"
    unbounded = f"regexp_replace({respelled}, '''(UNBOUNDED|NULL)''', 'NULL', 'gi')"
    return f"CAST({unbounded} AS {kind})"


def empty_value(field: Body) -> str:
    """Return what a column holds where nothing was given: NULL, or an empty array."""
    value = "[]" if field["mode"] == "REPEATED" else "NULL"
    return f"CAST({value} AS {column_type(field)})"
