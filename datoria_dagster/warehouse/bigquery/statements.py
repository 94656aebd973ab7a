"""The GoogleSQL that fits rows into a table: by name, and typed by the table's columns.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/json_functions and
https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from datoria_dagster.model.ident import quote
from datoria_dagster.model.types import Field
from datoria_dagster.warehouse.bigquery.cells import jsonable
from datoria_dagster.warehouse.codec import decode_fields
from datoria_dagster.warehouse.port import Body, Ref, Refused

ROWS = "rows"
_FIRST = re.compile(r"(?:[\s(]|(?:--|#)[^\n]*|/\*.*?\*/)*(\w*)", re.DOTALL)


def first_word(query: str) -> str:
    """Return the word that a statement begins with; SELECT for all that may begin a query."""
    found = _FIRST.match(query)
    word = found[1].upper() if found else ""
    return "SELECT" if word in ("SELECT", "WITH", "FROM") else word


def check_reads(statement: str) -> None:
    """Refuse a statement, by BigQuery's name for its kind, that is not a query."""
    if statement != "SELECT":
        what = f"this is {statement}" if statement else "this is empty"
        raise Refused(
            f"A query only reads: it must be exactly one SELECT, and {what}. "
            "To change something, declare it and migrate."
        )


def columns(body: Body) -> tuple[Field, ...]:
    """Return the columns of a table's resource."""
    return decode_fields((body.get("schema") or {}).get("fields") or [])


def fitted(query: str, given: Sequence[Body], table: Body) -> str:
    """Return the query with the table's columns, in its order: left out ones get their default.

    Types are for BigQuery to judge. Raises Refused for a column that the table lacks, or one that
    it requires.
    """
    found = {str(field["name"]).lower(): str(field["name"]) for field in given}
    wanted = columns(table)
    if unknown := sorted(found.keys() - {field.name.lower() for field in wanted}):
        raise Refused(f"Invalid schema update. Cannot add fields (field: {unknown[0]})")
    if [field.name for field in wanted] == [field["name"] for field in given]:
        return query
    values = ",\n".join(
        f"  {_selected(field, found.get(field.name.lower()))} AS {quote(field.name)}"
        for field in wanted
    )
    # The line break ends a comment that the query may end with.
    inner = re.sub(r";\s*$", "", query)
    return f"SELECT\n{values}\nFROM (\n{inner}\n)"


def _selected(field: Field, given: str | None) -> str:
    if given is not None:
        return quote(given)
    if field.default is None and field.required:
        raise Refused(f"Invalid schema update. Field {field.name} is missing in new schema")
    return _left_out(field)


def _left_out(field: Field) -> str:
    if field.default is not None:
        return f"CAST({field.default} AS {field.sql_type})"
    return f"{field.sql_type}[]" if field.repeated else f"CAST(NULL AS {field.type})"


def insert(ref: Ref, table: Body, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Body]:
    """Return the INSERT of JSON rows into a table, and its one parameter.

    The rows travel as data, in one JSON text of arrays: no name or value of them is in the SQL.
    """
    given = [{str(name).lower(): value for name, value in row.items()} for row in rows]
    named = {name.lower(): name for row in rows for name in row}
    known = {field.name.lower(): field for field in columns(table)}
    if unknown := [name for key, name in named.items() if key not in known]:
        raise Refused(f"{ref.id}: no such field: {unknown[0]}.")
    wanted = [field for key, field in known.items() if key in named]
    names = ", ".join(quote(field.name) for field in wanted)
    # Each value is followed by whether it was given: a NULL that was given is no default.
    values = ",\n".join(f"  {_cell(field, 2 * n)}" for n, field in enumerate(wanted))
    sql = (
        f"INSERT INTO {quote(ref.id)} ({names})\nSELECT\n{values}\n"
        f"FROM UNNEST(JSON_QUERY_ARRAY(@{ROWS})) AS item"
    )
    return sql, _parameter([_cells(wanted, row) for row in given])


def _parameter(rows: list[list[Any]]) -> Body:
    kind = {"type": "STRING"}
    text = json.dumps(rows, ensure_ascii=False)
    return {"name": ROWS, "parameterType": kind, "parameterValue": {"value": text}}


def _cells(fields: Sequence[Field], row: Mapping[str, Any]) -> list[Any]:
    cells: list[Any] = []
    for field in fields:
        given = field.name.lower() in row
        cells += [_packed(field, row.get(field.name.lower())), "given" if given else None]
    return cells


def _packed(field: Field, value: Any) -> Any:
    if not field.repeated or value is None:
        return _packed_one(field, value)
    if not isinstance(value, list | tuple):
        raise Refused(f"Field {field.name} is REPEATED: give a list.")
    return [_packed_one(field, item) for item in cast("list[Any]", value)]


def _packed_one(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if not field.type.fields:
        return _text(field, value)
    if not isinstance(value, dict):
        raise Refused(f"Field {field.name} is a RECORD: give an object.")
    given = {str(key).lower(): item for key, item in cast("dict[Any, Any]", value).items()}
    nested = {inner.name.lower(): inner for inner in field.type.fields}
    if unknown := sorted(given.keys() - nested.keys()):
        raise Refused(f"no such field: {field.name}.{unknown[0]}.")
    # The first item tells an object from none.
    return ["given", *(_packed(inner, given.get(key)) for key, inner in nested.items())]


def _text(field: Field, value: Any) -> str:
    if field.type.name == "JSON":
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, dict | list):
        raise Refused(f"Field {field.name} is {field.type}: give one value.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(jsonable(value))


def _cell(field: Field, place: int) -> str:
    value = _extracted(field, "item", f"[{place}]", 0)
    if field.default is None:
        return value
    # Both sides have the column's type.
    return f"IF(JSON_VALUE(item, '$[{place + 1}]') IS NULL, {_left_out(field)}, {value})"


def _extracted(field: Field, source: str, path: str, level: int) -> str:
    if not field.repeated:
        return _extracted_one(field, source, path, level)
    item, position = f"item{level}", f"position{level}"
    value = _extracted_one(field, item, "", level + 1)
    return (
        f"ARRAY(SELECT {value} FROM UNNEST(JSON_QUERY_ARRAY({source}, '${path}')) AS {item} "
        f"WITH OFFSET AS {position} ORDER BY {position})"
    )


def _extracted_one(field: Field, source: str, path: str, level: int) -> str:
    if not field.type.fields:
        return _converted(f"JSON_VALUE({source}, '${path}')", field)
    parts = ", ".join(
        f"{_extracted(inner, source, f'{path}[{n}]', level)} AS {quote(inner.name)}"
        for n, inner in enumerate(field.type.fields, 1)
    )
    return f"IF(JSON_VALUE({source}, '${path}[0]') IS NULL, NULL, STRUCT({parts}))"


def _converted(text: str, field: Field) -> str:
    match field.type.name:
        case "STRING":
            return text
        case "BYTES":
            return f"FROM_BASE64({text})"
        case "GEOGRAPHY":
            return f"ST_GEOGFROMTEXT({text})"
        case "JSON":
            return f"PARSE_JSON({text})"
        case "RANGE":
            return f"CAST({text} AS {field.type})"
        case name:
            return f"CAST({text} AS {name})"
