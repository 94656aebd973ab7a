"""What comes before what: references, as positions."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from datoria_dagster.model.platform import Object, Platform, refuse_cycles
from datoria_dagster.model.relations import View
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
    """Return the ids of the views that read one of the changed objects, through views too."""
    views = {view.id: set(needs(view)) for view in platform.of_type(View)}
    found: set[str] = set()
    frontier = set(changed)
    while frontier:
        frontier = {name for name, named in views.items() if named & frontier and name not in found}
        found |= frontier
    return frozenset(found)
