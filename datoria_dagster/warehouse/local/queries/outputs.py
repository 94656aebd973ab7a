"""DuckDB's result types as REST fields, and its values as plain ones."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from datoria_dagster.warehouse.jsonable import scalar
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Refused

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection
    from duckdb.sqltypes import DuckDBPyType

_SCALARS = {
    **dict.fromkeys(
        [
            "tinyint",
            "smallint",
            "integer",
            "bigint",
            "hugeint",
            "utinyint",
            "usmallint",
            "uinteger",
            "ubigint",
            "uhugeint",
            "integer_literal",
            "null",
            "sqlnull",
        ],
        # SUM of INT64 is a HUGEINT in DuckDB; an untyped NULL is an INT64 in BigQuery.
        "INTEGER",
    ),
    "float": "FLOAT",
    "double": "FLOAT",
    "varchar": "STRING",
    "uuid": "STRING",
    "enum": "STRING",
    "blob": "BYTES",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "DATETIME",
    "timestamp_s": "DATETIME",
    "timestamp_ms": "DATETIME",
    "timestamp_ns": "DATETIME",
    "timestamp with time zone": "TIMESTAMP",
    "interval": "INTERVAL",
}
_NESTED = ("struct", "tuple")
_NULLS = ("null", "sqlnull")
UNTYPED = "untyped"
# The scales of a BIGNUMERIC and a NUMERIC, as physical.py has them.
_BIG, _SMALL = 17, 9


def fields(cursor: "Connection", *, marked: bool = False) -> tuple[Body, ...]:
    """Return the REST fields of the statement that the cursor has just run.

    With `marked`, an untyped NULL or [] has the key UNTYPED; BigQuery takes it for an INT64.
    """
    described = cursor.description or []
    names = [str(name).lower() for name, *_ in described]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused(
            "Duplicate column names in the result are not supported. "
            f"Found duplicate(s): {', '.join(twice)}"
        )
    found = tuple(_field(name, kind) for name, kind, *_ in described)
    return found if marked else tuple(map(unmarked, found))


def unmarked(field: Body) -> Body:
    """Return the field without UNTYPED."""
    result = {key: value for key, value in field.items() if key != UNTYPED}
    if "fields" in result:
        result["fields"] = list(map(unmarked, result["fields"]))
    return result


def _field(name: str, kind: "DuckDBPyType") -> Body:
    if kind.id in ("list", "array"):
        item = _children(kind)[0][1]
        if item.id in ("list", "array"):
            raise Refused(f"Cannot construct array with element type ARRAY (column {name}).")
        return {**_field(name, item), "mode": "REPEATED"}
    if kind.id in _NESTED:
        return _record(name, kind)
    if str(kind) == "JSON":
        return {"name": name, "type": "JSON", "mode": "NULLABLE"}
    if kind.id == "decimal":
        return {"name": name, "type": _decimal(kind), "mode": "NULLABLE"}
    scalar = _SCALARS.get(kind.id.strip('"').lower())
    if scalar is None:
        raise NotSupportedLocally(f"Column {name}: BigQuery has no type like DuckDB's {kind}.")
    mark = {UNTYPED: True} if kind.id.strip('"').lower() in _NULLS else {}
    return {"name": name, "type": scalar, "mode": "NULLABLE", **mark}


def _children(kind: "DuckDBPyType") -> list[tuple[str, Any]]:
    return [(str(name), inner) for name, inner in kind.children]


def _decimal(kind: "DuckDBPyType") -> str:
    # A BIGNUMERIC is told by its scale, alone or multiplied.
    scale = int(str(dict(kind.children)["scale"]))
    return "BIGNUMERIC" if scale in (_BIG, _BIG + _SMALL, _BIG + _BIG) else "NUMERIC"


def _record(name: str, kind: "DuckDBPyType") -> Body:
    children = _children(kind)
    first = children[0][0]
    if first == "_geography":
        return {"name": name, "type": "GEOGRAPHY", "mode": "NULLABLE"}
    if first == "_range_start":
        element = _field("", children[0][1])["type"]
        result: Body = {"name": name, "type": "RANGE", "mode": "NULLABLE"}
        return {**result, "rangeElementType": {"type": element}}
    nested = [
        _field(child or f"_field_{number}", inner)
        for number, (child, inner) in enumerate(children, 1)
    ]
    return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": nested}


def plain(value: Any) -> Any:
    """Return a value of a query's result in Python's own types; a TIMESTAMP is aware, in UTC."""
    match value:
        case dict():
            return _plain_struct(value)
        case list():
            return [plain(item) for item in value]
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC)
        case _:
            return value


def _plain_struct(value: dict[str, Any]) -> Any:
    if "_geography" in value:
        return value["_geography"]
    if "_range_start" in value:
        start, end = value["_range_start"], value["_range_end"]
        return f"[{_bound(start)}, {_bound(end)})"
    return {name: plain(item) for name, item in value.items()}


def _bound(value: Any) -> str:
    return "UNBOUNDED" if value is None else str(jsonable(value))


def jsonable(value: Any) -> Any:
    """Return a value as JSON rows hold it: times as ISO 8601 text, bytes as base64."""
    match value:
        case dict():
            simple = _plain_struct(value)
            if not isinstance(simple, dict):
                return simple
            return {name: jsonable(item) for name, item in value.items()}
        case list():
            return [jsonable(item) for item in value]
        case timedelta():
            return str(value)
        case _:
            return scalar(value)
