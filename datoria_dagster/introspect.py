"""INTROSPECT: what is there of what is declared, and of what is ours. Reads only.

In bulk, most of what is as it is declared is known without being read: by outlines, pieced together
from lists and metadata queries. They may be out of date, and have no etag. So nothing is planned on
them: `reread` reads what a plan turns out to need.
"""

import re
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from datoria_dagster.apply.rebuild import copies_of, is_complete
from datoria_dagster.diff.compare import compare
from datoria_dagster.ledger.history import History
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import MaterializedView, SourceTable, Table, View
from datoria_dagster.model.types import walk
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.tables import REBUILD_LABEL
from datoria_dagster.sql.needs import needs
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref, Resource, Warehouse

# "bulk" reads what seems different or may not be told completely, "exact" reads everything.
Reading = Literal["bulk", "exact"]
# What a migration keeps of what it destroys is not somebody else's.
_SNAPSHOT = re.compile(r"__before_\d+$")
# Metadata may lag behind a change, nobody says how long: what was migrated lately is read.
_UNSETTLED = timedelta(minutes=10)
# Who was cut off may have changed anything, until a migration has ended after it.
_UNTOLD = timedelta(days=1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Sight:
    """What was seen first: all that is in the datasets, resources, and what is as declared.

    `asked` are those of the resources that were asked for, or are known to be whole.
    """

    members: tuple[Ref, ...] = ()
    resources: Mapping[Ref, Resource] = field(default_factory=dict[Ref, Resource])
    asked: frozenset[Ref] = frozenset()
    as_declared: frozenset[Ref] = frozenset()


def introspect(
    warehouse: Warehouse, declared: Platform, scope: frozenset[str] | None, reading: Reading
) -> Facts:
    """Return the live state of what is declared or ours; with a scope, of those ids only.

    What others own is not in it: it can't be changed by mistake. With a scope, all is read exactly.
    """
    if scope is not None:
        return _within(scope, warehouse, declared)
    wanted = _wanted(declared)
    with _meanwhile(Ledger(warehouse, declared).read) as ledger:
        if reading == "exact":
            sight = _Sight(warehouse.list(*_datasets(declared)))
        else:
            sight = _sight(warehouse, declared, wanted)
        history = ledger.result()
    refs = wanted.keys() | history.owned
    surveyed = (sight.as_declared & history.owned) - _unsettled(wanted, history)
    resources = {ref: found for ref, found in sight.resources.items() if ref in refs}
    resources |= warehouse.read(sorted(refs - surveyed - sight.asked))
    facts = _facts(warehouse, declared, refs - surveyed, resources, history)
    live = facts.resources.keys() | surveyed
    objects = {**facts.platform.objects, **{ref.id: wanted[ref] for ref in surveyed}}
    unmanaged = _count_unmanaged(sight.members, declared, live)
    return replace(facts, platform=Platform(objects), unmanaged=unmanaged, surveyed=surveyed)


def _within(scope: frozenset[str], warehouse: Warehouse, declared: Platform) -> Facts:
    """Return the live state of these ids. That of what is as declared is told without history."""
    inner = declared.only(scope)
    wanted = _wanted(inner)
    resources = warehouse.read(sorted(wanted))
    if len(resources) == len(wanted) and not any(map(_hints, wanted.values())):
        live = Platform(_objects(resources, wanted))
        if not compare(live, inner):
            return Facts(live, resources, frozenset(wanted))
    history = Ledger(warehouse, declared).read()
    refs = wanted.keys() | {ref for ref in history.owned if ref.id in scope}
    more = warehouse.read(sorted(refs - wanted.keys()))
    facts = _facts(warehouse, declared, refs, {**resources, **more}, history)
    return replace(facts, owned=facts.owned & refs)


def reread(facts: Facts, refs: Collection[Ref], warehouse: Warehouse, declared: Platform) -> Facts:
    """Return the facts with some of what is surveyed read exactly."""
    resources = warehouse.read(sorted(refs))
    if len(resources) < len(refs):
        # What is gone may have left a copy, or have another name.
        return introspect(warehouse, declared, None, "exact")
    wanted = _wanted(declared)
    return replace(
        facts,
        platform=Platform({**facts.platform.objects, **_objects(resources, wanted)}),
        resources={**facts.resources, **resources},
        surveyed=facts.surveyed - frozenset(refs),
    )


def _wanted(declared: Platform) -> dict[Ref, Managed]:
    return {codec.ref(found): found for found in declared.managed.values()}


def _datasets(declared: Platform) -> tuple[str, ...]:
    return tuple(dataset.id for dataset in declared.of_type(Dataset))


def _sight(warehouse: Warehouse, declared: Platform, wanted: Mapping[Ref, Managed]) -> _Sight:
    datasets = [ref for ref in wanted if ref.kind == "dataset"]
    resources = dict(warehouse.read(datasets))
    exactly = _read_anyway(wanted)
    with _meanwhile(lambda: warehouse.read(sorted(exactly))) as read:
        rest = wanted.keys() - exactly - set(datasets)
        survey = warehouse.survey(_datasets(declared), rest)
        as_declared = frozenset(
            ref for ref, body in survey.outlines if codec.states(body, wanted[ref])
        )
        resources |= {**survey.resources, **read.result()}
    asked = exactly.union(datasets, survey.resources)
    return _Sight(survey.members, resources, asked, as_declared)


def _read_anyway(wanted: Mapping[Ref, Managed]) -> frozenset[Ref]:
    """Return what needs more than an outline could tell, so that it is not waited for.

    Of nested columns an outline lacks the modes, of foreign keys the order; materialized views,
    and what they read, are compared by their times.
    """
    found = {ref for ref, each in wanted.items() if ref.kind == "table" and _is_odd(each)}
    for each in wanted.values():
        if isinstance(each, MaterializedView):
            found |= {Ref("table", name) for name in needs(each)} & wanted.keys()
    return frozenset(found)


def _is_odd(found: Managed) -> bool:
    match found:
        case Table():
            fields = found.fields
            return bool(found.foreign_keys) or _hints(found) or any(f.type.fields for f in fields)
        case View():
            return any(field.type.fields for field in found.fields)
        case _:
            return True


def _unsettled(wanted: Iterable[Ref], history: History) -> frozenset[Ref]:
    """Return what was migrated so lately that metadata may not show it yet."""
    now = datetime.now(UTC)
    late: set[str] = set()
    for migration in history.migrations:
        if (migration.ended or migration.started) > now - _UNSETTLED:
            late |= {event.object for event in migration.events}
    last = history.migrations[-1] if history.migrations else None
    if last is not None and last.ended is None and last.started > now - _UNTOLD:
        return frozenset(wanted)
    return frozenset(ref for ref in wanted if ref.id in late) if late else frozenset()


@contextmanager
def _meanwhile(act: Callable[[], T]) -> Generator[Future[T]]:
    """Carry something out in another thread while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(act)


def _facts(
    warehouse: Warehouse,
    declared: Platform,
    refs: Collection[Ref],
    resources: Mapping[Ref, Resource],
    history: History,
) -> Facts:
    """Return what was read of these refs; what is absent may be elsewhere."""
    wanted = _wanted(declared)
    absent = [
        table
        for table in declared.of_type(Table)
        if (ref := codec.ref(table)) in refs and ref not in resources
    ]
    old = _old_names(absent, declared, warehouse)
    # Before the first migration there was nothing to rebuild.
    asides = _asides(absent, old, warehouse) if history.migrations else {}
    found = {**resources, **old}
    objects = _objects(found, wanted)
    for name, copy in asides.items():
        objects[name], found[copy.ref] = _as_if_in_place(name, copy), copy
    return Facts(
        platform=Platform(objects),
        resources=found,
        owned=history.owned,
        sequence=history.next_sequence,
        asides={name: copy.ref.id for name, copy in asides.items()},
        renamed=history.renamed,
    )


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


def _count_unmanaged(members: Iterable[Ref], declared: Platform, live: Iterable[Ref]) -> int:
    known = {*live, *(codec.ref(found) for found in declared.of_type(SourceTable))}
    return sum(ref not in known and not _SNAPSHOT.search(ref.id) for ref in members)
