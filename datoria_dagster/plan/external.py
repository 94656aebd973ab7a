"""The steps of an external table. It holds no rows, so any column may change by a patch."""

from collections.abc import Iterator, Sequence

from datoria_dagster.diff import change as c
from datoria_dagster.model.relations import ExternalTable
from datoria_dagster.plan import statements
from datoria_dagster.plan.context import Context, Judged, whose
from datoria_dagster.plan.definitions import create_external_table
from datoria_dagster.plan.patches import patch_body
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.step import Create, Drop, Patch
from datoria_dagster.warehouse.codec import field_resource, resource
from datoria_dagster.warehouse.port import Body

_CONFIG = "externalDataConfiguration"
_CSV = "csvOptions"


def create(found: ExternalTable) -> Draft:
    """Return the step that creates it."""
    statement = create_external_table(found)
    step = Create(**whose(found), statement=statement, body=resource(found))
    return Draft(Phase.EXPAND, step)


def drop(found: ExternalTable, phase: Phase = Phase.DROP) -> Draft:
    """Return the step that drops it; its files stay."""
    statement = statements.drop(found.kind, found.id)
    return Draft(phase, Drop(**whose(found), statement=statement))


def change(after: ExternalTable, judged: Judged, context: Context) -> Iterator[Draft]:
    """Yield the patch that takes it to its declared state, and one for columns that are gone.

    Those go when nothing declared reads them any more.
    """
    live, changes = context.live(after.id), [change for change, _ in judged]
    gone = {change.path.lower() for change in changes if isinstance(change, c.FieldRemoved)}
    body = patch_body(changes, live)
    if _CONFIG in body and after.format != "CSV":
        body[_CONFIG].pop(_CSV, None)
    if not _has_columns(changes):
        yield _patch(after, body, Phase.EXPAND)
        return
    columns = _columns(after, live, frozenset())
    if not gone:
        yield _patch(after, {**body, "schema": {"fields": columns}}, Phase.EXPAND)
        return
    if any(isinstance(change, c.FieldAdded) for change in changes):
        wider = {"fields": _columns(after, live, frozenset(gone))}
        yield _patch(after, {**body, "schema": wider}, Phase.EXPAND)
        body = {}
    yield _patch(after, {**body, "schema": {"fields": columns}}, Phase.CONTRACT)


def _has_columns(changes: Sequence[c.Change]) -> bool:
    return any(change.path for change in changes)


def _columns(after: ExternalTable, live: Body, staying: frozenset[str]) -> list[Body]:
    """Return the declared columns, and of the live ones those that stay or are keys of a layout."""
    declared = [field_resource(field) for field in after.fields]
    known = {field["name"].lower() for field in declared}
    keys = "hivePartitioningOptions" in (live.get(_CONFIG) or {})
    rest = [
        field
        for field in (live.get("schema") or {}).get("fields") or []
        if field["name"].lower() not in known and (keys or field["name"].lower() in staying)
    ]
    return [*declared, *rest]


def _patch(after: ExternalTable, body: Body, phase: Phase) -> Draft:
    statement = f"tables.patch {after.id}: {', '.join(body)}"
    return Draft(phase, Patch(**whose(after), statement=statement, body=body))
