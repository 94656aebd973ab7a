"""RESTORE: a plan that brings a table back from a snapshot that a migration has taken."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from datoria_dagster.judge.verdict import BACKUP_DAYS
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.ident import check_dataset, check_project, check_table
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import MaterializedView, Table
from datoria_dagster.plan import statements
from datoria_dagster.plan.code import issue
from datoria_dagster.plan.context import whose
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.order import readers
from datoria_dagster.plan.step import ABSENT, Drop, Release, Restore, Snapshot, Step
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.codec.relations import TYPES
from datoria_dagster.warehouse.port import Ref, Resource, Warehouse

_NAME = re.compile(r"(?P<table>.+\..+\..+)__before_\d+", re.DOTALL)


class Kept(NamedTuple):
    """For how many days the replaced table is kept, and under which number."""

    days: int
    sequence: int


class NotRestorable(DatoriaError):
    """There is nothing to restore, or something stands in the way. Nothing was changed."""


def plan_restore(
    snapshot: str, platform: Platform, warehouse: Warehouse, days: int = BACKUP_DAYS
) -> Plan:
    """Return the plan that makes a table what it is in a snapshot. Changes nothing.

    The table that it replaces is kept for so many `days`, for 0 it is not. Raises NotRestorable.
    """
    table, source = _table(snapshot, platform), Ref("table", snapshot)
    target = codec.ref(table)
    read_by = readers(platform, frozenset([table.id]))
    views = [view for view in platform.of_type(MaterializedView) if view.id in read_by]
    with warehouse.session():
        live = warehouse.read([source, target, *map(codec.ref, views)])
        policies = warehouse.policies([target])
        sequence = Ledger(warehouse, platform).read().next_sequence
    _check_source(source, live.get(source))
    if target in live:
        _check_replaceable(live[target], bool(policies.get(target)))
    steps = [*_steps(table, live, live[source], Kept(days, sequence)), *_reissued(views, live)]
    if table.id not in platform.objects:
        _check_free(live.get(target))
        released = "not declared: left alone from now on"
        steps.append(Release(**whose(table), statement=released, level=1))
    return Plan(steps=tuple(steps))


def _table(snapshot: str, platform: Platform) -> Table:
    """Return the table that a snapshot is of; one that left the code is only a name."""
    parsed = _NAME.fullmatch(snapshot)
    if parsed is None or not _is_name(parsed["table"]):
        raise NotRestorable(
            f"{snapshot} is not the name of a snapshot that a migration took: they are called "
            "project.dataset.table__before_N. The end of a forced migration names them."
        )
    name = parsed["table"]
    found = platform.objects.get(name, _undeclared(name))
    if not isinstance(found, Table):
        raise NotRestorable(
            f"{name} is declared as a {found.kind.replace('_', ' ')}, so the table would be "
            "dropped again. Declare it as a table, and restore it then."
        )
    return found


def _is_name(table: str) -> bool:
    project, dataset, name = table.rsplit(".", 2)
    try:
        return bool(check_project(project) and check_dataset(dataset) and check_table(name))
    except ValueError:
        return False


def _undeclared(name: str) -> Table:
    project, dataset, table = name.rsplit(".", 2)
    home = Dataset.model_construct(project=project, name=dataset)
    return Table.model_construct(dataset=home, name=table)


def _check_source(source: Ref, found: Resource | None) -> None:
    if found is None:
        raise NotRestorable(
            f"{source.id} does not exist: it has expired, or was never taken. `datoria history` "
            "tells which migrations there were."
        )
    if found.body.get("type") != "SNAPSHOT":
        raise NotRestorable(
            f"{source.id} is not a snapshot but a {_kind(found).replace('_', ' ')}. "
            "Nothing was restored."
        )


def _kind(found: Resource) -> str:
    kind = str(found.body.get("type", "TABLE"))
    return next((name for name, type in TYPES.items() if type == kind), kind.lower())


def _check_replaceable(found: Resource, policies: bool) -> None:  # noqa: FBT001
    if policies:
        raise NotRestorable(
            f"{found.ref.id} has row access policies, which would be lost. Drop them, restore, and "
            "create them again."
        )
    if found.body.get("streamingBuffer"):
        raise NotRestorable(
            f"Rows are being streamed into {found.ref.id}, which would be lost. Stop the writers, "
            "and restore when the buffer is empty, usually after 90 minutes."
        )


def _check_free(found: Resource | None) -> None:
    if found is not None:
        raise NotRestorable(
            f"{found.ref.id} exists and is not declared, so it is not ours to replace. Declare the "
            "table, or move that one away, and restore then."
        )


def _steps(
    table: Table, live: Mapping[Ref, Resource], source: Resource, kept: Kept
) -> Iterator[Step]:
    current = live.get(codec.ref(table))
    gone = [] if current is None else list(_dropping(table, current, kept))
    yield from gone
    yield Restore(
        **whose(table),
        statement=statements.clone(table.id, source.ref.id),
        expects=None if gone else ABSENT,
        source=source.ref.id,
        source_expects=source.etag,
    )


def _dropping(table: Table, current: Resource, kept: Kept) -> Iterator[Step]:
    kind, expects = _kind(current), current.etag
    if kind == "table" and kept.days:
        copy_id = f"{table.id}__before_{kept.sequence}"
        statement = statements.snapshot(table.id, copy_id, kept.days)
        yield Snapshot(
            **whose(table), statement=statement, expects=expects, copy_id=copy_id, days=kept.days
        )
    # Every step expects what was read: a snapshot doesn't change its table.
    yield Drop(**whose(table), statement=statements.drop(kind, table.id), expects=expects)


def _reissued(views: Sequence[MaterializedView], live: Mapping[Ref, Resource]) -> Iterator[Step]:
    """Yield the steps that issue again what is made of the table: it is another table now."""
    for view in views:
        found = live.get(codec.ref(view))
        if found is not None:
            yield issue(view).model_copy(update={"expects": found.etag, "level": 1})
