"""Fills the source tables: `python -m definitions.load`.

Elsewhere somebody else does this. Here, once, from definitions/data into the embedded warehouse.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

from datoria_dagster import DatoriaError, SourceTable
from datoria_dagster.settings import Settings
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from definitions import platform

DATA = Path(__file__).parent / "data"


def main() -> str | None:
    """Load what is not there yet; return why not, if so."""
    try:
        settings = Settings.load()
        if settings.warehouse != "local":
            return (
                f"The warehouse is {settings.warehouse!r}: its source tables are filled by others. "
                "Only the embedded one is filled here; set DATORIA_WAREHOUSE=local."
            )
        warehouse = LocalWarehouse(settings.warehouse_path)
        for line in fill(warehouse):
            print(line)
        warehouse.close()
    except DatoriaError as error:
        return str(error)
    return None


def fill(warehouse: LocalWarehouse) -> Iterator[str]:
    """Load what is missing, and say it, table by table."""
    for table in platform.of_type(SourceTable):
        home = codec.ref(table.dataset)
        if home not in warehouse.read([home]):
            warehouse.create(home, codec.resource(table.dataset))
        yield _load(warehouse, table)


def _load(warehouse: LocalWarehouse, table: SourceTable) -> str:
    ref, path = codec.ref(table), DATA / f"{table.name}.parquet"
    rows = duckdb.read_parquet(str(path)).shape[0]
    if ref in warehouse.read([ref]) and warehouse.count(ref) == rows:
        return f"{table.id}: {rows:,} rows, already there"
    return f"{table.id}: {warehouse.load(ref, codec.resource(table), path):,} rows loaded"


if __name__ == "__main__":
    sys.exit(main())
