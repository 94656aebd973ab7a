"""The embedded warehouse: BigQuery's rules over one DuckDB file, no account, no network."""

from datoria_dagster.warehouse.local.warehouse import LocalWarehouse

__all__ = ["LocalWarehouse"]
