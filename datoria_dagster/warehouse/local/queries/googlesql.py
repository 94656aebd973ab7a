"""GoogleSQL into DuckDB's SQL: views and functions are inlined, tables are found.

Imports sqlglot, which costs 0.25 s: import this module only where SQL is really executed.
"""

from collections.abc import Mapping

from sqlglot import exp

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.duck import sql
from datoria_dagster.warehouse.local.queries import calls, translation
from datoria_dagster.warehouse.local.queries.parsing import parse_expression
from datoria_dagster.warehouse.local.queries.resolver import Resolver
from datoria_dagster.warehouse.local.rules import pruning
from datoria_dagster.warehouse.port import Body, Resource


def query(catalog: Catalog, text: str) -> str:
    """Return one SELECT as DuckDB's SQL. Raises Refused for any other statement."""
    tree = Resolver(catalog).query(text)
    pruning.check(tree)
    return sql(translation.translated(tree))


def empty_query(catalog: Catalog, text: str) -> str:
    """Return the SELECT without its rows, to learn its columns."""
    return _empty(Resolver(catalog, dry=True).query(text))


def dry_query(catalog: Catalog, text: str) -> str:
    """Return the same of a SELECT that is meant to run: it has the filters that tables require."""
    tree = Resolver(catalog, dry=True).query(text)
    pruning.check(tree)
    return _empty(tree)


def _empty(tree: exp.Expr) -> str:
    return sql(translation.translated(tree).limit(0, copy=False))


def expression(catalog: Catalog, text: str) -> str:
    """Return a scalar expression as DuckDB's SQL."""
    tree = parse_expression(text).copy()
    return sql(translation.translated(Resolver(catalog).resolve(tree, 0)))


def empty_with(catalog: Catalog, query: exp.Query, values: Mapping[str, exp.Expr]) -> str:
    """Return a query without its rows, with values for the variables that it names."""
    return _empty(Resolver(catalog, dry=True).bound(query, values))


def empty_call(catalog: Catalog, found: Resource) -> str:
    """Return a call of a SQL function without its rows, to find out whether its body is sound."""
    resolver = Resolver(catalog, dry=True)
    declared: list[Body] = found.body.get("arguments") or []
    nulls: list[exp.Expr] = [exp.Null() for _ in declared]
    match found.body["routineType"]:
        case "TABLE_VALUED_FUNCTION":
            rows = resolver.called(found, nulls, 0)
            if not rows.alias:
                rows.set("alias", exp.TableAlias(this=exp.to_identifier("_rows")))
            tree = exp.select("*").from_(rows)
        case "AGGREGATE_FUNCTION":
            tree = _aggregation(resolver, found, declared)
        case _:
            tree = exp.select(resolver.inlined(found, nulls, 0))
    return sql(translation.translated(tree).limit(0, copy=False))


def _aggregation(resolver: Resolver, found: Resource, declared: list[Body]) -> exp.Select:
    """Return a call over rows: an argument that the body doesn't aggregate fails there."""
    rows = exp.select(exp.alias_(exp.true(), "_any"))
    given: list[exp.Expr] = []
    for argument in declared:
        value = calls.cast(exp.Null(), argument.get("dataType"))
        if argument.get("isAggregate", True):
            rows = rows.select(exp.alias_(value, argument["name"], quoted=True))
            value = exp.column(argument["name"], table="_rows", quoted=True)
        given.append(value)
    call = resolver.inlined(found, given, 0)
    return exp.select(call, exp.Count(this=exp.Star())).from_(rows.subquery("_rows"))


def functions(text: str) -> frozenset[str]:
    """Return the names of the functions that an expression calls, in upper case."""
    found = parse_expression(text).find_all(exp.Func, exp.Column, exp.Subquery)
    return frozenset(name for node in found if (name := _called(node)) is not None)


def _called(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Cast | exp.Array | exp.Struct | exp.ParseJSON):
        return None
    if isinstance(node, exp.Column):
        return f"column {node.name}"
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    if isinstance(node, exp.Func):
        return node.sql_name()
    return "a subquery" if isinstance(node.this, exp.Query) else None
