"""What comes before what: references, as positions."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Object, Platform, reads, refuse_cycles
from datoria_dagster.model.relations import View


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
    """Return id → the ids that an object's text refers to, by template or literally."""
    return {found.id: _needs(found) for found in objects}


def _needs(found: Object) -> tuple[str, ...]:
    from datoria_dagster.sql.references import references, routines

    if not isinstance(found, View):
        return reads(found)
    text = found.query.render()
    try:
        return (*reads(found), *references(text), *routines(text))
    except DeclarationError:
        return reads(found)


def readers(platform: Platform, changed: frozenset[str]) -> frozenset[str]:
    """Return the ids of the views that read one of the changed objects, through views too."""
    views = {view.id: set(reads(view)) for view in platform.of_type(View)}
    found: set[str] = set()
    frontier = set(changed)
    while frontier:
        frontier = {name for name, named in views.items() if named & frontier and name not in found}
        found |= frontier
    return frozenset(found)
