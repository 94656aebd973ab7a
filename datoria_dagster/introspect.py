"""INTROSPECT: what is there of what is declared, and of what is ours. Reads only."""

import re
from collections.abc import Iterable, Mapping

from datoria_dagster.ledger import Ledger
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import SourceTable, Table
from datoria_dagster.model.types import walk
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.tables import REBUILD_LABEL
from datoria_dagster.rebuild import copies_of, is_complete
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref, Resource, Warehouse

# What a migration keeps of what it destroys is not somebody else's.
_SNAPSHOT = re.compile(r"__before_\d+$")


def introspect(warehouse: Warehouse, declared: Platform, scope: frozenset[str] | None) -> Facts:
    """Return the live state of what is declared or ours; with a scope, of those ids only.

    What others own is not in it: it can't be changed by mistake.
    """
    history = Ledger(warehouse, declared).read()
    wanted = {codec.ref(found): found for found in declared.managed.values()}
    refs = set(wanted) | history.owned
    if scope is not None:
        refs = {ref for ref in refs if ref.id in scope}
    resources = dict(warehouse.read(sorted(refs)))
    absent = [table for table in declared.of_type(Table) if _is_missing(table, refs, resources)]
    old = _old_names(absent, declared, warehouse)
    # Before the first migration there was nothing to rebuild.
    asides = _asides(absent, old, warehouse) if history.migrations else {}
    resources |= old
    objects = _objects(resources, wanted)
    for name, copy in asides.items():
        objects[name], resources[copy.ref] = _as_if_in_place(name, copy), copy
    return Facts(
        platform=Platform(objects),
        resources=resources,
        owned=history.owned,
        sequence=history.next_sequence,
        unmanaged=0 if scope is not None else _count_unmanaged(warehouse, declared, resources),
        asides={name: copy.ref.id for name, copy in asides.items()},
        renamed=history.renamed,
    )


def _is_missing(table: Table, refs: set[Ref], resources: Mapping[Ref, Resource]) -> bool:
    ref = codec.ref(table)
    return ref in refs and ref not in resources


def _old_names(
    absent: Iterable[Table], declared: Platform, warehouse: Warehouse
) -> Mapping[Ref, Resource]:
    """Return the tables that still have the names that absent ones are renamed from."""
    names = {f"{table.dataset.id}.{table.renamed_from}" for table in absent if table.renamed_from}
    refs = sorted(Ref("table", name) for name in names - declared.objects.keys())
    found = warehouse.read(refs) if refs else {}
    return {ref: live for ref, live in found.items() if live.body.get("type", "TABLE") == "TABLE"}


def _asides(
    absent: Iterable[Table], old: Mapping[Ref, Resource], warehouse: Warehouse
) -> Mapping[str, Resource]:
    """Return the complete copies of tables that are absent, left by rebuilds that were cut off."""
    renamed = {f"{ref.dataset.id}.{ref.parts[-1]}" for ref in old}
    found: dict[str, Resource] = {}
    listed: dict[Ref, tuple[Ref, ...]] = {}
    for table in absent:
        if f"{table.dataset.id}.{table.renamed_from}" in renamed:
            continue
        ref = codec.ref(table)
        if ref.dataset not in listed:
            listed[ref.dataset] = warehouse.list(ref.dataset.id)
        for copy in filter(is_complete, copies_of(ref, listed[ref.dataset], warehouse)):
            found[table.id] = copy
    return found


def _as_if_in_place(name: str, copy: Resource) -> Managed:
    labels = {k: v for k, v in (copy.body.get("labels") or {}).items() if k != REBUILD_LABEL}
    return codec.decode(Ref("table", name), {**copy.body, "labels": labels})


def _objects(
    resources: Mapping[Ref, Resource], wanted: Mapping[Ref, Managed]
) -> dict[str, Managed]:
    objects: dict[str, Managed] = {}
    for ref, found in resources.items():
        # A routine and a table may share a name: the declared one of the two is meant.
        if ref in wanted and codec.states(found.body, wanted[ref]) and not _hints(wanted[ref]):
            objects[ref.id] = wanted[ref]
        elif ref in wanted or ref.id not in objects:
            objects[ref.id] = codec.decode(ref, found.body)
    return objects


def _hints(found: Managed) -> bool:
    # Columns that change places may be of one type: the live table has no hints, and must not.
    return isinstance(found, Table) and any(field.renamed_from for _, field in walk(found.fields))


def _count_unmanaged(warehouse: Warehouse, declared: Platform, live: Iterable[Ref]) -> int:
    known = {*live, *(codec.ref(found) for found in declared.of_type(SourceTable))}
    listed = (warehouse.list(dataset.id) for dataset in declared.of_type(Dataset))
    refs = (ref for found in listed for ref in found)
    return sum(ref not in known and not _SNAPSHOT.search(ref.id) for ref in refs)
