"""The form in which the API answers the properties of tables and datasets.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables,
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets
"""

from collections.abc import Callable
from typing import Any

from datoria_dagster.warehouse.local.syntax import intervals
from datoria_dagster.warehouse.port import Body

_KEY_VERSION = "/cryptoKeyVersions/"
_DEFAULT_WINDOW = "168"


def normal_table(body: Body) -> Body:
    """Return a table's properties as the API answers them."""
    result = _without_nothing(body)
    for key, form in _TABLE_FORMS.items():
        if key in result:
            result[key] = form(result[key])
    cut = dict(result.get("timePartitioning") or {})
    if "requirePartitionFilter" in cut:
        # Its old place: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
        # No stored resource has it there: who gives it there means it.
        result["requirePartitionFilter"] = cut.pop("requirePartitionFilter")
        result["timePartitioning"] = cut
    return _without_nothing(result)


def _without_nothing(body: Body) -> Body:
    return {
        key: value for key, value in body.items() if key not in _OPTIONAL or value not in _NOTHING
    }


def _with_version(given: Body) -> Body:
    # The server answers with the version of the key that it used.
    name = str(given["kmsKeyName"])
    return {"kmsKeyName": name if _KEY_VERSION in name else f"{name}{_KEY_VERSION}1"}


def _constraints(given: Body) -> Body:
    result: Body = {}
    if columns := (given.get("primaryKey") or {}).get("columns"):
        result["primaryKey"] = {"columns": list(columns)}
    if keys := given.get("foreignKeys"):
        taken = {key.get("name") for key in keys}
        result["foreignKeys"] = [_named(key, number, taken) for number, key in enumerate(keys, 1)]
    return result


def _named(key: Body, number: int, taken: set[Any]) -> Body:
    if key.get("name"):
        return key
    # https://docs.cloud.google.com/bigquery/docs/information-schema-table-constraints
    while f"fk${number}" in taken:
        number += 1
    taken.add(f"fk${number}")
    return {"name": f"fk${number}", **{k: v for k, v in key.items() if k != "name"}}


_TABLE_FORMS: dict[str, Callable[[Any], Any]] = {
    "expirationTime": str,
    "encryptionConfiguration": _with_version,
    "maxStaleness": intervals.normal,
    "tableConstraints": _constraints,
}
_NOTHING = (
    None,
    False,
    "",
    {},
    [],
    {"kmsKeyName": None},
    "ROUNDING_MODE_UNSPECIFIED",
    "STORAGE_BILLING_MODEL_UNSPECIFIED",
)
_OPTIONAL = frozenset(
    [
        *_TABLE_FORMS,
        "timePartitioning",
        "requirePartitionFilter",
        "defaultCollation",
        "defaultRoundingMode",
        "defaultTableExpirationMs",
        "defaultPartitionExpirationMs",
        "defaultEncryptionConfiguration",
        "storageBillingModel",
        "isCaseInsensitive",
    ]
)


def normal_dataset(body: Body) -> Body:
    """Return a dataset's properties as the API answers them."""
    result = _without_nothing(body)
    for key in ("defaultTableExpirationMs", "defaultPartitionExpirationMs"):
        if key in result:
            result[key] = str(result[key])
    return {**result, "maxTimeTravelHours": str(body.get("maxTimeTravelHours") or _DEFAULT_WINDOW)}
