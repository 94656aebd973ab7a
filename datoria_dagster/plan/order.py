"""What comes before what: references, as positions."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from datoria_dagster.model.platform import Object, Platform, refuse_cycles
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.model.routines import Routine
from datoria_dagster.sql.needs import needs


def positions(graph: Mapping[str, Iterable[str]]) -> Mapping[str, int]:
    """Return id → position for a graph id → what it needs; independent ones stand by id.

    Raises DeclarationError with the path of a cycle.
    """
    tidy = {name: sorted(set(graph[name]) - {name}) for name in sorted(graph)}
    try:
        order = tuple(TopologicalSorter(tidy).static_order())
    except CycleError:
        refuse_cycles(tidy)
        raise
    return {name: position for position, name in enumerate(order)}


def references_of(objects: Iterable[Object]) -> Mapping[str, tuple[str, ...]]:
    """Return id → the ids that an object refers to."""
    return {found.id: needs(found) for found in objects}


def readers(platform: Platform, changed: frozenset[str]) -> frozenset[str]:
    """Return the ids of the code that reads one of the changed objects, through other code too."""
    if not changed:
        return frozenset()
    read_by: dict[str, list[str]] = {}
    for found in platform:
        if not isinstance(found, View | MaterializedView | Routine):
            continue
        for name in needs(found):
            read_by.setdefault(name, []).append(found.id)
    reached: set[str] = set()
    frontier = list(changed)
    while frontier:
        for reader in read_by.get(frontier.pop(), ()):
            if reader not in reached:
                reached.add(reader)
                frontier.append(reader)
    return frozenset(reached)
