"""Whether a query filters the tables that require a filter over their partitioning column.

A filter reaches a table from its own SELECT, and from outside through subqueries, views and CTEs
that pass the column on. A window function or LIMIT stops it, as it stops BigQuery's pushdown.
Source: https://docs.cloud.google.com/bigquery/docs/managing-partitioned-tables#require_partition_filter
"""

from collections.abc import Iterator

from sqlglot import exp

from datoria_dagster.warehouse.local.resources import is_ingestion_time, partition_column
from datoria_dagster.warehouse.local.rows.ingestion import PSEUDO
from datoria_dagster.warehouse.port import FilterRequired, Resource

_MARK = "requires_filter"
# The message of a table partitioned by ingestion time names all of its pseudo-columns.
_HIDDEN = "'_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'"


def declare(table: exp.Expr, found: Resource) -> None:
    """Remember what filter a table requires, if any."""
    if found.body.get("requirePartitionFilter"):
        hidden = is_ingestion_time(found.body)
        column = partition_column(found.body) or ""
        names = frozenset(map(str.lower, PSEUDO)) if hidden else frozenset([column.lower()])
        table.meta[_MARK] = (found.ref.id, names, _HIDDEN if hidden else f"'{column}'")


def check(tree: exp.Expr) -> None:
    """Refuse a query that reads a table without the filter that it requires."""
    for table in tree.find_all(exp.Table):
        if (mark := table.meta.get(_MARK)) is None:
            continue
        name, columns, shown = mark
        if not _is_filtered(table, columns):
            raise FilterRequired(
                f"Cannot query over table '{name}' without a filter over column(s) {shown} that "
                "can be used for partition elimination"
            )


def _is_filtered(source: exp.Expr, columns: frozenset[str]) -> bool:
    """Whether a filter over one of the source's columns stands in the SELECT or around it."""
    select = source.find_ancestor(exp.Select)
    if select is None or not columns:
        return False
    if any(_prunes(part, source, columns) for part in _conditions(select)):
        return True
    if select.args.get("limit") or any(part.find(exp.Window) for part in select.expressions):
        return False
    return _reaches(select, frozenset(_passed_on(select, source, columns)))


def _reaches(query: exp.Expr, columns: frozenset[str]) -> bool:
    parent = query.parent
    while isinstance(parent, exp.SetOperation | exp.Paren):
        query, parent = parent, parent.parent
    if isinstance(parent, exp.CTE):
        return _cte_is_filtered(parent, columns)
    if isinstance(parent, exp.Subquery):
        if isinstance(parent.parent, exp.From | exp.Join):
            return _is_filtered(parent, columns)
        return _reaches(parent, columns)
    return False


def _cte_is_filtered(cte: exp.CTE, columns: frozenset[str]) -> bool:
    scope = cte.find_ancestor(exp.With)
    if scope is None or scope.parent is None:
        return False
    name = cte.alias.lower()
    readers = [
        table
        for table in scope.parent.find_all(exp.Table)
        if len(table.parts) == 1 and table.name.lower() == name
    ]
    return bool(readers) and all(_is_filtered(reader, columns) for reader in readers)


def _conditions(select: exp.Select) -> Iterator[exp.Expr]:
    if where := select.args.get("where"):
        yield where.this
    for join in select.args.get("joins") or []:
        if condition := join.args.get("on"):
            yield condition


def _prunes(condition: exp.Expr, source: exp.Expr, columns: frozenset[str]) -> bool:
    match condition:
        case exp.And():
            return any(_prunes(side, source, columns) for side in condition.flatten())
        case exp.Or():
            return all(_prunes(side, source, columns) for side in condition.flatten())
        case exp.Paren():
            return _prunes(condition.this, source, columns)
        case _:
            return any(_is_of(found, source, columns) for found in condition.find_all(exp.Column))


def _is_of(found: exp.Column, source: exp.Expr, columns: frozenset[str]) -> bool:
    alias = source.alias_or_name.lower()
    return found.name.lower() in columns and found.table.lower() in ("", alias)


def _passed_on(select: exp.Select, source: exp.Expr, columns: frozenset[str]) -> Iterator[str]:
    """Yield the names under which the SELECT gives the columns to what is around it."""
    for projection in select.expressions:
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star):
            hidden = {name.name.lower() for name in star.args.get("except_") or []}
            yield from columns - hidden
        elif not projection.find(exp.AggFunc) and any(
            _is_of(found, source, columns) for found in projection.find_all(exp.Column)
        ):
            yield projection.alias_or_name.lower()
