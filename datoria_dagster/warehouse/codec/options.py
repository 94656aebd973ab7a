"""The options of objects, by BigQuery's names: where REST keeps each, and how it is written there.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables and
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from datoria_dagster.warehouse.port import Body

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `name` is the attribute of the model, `path` the place in the resource.

    `unset` is the value of a declaration that does not say it. `kept`: then what the server has
    stays, be it set by hand, inherited or filled in.
    """

    name: str
    path: tuple[str, ...]
    encode: Callable[[Any], Any] = str
    decode: Callable[[Any], Any] = str
    unset: Any = None
    kept: bool = False


def _same(value: Any) -> Any:
    return value


def _days_to_ms(days: float) -> str:
    return str(round(days * _DAY_MS))


def _ms_to_days(text: str | int) -> float | None:
    return int(text) / _DAY_MS or None


def _moment_to_ms(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def _ms_to_moment(text: str | int) -> datetime:
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def _minutes_to_ms(minutes: float) -> str:
    return str(round(minutes * 60_000))


def _interval(value: timedelta) -> str:
    hours, rest = divmod(round(value.total_seconds()), 3600)
    return f"0-0 0 {hours}:{rest // 60}:{rest % 60}"


def _duration(text: str) -> timedelta:
    """Read an INTERVAL as `0-0 1 4:0:0`: years-months days hours:minutes:seconds."""
    months, days, clock = text.split()
    years, _, rest = months.partition("-")
    hours, minutes, seconds = (float(part) for part in clock.split(":"))
    whole = int(days) + 365 * int(years) + 30 * int(rest or 0)
    return timedelta(days=whole, hours=hours, minutes=minutes, seconds=seconds)


def key_name(text: str) -> str:
    """Return the name of a KMS key without the version that the server answers with."""
    return text.partition("/cryptoKeyVersions/")[0]


def rounding_mode(text: str | None) -> str | None:
    """Return a rounding mode; the one that says nothing is None."""
    return None if text == "ROUNDING_MODE_UNSPECIFIED" else text


def _columns(names: Sequence[str]) -> Body:
    return {"columns": list(names)}


def _names(body: Body) -> tuple[str, ...]:
    return tuple(body.get("columns") or ())


def connection_id(text: str) -> str:
    """Return a connection as `p.l.c`, whichever of its two spellings the server answers with."""
    return ".".join(text.split("/")[1::2]) if "/" in text else text


_FRIENDLY_NAME = Option("friendly_name", ("friendlyName",), unset="")
_MAX_STALENESS = Option("max_staleness", ("maxStaleness",), _interval, _duration)
_COLLATION = Option("default_collation", ("defaultCollation",), kept=True)
_ROUNDING = Option("default_rounding_mode", ("defaultRoundingMode",), str, rounding_mode, kept=True)

DATASET = (
    _FRIENDLY_NAME,
    Option(
        "default_table_expiration_days", ("defaultTableExpirationMs",), _days_to_ms, _ms_to_days
    ),
    Option(
        "default_partition_expiration_days",
        ("defaultPartitionExpirationMs",),
        _days_to_ms,
        _ms_to_days,
    ),
    Option("max_time_travel_hours", ("maxTimeTravelHours",), str, int, kept=True),
    _COLLATION,
    _ROUNDING,
    Option(
        "default_kms_key_name",
        ("defaultEncryptionConfiguration", "kmsKeyName"),
        str,
        key_name,
        kept=True,
    ),
    Option("storage_billing_model", ("storageBillingModel",), kept=True),
)
TABLE = (
    _FRIENDLY_NAME,
    Option("expiration_timestamp", ("expirationTime",), _moment_to_ms, _ms_to_moment),
    Option(
        "partition_expiration_days", ("timePartitioning", "expirationMs"), _days_to_ms, _ms_to_days
    ),
    Option("require_partition_filter", ("requirePartitionFilter",), _same, bool, unset=False),
    Option("primary_key", ("tableConstraints", "primaryKey"), _columns, _names, unset=()),
    _MAX_STALENESS,
    _COLLATION,
    _ROUNDING,
    Option("kms_key_name", ("encryptionConfiguration", "kmsKeyName"), str, key_name, kept=True),
)
VIEW = (_FRIENDLY_NAME,)
MATERIALIZED_VIEW = (
    _FRIENDLY_NAME,
    Option("enable_refresh", ("materializedView", "enableRefresh"), _same, bool, unset=True),
    Option(
        "refresh_interval_minutes",
        ("materializedView", "refreshIntervalMs"),
        _minutes_to_ms,
        lambda ms: int(ms) / 60_000,
        unset=30,
    ),
    Option(
        "allow_non_incremental_definition",
        ("materializedView", "allowNonIncrementalDefinition"),
        _same,
        bool,
        unset=False,
    ),
    _MAX_STALENESS,
)
_EXTERNAL = "externalDataConfiguration"
EXTERNAL_TABLE = (
    _FRIENDLY_NAME,
    Option("format", (_EXTERNAL, "sourceFormat")),
    Option("uris", (_EXTERNAL, "sourceUris"), list, tuple),
    Option("compression", (_EXTERNAL, "compression"), str, lambda text: text.strip() or None),
    Option("connection", (_EXTERNAL, "connectionId"), str, connection_id),
    Option("max_bad_records", (_EXTERNAL, "maxBadRecords"), _same, int, kept=True),
    Option("ignore_unknown_values", (_EXTERNAL, "ignoreUnknownValues"), _same, bool, kept=True),
    Option("skip_leading_rows", (_EXTERNAL, "csvOptions", "skipLeadingRows"), str, int, kept=True),
    Option("field_delimiter", (_EXTERNAL, "csvOptions", "fieldDelimiter"), kept=True),
    Option(
        "hive_partition_uri_prefix",
        (_EXTERNAL, "hivePartitioningOptions", "sourceUriPrefix"),
        kept=True,
    ),
)
OPTIONS: Mapping[str, tuple[Option, ...]] = {
    "dataset": DATASET,
    "table": TABLE,
    "view": VIEW,
    "materialized_view": MATERIALIZED_VIEW,
    "external_table": EXTERNAL_TABLE,
}


def encoded(found: object, options: Sequence[Option]) -> Body:
    """Return the resource's part that says what an object's options are; unset ones are absent."""
    body: Body = {}
    for option in options:
        value = getattr(found, option.name)
        if value != option.unset:
            place = body
            for key in option.path[:-1]:
                place = place.setdefault(key, {})
            place[option.path[-1]] = option.encode(value)
    return body


def decoded(body: Body, options: Sequence[Option]) -> dict[str, Any]:
    """Return name → value of what a live resource says; what it lacks is unset."""
    return {option.name: _decoded(body, option) for option in options}


def _decoded(body: Body, option: Option) -> Any:
    place: Any = body
    for key in option.path:
        place = place.get(key) if place else None
    return option.unset if place is None else option.decode(place)
