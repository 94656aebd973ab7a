"""`datoria check`: what is wrong with the SQL of a platform, told offline."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.origin import place
from datoria_dagster.model.platform import Object, Platform, refuse_cycles
from datoria_dagster.model.relations import ExternalTable, MaterializedView, Table, View
from datoria_dagster.model.routines import (
    AggregateFunction,
    Procedure,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field, walk
from datoria_dagster.sql.assignable import (
    is_assignable,
    wrong_in_function,
    wrong_in_table,
    wrong_in_view,
)
from datoria_dagster.sql.declared import (
    Known,
    missing_routines,
    refuse_arguments,
    wrong_calls,
    wrong_relations,
)
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.needs import needs
from datoria_dagster.sql.parse import parse, parse_expression, parse_statement
from datoria_dagster.sql.references import references
from datoria_dagster.sql.script import Statement, names, statements
from datoria_dagster.sql.typecheck import Columns, output, output_of_body

if TYPE_CHECKING:
    from sqlglot import exp

# A function's body is checked as a query on a relation whose columns are the arguments.
_ARGUMENTS = "function.its.arguments"
_BEFORE, _AFTER = "SELECT (", f"\n) FROM `{_ARGUMENTS}`"
_QUERY = re.compile(r"(SELECT|WITH)\b", re.IGNORECASE)
_STATEMENT = re.compile(r"(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|CREATE)\b", re.IGNORECASE)
_CREATES = re.compile(r"CREATE\b", re.IGNORECASE)


def problems(platform: Platform, *, only: frozenset[str] | None = None) -> tuple[str, ...]:
    """Return what is wrong with the queries, bodies and defaults, in the order of the objects.

    With `only`, of the objects with these ids.

    Each names the object and, where known, the file and line of its SQL. What can't be told
    offline (the columns of a PIVOT, the type that a function of others returns) is left out.
    """
    known = Known(platform)
    checked = [item for item in platform if only is None or item.id in only]
    found = (told(item, problem) for item in checked for problem in _problems(item, known))
    return (*found, *_circles(platform, checked))


def told(item: Object, problem: str | SqlError) -> str:
    """Return a problem with the SQL of an object after the file and line, as far as known."""
    found = getattr(item, "query", None)
    if not isinstance(found, Sql):
        return f"{item.id}: {problem}"
    execution = item.start if isinstance(item, Job) else None
    offset = problem.span[0] if isinstance(problem, SqlError) else 0
    where = place(found, offset, execution)
    said = problem.with_place(item.id) if isinstance(problem, SqlError) else problem
    return f"{where}: {item.id}: {said}" if where else f"{item.id}: {said}"


def _problems(item: Object, known: Known) -> Iterator[str | SqlError]:
    try:
        match item:
            case View() | MaterializedView():
                yield from _of_view(item, known)
            case Job():
                yield from _of_job(item, known)
            case ScalarFunction() | AggregateFunction():
                yield from _of_function(item, known)
            case TableFunction():
                yield from _of_table_function(item, known)
            case Procedure():
                yield from _of_procedure(item, known)
            case Table():
                yield from _of_defaults(item)
            case _:
                pass
    except SqlError as error:
        yield error
    except DeclarationError as error:
        yield str(error)


def _of_view(view: View | MaterializedView, known: Known) -> Iterator[str | SqlError]:
    query = view.query.render()
    yield from _of_bases(view, known)
    wrong = tuple(_of_names(parse(query), query, view, known))
    yield from wrong
    columns = None if wrong else _checked_output(query, known)
    if columns is not None:
        yield from wrong_in_view(view.fields, columns)


def _of_bases(view: View | MaterializedView, known: Known) -> Iterator[str]:
    """Yield what a materialized view can't be made of.

    Source: https://docs.cloud.google.com/bigquery/docs/materialized-views-intro
    """
    for name in needs(view) if isinstance(view, MaterializedView) else ():
        found = known.platform.objects.get(name)
        if isinstance(found, View | ExternalTable):
            kind = found.kind.replace("_", " ")
            yield f"it reads the {kind} {name}, but a materialized view reads tables. Read those."


def _of_job(job: Job, known: Known) -> Iterator[str | SqlError]:
    query = job.query.render(job.start)
    wrong = tuple(_of_names(parse(query), query, job, known))
    yield from wrong
    if job.destination.id in references(query):
        yield f"it reads its own destination, {job.destination.id}."
    columns = None if wrong else _checked_output(query, known)
    if columns is not None:
        yield from wrong_in_table(job.destination, columns)


def _checked_output(query: str, known: Known) -> Columns | None:
    """Return what a query returns. Raises SqlError for a missing column or a wrong argument."""
    columns = output(query, known.schemas, known.functions)
    refuse_arguments(query, known.schemas, known)
    return columns


def _of_names(tree: "exp.Expr", text: str, item: Object, known: Known) -> Iterator[str | SqlError]:
    yield from wrong_relations(tree, text, item, known)
    yield from wrong_calls(tree, text, item, known)
    yield from missing_routines(tree, known)


def _of_function(
    function: ScalarFunction | AggregateFunction, known: Known
) -> Iterator[str | SqlError]:
    if function.query is None:
        return
    body = function.query.render()
    wrong = tuple(_of_names(parse_expression(body), body, function, known))
    yield from wrong
    columns = None if wrong else _body_output(function, body, known)
    type = columns[0][1] if columns else None
    if type is not None and not is_assignable(type, function.returns):
        yield f"it returns {function.returns}, but its body is {type}. CAST it, or change returns=…"


def _body_output(
    function: ScalarFunction | AggregateFunction, body: str, known: Known
) -> Columns | None:
    arguments = tuple(
        Field(given.name, given.type.element, repeated=True)
        if given.type.name == "ARRAY" and given.type.element is not None
        else Field(given.name, given.type)
        for given in function.arguments
    )
    schemas = {**known.schemas, _ARGUMENTS: arguments}
    query = f"{_BEFORE}{body}{_AFTER}"
    try:
        columns = output(query, schemas, known.functions)
        refuse_arguments(query, schemas, known)
    except SqlError as error:
        start, end = (max(0, offset - len(_BEFORE)) for offset in error.span)
        raise SqlError(error.sentence, body, (start, end)) from None
    return columns


def _of_table_function(function: TableFunction, known: Known) -> Iterator[str | SqlError]:
    query = function.body.render()
    wrong = tuple(_of_names(parse(query), query, function, known))
    yield from wrong
    arguments = {argument.name: argument.type for argument in function.arguments}
    schemas, functions = known.schemas, known.functions
    columns = None if wrong else output_of_body(query, schemas, functions, arguments)
    if columns is not None:
        yield from wrong_in_function(function, columns)


def _of_procedure(procedure: Procedure, known: Known) -> Iterator[str | SqlError]:
    body = procedure.body.render()
    found = statements(body)
    created = {
        name
        for statement in found
        if _CREATES.match(statement.text)
        for name in names(statement.text)
    }
    for statement in found if procedure.strict_mode else ():
        for error in _of_statement(statement, procedure, known):
            start, end = (offset + statement.start for offset in error.span)
            if body[start:end].replace("`", "") not in created:
                yield SqlError(error.sentence, body, (start, end))


def _of_statement(statement: Statement, procedure: Procedure, known: Known) -> Iterator[SqlError]:
    """Yield what is wrong with a statement, as far as it can be followed."""
    text = statement.text
    try:
        tree = parse_statement(text) if _STATEMENT.match(text) else parse_expression(text)
    except SqlError as error:
        if _QUERY.match(text):
            yield error
        return
    for error in wrong_relations(tree, text, procedure, known):
        # A name without a dataset may be a temporary table.
        if "." in text[slice(*error.span)]:
            yield error
    yield from wrong_calls(tree, text, procedure, known)


def _of_defaults(table: Table) -> Iterator[str]:
    for path, field in walk(table.fields):
        if field.default is not None:
            try:
                parse_expression(field.default)
            except SqlError as error:
                yield str(error.with_place(f"{table.id}:{path}"))


def _circles(platform: Platform, checked: list[Object]) -> Iterator[str]:
    """Yield the path when these objects, or what they need, depend on one another in a circle."""
    fillers: dict[str, list[str]] = {}
    for job in platform.jobs:
        fillers.setdefault(job.destination.id, []).append(job.id)
    graph: dict[str, list[str]] = {}
    open_ids = [item.id for item in checked]
    while open_ids:
        name = open_ids.pop()
        if name not in graph and name in platform.objects:
            item = platform.objects[name]
            # What names itself is told where it stands; a procedure may call itself.
            graph[name] = sorted({*needs(item), *fillers.get(name, ())} - {name})
            open_ids += graph[name]
    try:
        refuse_cycles(dict(sorted(graph.items())))
    except DeclarationError as error:
        yield str(error)
