"""The steps of a table: as few metadata operations as it takes, destructive ones last."""

from collections.abc import Iterator, Sequence
from typing import Any

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Means
from datoria_dagster.model.relations import Table
from datoria_dagster.model.types import Field
from datoria_dagster.plan import statements
from datoria_dagster.plan.annotations import annotations
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.overlay import overlay, with_types
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.step import Create, Drop, Execute, Patch, Rebuild, Snapshot
from datoria_dagster.warehouse.codec import resource
from datoria_dagster.warehouse.port import Body, Ref

Judged = Sequence[tuple[c.Change, Means]]


def create(table: Table) -> Draft:
    """Return the step that creates a table."""
    step = Create(**_whose(table), statement=statements.create_table(table), body=resource(table))
    return Draft(Phase.EXPAND, step)


def drop(table: Table, facts: Facts) -> Iterator[Draft]:
    """Yield the steps that keep a table's rows and drop it."""
    yield Draft(Phase.DROP, _snapshot(table, facts))
    statement = f"DROP TABLE {table.render(None)}"
    yield Draft(Phase.DROP, Drop(**_whose(table), statement=statement))


def change(before: Table, after: Table, judged: Judged, facts: Facts) -> Iterator[Draft]:
    """Yield the steps that take a table from its live state to the declared one."""
    live = facts.body(Ref("table", after.id))
    changes = [change for change, _ in judged]
    if any(means is Means.REBUILD for _, means in judged):
        yield from _rebuild(before, after, changes, facts)
        return
    body = _patch_body(live, after, changes)
    if body:
        yield Draft(Phase.EXPAND, _patch(after, body))
    for statement in _in_place(before, after, changes):
        yield Draft(Phase.EXPAND, Execute(**_whose(after), statement=statement))
    dropped = [change.path for change in changes if isinstance(change, c.FieldRemoved)]
    if dropped:
        yield Draft(Phase.CONTRACT, _snapshot(after, facts))
        statement = statements.drop_columns(after.id, dropped)
        yield Draft(Phase.CONTRACT, Execute(**_whose(after), statement=statement))


def _rebuild(
    before: Table, after: Table, changes: Sequence[c.Change], facts: Facts
) -> Iterator[Draft]:
    clustering = [change for change in changes if isinstance(change, c.ClusteringChanged)]
    if clustering:
        # CREATE OR REPLACE refuses another clustering, a patch does not.
        yield Draft(Phase.EXPAND, _patch(after, _patch_body({}, after, clustering)))
    yield Draft(Phase.EXPAND, _snapshot(after, facts))
    order = {field.name.lower(): index for index, field in enumerate(before.fields)}
    fields = sorted(after.fields, key=lambda field: order.get(field.name.lower(), len(order)))
    statement = statements.rebuild(before, after.with_fields(tuple(fields)))
    yield Draft(Phase.EXPAND, Rebuild(**_whose(after), statement=statement))


def _patch_body(live: Body, after: Table, changes: Sequence[c.Change]) -> Body:
    body = annotations(changes)
    for change in changes:
        match change:
            case c.ClusteringChanged():
                fields = {"fields": list(change.after)}
                body["clustering"] = fields if change.after else None
            case c.FieldAdded() | c.FieldModeChanged():
                body["schema"] = {"fields": overlay(live["schema"]["fields"], after.fields)}
            case c.DescriptionChanged() if change.path:
                body["schema"] = {"fields": overlay(live["schema"]["fields"], after.fields)}
            case _:
                pass
    return body


def _in_place(before: Table, after: Table, changes: Sequence[c.Change]) -> Iterator[str]:
    """Yield the statements that widen columns, a column once, and then those that set defaults."""
    fields = with_types(before.fields, after.fields)
    widened = dict.fromkeys(
        ch.column.lower() for ch in changes if isinstance(ch, c.FieldTypeChanged)
    )
    for name in widened:
        yield statements.set_type(after.id, _find(fields, name))
    for change in changes:
        match change:
            case c.FieldAdded() if change.after.default is not None:
                yield statements.set_default(after.id, change.path, change.after.default)
            case c.FieldDefaultChanged():
                yield statements.set_default(after.id, change.path, change.after)
            case _:
                pass


def _find(fields: tuple[Field, ...], name: str) -> Field:
    return next(field for field in fields if field.name.lower() == name)


def _patch(table: Table, body: Body) -> Patch:
    return Patch(
        **_whose(table), statement=f"tables.patch {table.id}: {', '.join(body)}", body=body
    )


def _snapshot(table: Table, facts: Facts) -> Snapshot:
    copy_id = f"{table.id}__before_{facts.sequence}"
    statement = statements.snapshot(table.id, copy_id)
    return Snapshot(**_whose(table), statement=statement, copy_id=copy_id)


def _whose(table: Table) -> dict[str, Any]:
    return {"object": table.id, "object_kind": table.kind, "resource_kind": "table"}
