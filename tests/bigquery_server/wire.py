"""Values in the f/v form in which the API returns rows.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list
"""

import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def row(fields, values, *, int64_timestamp=True):
    """Return one row; `values` are in the order of the fields."""
    cells = zip(fields, values, strict=True)
    return {"f": [{"v": cell(f, v, int64_timestamp=int64_timestamp)} for f, v in cells]}


def cell(field, value, *, int64_timestamp=True):
    """Return one value. Takes Python's values and the text of JSON rows."""
    if field.get("mode") == "REPEATED":
        item = {**field, "mode": "NULLABLE"}
        inner = [cell(item, each, int64_timestamp=int64_timestamp) for each in value or []]
        return [{"v": each} for each in inner]
    if value is None:
        return None
    if field["type"] in ("RECORD", "STRUCT"):
        nested = field["fields"]
        given = [value.get(each["name"]) for each in nested]
        return row(nested, given, int64_timestamp=int64_timestamp)
    if field["type"] == "TIMESTAMP":
        return _timestamp(value, int64_timestamp=int64_timestamp)
    return _scalar(field["type"], value)


def _timestamp(value, *, int64_timestamp):
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    micros = (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND
    # Without useInt64Timestamp it is a number of seconds in scientific notation.
    return str(micros) if int64_timestamp else repr(micros / 1e6)


def _scalar(kind, value):
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return _decimal(value)
        case float() if kind in ("FLOAT", "FLOAT64"):
            return _float(value)
        case timedelta():
            return _interval(value)
        case datetime():
            return value.replace(tzinfo=None).isoformat()
        case date() | time():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value)
        case _:
            return str(value)


def _decimal(value):
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def _float(value):
    special = {float("inf"): "Infinity", float("-inf"): "-Infinity"}
    return "NaN" if value != value else special.get(value, repr(value))  # noqa: PLR0124


def _interval(value):
    sign = "-" if value < timedelta(0) else ""
    seconds, micros = divmod(abs(value) % timedelta(days=1) // _MICROSECOND, 1_000_000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    fraction = f".{micros:06d}" if micros else ""
    return f"0-0 {sign}{abs(value).days} {sign}{clock}{fraction}"
