"""Which partition a row is in, and what a partition id stands for.

Source: https://docs.cloud.google.com/bigquery/docs/managing-partitioned-tables
"""

from datetime import UTC, datetime

from datoria_dagster.warehouse.local.catalog import legacy
from datoria_dagster.warehouse.local.resources import partition_column
from datoria_dagster.warehouse.local.rows.physical import ident
from datoria_dagster.warehouse.port import Body, Ref, Refused

_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_UNITS = {"HOUR": "hour", "DAY": "day", "MONTH": "month", "YEAR": "year"}


def id_expression(body: Body) -> str:
    """Return the DuckDB expression of a row's partition id; '' for a table without partitions."""
    name = partition_column(body)
    if name is None:
        return "''"
    column = ident(name)
    if cut := body.get("timePartitioning"):
        inside = f"strftime({column}, '{_FORMATS[cut['type']]}')"
        return f"coalesce({inside}, '__NULL__')"
    start, end, interval = _bounds(body)
    first = f"({column} - {start}) // {interval} * {interval} + {start}"
    return (
        f"CASE WHEN {column} IS NULL THEN '__NULL__' "
        f"WHEN {column} < {start} OR {column} >= {end} THEN '__UNPARTITIONED__' "
        f"ELSE CAST({first} AS VARCHAR) END"
    )


def check_id(ref: Ref, body: Body, partition: str) -> None:
    """Refuse an id that is none of the table's partitions."""
    if partition_column(body) is None:
        raise Refused(f"{legacy(ref)} is not partitioned: it has no partition ${partition}.")
    if not _is_id(body, partition):
        example = body["timePartitioning"]["type"] if body.get("timePartitioning") else "range"
        raise Refused(
            f"Invalid partition ${partition} of {legacy(ref)}, which is partitioned by "
            f"{example.lower()}."
        )


def _is_id(body: Body, partition: str) -> bool:
    try:
        if cut := body.get("timePartitioning"):
            pattern = _FORMATS[cut["type"]]
            return datetime.strptime(partition, pattern).strftime(pattern) == partition  # noqa: DTZ007
        start, end, interval = _bounds(body)
        number = int(partition)
    except ValueError:
        return False
    return start <= number < end and (number - start) % interval == 0


def start(body: Body, partition: str) -> datetime | None:
    """Return when a partition begins, UTC; None where its id is no time."""
    cut = body.get("timePartitioning")
    if not cut or not _is_id(body, partition):
        return None
    return datetime.strptime(partition, _FORMATS[cut["type"]]).replace(tzinfo=UTC)


def arrival(body: Body, partition: str | None) -> str:
    """Return the DuckDB expression of `_PARTITIONTIME` for rows that arrive in a partition."""
    cut = body["timePartitioning"]["type"]
    if partition is None:
        return f"date_trunc('{_UNITS[cut]}', now())"
    moment = datetime.strptime(partition, _FORMATS[cut])  # noqa: DTZ007
    return f"CAST('{moment:%Y-%m-%d %H:%M:%S}+00' AS TIMESTAMPTZ)"


def beginning(body: Body, moment: str) -> str:
    """Return the DuckDB expression of when the partition of a `_PARTITIONTIME` begins."""
    return f"date_trunc('{_UNITS[body['timePartitioning']['type']]}', {moment})"


def describe(body: Body) -> str:
    """Return the partitioning and clustering as BigQuery's messages write them."""
    spec = "none"
    if cut := body.get("timePartitioning"):
        field = f",field:{cut['field']}" if cut.get("field") else ""
        spec = f"interval(type:{cut['type'].lower()}{field})"
    elif ranges := body.get("rangePartitioning"):
        start, end, interval = _bounds(body)
        spec = f"range(field:{ranges['field']},start:{start},end:{end},interval:{interval})"
    names = (body.get("clustering") or {}).get("fields")
    return f"{spec} clustering({','.join(names)})" if names else spec


def _bounds(body: Body) -> tuple[int, int, int]:
    bounds = body["rangePartitioning"]["range"]
    return int(bounds["start"]), int(bounds["end"]), int(bounds["interval"])


def is_partitioned(body: Body) -> bool:
    """Whether the table has partitions."""
    return partition_column(body) is not None
