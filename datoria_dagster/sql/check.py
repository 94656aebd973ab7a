"""`datoria check`: what is wrong with the SQL of a platform, told offline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform, reads, refuse_cycles
from datoria_dagster.model.relations import Relation, SourceTable, Table, View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field, Type, walk
from datoria_dagster.sql.assignable import is_assignable, wrong_in_table, wrong_in_view
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.parse import parse, parse_expression
from datoria_dagster.sql.references import incomplete, places, references, routines
from datoria_dagster.sql.typecheck import Columns, output

# A function's body is checked as a query on a relation whose columns are the arguments.
_ARGUMENTS = "function.its.arguments"
_BEFORE, _AFTER = "SELECT (", f"\n) FROM `{_ARGUMENTS}`"


def problems(platform: Platform, *, only: frozenset[str] | None = None) -> tuple[str, ...]:
    """Return what is wrong with the queries, bodies and defaults, in the order of the objects.

    With `only`, of the objects with these ids.

    Each names the object and, where known, the file and line of its SQL. What can't be told
    offline (the columns of a PIVOT, the type that a function of others returns) is left out.
    """
    known = _Known(
        platform,
        {item.id: item.fields for item in platform if isinstance(item, Relation)},
        {item.id: item.returns for item in platform.of_type(ScalarFunction)},
    )
    checked = [item for item in platform if only is None or item.id in only]
    found = (
        f"{item.id}{_origin(item)}: {problem}"
        for item in checked
        for problem in _problems(item, known)
    )
    return (*found, *_circles(platform, checked))


@dataclass(frozen=True)
class _Known:
    platform: Platform
    schemas: Mapping[str, tuple[Field, ...]]
    functions: Mapping[str, Type]


def _problems(item: Object, known: _Known) -> Iterator[str]:
    try:
        match item:
            case View():
                yield from _of_view(item, known)
            case Job():
                yield from _of_job(item, known)
            case ScalarFunction():
                yield from _of_function(item, known)
            case Table():
                yield from _of_defaults(item)
            case Dataset() | SourceTable() | Foreign():
                pass
    except SqlError as error:
        yield str(error.with_place(item.id))
    except DeclarationError as error:
        yield str(error)


def _of_view(view: View, known: _Known) -> Iterator[str]:
    query = view.query.render()
    parse(query)
    undeclared = tuple(_undeclared(query, view.id, known))
    yield from undeclared
    columns = None if undeclared else output(query, known.schemas, known.functions)
    if columns is not None:
        yield from wrong_in_view(view, columns)


def _of_job(job: Job, known: _Known) -> Iterator[str]:
    query = job.query.render(job.start)
    parse(query)
    undeclared = tuple(_undeclared(query, job.id, known))
    yield from undeclared
    if job.destination.id in references(query):
        yield f"it reads its own destination, {job.destination.id}."
    columns = None if undeclared else output(query, known.schemas, known.functions)
    if columns is not None:
        yield from wrong_in_table(job.destination, columns)


def _of_function(function: ScalarFunction, known: _Known) -> Iterator[str]:
    body = function.body.render()
    parse_expression(body)
    undeclared = tuple(_undeclared(body, function.id, known))
    yield from undeclared
    columns = None if undeclared else _body_output(function, body, known)
    type = columns[0][1] if columns else None
    if type is not None and not is_assignable(type, function.returns):
        yield f"it returns {function.returns}, but its body is {type}. CAST it, or change returns=…"


def _body_output(function: ScalarFunction, body: str, known: _Known) -> Columns | None:
    arguments = tuple(
        Field(given.name, given.type.element, repeated=True)
        if given.type.name == "ARRAY" and given.type.element is not None
        else Field(given.name, given.type)
        for given in function.arguments
    )
    try:
        return output(
            f"{_BEFORE}{body}{_AFTER}", {**known.schemas, _ARGUMENTS: arguments}, known.functions
        )
    except SqlError as error:
        start, end = (max(0, offset - len(_BEFORE)) for offset in error.span)
        raise SqlError(error.sentence, body, (start, end)) from None


def _of_defaults(table: Table) -> Iterator[str]:
    for path, field in walk(table.fields):
        if field.default is not None:
            try:
                parse_expression(field.default)
            except SqlError as error:
                yield str(error.with_place(f"{table.id}:{path}"))


def _undeclared(text: str, place: str, known: _Known) -> Iterator[str]:
    """Yield the relations and routines that a text names and the platform does not have."""
    for name, span in incomplete(text):
        sentence = f"{name} is not a full name; write project.dataset.name."
        yield str(SqlError(sentence, text, span, place))
    for name, span in places(text):
        if not _is_declared(name, known):
            sentence = (
                f"{name} is not part of the platform. If others own it, declare a SourceTable."
            )
            yield str(SqlError(sentence, text, span, place))
    for name in routines(text):
        # Functions of others can't be declared; those of a dataset of ours can.
        ours = name.rpartition(".")[0] in known.platform.objects
        if ours and name not in known.platform.objects:
            yield f"it calls {name}, which is not part of the platform. Declare it."


def _is_declared(name: str, known: _Known) -> bool:
    if name.endswith("*"):
        return any(other.startswith(name[:-1]) for other in known.schemas)
    return name in known.schemas


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
            graph[name] = sorted({*reads(item), *_literal(item), *fillers.get(name, ())})
            open_ids += graph[name]
    try:
        refuse_cycles(dict(sorted(graph.items())))
    except DeclarationError as error:
        yield str(error)


def _literal(item: Object) -> tuple[str, ...]:
    try:
        match item:
            case View():
                text = item.query.render()
            case Job():
                text = item.query.render(item.start)
            case ScalarFunction():
                text = item.body.render()
            case Dataset() | Table() | SourceTable() | Foreign():
                return ()
        return (*references(text), *routines(text))
    except DeclarationError:
        return ()


def _origin(item: Object) -> str:
    found = item.body if isinstance(item, ScalarFunction) else getattr(item, "query", None)
    if not isinstance(found, Sql) or not found.origin:
        return ""
    path = Path(found.origin)
    here = Path.cwd()
    return f" ({path.relative_to(here) if path.is_relative_to(here) else path})"
