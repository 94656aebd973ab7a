"""What BigQuery accepts of partitioning and clustering.

Sources: https://docs.cloud.google.com/bigquery/docs/partitioned-tables,
https://docs.cloud.google.com/bigquery/docs/clustered-tables
"""

from datoria_dagster.warehouse.local.resources import column, fields_of, partition_column
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Refused

_CLUSTERING_TYPES = frozenset(
    [
        "BIGNUMERIC",
        "BOOLEAN",
        "DATE",
        "DATETIME",
        "GEOGRAPHY",
        "INTEGER",
        "NUMERIC",
        "RANGE",
        "STRING",
        "TIMESTAMP",
    ]
)
_PARTITION_TYPES = {
    "HOUR": ("TIMESTAMP", "DATETIME"),
    "DAY": ("DATE", "TIMESTAMP", "DATETIME"),
    "MONTH": ("DATE", "TIMESTAMP", "DATETIME"),
    "YEAR": ("DATE", "TIMESTAMP", "DATETIME"),
}
MAX_CLUSTERING = 4
MAX_RANGES = 10_000


def check_partitioning(body: Body) -> None:
    """Refuse a partitioning that the columns don't allow."""
    if body.get("requirePartitionFilter") and partition_column(body) is None:
        raise Refused("require_partition_filter can be set on partitioned tables only.")
    if ranges := body.get("rangePartitioning"):
        _check_ranges(body, ranges)
    cut = body.get("timePartitioning")
    if not cut:
        return
    if "type" not in cut:
        raise Refused("Partitions can expire in tables that are partitioned by time only.")
    if unknown := cut.keys() - {"type", "field", "expirationMs"}:
        raise NotSupportedLocally(
            f"The embedded warehouse does not keep timePartitioning.{min(unknown)}."
        )
    if cut.get("type") not in _PARTITION_TYPES:
        raise Refused(f"Invalid time partitioning type {cut.get('type')}.")
    if int(cut.get("expirationMs", 1)) < 1:
        raise Refused("timePartitioning.expirationMs must be greater than 0.")
    if cut.get("field"):
        _check_partition_column(body, cut["field"], _PARTITION_TYPES[cut["type"]])


def _check_ranges(body: Body, ranges: Body) -> None:
    if body.get("timePartitioning"):
        raise Refused("Only one of timePartitioning and rangePartitioning can be specified.")
    _check_partition_column(body, ranges["field"], ("INTEGER",))
    bounds = {key: int(value) for key, value in ranges["range"].items()}
    width = bounds["end"] - bounds["start"]
    if width <= 0 or bounds["interval"] < 1 or width / bounds["interval"] > MAX_RANGES:
        raise Refused(f"Invalid range partitioning {bounds}; it has at most {MAX_RANGES} ranges.")


def _check_partition_column(body: Body, name: str, allowed: tuple[str, ...]) -> None:
    field = column(fields_of(body), name)
    if field is None:
        raise Refused(f"The field specified for partitioning cannot be found in the schema: {name}")
    if field["mode"] == "REPEATED" or field["type"] not in allowed:
        raise Refused(
            f"The field specified for partitioning, {name}, is {field['mode']} {field['type']}; "
            f"it must be a top-level {' or '.join(allowed)} that is not REPEATED."
        )


def check_clustering(body: Body) -> None:
    """Refuse clustering columns: https://docs.cloud.google.com/bigquery/docs/clustered-tables."""
    names = (body.get("clustering") or {}).get("fields") or []
    if len(names) > MAX_CLUSTERING:
        raise Refused(f"Too many clustering fields: {len(names)}; at most {MAX_CLUSTERING}.")
    for name in names:
        field = column(fields_of(body), name)
        if field is None:
            raise Refused(
                f"The field specified for clustering cannot be found in the schema: {name}"
            )
        if field["mode"] == "REPEATED" or field["type"] not in _CLUSTERING_TYPES:
            raise Refused(
                f"Entity {name} has type {field['mode']} {field['type']}, which is not supported "
                "for clustering."
            )
        if field.get("collation"):
            raise Refused(f"Entity {name} has a collation, which is not supported for clustering.")
