"""INSERT INTO … SELECT: rows appended, matched with the columns by position.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#insert_statement
"""

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.queries import googlesql
from datoria_dagster.warehouse.local.rows import contents, filling
from datoria_dagster.warehouse.local.syntax.ddl import Insert


def insert(catalog: Catalog, statement: Insert) -> None:
    """Append the rows of the query, all or none."""
    table = catalog.get(statement.ref)
    contents.check_writable(table)
    wanted = filling.columns(table, statement.names)
    found = filling.staged(catalog, googlesql.query(catalog, statement.query))
    contents.append(catalog, table, filling.by_position(table, wanted, found))
