"""What BigQuery refuses of the properties of tables and datasets.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables,
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets
"""

from datoria_dagster.warehouse.local.catalog import legacy, milliseconds, now
from datoria_dagster.warehouse.local.rules.columns import check_collation, check_rounding
from datoria_dagster.warehouse.port import Body, Ref, Refused

_HOUR_MS = 3_600_000
_WINDOWS = ("48", "72", "96", "120", "144", "168")
_BILLING = ("LOGICAL", "PHYSICAL")


def check_table(body: Body) -> None:
    """Refuse table properties that BigQuery doesn't take."""
    _check_defaults(body)
    if not str(body.get("expirationTime", "0")).isdigit():
        raise Refused(f"expirationTime must be milliseconds, not {body['expirationTime']!r}.")


def _check_defaults(body: Body) -> None:
    check_collation(body.get("defaultCollation", ""))
    if "defaultRoundingMode" in body:
        check_rounding(body["defaultRoundingMode"])


def check_dataset(body: Body) -> None:
    """Refuse dataset properties that BigQuery doesn't take."""
    _check_defaults(body)
    for key in ("defaultTableExpirationMs", "defaultPartitionExpirationMs"):
        value = body.get(key, str(_HOUR_MS))
        if not value.isdigit() or int(value) < (_HOUR_MS if "Table" in key else 1):
            raise Refused(
                f"Invalid {key} {value!r}: it is in milliseconds"
                + (", at least one hour." if "Table" in key else " and greater than 0.")
            )
    if body["maxTimeTravelHours"] not in _WINDOWS:
        raise Refused(
            f"Invalid maxTimeTravelHours {body['maxTimeTravelHours']}: it is 48 to 168, in steps "
            "of 24."
        )
    if body.get("storageBillingModel", "LOGICAL") not in _BILLING:
        raise Refused(f"Invalid storageBillingModel; use {' or '.join(_BILLING)}.")


def check_transition(ref: Ref, before: Body, after: Body) -> None:
    """Refuse a change of properties that BigQuery can't make in place."""
    encrypted = ["encryptionConfiguration" in body for body in (before, after)]
    if encrypted[0] != encrypted[1]:
        # https://docs.cloud.google.com/bigquery/docs/customer-managed-encryption
        raise Refused(
            f"Cannot change the encryption of {legacy(ref)} between Google's default key and a "
            "customer-managed one in place; copy the table onto itself with the other key."
        )


def check_future(body: Body) -> None:
    """Refuse a new table whose time is up already."""
    if is_past(body):
        raise Refused(f"expirationTime {body['expirationTime']} must be in the future.")


def is_past(body: Body) -> bool:
    """Whether a table's time is up."""
    return "expirationTime" in body and int(body["expirationTime"]) <= int(milliseconds(now()))
