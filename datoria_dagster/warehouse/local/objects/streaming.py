"""The streaming buffer of a table: rows that `tabledata.insertAll` wrote lately.

Source: https://docs.cloud.google.com/bigquery/docs/streaming-data-into-bigquery
"""

from datoria_dagster.warehouse.local.catalog import Catalog, legacy, milliseconds, now
from datoria_dagster.warehouse.port import Refused, Resource

_KEY = "streamingBuffer"


def check_none(table: Resource, done: str) -> None:
    """Refuse what can't be done to a table while rows are in its buffer."""
    if _KEY in table.body:
        raise Refused(
            f"{legacy(table.ref)} has rows in its streaming buffer; it can't be {done} before they "
            "are in storage. Stop streaming, wait, and try again."
        )


def fill(catalog: Catalog, table: Resource, rows: int) -> None:
    """Count rows into the buffer."""
    before = table.body.get(_KEY) or {}
    buffer = {
        "estimatedRows": str(int(before.get("estimatedRows", 0)) + rows),
        "oldestEntryTime": before.get("oldestEntryTime", milliseconds(now())),
    }
    # Rows change no etag here, whichever way they come.
    catalog.annotate(table.ref, {**table.body, _KEY: buffer})


def empty(catalog: Catalog, table: Resource) -> None:
    """Forget the buffer."""
    catalog.annotate(table.ref, {k: v for k, v in table.body.items() if k != _KEY})
