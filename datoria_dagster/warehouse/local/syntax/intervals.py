"""An INTERVAL as REST writes it: `years-months days hours:minutes:seconds`.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-types#interval_type
"""

import re

from datoria_dagster.warehouse.port import Refused

_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_AFTER = {"YEAR": "-", "MONTH": " ", "DAY": " ", "HOUR": ":", "MINUTE": ":"}


def normal(text: str, first: str = "YEAR", last: str = "SECOND") -> str:
    """Return the one form that BigQuery answers with; the text has the parts `first` to `last`."""
    if first not in _UNITS or last not in _UNITS:
        raise Refused(f"{text!r} is no INTERVAL from {first} to {last}.")
    units = _UNITS[_UNITS.index(first) : _UNITS.index(last) + 1]
    parts = [rf"(?P<{unit}>\d+)" + ("" if unit == last else _AFTER[unit]) for unit in units]
    found = re.fullmatch("".join(parts), text.strip())
    if found is None:
        raise Refused(f"{text!r} is no INTERVAL from {first} to {last}, like '0-0 0 4:0:0'.")
    return _written({unit: int(value) for unit, value in found.groupdict().items()})


def _written(part: dict[str, int]) -> str:
    months = part.get("YEAR", 0) * 12 + part.get("MONTH", 0)
    seconds = (part.get("HOUR", 0) * 60 + part.get("MINUTE", 0)) * 60 + part.get("SECOND", 0)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{months // 12}-{months % 12} {part.get('DAY', 0)} {hour}:{minute}:{second}"
