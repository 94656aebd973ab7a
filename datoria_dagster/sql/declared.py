"""Whether what a SQL text names is declared, and called as it is declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import Relation
from datoria_dagster.model.routines import (
    AggregateFunction,
    Procedure,
    Routine,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.assignable import is_argument
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.references import call_span, calls, incomplete, places
from datoria_dagster.sql.typecheck import argument_types

if TYPE_CHECKING:
    from sqlglot import exp

_KINDS = {"aggregate_function": "an aggregate function", "scalar_function": "a scalar function"}


@dataclass(frozen=True)
class Known:
    """What the texts of a platform may name."""

    platform: Platform

    @cached_property
    def schemas(self) -> Mapping[str, tuple[Field, ...]]:
        """The columns of relations and of table functions, by id."""
        return {
            **{found.id: found.fields for found in self.platform.of_type(Relation)},
            **{found.id: found.returns for found in self.platform.of_type(TableFunction)},
        }

    @cached_property
    def functions(self) -> Mapping[str, Type]:
        """What scalar and aggregate functions return, by id."""
        kinds = (ScalarFunction, AggregateFunction)
        return {found.id: found.returns for found in self.platform.of_type(kinds)}

    def is_relation(self, name: str) -> bool:
        """Tell whether a relation of the name is declared, or one that a wildcard matches."""
        if not name.endswith("*"):
            return isinstance(self.platform.objects.get(name), Relation)
        relations = self.platform.of_type(Relation)
        return any(found.id.startswith(name[:-1]) for found in relations)


def wrong_relations(tree: "exp.Expr", text: str, item: Object, known: Known) -> Iterator[SqlError]:
    """Yield the names in FROM and JOIN that are not full, or not of the platform."""
    for name, span in incomplete(tree):
        yield SqlError(f"{name} is not a full name; write project.dataset.name.", text, span)
    for name, span in places(tree):
        if name == item.id:
            yield SqlError("It reads itself.", text, span)
        elif isinstance(known.platform.objects.get(name), Routine):
            yield SqlError(f"{name} is a routine; call it, {name}(…).", text, span)
        elif not known.is_relation(name):
            sentence = (
                f"{name} is not part of the platform. If others own it, declare a SourceTable."
            )
            yield SqlError(sentence, text, span)


def missing_routines(tree: "exp.Expr", known: Known) -> Iterator[str]:
    """Yield the calls of what a dataset of ours does not have. Others may have functions too."""
    for name in sorted({name for name, _ in calls(tree)}):
        ours = name.rpartition(".")[0] in known.platform.objects
        if ours and not isinstance(known.platform.objects.get(name), Routine):
            yield f"it calls {name}, which is not part of the platform. Declare it."


def wrong_calls(tree: "exp.Expr", text: str, item: Object, known: Known) -> Iterator[SqlError]:
    """Yield the calls of declared routines that do not fit what is declared."""
    for name, function in calls(tree):
        routine = known.platform.objects.get(name)
        if not isinstance(routine, Routine):
            continue
        sentence = _wrong_place(function, routine, item) or _wrong_number(function, routine)
        if sentence is not None:
            yield SqlError(sentence, text, call_span(function))


def refuse_arguments(query: str, schemas: Mapping[str, tuple[Field, ...]], known: Known) -> None:
    """Raise SqlError for an argument of another type, in a query whose names are right."""
    for call in argument_types(query, schemas, known.functions):
        routine = known.platform.objects.get(call.name)
        if not isinstance(routine, Routine) or len(routine.arguments) != len(call.types):
            continue
        for declared, type in zip(routine.arguments, call.types, strict=True):
            if type is not None and not is_argument(type, declared.type):
                sentence = (
                    f"{call.name} takes {declared.name} as {declared.type}, but this is {type}. "
                    "CAST it."
                )
                raise SqlError(sentence, query, call.span)


def _wrong_place(function: "exp.Func", routine: Routine, item: Object) -> str | None:
    from sqlglot import exp

    name = routine.id
    if name == item.id and not isinstance(routine, Procedure):
        return "It calls itself, and BigQuery has no recursive functions."
    in_from = isinstance(function.parent, exp.Table)
    match routine:
        case Procedure():
            is_call = isinstance(item, Procedure) and function.parent_select is None
            return None if is_call else f"{name} is a procedure; only CALL runs it."
        case TableFunction():
            return None if in_from else f"{name} is a table function; it stands in FROM."
        case _:
            kind = _KINDS[routine.kind]
            return f"{name} is {kind}; it can't stand in FROM." if in_from else None


def _wrong_number(function: "exp.Func", routine: Routine) -> str | None:
    from sqlglot import exp

    given = len(function.expressions)
    if given == 1 and isinstance(function.expressions[0], exp.Distinct):
        given = len(function.expressions[0].expressions)
    wanted = len(routine.arguments)
    if given == wanted:
        return None
    said = ", ".join(f"{argument.name} {argument.type}" for argument in routine.arguments)
    count = f"{wanted} argument{'' if wanted == 1 else 's'}"
    return f"{routine.id} takes {count}, not {given}: ({said})."
