"""Differences of options: each kind's are the rows of the codec."""

from collections.abc import Iterator

from datoria_dagster.diff.change import Change, OptionChanged
from datoria_dagster.diff.place import Place, folded, whose
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.types import Field
from datoria_dagster.warehouse.codec.options import OPTIONS, Option

# Where a table doesn't say it, its dataset's default had it filled in when it was created.
_INHERITED = {
    "expiration_timestamp": "default_table_expiration_days",
    "partition_expiration_days": "default_partition_expiration_days",
}
# What BigQuery does where a column says nothing.
# https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables#RoundingMode
_UNSAID = {
    "policy_tag": "",
    "collation": "",
    "rounding_mode": "ROUND_HALF_AWAY_FROM_ZERO",
}


def compare_options(before: Managed, after: Managed) -> Iterator[Change]:
    """Yield the changes of an object's options. What isn't declared and is kept is no change."""
    for option in OPTIONS.get(after.kind, ()):
        name = option.name
        was, now = getattr(before, name), getattr(after, name)
        if was != now and not (_is_left(option, after) or _same(name, was, now)):
            yield OptionChanged(**whose(after), option=name, before=was, after=now)


def compare_column_options(place: Place, before: Field, after: Field) -> Iterator[Change]:
    """Yield the changes of a column's policy tag, collation and rounding mode."""
    for name, unsaid in _UNSAID.items():
        was, now = getattr(before, name), getattr(after, name)
        if now is not None and now != (unsaid if was is None else was):
            yield OptionChanged(**place.at(before.name), option=name, before=was, after=now)


def _is_left(option: Option, after: Managed) -> bool:
    if getattr(after, option.name) != option.unset:
        return False
    inherited = _INHERITED.get(option.name)
    if inherited is None or isinstance(after, Dataset):
        return option.kept
    return getattr(after.dataset, inherited) is not None


def _same(name: str, before: object, after: object) -> bool:
    """Whether two values of an option differ in nothing but how they are written."""
    if name == "primary_key" and isinstance(before, tuple) and isinstance(after, tuple):
        return folded(before) == folded(after)
    return False
