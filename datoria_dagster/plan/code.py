"""The steps of what is made of SQL: views, materialized views and routines."""

from collections.abc import Iterator

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Means
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.model.routines import AnyRoutine, Procedure
from datoria_dagster.model.types import walk
from datoria_dagster.plan import statements
from datoria_dagster.plan.context import Context, Judged, whose
from datoria_dagster.plan.definitions import create_materialized_view, create_view
from datoria_dagster.plan.patches import patch_body
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.routines import create_routine
from datoria_dagster.plan.step import Create, Drop, Execute, Patch, Replace
from datoria_dagster.warehouse.codec import field_resource, resource
from datoria_dagster.warehouse.port import Body

Code = View | MaterializedView | AnyRoutine


def create(found: Code) -> Iterator[Draft]:
    """Yield the steps that create it; a view's columns are described afterwards."""
    body, returns = resource(found), _returns(found)
    step = Create(**whose(found), statement=_statement(found), body=body, returns=returns)
    yield Draft(_phase(found), step)
    if isinstance(found, View):
        yield from _describe(found, Phase.CODE)


def drop(found: Code, phase: Phase = Phase.RETIRE) -> Draft:
    """Return the step that drops it."""
    statement = statements.drop(found.kind, found.id)
    return Draft(phase, Drop(**whose(found), statement=statement))


def change(found: Code, judged: Judged, context: Context) -> Iterator[Draft]:
    """Yield the steps that take it to its declared state."""
    match found:
        case View():
            yield from _change_view(found, [change for change, _ in judged], context)
        case MaterializedView() if any(f.means is Means.RECREATE for _, f in judged):
            yield Draft(Phase.CODE, issue(found))
        case MaterializedView():
            body = patch_body((change for change, _ in judged), context.live(found.id))
            yield Draft(Phase.CODE, _patch(found, body))
        case _:
            step = Replace(**whose(found), statement=_statement(found), body=resource(found))
            yield Draft(_phase(found), step)


def refresh(found: View | MaterializedView) -> Iterator[Draft]:
    """Yield the steps that issue it again, because what it reads has changed.

    Sources: https://docs.cloud.google.com/bigquery/docs/views-intro#view_limitations and
    https://docs.cloud.google.com/bigquery/docs/materialized-views-intro#limitations
    """
    if isinstance(found, MaterializedView):
        yield Draft(Phase.REFRESH, issue(found))
        return
    body = {"view": resource(found)["view"]}
    step = Patch(**whose(found), statement=_statement(found), body=body, returns=_returns(found))
    yield Draft(Phase.REFRESH, step)
    yield from _describe(found, Phase.REFRESH)


def _change_view(view: View, changes: list[c.Change], context: Context) -> Iterator[Draft]:
    said = (c.DescriptionChanged, c.LabelsChanged, c.OptionChanged)
    issued = any(not isinstance(change, said) for change in changes)
    phase = Phase.CODE if any(isinstance(ch, c.QueryChanged) for ch in changes) else Phase.REFRESH
    body = patch_body(changes, context.live(view.id))
    if issued:
        statement = _statement(view)
        body["view"] = resource(view)["view"]
        step = Patch(**whose(view), statement=statement, body=body, returns=_returns(view))
        yield Draft(phase, step)
    elif body:
        yield Draft(phase, _patch(view, body))
    described = any(isinstance(ch, c.DescriptionChanged) and ch.path for ch in changes)
    if issued or described:
        yield from _describe(view, phase, even_if_bare=described)


def _describe(view: View, phase: Phase, *, even_if_bare: bool = False) -> Iterator[Draft]:
    if even_if_bare or any(field.description for _, field in walk(view.fields)):
        body = {"schema": {"fields": [field_resource(field) for field in view.fields]}}
        statement = f"tables.patch {view.id}: descriptions of columns"
        yield Draft(phase, Patch(**whose(view), statement=statement, body=body))


def issue(view: MaterializedView) -> Execute:
    """Return the step that puts another materialized view in its place, or creates it."""
    query = view.query.render()
    return Execute(**whose(view), statement=_statement(view), query=query, returns=_returns(view))


def _patch(found: View | MaterializedView, body: Body) -> Patch:
    statement = f"tables.patch {found.id}: {', '.join(body)}"
    return Patch(**whose(found), statement=statement, body=body)


def _phase(found: Code) -> Phase:
    return Phase.PROCEDURES if isinstance(found, Procedure) else Phase.CODE


def _returns(found: Code) -> tuple[Body, ...] | None:
    if isinstance(found, View | MaterializedView):
        return tuple(map(field_resource, found.fields))
    return None


def _statement(found: Code) -> str:
    match found:
        case View():
            return create_view(found)
        case MaterializedView():
            return create_materialized_view(found)
        case _:
            return create_routine(found)
