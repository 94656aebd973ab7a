"""Rules for materialized views: with another query, it is another one in its place."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

MATERIALIZED_VIEW = ("materialized_view",)
READERS = (Consumer.READERS,)
_LOST = "it is created anew, filled from scratch, and its grants are lost"

RULES = (
    Rule(
        id="MATERIALIZED_VIEW_IS_NEW",
        on=c.ObjectAdded,
        kinds=MATERIALIZED_VIEW,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created, {change.after.partitioning}; BigQuery fills it, which costs a scan",
        source=sources.MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_STAYS",
        on=c.ObjectRemoved,
        kinds=MATERIALIZED_VIEW,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code; what it is made of stays",
        instead="keep declaring it until nobody reads it",
        hurts=READERS,
        source=sources.MANAGING_MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_QUERY",
        on=c.QueryChanged,
        kinds=MATERIALIZED_VIEW,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"has another query, which BigQuery can't change: {_LOST}",
        source=sources.MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_PARTITIONING",
        on=c.PartitioningChanged,
        kinds=MATERIALIZED_VIEW,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"partitioned {{change.after}}, was {{change.before}}: {_LOST}",
        source=sources.MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_CLUSTERING",
        on=c.ClusteringChanged,
        kinds=MATERIALIZED_VIEW,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"clustered by {{change.both}}: {_LOST}",
        source=sources.MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_DEFINITION",
        on=c.OptionChanged,
        kinds=MATERIALIZED_VIEW,
        options=("allow_non_incremental_definition",),
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"allow_non_incremental_definition: {{change.becomes}}: {_LOST}",
        source=sources.MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_STAYS_FRESH",
        on=c.OptionChanged,
        kinds=MATERIALIZED_VIEW,
        options=("enable_refresh",),
        where=lambda change: not change.after,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="no longer refreshed by itself: its queries read more and more of what it is made of",
        source=sources.MANAGING_MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_REFRESH",
        on=c.OptionChanged,
        kinds=MATERIALIZED_VIEW,
        options=("enable_refresh", "refresh_interval_minutes"),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="{change.option}: {change.becomes}, was {change.was}",
        source=sources.MANAGING_MATERIALIZED_VIEWS,
    ),
    Rule(
        id="MATERIALIZED_VIEW_STALENESS",
        on=c.OptionChanged,
        kinds=MATERIALIZED_VIEW,
        options=("max_staleness",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="readers may get data as old as {change.becomes}, was {change.was}",
        source=sources.MANAGING_MATERIALIZED_VIEWS,
    ),
)
