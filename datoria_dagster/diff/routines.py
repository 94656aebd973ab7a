"""Differences of two routines."""

from collections.abc import Iterator

from datoria_dagster.diff.annotations import compare_description
from datoria_dagster.diff.change import (
    ArgumentsChanged,
    BodyChanged,
    Change,
    OptionChanged,
    ReturnTypeChanged,
)
from datoria_dagster.diff.fields import compare_fields
from datoria_dagster.diff.place import place, whose
from datoria_dagster.diff.types import same_arguments, same_bare_type
from datoria_dagster.model.routines import (
    AggregateFunction,
    Body,
    JavaScript,
    Procedure,
    Remote,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql
from datoria_dagster.sql.canonical import same_expression, same_query, same_script

_SAME = {"table_function": same_query, "procedure": same_script}


def compare_functions(
    before: ScalarFunction | AggregateFunction, after: ScalarFunction | AggregateFunction
) -> Iterator[Change]:
    """Yield the changes of a scalar or an aggregate function."""
    yield from _compare_arguments(before, after)
    if not same_bare_type(before.returns, after.returns):
        yield ReturnTypeChanged(**whose(after), before=before.returns, after=after.returns)
    yield from _compare_body(before, after)
    yield from compare_description(before, after)


def compare_table_functions(before: TableFunction, after: TableFunction) -> Iterator[Change]:
    """Yield the changes of a table function; what it returns are columns."""
    yield from _compare_arguments(before, after)
    yield from compare_fields(place(after), before.returns, after.returns)
    yield from _compare_body(before, after)
    yield from compare_description(before, after)


def compare_procedures(before: Procedure, after: Procedure) -> Iterator[Change]:
    """Yield the changes of a procedure."""
    yield from _compare_arguments(before, after)
    yield from _compare_body(before, after)
    if before.strict_mode != after.strict_mode:
        yield OptionChanged(
            **whose(after), option="strict_mode", before=before.strict_mode, after=after.strict_mode
        )
    yield from compare_description(before, after)


_Any = ScalarFunction | AggregateFunction | TableFunction | Procedure


def _compare_arguments(before: _Any, after: _Any) -> Iterator[Change]:
    if not same_arguments(before.arguments, after.arguments):
        yield ArgumentsChanged(**whose(after), before=before.arguments, after=after.arguments)


def _compare_body(before: _Any, after: _Any) -> Iterator[Change]:
    if not _same_body(after.kind, before.body, after.body):
        yield BodyChanged(**whose(after), before=before.body, after=after.body)


def _same_body(kind: str, before: Body, after: Body) -> bool:
    match before, after:
        case Sql(), Sql():
            return _SAME.get(kind, same_expression)(before.render(), after.render())
        case JavaScript(), JavaScript():
            return _same_script(before, after)
        case Remote(), Remote():
            return _same_endpoint(before, after)
        case _:
            return False


def _same_script(before: JavaScript, after: JavaScript) -> bool:
    """JavaScript is compared letter for letter: BigQuery keeps it so, comments and all."""
    return (
        before.code.strip() == after.code.strip()
        and before.libraries == after.libraries
        and after.deterministic in (None, before.deterministic)
    )


def _same_endpoint(before: Remote, after: Remote) -> bool:
    return (
        (before.connection, before.endpoint) == (after.connection, after.endpoint)
        and before.user_defined_context == after.user_defined_context
        and after.max_batching_rows in (None, before.max_batching_rows)
    )
