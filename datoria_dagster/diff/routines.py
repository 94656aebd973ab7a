"""Differences of two routines."""

from collections.abc import Iterator

from datoria_dagster.diff.change import (
    ArgumentsChanged,
    BodyChanged,
    Change,
    DescriptionChanged,
    ReturnTypeChanged,
)
from datoria_dagster.model.routines import Argument, ScalarFunction
from datoria_dagster.sql.canonical import same_expression


def compare(before: ScalarFunction, after: ScalarFunction) -> Iterator[Change]:
    """Yield the changes of a scalar function."""
    whose = {"object": after.id, "object_kind": after.kind}
    if _fold(before.arguments) != _fold(after.arguments):
        yield ArgumentsChanged(**whose, before=before.arguments, after=after.arguments)
    if before.returns != after.returns:
        yield ReturnTypeChanged(**whose, before=before.returns, after=after.returns)
    old, new = before.body.render(), after.body.render()
    if not same_expression(old, new):
        yield BodyChanged(**whose, before=old, after=new)
    if before.description != after.description:
        yield DescriptionChanged(**whose, before=before.description, after=after.description)


def _fold(arguments: tuple[Argument, ...]) -> list[tuple[str, object]]:
    return [(argument.name.lower(), argument.type) for argument in arguments]
