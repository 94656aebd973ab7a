"""The steps of a table: as few metadata operations as it takes, destructive ones last."""

from collections.abc import Iterator, Sequence

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Severity
from datoria_dagster.model.relations import Table
from datoria_dagster.model.types import Field
from datoria_dagster.plan import statements
from datoria_dagster.plan.context import Context, Judged, whose
from datoria_dagster.plan.definitions import create_table
from datoria_dagster.plan.keys import inline
from datoria_dagster.plan.overlay import overlay, renamed, with_types
from datoria_dagster.plan.patches import patch_body
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.rewrite import rewrite
from datoria_dagster.plan.step import Create, Drop, Execute, Patch, Rename, Snapshot
from datoria_dagster.warehouse.codec import resource
from datoria_dagster.warehouse.port import Body

REBUILD_LABEL = "datoria_rebuild"


def create(table: Table, context: Context) -> Draft:
    """Return the step that creates a table, with those foreign keys that may be in it."""
    found = inline(table, context)
    step = Create(**whose(table), statement=create_table(found), body=resource(found))
    return Draft(Phase.EXPAND, step)


def drop(table: Table, context: Context, phase: Phase = Phase.DROP) -> Iterator[Draft]:
    """Yield the steps that keep a table's rows and drop it."""
    yield from snapshot(table, context, phase)
    statement = statements.drop(table.kind, table.id)
    yield Draft(phase, Drop(**whose(table), statement=statement))


def snapshot(table: Table, context: Context, phase: Phase) -> Iterator[Draft]:
    """Yield the step that keeps a table's rows, unless none is wanted."""
    if not context.days:
        return
    copy_id = f"{table.id}__before_{context.facts.sequence}"
    statement = statements.snapshot(table.id, copy_id, context.days)
    step = Snapshot(**whose(table), statement=statement, copy_id=copy_id, days=context.days)
    yield Draft(phase, step)


def recover(table: Table, context: Context) -> Iterator[Draft]:
    """Yield the steps that finish a rebuild that was cut off: the copy takes the table's place."""
    aside = context.facts.asides[table.id]
    statement = statements.rename_table(aside, table.name)
    yield Draft(Phase.EXPAND, Rename(**whose(table), statement=statement, source=aside))
    yield Draft(Phase.EXPAND, _patch(table, {"labels": {REBUILD_LABEL: None}}))


def change(after: Table, judged: Judged, context: Context) -> Iterator[Draft]:
    """Yield the steps that take a table from its live state to the declared one, without keys."""
    before, live = context.before(after), context.live(after.id)
    late = [change for change, finding in judged if _is_late(change, finding.severity)]
    changes = [change for change, _ in judged if change not in late]
    for found in changes:
        if isinstance(found, c.ObjectRenamed):
            statement = statements.rename_table(found.before, after.name)
            step = Rename(**whose(after), statement=statement, source=found.before)
            yield Draft(Phase.EXPAND, step)
    rebuilt = after.id in context.rebuilt
    if rebuilt:
        yield from snapshot(after, context, Phase.EXPAND)
        step = rewrite(before, after, [*changes, *late], late, context)
        yield Draft(Phase.EXPAND, step)
        live = step.body
    else:
        yield from _in_place(before, after, changes, live)
    yield from _contract(after, changes, late, live, context)


def _is_late(change: c.Change, severity: Severity) -> bool:
    """Tell whether an option is set when nothing else is left to do: it deletes, or refuses."""
    return isinstance(change, c.OptionChanged) and (
        severity is Severity.DESTRUCTIVE
        or (change.option == "require_partition_filter" and bool(change.after))
    )


def _contract(
    after: Table,
    changes: Sequence[c.Change],
    late: Sequence[c.Change],
    live: Body,
    context: Context,
) -> Iterator[Draft]:
    rebuilt = after.id in context.rebuilt
    dropped = [ch.path for ch in changes if isinstance(ch, c.FieldRemoved) and not rebuilt]
    filtered = [ch for ch in late if getattr(ch, "option", "") == "require_partition_filter"]
    if not rebuilt and (dropped or len(late) > len(filtered)):
        yield from snapshot(after, context, Phase.CONTRACT)
    if dropped:
        statement = statements.drop_columns(after.id, dropped)
        yield Draft(Phase.CONTRACT, Execute(**whose(after), statement=statement))
    if late:
        yield Draft(Phase.CONTRACT, _patch(after, patch_body(late, live)))


def _in_place(
    before: Table, after: Table, changes: Sequence[c.Change], live: Body
) -> Iterator[Draft]:
    renames = [change for change in changes if isinstance(change, c.FieldRenamed)]
    unclustered = any("CLUSTERING" in change.roles for change in renames)
    if unclustered:
        yield Draft(Phase.EXPAND, _patch(after, {"clustering": None}))
    names = {change.before.lower(): change.after for change in renames}
    if renames:
        yield Draft(Phase.EXPAND, _rename_columns(after, renames))
        live = {**live, "schema": {"fields": renamed(live["schema"]["fields"], names)}}
        before = before.with_fields(
            tuple(_called(field, names.get(field.name.lower())) for field in before.fields)
        )
    body = _patch_body(after, changes, live)
    if unclustered and after.clustering:
        body["clustering"] = {"fields": list(after.clustering)}
    if body:
        yield Draft(Phase.EXPAND, _patch(after, body))
    for statement in _statements(before, after, changes):
        yield Draft(Phase.EXPAND, Execute(**whose(after), statement=statement))


def _called(field: Field, name: str | None) -> Field:
    return field if name is None else field.model_copy(update={"name": name})


def _rename_columns(table: Table, renames: Sequence[c.FieldRenamed]) -> Execute:
    names = [(change.before, change.after) for change in renames]
    statement = statements.rename_columns(table.id, names)
    return Execute(
        **whose(table),
        statement=statement,
        renamed=tuple((change.path, change.after) for change in renames),
    )


def _patch_body(after: Table, changes: Sequence[c.Change], live: Body) -> Body:
    body = patch_body(changes, live)
    for change in changes:
        match change:
            case c.ClusteringChanged():
                fields = {"fields": list(change.after)}
                body["clustering"] = fields if change.after else None
            case c.FieldAdded() | c.FieldModeChanged():
                body["schema"] = _schema(after, live)
            case c.DescriptionChanged() | c.OptionChanged() if change.path:
                body["schema"] = _schema(after, live)
            case _:
                pass
    return body


def _schema(after: Table, live: Body) -> Body:
    return {"fields": overlay(live["schema"]["fields"], after.fields)}


def _statements(before: Table, after: Table, changes: Sequence[c.Change]) -> Iterator[str]:
    """Yield the statements that widen columns, a column once, and then those that set defaults."""
    widened = dict.fromkeys(
        ch.column.lower() for ch in changes if isinstance(ch, c.FieldTypeChanged)
    )
    if widened:
        fields = {field.name.lower(): field for field in with_types(before.fields, after.fields)}
        for name in widened:
            yield statements.set_type(after.id, fields[name])
    for change in changes:
        match change:
            case c.FieldAdded() if change.after.default is not None:
                yield statements.set_default(after.id, change.path, change.after.default)
            case c.FieldDefaultChanged():
                yield statements.set_default(after.id, change.path, change.after)
            case _:
                pass


def _patch(table: Table, body: Body) -> Patch:
    statement = f"tables.patch {table.id}: {', '.join(body)}"
    return Patch(**whose(table), statement=statement, body=body)
