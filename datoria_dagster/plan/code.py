"""The steps of what is made of SQL: views and functions."""

from collections.abc import Iterator, Sequence
from typing import Any

from datoria_dagster.diff import change as c
from datoria_dagster.model.relations import View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.model.types import walk
from datoria_dagster.plan import statements
from datoria_dagster.plan.annotations import annotations
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.step import Create, Drop, Patch, Replace
from datoria_dagster.warehouse.codec import field_resource, resource
from datoria_dagster.warehouse.port import Body

Code = View | ScalarFunction


def create(found: Code) -> Iterator[Draft]:
    """Yield the steps that create a view (its columns are described afterwards) or a function."""
    body, returns = resource(found), _returns(found)
    step = Create(**_whose(found), statement=_statement(found), body=body, returns=returns)
    yield Draft(Phase.CODE, step)
    if isinstance(found, View):
        yield from _describe(found, Phase.CODE)


def drop(found: Code) -> Draft:
    """Return the step that drops a view or a function."""
    word = "VIEW" if isinstance(found, View) else "FUNCTION"
    statement = f"DROP {word} {found.render(None)}"
    return Draft(Phase.RETIRE, Drop(**_whose(found), statement=statement))


def change(found: Code, changes: Sequence[c.Change]) -> Iterator[Draft]:
    """Yield the steps that take a view or a function to its declared state."""
    if isinstance(found, ScalarFunction):
        step = Replace(**_whose(found), statement=_statement(found), body=resource(found))
        yield Draft(Phase.CODE, step)
        return
    issued = any(
        not isinstance(change, c.DescriptionChanged | c.LabelsChanged) for change in changes
    )
    phase = Phase.CODE if any(isinstance(ch, c.QueryChanged) for ch in changes) else Phase.REFRESH
    body = annotations(changes)
    if issued:
        body["view"] = resource(found)["view"]
    if body:
        statement = _statement(found) if issued else f"tables.patch {found.id}: {', '.join(body)}"
        returns = _returns(found) if issued else None
        step = Patch(**_whose(found), statement=statement, body=body, returns=returns)
        yield Draft(phase, step)
    described = any(isinstance(ch, c.DescriptionChanged) and ch.path for ch in changes)
    if issued or described:
        yield from _describe(found, phase, even_if_bare=described)


def refresh(view: View) -> Iterator[Draft]:
    """Yield the steps that issue a view again, because what it reads has changed.

    Source: https://docs.cloud.google.com/bigquery/docs/views-intro#view_limitations
    """
    body = {"view": resource(view)["view"]}
    returns = _returns(view)
    step = Patch(**_whose(view), statement=_statement(view), body=body, returns=returns)
    yield Draft(Phase.REFRESH, step)
    yield from _describe(view, Phase.REFRESH)


def _describe(view: View, phase: Phase, *, even_if_bare: bool = False) -> Iterator[Draft]:
    if even_if_bare or any(field.description for _, field in walk(view.fields)):
        body = {"schema": {"fields": [field_resource(field) for field in view.fields]}}
        statement = f"tables.patch {view.id}: descriptions of columns"
        yield Draft(phase, Patch(**_whose(view), statement=statement, body=body))


def _returns(found: Code) -> tuple[Body, ...] | None:
    return tuple(map(field_resource, found.fields)) if isinstance(found, View) else None


def _statement(found: Code) -> str:
    if isinstance(found, View):
        return statements.create_view(found)
    return statements.create_function(found)


def _whose(found: Code) -> dict[str, Any]:
    kind = "table" if isinstance(found, View) else "routine"
    return {"object": found.id, "object_kind": found.kind, "resource_kind": kind}
