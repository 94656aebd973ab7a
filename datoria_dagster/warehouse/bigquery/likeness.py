"""Does a live resource hold what was sent? Asked when the answer to a change was lost.

BigQuery fills in and respells: types have legacy names, a missing mode is NULLABLE, numbers are
strings, an empty value is left out, a key gets the version that is in use. Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

import re
from typing import Any, cast

_LEGACY = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_KEY_VERSION = re.compile(r"(/cryptoKeys/[^/]+)/cryptoKeyVersions/\d+$")
_CONNECTION = re.compile(r"^projects/([^/]+)/locations/([^/]+)/connections/([^/]+)$")
_UNSET: tuple[Any, ...] = (None, "", False, [], {}, "NULLABLE", {"names": []}, 0, "0")


def holds(live: Any, sent: Any) -> bool:
    """Tell whether the live value is what came of sending the other one."""
    if isinstance(sent, dict):
        return _holds_all(live, cast("dict[str, Any]", sent))
    if isinstance(sent, list):
        return _holds_each(live, cast("list[Any]", sent))
    if sent in _UNSET:
        return live in _UNSET
    return _spelled(live) == _spelled(sent)


def _holds_all(live: Any, sent: dict[str, Any]) -> bool:
    if not isinstance(live, dict):
        return live in _UNSET and all(holds(None, value) for value in sent.values())
    found = cast("dict[str, Any]", live)
    return all(holds(found.get(key), value) for key, value in sent.items())


def _holds_each(live: Any, sent: list[Any]) -> bool:
    if not isinstance(live, list):
        return live in _UNSET and not sent
    found = cast("list[Any]", live)
    return len(found) == len(sent) and all(map(holds, found, sent))


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = _LEGACY.get(str(value), str(value))
    return _CONNECTION.sub(r"\1.\2.\3", _KEY_VERSION.sub(r"\1", text))
