"""Rules of arrays and of what a SELECT returns.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax
"""

from typing import Any

from sqlglot import exp

from datoria_dagster.warehouse.local.duck import opaque, sql


def name_columns(query: exp.Query) -> None:
    """Name the columns of a result that have no name: `f0_`, `f1_`, … as BigQuery does."""
    select = query
    while not isinstance(select, exp.Select):
        inner = select.this
        if not isinstance(inner, exp.Query):
            return
        select = inner
    if select.args.get("kind"):
        return
    count = 0
    named: list[exp.Expr] = []
    for projection in select.expressions:
        if _has_name(projection):
            named.append(projection)
        else:
            named.append(exp.alias_(projection, f"f{count}_"))
            count += 1
    select.set("expressions", named)


def _has_name(projection: exp.Expr) -> bool:
    if isinstance(projection, exp.Star | exp.Alias | exp.Column | exp.Aliases):
        return True
    return isinstance(projection, exp.Dot) and isinstance(
        projection.expression, exp.Identifier | exp.Star
    )


def _unnest(node: exp.Unnest) -> exp.Expr | None:
    offset = node.args.get("offset")
    join = node.parent
    if isinstance(join, exp.Join) and join.side and not join.args.get("on"):
        # LEFT JOIN UNNEST(…) has no condition in BigQuery, and must have one in DuckDB.
        join.set("on", opaque("TRUE"))
    if not isinstance(offset, exp.Identifier):
        return None
    # WITH OFFSET counts from 0, WITH ORDINALITY from 1.
    array = sql(node.expressions[0])
    alias = node.args.get("alias")
    columns = alias.columns if alias else []
    item = sql(columns[0]) if columns else '"_item"'
    place = sql(offset)
    inner = f"(SELECT unnest({array}) AS {item}, unnest(range(len({array}))) AS {place})"
    name = f"_of_{offset.name}"
    return opaque(f'{inner} AS "{name}"')


def _ignore_nulls(node: exp.IgnoreNulls) -> exp.Expr | None:
    if not isinstance(node.this, exp.ArrayAgg):
        return None
    return _array_agg(node.this, ignore_nulls=True)


def _plain_array_agg(node: exp.ArrayAgg) -> exp.Expr | None:
    if isinstance(node.parent, exp.IgnoreNulls) or not node.find(exp.Limit):
        return None
    return _array_agg(node, ignore_nulls=False)


def _array_agg(node: exp.ArrayAgg, *, ignore_nulls: bool) -> exp.Expr:
    inside: Any = node.this
    limit = ""
    if isinstance(inside, exp.Limit):
        limit = f"[1:{sql(inside.expression)}]"
        inside = inside.this
    value = inside
    while isinstance(value, exp.Order | exp.Distinct):
        value = value.expressions[0] if isinstance(value, exp.Distinct) else value.this
    kept = f" FILTER (WHERE {sql(value)} IS NOT NULL)" if ignore_nulls else ""
    return opaque(f"array_agg({sql(inside)}){kept}{limit}")


RULES: dict[type[exp.Expr], Any] = {
    exp.Unnest: _unnest,
    exp.IgnoreNulls: _ignore_nulls,
    exp.ArrayAgg: _plain_array_agg,
}
