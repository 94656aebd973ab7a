"""What a new table takes from its dataset, and a new column from its table.

Only what is new: a default that is changed later changes nothing that is there.
Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets
"""

from datoria_dagster.warehouse.local.catalog import milliseconds, now
from datoria_dagster.warehouse.local.resources import column
from datoria_dagster.warehouse.port import Body

_DECIMALS = ("NUMERIC", "BIGNUMERIC")
_FROM_DATASET = {
    "defaultCollation": "defaultCollation",
    "defaultRoundingMode": "defaultRoundingMode",
    "encryptionConfiguration": "defaultEncryptionConfiguration",
}


def table(home: Body, body: Body) -> Body:
    """Return a new table's resource with what its dataset gives it and it doesn't say itself."""
    result = expiring(home, body)
    for key, default in _FROM_DATASET.items():
        if home.get(default) and body.get(key) is None:
            result[key] = home[default]
    return result


def expiring(home: Body, body: Body) -> Body:
    """Return a new table's or view's resource with the dataset's default expiration.

    A table partitioned by time takes the partitions' one instead, where the dataset has both.
    """
    cut, limit = body.get("timePartitioning"), home.get("defaultPartitionExpirationMs")
    if cut and limit:
        return {**body, "timePartitioning": {"expirationMs": limit, **cut}}
    return copied(home, body)


def copied(home: Body, body: Body) -> Body:
    """Return a clone or snapshot with the dataset's default expiration of tables.

    Its partitions expire as those of its base do, or not at all; that the dataset's default for
    partitions is not added is unverified.
    """
    whole = home.get("defaultTableExpirationMs")
    if not whole or body.get("expirationTime") is not None:
        return dict(body)
    return {**body, "expirationTime": str(int(milliseconds(now())) + int(whole))}


def columns(body: Body, before: list[Body], after: list[Body]) -> list[Body]:
    """Return the columns with the table's defaults in those that are new (not in `before`).

    What only stood for "none" (an empty collation, no policy tags) is left out: so the API
    answers.
    """
    return [_column(body, column(before, field["name"]), field) for field in after]


def _column(body: Body, known: Body | None, field: Body) -> Body:
    result = dict(field)
    if known is None and field["type"] == "STRING" and body.get("defaultCollation"):
        result.setdefault("collation", body["defaultCollation"])
    if known is None and field["type"] in _DECIMALS and body.get("defaultRoundingMode"):
        result.setdefault("roundingMode", body["defaultRoundingMode"])
    if field["type"] == "STRING" and not result.get("collation"):
        result.pop("collation", None)
    if field["type"] != "RECORD" and not (result.get("policyTags") or {}).get("names"):
        result.pop("policyTags", None)
    if "fields" in field:
        result["fields"] = columns(body, (known or {}).get("fields") or [], field["fields"])
    return result
