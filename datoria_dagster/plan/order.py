"""What comes before what: references, as positions."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from datoria_dagster.model.platform import Object, Platform, refuse_cycles
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.model.routines import Routine
from datoria_dagster.sql.needs import needs


def positions(graph: Mapping[str, Iterable[str]]) -> Mapping[str, int]:
    """Return id → position for a graph id → what it needs; independent ones stand by id.

    Raises DeclarationError with the path of a cycle.
    """
    order = (name for generation in _generations(graph) for name in generation)
    return {name: position for position, name in enumerate(order)}


def depths(graph: Mapping[str, Iterable[str]]) -> Mapping[str, int]:
    """Return id → depth in a graph id → what it needs: those of one depth don't need one another.

    Raises DeclarationError with the path of a cycle.
    """
    generations = enumerate(_generations(graph))
    return {name: depth for depth, names in generations for name in names}


def _generations(graph: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    tidy = {name: sorted(set(graph[name]) - {name}) for name in sorted(graph)}
    sorter = TopologicalSorter(tidy)
    try:
        sorter.prepare()
    except CycleError:
        refuse_cycles(tidy)
        raise
    while sorter.is_active():
        ready = sorter.get_ready()
        yield ready
        sorter.done(*ready)


def reaching(names: Iterable[str], objects: Mapping[str, Object]) -> Mapping[str, tuple[str, ...]]:
    """Return id → the ids that it refers to, for these objects and all that they reach."""
    graph: dict[str, tuple[str, ...]] = {}
    frontier = list(names)
    while frontier:
        name = frontier.pop()
        if name in objects and name not in graph:
            graph[name] = needs(objects[name])
            frontier += graph[name]
    return graph


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
