"""BigQuery itself, through its official client. The only package that imports google."""

from datoria_dagster.warehouse.bigquery.options import Options
from datoria_dagster.warehouse.bigquery.warehouse import BigQueryWarehouse

__all__ = ["BigQueryWarehouse", "Options"]
