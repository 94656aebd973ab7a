"""Rows as REST writes them, in Python's own types and as JSON rows.

A cell is `{"v": …}` and all its scalars are text; a TIMESTAMP is in microseconds since 1970.
Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from datoria_dagster.warehouse.jsonable import scalar
from datoria_dagster.warehouse.port import Body

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _timestamp(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text))


def _range(text: str, element: str) -> str:
    if element != "TIMESTAMP":
        return text
    bounds = [part.strip() for part in text.strip("[) ").split(",")]
    # The bounds of a range are in microseconds too.
    told = [b if not b.lstrip("-").isdigit() else jsonable(_timestamp(b)) for b in bounds]
    return f"[{', '.join(told)})"


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("INTEGER", "INT64"), int),
    **dict.fromkeys(("FLOAT", "FLOAT64"), float),
    **dict.fromkeys(("BOOLEAN", "BOOL"), lambda text: text.lower() == "true"),
    **dict.fromkeys(("NUMERIC", "BIGNUMERIC"), Decimal),
    "BYTES": base64.b64decode,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "DATETIME": datetime.fromisoformat,
    "TIMESTAMP": _timestamp,
}


def decode(fields: Sequence[Body], row: Body) -> tuple[Any, ...]:
    """Return the values of a row; structs are dicts, JSON and GEOGRAPHY are text."""
    cells = row.get("f", [])
    return tuple(_value(field, cell.get("v")) for field, cell in zip(fields, cells, strict=True))


def _value(field: Body, value: Any) -> Any:
    if field.get("mode") == "REPEATED":
        return [_single(field, item.get("v")) for item in value or []]
    return _single(field, value)


def _single(field: Body, value: Any) -> Any:
    if value is None:
        return None
    kind = field["type"]
    if kind in ("RECORD", "STRUCT"):
        nested = field["fields"]
        names = [inner["name"] for inner in nested]
        return dict(zip(names, decode(nested, value), strict=True))
    if kind == "RANGE":
        return _range(value, field["rangeElementType"]["type"])
    return _SCALARS.get(kind, str)(value)


def jsonable(value: Any) -> Any:
    """Return a value as JSON rows hold it: times as ISO 8601 text, bytes as base64."""
    match value:
        case dict():
            return {name: jsonable(item) for name, item in value.items()}
        case list() | tuple():
            return [jsonable(item) for item in value]
        case _:
            return scalar(value)
