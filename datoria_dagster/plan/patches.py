"""What a patch says of descriptions, labels and options."""

from collections.abc import Iterable
from typing import Any

from datoria_dagster.diff import change as c
from datoria_dagster.warehouse.codec.options import OPTIONS, Option
from datoria_dagster.warehouse.port import Body

# Keys that the server fills in and nobody sets.
_OUTPUT_ONLY = ("lastRefreshTime", "schema")
# "" is a value of these: no collation, whatever the dataset has.
_EMPTY_IS_SAID = ("default_collation",)


def patch_body(changes: Iterable[c.Change], live: Body) -> Body:
    """Return the patch of an object's description, labels and options.

    A label, and an option that is unset, go by being set to None. An option inside of an object is
    patched with all of that object, as it is in `live`.
    """
    body: Body = {}
    for change in changes:
        match change:
            case c.LabelsChanged():
                gone: dict[str, str | None] = dict.fromkeys(change.before.keys() - change.after)
                body["labels"] = gone | change.after
            case c.DescriptionChanged() if not change.path:
                body["description"] = change.after or None
            case c.OptionChanged() if not change.path and change.option != "primary_key":
                _set(body, option_of(change), change.after, live)
            case _:
                pass
    return body


def option_of(change: c.OptionChanged) -> Option:
    """Return the row of the option that changes. Raises StopIteration when there is none."""
    rows = OPTIONS[change.object_kind]
    return next(option for option in rows if option.name == change.option)


def _set(body: Body, option: Option, value: Any, live: Body) -> None:
    place = body
    for key in option.path[:-1]:
        start = {k: v for k, v in (live.get(key) or {}).items() if k not in _OUTPUT_ONLY}
        place = place.setdefault(key, start)
        live = live.get(key) or {}
    unset = value is None or value == () or (value == "" and option.name not in _EMPTY_IS_SAID)
    place[option.path[-1]] = None if unset else option.encode(value)
