"""Rules of dates and times: where BigQuery and DuckDB count, cut or write them differently.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/date_functions and its
siblings for DATETIME, TIME and TIMESTAMP.
"""

import re
from typing import Any

from sqlglot import exp

from datoria_dagster.warehouse.local.duck import literal, opaque, sql
from datoria_dagster.warehouse.port import NotSupportedLocally

_SPECIAL = re.compile(r"%-d|%Q|%E[0-9*]S|%E4Y|%[^a-zA-Z%]")
_KNOWN = re.compile(r"%-?[aAbBcdDefFgGHIjklmMnpPrRsStTuUVwWxXyYzZ%]|[^%]+")
_PARTS = {
    "DAYOFWEEK": "(EXTRACT(dow FROM {}) + 1)",
    # Weeks begin on Sunday; the days before the year's first one are week 0.
    "WEEK": "CAST(strftime({}, '%U') AS BIGINT)",
    "ISOWEEK": "EXTRACT(week FROM {})",
    "MILLISECOND": "(EXTRACT(milliseconds FROM {}) % 1000)",
    "MICROSECOND": "(EXTRACT(microseconds FROM {}) % 1000000)",
    "DATE": "CAST({} AS DATE)",
    "DATETIME": "CAST({} AS TIMESTAMP)",
    "TIME": "CAST(CAST({} AS TIMESTAMP) AS TIME)",
}


def _extract(node: exp.Extract) -> exp.Expr:
    value = sql(node.expression)
    if isinstance(node.this, exp.WeekStart):
        start = literal(node.this.this)
        pattern = {"SUNDAY": "%U", "MONDAY": "%W"}.get(start)
        if pattern is None:
            raise NotSupportedLocally(f"The embedded warehouse has no EXTRACT(WEEK({start}) …).")
        return opaque(f"CAST(strftime({value}, '{pattern}') AS BIGINT)")
    part = literal(node.this)
    return opaque(_PARTS.get(part, f"EXTRACT({part} FROM {{}})").format(value))


def _date(node: exp.Expr) -> str:
    """Return an argument as a DATE. Anything but a DATE or a literal fails in DuckDB's binder."""
    value = sql(node)
    if isinstance(node, exp.Literal):
        return f"CAST({value} AS DATE)"
    return f"(({value}) + 0)"


def _date_shift(node: Any) -> exp.Expr:
    sign = "+" if isinstance(node, exp.DateAdd) else "-"
    unit = literal(node.args.get("unit")) or "DAY"
    amount = node.expression.this if isinstance(node.expression, exp.Interval) else node.expression
    count = f"CAST({sql(amount)} AS BIGINT)"
    interval = f"to_{unit.lower()}s(CAST({count} AS INTEGER))"
    return opaque(f"CAST({_date(node.this)} {sign} {interval} AS DATE)")


def _date_trunc(node: exp.DateTrunc) -> exp.Expr:
    node.set("this", opaque(_date(node.this)))
    return opaque(f"CAST({sql(node)} AS DATE)")


def _time_trunc(node: exp.TimeTrunc) -> exp.Expr:
    unit = literal(node.args.get("unit")).lower()
    return opaque(f"CAST(date_trunc('{unit}', DATE '1970-01-01' + {sql(node.this)}) AS TIME)")


def _timestamp_diff(node: exp.TimestampDiff) -> exp.Expr:
    # Whole units that have passed, unlike DATE_DIFF and DATETIME_DIFF, which count boundaries.
    unit = literal(node.args.get("unit")).lower()
    return opaque(f"date_sub('{unit}', {_moment(node.expression)}, {_moment(node.this)})")


def _moment(node: exp.Expr) -> str:
    return f"CAST({sql(node)} AS TIMESTAMPTZ)"


def _formatted(node: exp.TimeToStr) -> exp.Expr:
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        raise NotSupportedLocally("The embedded warehouse formats times by a literal pattern only.")
    value = sql(node.this)
    if zone := node.args.get("zone"):
        value = f"timezone({sql(zone)}, CAST({value} AS TIMESTAMPTZ))"
    pieces: list[str] = []
    end = 0
    for special in _SPECIAL.finditer(pattern.name):
        _add_plain(pieces, value, pattern.name[end : special.start()])
        pieces.append(_special(value, special.group()))
        end = special.end()
    _add_plain(pieces, value, pattern.name[end:])
    return opaque(f"({' || '.join(pieces)})" if pieces else "''")


def _add_plain(pieces: list[str], value: str, pattern: str) -> None:
    if not pattern:
        return
    if _KNOWN.sub("", pattern):
        raise NotSupportedLocally(f"The embedded warehouse can't format a time as {pattern!r}.")
    quoted = pattern.replace("'", "''")
    pieces.append(f"strftime({value}, '{quoted}')")


def _special(value: str, specifier: str) -> str:
    if specifier == "%-d":
        # %e: the day, padded with a space.
        return f"lpad(strftime({value}, '%-d'), 2, ' ')"
    if specifier == "%Q":
        return f"CAST(EXTRACT(quarter FROM {value}) AS VARCHAR)"
    if specifier == "%E4Y":
        return f"strftime({value}, '%Y')"
    if specifier.startswith("%E") and specifier[2].isdigit():
        digits = int(specifier[2])
        seconds = f"strftime({value}, '%S.%f')"
        return f"left({seconds}, {3 + digits if digits else 2})"
    raise NotSupportedLocally(f"The embedded warehouse can't format a time as {specifier!r}.")


def _parsed_timestamp(node: exp.StrToTime) -> exp.Expr:
    zone = node.args.get("zone")
    node.set("zone", None)
    text = sql(node)
    if zone is None:
        return opaque(f"CAST({text} AS TIMESTAMPTZ)")
    return opaque(f"timezone({sql(zone)}, CAST({text} AS TIMESTAMP))")


def _unix_timestamp(node: exp.UnixToTime) -> exp.Expr:
    return opaque(f"CAST({sql(node)} AS TIMESTAMPTZ)")


def _unix_date(node: exp.DateFromUnixDate) -> exp.Expr:
    return opaque(f"(DATE '1970-01-01' + CAST({sql(node.this)} AS INTEGER))")


def _time(node: exp.TsOrDsToTime) -> exp.Expr:
    return opaque(f"CAST(CAST({sql(node.this)} AS TIMESTAMP) AS TIME)")


def _current_datetime(node: exp.CurrentDatetime) -> exp.Expr:
    zone = sql(node.this) if node.this else "'UTC'"
    return opaque(f"timezone({zone}, now())")


def _current_date(node: exp.CurrentDate) -> exp.Expr:
    zone = sql(node.this) if node.this else "'UTC'"
    return opaque(f"CAST(timezone({zone}, now()) AS DATE)")


def _current_timestamp(node: exp.CurrentTimestamp) -> exp.Expr:  # noqa: ARG001
    return opaque("now()")


RULES: dict[type[exp.Expr], Any] = {
    exp.Extract: _extract,
    exp.DateAdd: _date_shift,
    exp.DateSub: _date_shift,
    exp.DateTrunc: _date_trunc,
    exp.TimeTrunc: _time_trunc,
    exp.TimestampDiff: _timestamp_diff,
    exp.TimeToStr: _formatted,
    exp.StrToTime: _parsed_timestamp,
    exp.UnixToTime: _unix_timestamp,
    exp.DateFromUnixDate: _unix_date,
    exp.TsOrDsToTime: _time,
    exp.CurrentDatetime: _current_datetime,
    exp.CurrentDate: _current_date,
    exp.CurrentTimestamp: _current_timestamp,
}
