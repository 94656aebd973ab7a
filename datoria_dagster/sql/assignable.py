"""Whether what a query returns fits the columns that it fills, or that a view promises."""

from collections.abc import Iterator

from datoria_dagster.model.relations import Table
from datoria_dagster.model.routines import TableFunction
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.typecheck import Columns

# BigQuery's coercions, without BIGNUMERIC to FLOAT64: the storage layer refuses what the analyzer
# accepts there.
# Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
_COERCES = {
    "INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT64"),
    "DATE": ("DATETIME",),
}

_ARGUMENTS = {
    "INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT64"),
    "BIGNUMERIC": ("FLOAT64",),
    "DATE": ("DATETIME", "TIMESTAMP"),
    "DATETIME": ("TIMESTAMP",),
}


def is_assignable(type: Type, to: Type) -> bool:
    """Tell whether a query's column of one type can fill a column of another.

    Lengths, precisions and scales are checked by BigQuery, value by value.
    """
    if type.name != to.name:
        return to.name in _COERCES.get(type.name, ())
    if type.element is not None and to.element is not None:
        return type.element.name == to.element.name and is_assignable(type.element, to.element)
    known = {field.name.lower(): field for field in to.fields}
    given = {field.name.lower() for field in type.fields}
    return all(
        field.name.lower() in known
        and is_assignable(field.value_type, known[field.name.lower()].value_type)
        for field in type.fields
    ) and not any(field.required and name not in given for name, field in known.items())


def is_argument(type: Type, declared: Type) -> bool:
    """Tell whether a value can be an argument of a declared type. In doubt it can.

    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
    """
    if type.name != declared.name:
        return declared.name in _ARGUMENTS.get(type.name, ())
    if type.element is not None and declared.element is not None:
        return type.element.name == declared.element.name
    return True


def wrong_in_view(fields: tuple[Field, ...], returned: Columns) -> Iterator[str]:
    """Yield what a view declares and its query doesn't return, and the other way round."""
    yield from _twice(returned)
    declared = {field.name.lower(): field for field in fields}
    types = dict(returned)
    for name, field in declared.items():
        type = types.get(name)
        if name not in types:
            yield (
                f"column {field.name} is declared, but the query does not return it. It returns "
                f"{', '.join(types)}."
            )
        elif type is not None and _folded(type) != _folded(field.value_type):
            yield (
                f"column {field.name} is declared {field.sql_type}, but the query returns {type}. "
                "Change the declaration, or CAST in the query."
            )
    for name, type in types.items():
        if name not in declared:
            what = f"{name} ({type})" if type is not None else name
            yield f"the query returns column {what}, which the schema does not declare. Add it."


def wrong_in_function(function: TableFunction, returned: Columns) -> Iterator[str]:
    """Yield where the query of a table function does not return the declared columns."""
    yield from _twice(returned)
    types = dict(returned)
    declared = {field.name.lower(): field for field in function.returns}
    for name, field in declared.items():
        type = types.get(name)
        if name not in types:
            yield (
                f"column {field.name} is declared, but the query does not return it. It returns "
                f"{', '.join(types)}."
            )
        elif type is not None and not is_assignable(type, field.value_type):
            yield (
                f"column {field.name} is declared {field.sql_type}, but the query returns {type}. "
                "Change the declaration, or CAST in the query."
            )
    for name in types:
        if name not in declared:
            yield f"the query returns column {name}, which returns=… does not declare. Add it."


def wrong_in_table(table: Table, returned: Columns) -> Iterator[str]:
    """Yield why a table can't take what a job's query returns."""
    yield from _twice(returned)
    columns = {field.name.lower(): field for field in table.fields}
    for name, type in returned:
        field = columns.get(name)
        if field is None:
            yield (
                f"the query returns column {name}, which {table.id} does not have. It has "
                f"{', '.join(field.name for field in table.fields)}."
            )
        elif type is not None and not is_assignable(type, field.value_type):
            yield (
                f"the query returns column {name} as {type}, but {table.id}:{field.name} is "
                f"{field.sql_type}. CAST it."
            )
    given = {name for name, _ in returned}
    for name, field in columns.items():
        if field.required and name not in given:
            yield f"the query does not return {field.name}, which is required in {table.id}."


def _twice(returned: Columns) -> Iterator[str]:
    names = [name for name, _ in returned]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the query returns two columns called {name}. Give one another name."


def _folded(type: Type) -> str:
    return str(type.unparameterized).lower()
