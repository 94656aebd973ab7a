"""Rules for tables as a whole."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity
from datoria_dagster.model.partitions import Partitioning

TABLE = ("table",)
BOTH = (Consumer.READERS, Consumer.WRITERS)


def _is_by_arrival(cut: Partitioning) -> bool:
    return bool(cut) and cut.column is None


RULES = (
    Rule(
        id="TABLE_IS_NEW",
        on=c.ObjectAdded,
        kinds=TABLE,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="created, {change.after.partitioning}",
        source=sources.CREATE_TABLE,
    ),
    Rule(
        id="TABLE_STAYS",
        on=c.ObjectRemoved,
        kinds=TABLE,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says="dropped with all its rows: it left the code",
        instead=(
            "keep declaring it until nobody reads it; or declare it as a SourceTable, "
            "and it is no longer ours to drop"
        ),
        hurts=BOTH,
        source=sources.DROP_TABLE,
    ),
    Rule(
        id="TABLE_KEEPS_ITS_NAME",
        on=c.ObjectRenamed,
        kinds=TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="renamed from {change.before}; who asks for that name finds nothing",
        instead=(
            "declare the new table beside the old one and fill both, until nobody reads the old one"
        ),
        hurts=BOTH,
        source=sources.RENAME_TABLE,
    ),
    Rule(
        id="ARRIVAL_CANT_BE_KNOWN_LATER",
        on=c.PartitioningChanged,
        kinds=TABLE,
        where=lambda change: _is_by_arrival(change.after) and not _is_by_arrival(change.before),
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says=(
            "partitioned {change.after}, was {change.before}; the rows that exist don't know "
            "when they arrived"
        ),
        instead="partition it by a column; or declare a new table, and fill it from now on",
        hurts=BOTH,
        source=sources.PARTITIONS,
    ),
    Rule(
        id="TABLE_KEEPS_ITS_PARTITIONING",
        on=c.PartitioningChanged,
        kinds=TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "partitioned {change.after}, was {change.before}; BigQuery can't change it, so the "
            "table is copied into one that is, and takes its place"
        ),
        instead="declare a new table with the new partitioning, and fill it by a job",
        hurts=BOTH,
        source=sources.PARTITIONS,
    ),
    Rule(
        id="TABLE_CLUSTERING",
        on=c.ClusteringChanged,
        kinds=TABLE,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="clustered by {change.both}; only new data is clustered anew",
        source=sources.CLUSTERING,
    ),
)
