"""The types of a resolved query: of the columns that it returns, of the arguments in its calls.

Imports sqlglot.
"""

from collections.abc import Iterator

from sqlglot import exp

from datoria_dagster.model.types import Type
from datoria_dagster.sql.datatypes import to_type
from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.qualified import Resolved, Unsure
from datoria_dagster.sql.references import call_span, calls

_WIDER = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")


def columns(resolved: Resolved) -> tuple[tuple[str, Type | None], ...]:
    """Return names and, where sure, types. Raises Unsure when a star could not be expanded."""
    return _columns(resolved.tree)


def calls_in(
    query: str, resolved: Resolved
) -> Iterator[tuple[str, tuple[Type | None, ...], tuple[int, int]]]:
    """Yield the calls by a qualified name, the types of their arguments, and where they stand."""
    names = {call_span(function): name for name, function in calls(parse(query))}
    for function in resolved.tree.find_all(exp.Anonymous):
        span = call_span(function)
        if span in names:
            yield names[span], tuple(_of_argument(given) for given in function.expressions), span


def _of_argument(given: exp.Expr) -> Type | None:
    # Literals, and arrays and structs of them, take the type that is declared.
    if isinstance(given, exp.Column | exp.Dot | exp.Cast | exp.Anonymous):
        return to_type(given.type)
    return None


def _columns(query: exp.Expr) -> tuple[tuple[str, Type | None], ...]:
    match query:
        case exp.Subquery():
            return _columns(query.this)
        case exp.SetOperation():
            return _merge(query)
        case exp.Select() if query.args.get("kind"):
            raise Unsure("SELECT AS returns one value")
        case exp.Select() if not any(item.is_star for item in query.selects):
            return tuple((item.alias_or_name.lower(), _sure(item)) for item in query.selects)
        case _:
            raise Unsure("a star could not be expanded")


def _merge(query: exp.SetOperation) -> tuple[tuple[str, Type | None], ...]:
    if query.args.get("by_name") or query.side or query.kind:
        raise Unsure("set operations by name are not followed")
    left, right = _columns(query.this), _columns(query.expression)
    if len(left) != len(right):
        raise Unsure("the sides of a set operation differ in their columns")
    return tuple(
        (name, _wider(one, other)) for (name, one), (_, other) in zip(left, right, strict=True)
    )


def _wider(one: Type | None, other: Type | None) -> Type | None:
    if one is None or other is None:
        return None
    if one == other:
        return one
    if one.name in _WIDER and other.name in _WIDER:
        return max(one, other, key=lambda found: _WIDER.index(found.name))
    return None


def _sure(item: exp.Expr) -> Type | None:
    return to_type(item.type)
