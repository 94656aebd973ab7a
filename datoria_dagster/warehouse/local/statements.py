"""DDL statements."""

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.port import NotSupportedLocally


def parse(text: str) -> str:
    return text


def run(catalog: Catalog, statement: str) -> None:
    raise NotSupportedLocally(statement)
