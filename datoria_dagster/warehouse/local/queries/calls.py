"""What stands in a query for the call of a routine: its body, or a value of its type.

Sources: https://docs.cloud.google.com/bigquery/docs/user-defined-functions,
https://docs.cloud.google.com/bigquery/docs/user-defined-aggregates,
https://docs.cloud.google.com/bigquery/docs/table-functions
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_KINDS = {
    "SCALAR_FUNCTION": "a scalar function",
    "AGGREGATE_FUNCTION": "an aggregate function",
    "TABLE_VALUED_FUNCTION": "a table function",
    "PROCEDURE": "a procedure",
}


def check_kind(ref: Ref, routine: Body, *, in_from: bool) -> None:
    """Refuse a routine that can't be called where it is: in FROM, or in an expression."""
    kind = routine["routineType"]
    if (kind == "TABLE_VALUED_FUNCTION") == in_from and kind != "PROCEDURE":
        return
    where = "in FROM" if in_from else "in an expression"
    raise Refused(f"{ref.id} is {_KINDS[kind]}, which can't be called {where}.")


def check_arguments(ref: Ref, routine: Body, given: list[exp.Expr]) -> None:
    """Refuse a call with more or fewer arguments than the routine has."""
    declared = routine.get("arguments") or []
    if len(declared) != len(given):
        raise Refused(
            f"Number of arguments does not match for function {ref.id}. "
            f"It takes {len(declared)}, and was given {len(given)}."
        )


def check_aggregation(ref: Ref, call: exp.Expr) -> None:
    """Refuse by name what an aggregate function can't be called with here."""
    inner = call.expression if isinstance(call, exp.Dot) else call
    modifier = next((a for a in inner.expressions if isinstance(a, exp.Distinct | exp.Order)), None)
    if modifier is None and not isinstance(call.parent, exp.Window):
        return
    what = "OVER" if modifier is None else modifier.key.upper()
    raise NotSupportedLocally(
        f"The embedded warehouse can't call the aggregate function {ref.id} with {what}."
    )


def is_sql(routine: Body) -> bool:
    """Whether the body of a routine can be put in place of a call."""
    return "remoteFunctionOptions" not in routine and routine.get("language", "SQL") == "SQL"


def refusal(ref: Ref, routine: Body) -> NotSupportedLocally:
    """Return the error of a query that would have to run code that is not SQL."""
    kind = "a remote" if "remoteFunctionOptions" in routine else "a JavaScript"
    return NotSupportedLocally(
        f"{ref.id} is {kind} function, which only BigQuery runs: the embedded warehouse checks a "
        "query that calls it (a dry run), but has no rows of it."
    )


def typed(routine: Body, values: list[exp.Expr]) -> exp.Expr:
    """Return an expression of the routine's type that reads its arguments and is never computed."""
    null = cast(exp.Null(), routine.get("returnType"))
    result = null
    if values:
        reads = [exp.Is(this=value, expression=exp.Null()) for value in values]
        condition = exp.and_(*reads, wrap=False)
        result = exp.Case(ifs=[exp.If(this=condition, true=null)], default=null.copy())
    if routine["routineType"] == "AGGREGATE_FUNCTION":
        return exp.AnyValue(this=result)
    return result


@dataclass(frozen=True)
class Frame:
    """The arguments of one call as the columns of a row, so that no table of the body hides them.

    `(SELECT COUNT(*) FROM t WHERE n > x)` called with a column `n` must not compare t.n with t.n.
    """

    name: str
    values: Mapping[str, exp.Expr]

    @property
    def columns(self) -> Mapping[str, exp.Expr]:
        """What stands in the body for each argument."""
        return {key: exp.column(key, table=self.name, quoted=True) for key in self.values}

    def around(self, body: exp.Expr) -> exp.Expr:
        """Return the body, computed for that row."""
        names = [exp.to_identifier(key, quoted=True) for key in self.values]
        alias = exp.TableAlias(this=exp.to_identifier(self.name, quoted=True), columns=names)
        row = exp.Subquery(this=exp.select(*self.values.values()), alias=alias)
        return exp.Subquery(this=exp.select(body).from_(row))


def frame(body: exp.Expr, values: Mapping[str, exp.Expr], level: int) -> Frame | None:
    """Return a frame where a body has tables and the call gives it columns; else None."""
    given = values.values()
    if body.find(exp.Select) is None or not any(value.find(exp.Column) for value in given):
        return None
    if any(value.find(exp.AggFunc, exp.Window) for value in given):
        # They are computed where the call stands: not inside of another SELECT.
        return None
    return Frame(f"_given{level}", values)


def returned(routine: Body, body: exp.Expr) -> exp.Expr:
    """Return the rows of a table function: columns by name, cast to the declared types."""
    rows = exp.Subquery(this=body)
    columns = (routine.get("returnTableType") or {}).get("columns")
    if not columns:
        return rows
    rows.set("alias", exp.TableAlias(this=exp.to_identifier("_returned")))
    selected = [
        exp.alias_(
            cast(exp.column(column["name"], table="_returned", quoted=True), column["type"]),
            column["name"],
            quoted=True,
        )
        for column in columns
    ]
    return exp.Subquery(this=exp.select(*selected).from_(rows))


def cast(value: exp.Expr, data_type: Body | None) -> exp.Expr:
    """Return a value cast to a StandardSqlDataType; ANY TYPE leaves it as it is."""
    kind = type_text(data_type or {})
    if kind is None:
        return exp.Paren(this=value.copy())
    return exp.Cast(this=value.copy(), to=exp.DataType.build(kind, dialect="bigquery"))


def type_text(data_type: Body) -> str | None:
    """Return a StandardSqlDataType as GoogleSQL writes it; None for ANY TYPE."""
    kind = data_type.get("typeKind")
    if kind is None or kind in ("ANY TYPE", "ANY_TYPE", "TYPE_KIND_UNSPECIFIED"):
        return None
    if kind == "ARRAY":
        return f"ARRAY<{type_text(data_type['arrayElementType'])}>"
    if kind == "RANGE":
        return f"RANGE<{type_text(data_type['rangeElementType'])}>"
    if kind == "STRUCT":
        fields = (data_type.get("structType") or {}).get("fields") or []
        inner = ", ".join(f"`{field['name']}` {type_text(field['type'])}" for field in fields)
        return f"STRUCT<{inner}>"
    return str(kind)
