"""Partitions that are older than their table allows: gone at once, rows and facts.

Source: https://docs.cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration
"""

from datoria_dagster.warehouse.local.catalog import Catalog, milliseconds, now
from datoria_dagster.warehouse.local.rows import partitions
from datoria_dagster.warehouse.local.rows.physical import table_name, text
from datoria_dagster.warehouse.port import Resource


def purge(catalog: Catalog, table: Resource) -> None:
    """Delete the partitions whose time plus the expiration is past."""
    limit = (table.body.get("timePartitioning") or {}).get("expirationMs")
    if limit is None:
        return
    ref = table.ref
    oldest = int(milliseconds(now())) - int(limit)
    expired = [
        facts.id
        for facts in catalog.facts((ref.id,)).get(ref.id, ())
        if (start := partitions.start(table.body, facts.id)) is not None
        and int(milliseconds(start)) <= oldest
    ]
    if not expired:
        return
    catalog.cursor.execute(
        f"DELETE FROM {table_name(ref)} "
        f"WHERE {partitions.id_expression(table.body)} IN ({', '.join(map(text, expired))})"
    )
    catalog.set_facts(ref.id, dict.fromkeys(expired, 0))
