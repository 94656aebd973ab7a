"""Rules for tables as a whole."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity


def _is_table(change: c.BaseChange) -> bool:
    return change.object_kind == "table"


RULES = (
    Rule(
        id="TABLE_IS_NEW",
        on=c.ObjectAdded,
        where=_is_table,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="created, {change.after.partitioning}",
        source=sources.CREATE_TABLE,
    ),
    Rule(
        id="TABLE_STAYS",
        on=c.ObjectRemoved,
        where=_is_table,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says="dropped with all its rows: it left the code",
        instead=(
            "keep declaring it until nobody reads it; or declare it as a SourceTable, "
            "and it is no longer ours to drop"
        ),
        hurts=(Consumer.READERS, Consumer.WRITERS),
        source=sources.DROP_TABLE,
    ),
    Rule(
        id="TABLE_KEEPS_ITS_PARTITIONING",
        on=c.PartitioningChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="partitioned {change.after} instead of {change.before}; BigQuery can't change it",
        instead="declare a new table with the new partitioning, and fill it by a job",
        hurts=(Consumer.READERS, Consumer.WRITERS),
        source=sources.PARTITIONS,
    ),
    Rule(
        id="TABLE_CLUSTERING",
        on=c.ClusteringChanged,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="clustered by {change.both}; only new data is clustered anew",
        source=sources.CLUSTERING,
    ),
)
