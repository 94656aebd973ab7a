"""What the query of a materialized view may hold, so that BigQuery can keep it up to date.

Source: https://docs.cloud.google.com/bigquery/docs/materialized-views-create#query_limitations
"""

from sqlglot import exp

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.queries import names
from datoria_dagster.warehouse.local.queries.parsing import parse_query
from datoria_dagster.warehouse.local.queries.resolver import Resolver
from datoria_dagster.warehouse.port import Body, Ref, Refused, Resource

_CHANGING = (
    exp.CurrentDate,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentUser,
    exp.Rand,
    exp.SessionUser,
    exp.Uuid,
)


def bases(catalog: Catalog, query: str) -> list[Resource]:
    """Return the tables and views that a query reads itself, as far as they exist."""
    return Resolver(catalog).sources(parse_query(query))


def check(ref: Ref, definition: Body) -> None:
    """Refuse what can't be computed incrementally, unless the definition says it needn't be."""
    tree = parse_query(definition["query"])
    if definition.get("allowNonIncrementalDefinition"):
        return
    for node in tree.walk():
        reason = _reason(node)
        if reason is not None:
            raise Refused(
                f"Materialized view {ref.id} can't have {reason} in its query, because it couldn't "
                "be refreshed incrementally."
            )


def _reason(node: exp.Expr) -> str | None:
    if isinstance(node, _CHANGING):
        return f"the non-deterministic function {node.sql_name()}"
    if isinstance(node, exp.Window):
        return "a window function"
    if isinstance(node, exp.TableSample):
        return "TABLESAMPLE"
    if isinstance(node, exp.Anonymous | exp.Dot) and (name := names.routine_name(node)):
        return f"the function {name}"
    return None
