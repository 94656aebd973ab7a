"""What on live tables stands in the way of changes: row access policies, streamed rows."""

from collections.abc import Mapping, Sequence

from datoria_dagster.diff import change as c
from datoria_dagster.model.relations import Table
from datoria_dagster.plan.facts import Facts
from datoria_dagster.warehouse.port import Ref, Warehouse

_GUARDED = (
    c.FieldRemoved,
    c.FieldRenamed,
    c.FieldTypeChanged,
    c.FieldModeChanged,
    c.PartitioningChanged,
    c.ObjectRemoved,
    c.ObjectRenamed,
    c.ObjectKindChanged,
)
_OPTIONS = ("collation", "kms_key_name")


def guarded(
    changes: Sequence[c.Change], facts: Facts, warehouse: Warehouse
) -> tuple[c.Change, ...]:
    """Return the changes with what stands in their way.

    The warehouse is asked only about tables with a change that can be in one's way.
    """
    places = _places(changes, facts)
    asked = {places.get(ch.object, ch.object) for ch in changes if _is_guarded(ch)}
    refs = {ref for name in asked if (ref := Ref("table", name)) in facts.resources}
    if not refs:
        return tuple(changes)
    policies = warehouse.policies(sorted(refs))
    found = {ref.id: _guards(ref, facts, policies) for ref in refs}
    return tuple(
        change.with_guards(guards)
        if _is_guarded(change) and (guards := found.get(places.get(change.object, change.object)))
        else change
        for change in changes
    )


def etags(changes: Sequence[c.Change], facts: Facts) -> Mapping[str, str]:
    """Return object id → etag of what is live; of a table that is renamed, by its new id."""
    found = {ref.id: live.etag for ref, live in facts.resources.items()}
    moved = _places(changes, facts).items()
    return found | {name: found[old] for name, old in moved if old in found}


def _places(changes: Sequence[c.Change], facts: Facts) -> Mapping[str, str]:
    """Return id → the id that a table still has, where the two differ."""
    renamed = {ch.object: ch.before for ch in changes if isinstance(ch, c.ObjectRenamed)}
    return {**facts.asides, **renamed}


def _is_guarded(change: c.Change) -> bool:
    match change:
        case c.ObjectRemoved() | c.ObjectKindChanged():
            return isinstance(change.before, Table)
        case c.OptionChanged():
            return change.option in _OPTIONS
        case _:
            return change.object_kind == "table" and isinstance(change, _GUARDED)


def _guards(ref: Ref, facts: Facts, policies: Mapping[Ref, tuple[str, ...]]) -> tuple[c.Guard, ...]:
    guards: list[c.Guard] = []
    if policies.get(ref):
        guards.append("ROW_ACCESS_POLICIES")
    if facts.body(ref).get("streamingBuffer"):
        guards.append("STREAMING_BUFFER")
    return tuple(guards)
