"""What a patch says of descriptions and labels."""

from collections.abc import Iterable

from datoria_dagster.diff import change as c
from datoria_dagster.warehouse.port import Body


def annotations(changes: Iterable[c.Change]) -> Body:
    """Return the patch of an object's description and labels; a label goes by being set to None."""
    body: Body = {}
    for change in changes:
        match change:
            case c.LabelsChanged():
                gone: dict[str, str | None] = dict.fromkeys(change.before.keys() - change.after)
                body["labels"] = gone | change.after
            case c.DescriptionChanged() if not change.path:
                body["description"] = change.after or None
            case _:
                pass
    return body
