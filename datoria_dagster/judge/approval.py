"""Which findings a person lets through, by address or by id."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from datoria_dagster.diff.change import Change
from datoria_dagster.judge.verdict import Finding
from datoria_dagster.model.base import DatoriaError, Model
from datoria_dagster.model.template import Sql

_MARK = "@"
_DIGITS = 8


class UnmatchedAllowance(DatoriaError):
    """`--allow` names a change that the plan does not hold, or no longer in that state."""


def identity(change: Change, etag: str) -> str:
    """Return the id of a change: its address, and a hash of what it is and in which state."""
    sides = [getattr(change, side, None) for side in ("before", "after")]
    facts = [change.object, change.path, change.fact, *map(_plain, sides), etag]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()
    return f"{change.address}{_MARK}{digest[:_DIGITS]}"


def names(change: Change, id: str) -> tuple[str, ...]:  # noqa: A002
    """Return what `--allow` may call a change: its address and its id, each without the project."""
    parts = 1 if change.object_kind == "dataset" else 2
    length = len(change.object.rsplit(".", parts)[0]) + 1
    address = change.address
    return address, address[length:], id, id[length:]


def refuse_unmatched(allowed: Iterable[str], findings: Sequence[Finding], known: set[str]) -> None:
    """Raise UnmatchedAllowance for what is allowed and not among the known names."""
    unmatched = sorted(set(allowed) - known)
    stale = [name for name in unmatched if name.rpartition(_MARK)[0] in known]
    if stale:
        address = stale[0].rpartition(_MARK)[0]
        current = ", ".join(
            found.id for found in findings if (found.address + _MARK).endswith(address + _MARK)
        )
        raise UnmatchedAllowance(
            f"Allowing {stale[0]} is stale: the change, or its object, is no longer what was "
            f"approved. It is now {current}. Look at the plan again, and allow that."
        )
    if unmatched:
        stopping = (found.address for found in findings if not found.severity.is_compatible)
        raise UnmatchedAllowance(
            f"Allowing {', '.join(unmatched)} matches no change. "
            f"Incompatible changes of this plan: {', '.join(stopping) or 'none'}."
        )


def _plain(value: Any) -> Any:
    """Return the value as plain values, of which equal ones are written equally."""
    match value:
        case None | str() | int() | float():
            return value
        case Sql():
            return value.render()
        case Model():
            # The dataset is not what changed, and is in the object's id.
            said = ((name, item) for name, item in vars(value).items() if item)
            return sorted((name, _plain(item)) for name, item in said if name != "dataset")
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case dict():
            return sorted((str(key), _plain(item)) for key, item in value.items())
        case _:
            return [_plain(item) for item in value]
