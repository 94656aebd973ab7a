"""Statements on row access policies, carried out.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_row_access_policy_statement
"""

from contextlib import suppress

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import policies
from datoria_dagster.warehouse.local.queries import googlesql
from datoria_dagster.warehouse.local.syntax.ddl import CreatePolicy, DropPolicy
from datoria_dagster.warehouse.port import NotFound, NotSupportedLocally, Refused


def create(catalog: Catalog, statement: CreatePolicy) -> None:
    """Keep a policy whose filter can be evaluated over its table."""
    ref, name = statement.ref, statement.name
    table = catalog.get(ref)
    if table.body["type"] != "TABLE":
        raise Refused(
            f"{legacy(ref)} is a {table.body['type']}; row access policies are on tables."
        )
    taken = name in policies.names(catalog, [ref]).get(ref, ())
    if taken and statement.existing == "skip":
        return
    # What DuckDB can't evaluate (SESSION_USER) is kept unchecked.
    with suppress(NotSupportedLocally):
        query = f"SELECT * FROM `{ref.id}` WHERE (\n{statement.condition}\n)"
        catalog.cursor.execute(googlesql.empty_query(catalog, query))
    if taken and statement.existing == "replace":
        policies.remove(catalog, ref, name)
    body = {"filterPredicate": statement.condition, "grantees": statement.grantees}
    policies.add(catalog, ref, name, body)


def drop(catalog: Catalog, statement: DropPolicy) -> None:
    """Forget one policy, or all of a table."""
    ref, name = statement.ref, statement.name
    if catalog.find(ref) is None and statement.if_exists:
        return
    catalog.get(ref)
    found = policies.names(catalog, [ref]).get(ref, ())
    if name is None:
        policies.remove_all(catalog, ref)
    elif name not in found:
        if not statement.if_exists:
            raise NotFound(f"Not found: Row access policy {name} on {legacy(ref)}")
    elif len(found) == 1:
        # https://docs.cloud.google.com/bigquery/docs/managing-row-level-security
        raise Refused(
            f"{name} is the last row access policy on {legacy(ref)}: without it everybody sees all "
            "rows. To mean that, use DROP ALL ROW ACCESS POLICIES."
        )
    else:
        policies.remove(catalog, ref, name)
