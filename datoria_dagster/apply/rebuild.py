"""REBUILD: a table copied into another one that takes its place. No row is lost at any moment.

The copy is beside the table until all rows are in it and counted. It is marked as complete then,
the table is dropped, and the copy gets its name. Who is cut off in between leaves a complete copy
of a table that is absent, which `introspect` finds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.ident import quote
from datoria_dagster.model.template import literal
from datoria_dagster.plan.statements import rename_table
from datoria_dagster.plan.step import Rebuild
from datoria_dagster.plan.tables import REBUILD_LABEL
from datoria_dagster.warehouse.port import PartitionFacts, Ref, Resource, Warehouse, WarehouseError

# https://docs.cloud.google.com/bigquery/quotas#partitioned_tables
MAX_PARTITIONS = 4_000
BUILDING, COMPLETE = "building", "complete"

Renew = Callable[[], None]
Facts = Mapping[Ref, tuple[PartitionFacts, ...]]


class RowsLost(DatoriaError):
    """A copy has another number of rows than the table; the table is as it was."""


def rebuild(step: Rebuild, etag: str | None, warehouse: Warehouse, renew: Renew) -> None:
    """Carry out a rebuild; `renew` is called before each statement.

    Raises RowsLost or a WarehouseError. The table is then as it was and the copy is gone, unless
    the copy was complete and the table dropped already.
    """
    table, aside = step.ref, Ref("table", step.aside_id)
    _delete_asides(table, warehouse)
    # Who changes the table while it is copied changes its etag, and is not overwritten.
    expected = etag or warehouse.read([table])[table].etag
    before = warehouse.partitions([table])
    dropped = False
    try:
        _copy(step, aside, warehouse, renew)
        _check_unwritten(table, before, warehouse)
        warehouse.delete(table, expected)
        dropped = True
    finally:
        if not dropped:
            _discard(table, aside, warehouse)
    try:
        warehouse.execute(rename_table(aside.id, table.parts[-1]))
    except WarehouseError as error:
        raise type(error)(
            f"{error} The table is missing meanwhile; all its rows are in {aside.id}, which the "
            "next migration puts in its place. Leave both names alone until then."
        ) from None
    warehouse.patch(table, {"labels": {REBUILD_LABEL: None}}, None)


def _copy(step: Rebuild, aside: Ref, warehouse: Warehouse, renew: Renew) -> None:
    _create(step, aside, warehouse)
    for statement in _copies(step, warehouse):
        renew()
        warehouse.execute(statement)
    _check_rows(step, aside, warehouse)
    warehouse.patch(aside, {"labels": {REBUILD_LABEL: COMPLETE}}, None)
    renew()


def is_complete(found: Resource) -> bool:
    """Tell whether a resource is a copy that has all rows of its table."""
    return (found.body.get("labels") or {}).get(REBUILD_LABEL) == COMPLETE


def copies_of(table: Ref, listed: Iterable[Ref], warehouse: Warehouse) -> tuple[Resource, ...]:
    """Return the copies of a table among what is listed of its dataset, the newest last."""
    prefix = f"{table.id}__rebuild_"
    refs = [
        ref
        for ref in listed
        if ref.id.startswith(prefix) and ref.id.removeprefix(prefix).isdecimal()
    ]
    found = [live for live in warehouse.read(refs).values() if _is_marked(live)] if refs else []
    return tuple(sorted(found, key=lambda live: int(live.ref.id.removeprefix(prefix))))


def _is_marked(found: Resource) -> bool:
    return REBUILD_LABEL in (found.body.get("labels") or {})


def _delete_asides(table: Ref, warehouse: Warehouse) -> None:
    for left in copies_of(table, warehouse.list(table.dataset.id), warehouse):
        warehouse.delete(left.ref, left.etag)


def _create(step: Rebuild, aside: Ref, warehouse: Warehouse) -> None:
    labels = {**(step.body.get("labels") or {}), REBUILD_LABEL: BUILDING}
    made = warehouse.create(aside, {**step.body, "labels": labels})
    body: dict[str, Any] = {}
    # The dataset's defaults are for new tables; this one is not, and would lose rows.
    if "expirationTime" in made.body and "expirationTime" not in step.body:
        body["expirationTime"] = None
    cut = made.body.get("timePartitioning") or {}
    if "expirationMs" in cut and "expirationMs" not in step.body["timePartitioning"]:
        body["timePartitioning"] = {**cut, "expirationMs": None}
    if body:
        warehouse.patch(aside, body, None)


def _copies(step: Rebuild, warehouse: Warehouse) -> Iterator[str]:
    """Yield the INSERT statements, each of which writes to as many partitions as it may."""
    values = _partitions(step, warehouse)
    if len(values) <= MAX_PARTITIONS:
        yield _where(step.insert, step.condition)
        return
    known = sorted(value for value in values if value is not None)
    if len(known) < len(values):
        yield _where(step.insert, step.condition, f"({step.partition}) IS NULL")
    for start in range(0, len(known), MAX_PARTITIONS):
        chunk = known[start : start + MAX_PARTITIONS]
        bounds = f"{literal(chunk[0])} AND {literal(chunk[-1])}"
        yield _where(step.insert, step.condition, f"({step.partition}) BETWEEN {bounds}")


def _partitions(step: Rebuild, warehouse: Warehouse) -> Sequence[Any]:
    if not step.partition:
        return ()
    query = f"SELECT DISTINCT {step.partition} AS part FROM {quote(step.object)}"
    return [row[0] for row in warehouse.query(_where(query, step.condition)).rows]


def _where(statement: str, *conditions: str) -> str:
    wanted = " AND ".join(condition for condition in conditions if condition)
    return f"{statement}\nWHERE {wanted}" if wanted else statement


def _check_rows(step: Rebuild, aside: Ref, warehouse: Warehouse) -> None:
    before, after = warehouse.count(step.ref), warehouse.count(aside)
    if before != after:
        raise RowsLost(
            f"has {before} rows, but its rebuilt copy has {after}. The copy was dropped and the "
            "table is as it was."
        )


def _check_unwritten(table: Ref, before: Facts, warehouse: Warehouse) -> None:
    # That rows change the etag too is unverified.
    if warehouse.partitions([table]) != before:
        raise RowsLost(
            "was written to while it was copied. The copy was dropped and the table is as it was. "
            "Migrate again when no job writes to it."
        )


def _discard(table: Ref, aside: Ref, warehouse: Warehouse) -> None:
    """Delete the copy, if there is still the table that it is of."""
    try:
        found = warehouse.read([table, aside])
        if table in found and aside in found and _is_marked(found[aside]):
            warehouse.delete(aside, None)
    except WarehouseError:
        # It is marked, so the next rebuild deletes it.
        return
