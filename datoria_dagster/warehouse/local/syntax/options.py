"""What OPTIONS(…) of a statement says, as parts of a resource.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlglot import exp

from datoria_dagster.warehouse.local.queries.parsing import parse_expression
from datoria_dagster.warehouse.local.resources import merged
from datoria_dagster.warehouse.local.syntax import intervals
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Refused

_DAY_MS = 86_400_000


class Moment(str):
    """A TIMESTAMP expression whose value is not known before the statement runs."""

    __slots__ = ()


def described(field: Body, options: dict[str, str]) -> Body:
    """Return the column with what its options give it."""
    if unknown := options.keys() - COLUMN.keys():
        raise NotSupportedLocally(
            f"The embedded warehouse doesn't keep option {min(unknown)} of column {field['name']}."
        )
    # An empty description is none.
    given = {key: value or None for key, value in _parsed(options, COLUMN).items()}
    return merged(field, given)


def resource(options: dict[str, str], known: "Known | None" = None) -> Body:
    """Return the properties that options set; None removes one. `known` is by default TABLE."""
    rows = TABLE if known is None else known
    if unknown := options.keys() - rows.keys():
        raise NotSupportedLocally(f"The embedded warehouse doesn't keep option {min(unknown)}.")
    return _parsed(options, rows)


def _parsed(options: dict[str, str], known: "Known") -> Body:
    found: Body = {}
    for name, text in options.items():
        path, parse = known[name]
        value = parse(text)
        for key in reversed(path.split(".")):
            value = {key: value}
        found = {**found, **value}
    return found


def string(text: str) -> str | None:
    """Return the value of a string literal; None for NULL."""
    tree = parse_expression(text).this
    if isinstance(tree, exp.Null):
        return None
    if isinstance(tree, exp.RawString) or (isinstance(tree, exp.Literal) and tree.is_string):
        return tree.name
    raise Refused(f"An option must be a string literal, not {text}.")


def boolean(text: str) -> bool | None:
    """Return the value of TRUE or FALSE; None for NULL."""
    tree = parse_expression(text).this
    if isinstance(tree, exp.Null):
        return None
    if isinstance(tree, exp.Boolean):
        return bool(tree.this)
    raise Refused(f"An option must be TRUE or FALSE, not {text}.")


def number(text: str) -> Decimal | None:
    """Return the value of a number; None for NULL."""
    tree = parse_expression(text).this
    if isinstance(tree, exp.Null):
        return None
    if isinstance(tree, exp.Literal) and not tree.is_string:
        return Decimal(tree.name)
    raise Refused(f"An option must be a number, not {text}.")


def interval(text: str) -> str | None:
    """Return `INTERVAL 4 HOUR` or `INTERVAL '4:0:0' HOUR TO SECOND` as REST does; None for NULL."""
    tree = parse_expression(text).this
    if isinstance(tree, exp.Null):
        return None
    if not isinstance(tree, exp.Interval) or not isinstance(tree.this, exp.Literal):
        raise Refused(f"An option must be an INTERVAL literal, not {text}.")
    unit = tree.args.get("unit")
    if isinstance(unit, exp.IntervalSpan):
        first, last = unit.this.name.upper(), unit.expression.name.upper()
        return intervals.normal(tree.this.name, first, last)
    name = unit.name.upper() if unit is not None else ""
    return intervals.normal(tree.this.name, name, name)


def moment(text: str) -> Moment | None:
    """Return a TIMESTAMP expression, to be evaluated; None for NULL."""
    return None if isinstance(parse_expression(text).this, exp.Null) else Moment(text)


def _days(text: str) -> str | None:
    days = number(text)
    return None if days is None else str(int(days * _DAY_MS))


def whole(text: str) -> str | None:
    """Return the digits of a number without its fraction; None for NULL."""
    value = number(text)
    return None if value is None else str(int(value))


def strings(text: str) -> list[str]:
    """Return the values of an array of string literals."""
    tree = parse_expression(text).this
    if not isinstance(tree, exp.Array):
        raise Refused(f"An option must be an array of strings, not {text}.")
    return [item.name for item in tree.expressions]


def _labels(text: str) -> dict[str, str]:
    tree = parse_expression(text).this
    if not isinstance(tree, exp.Array):
        raise Refused(f"labels must be an array of (key, value) pairs, not {text}.")
    pairs = 2
    found: dict[str, str] = {}
    for item in tree.expressions:
        parts = [part.name for part in item.expressions]
        if len(parts) != pairs:
            raise Refused(f"labels must be an array of (key, value) pairs, not {text}.")
        found[parts[0]] = parts[1]
    return found


# Name of the option: where its value is in the resource, and how it is read.
Known = Mapping[str, tuple[str, Callable[[str], Any]]]
_ANY: Known = {
    "description": ("description", string),
    "friendly_name": ("friendlyName", string),
    "labels": ("labels", _labels),
}
COLUMN: Known = {
    "description": ("description", string),
    "rounding_mode": ("roundingMode", string),
}
VIEW: Known = {**_ANY, "expiration_timestamp": ("expirationTime", moment)}
TABLE: Known = {
    **VIEW,
    "partition_expiration_days": ("timePartitioning.expirationMs", _days),
    "require_partition_filter": ("requirePartitionFilter", boolean),
    "kms_key_name": ("encryptionConfiguration.kmsKeyName", string),
    "max_staleness": ("maxStaleness", interval),
    "default_rounding_mode": ("defaultRoundingMode", string),
}
DATASET: Known = {
    **_ANY,
    "location": ("location", string),
    "default_table_expiration_days": ("defaultTableExpirationMs", _days),
    "default_partition_expiration_days": ("defaultPartitionExpirationMs", _days),
    "default_kms_key_name": ("defaultEncryptionConfiguration.kmsKeyName", string),
    "default_rounding_mode": ("defaultRoundingMode", string),
    "max_time_travel_hours": ("maxTimeTravelHours", whole),
    "storage_billing_model": ("storageBillingModel", string),
    "is_case_insensitive": ("isCaseInsensitive", boolean),
}
