"""Whether two types, or two lists of arguments, are one to BigQuery."""

from datoria_dagster.model.routines import Argument
from datoria_dagster.model.types import Field, Type


def same_type(before: Type, after: Type) -> bool:
    """Tell whether two types of columns are the same: `NUMERIC(10)` is `NUMERIC(10, 0)`."""
    return before == after or _folded(before) == _folded(after)


def same_bare_type(before: Type, after: Type) -> bool:
    """Tell the same of types of routines, which have no length, precision, scale or modes."""
    return before == after or _bare(before) == _bare(after)


def same_arguments(before: tuple[Argument, ...], after: tuple[Argument, ...]) -> bool:
    """Tell whether two routines are called the same way."""
    return before == after or list(map(_argument, before)) == list(map(_argument, after))


def _folded(kind: Type) -> tuple[object, ...]:
    fields = tuple(_column(field) for field in kind.fields)
    element = _folded(kind.element) if kind.element else None
    return kind.name, kind.max_length, kind.precision, kind.scale or 0, element, fields


def _column(field: Field) -> tuple[object, ...]:
    return field.name.lower(), field.mode, _folded(field.type)


def _bare(kind: Type) -> tuple[object, ...]:
    fields = tuple((field.name.lower(), field.repeated, _bare(field.type)) for field in kind.fields)
    return kind.name, _bare(kind.element) if kind.element else None, fields


def _argument(argument: Argument) -> tuple[object, ...]:
    return argument.name.lower(), argument.mode, argument.aggregate, _bare(argument.type)
