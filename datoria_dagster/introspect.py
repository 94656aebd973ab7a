"""INTROSPECT: what is there of what is declared, and of what is ours. Reads only."""

from collections.abc import Mapping

from datoria_dagster.ledger import Ledger
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import SourceTable
from datoria_dagster.plan.facts import Facts
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref, Resource, Warehouse


def introspect(warehouse: Warehouse, declared: Platform, scope: frozenset[str] | None) -> Facts:
    """Return the live state of what is declared or ours; with a scope, of those ids only.

    What others own is not in it: it can't be changed by mistake.
    """
    history = Ledger(warehouse, declared).read()
    wanted = {codec.ref(found): found for found in declared.managed.values()}
    refs = set(wanted) | history.owned
    if scope is not None:
        refs = {ref for ref in refs if ref.id in scope}
    resources = warehouse.read(sorted(refs))
    unmanaged = 0 if scope is not None else _count_unmanaged(warehouse, declared, refs)
    return Facts(
        platform=Platform(_objects(resources, wanted)),
        resources=resources,
        owned=history.owned,
        sequence=history.next_sequence,
        unmanaged=unmanaged,
    )


def _objects(
    resources: Mapping[Ref, Resource], wanted: Mapping[Ref, Managed]
) -> dict[str, Managed]:
    objects: dict[str, Managed] = {}
    for ref, found in resources.items():
        # A routine and a table may share a name: the declared one of the two is meant.
        if ref in wanted and codec.states(found.body, wanted[ref]):
            objects[ref.id] = wanted[ref]
        elif ref in wanted or ref.id not in objects:
            objects[ref.id] = codec.decode(ref, found.body)
    return objects


def _count_unmanaged(warehouse: Warehouse, declared: Platform, refs: set[Ref]) -> int:
    sources = {codec.ref(found) for found in declared.of_type(SourceTable)}
    known = refs | sources
    listed = (warehouse.list(dataset.id) for dataset in declared.of_type(Dataset))
    return sum(ref not in known for refs in listed for ref in refs)
