"""Rules for views: their query, and the columns that they return."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.promotion import widens
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

VIEW = ("view",)
BOTH = ("view", "materialized_view")
READERS = (Consumer.READERS,)


RULES = (
    Rule(
        id="VIEW_IS_NEW",
        on=c.ObjectAdded,
        kinds=VIEW,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created",
        source=sources.VIEWS,
    ),
    Rule(
        id="VIEW_STAYS",
        on=c.ObjectRemoved,
        kinds=VIEW,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code; its grants, and datasets' authorizations of it, are lost",
        instead="keep declaring it until nobody reads it",
        hurts=READERS,
        source=sources.MANAGING_VIEWS,
    ),
    Rule(
        id="VIEW_QUERY",
        on=c.QueryChanged,
        kinds=VIEW,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says="has another query; its readers get what that returns",
        source=sources.MANAGING_VIEWS,
    ),
    Rule(
        id="VIEW_COLUMN_IS_NEW",
        on=c.FieldAdded,
        kinds=BOTH,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="added, {change.after.sql_type}",
        source=sources.VIEWS,
    ),
    Rule(
        id="VIEW_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=BOTH,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says="no longer returned",
        instead="keep returning it until nobody reads it",
        hurts=READERS,
        source=sources.VIEWS,
    ),
    Rule(
        id="VIEW_COLUMN_WIDENS",
        on=c.FieldTypeChanged,
        kinds=BOTH,
        where=lambda change: widens(change.before, change.after),
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says="widened from {change.before} to {change.after}; readers get another type of number",
        source=sources.VIEWS,
    ),
    Rule(
        id="VIEW_COLUMN_KEEPS_ITS_TYPE",
        on=c.FieldTypeChanged,
        kinds=BOTH,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says="changed from {change.before} to {change.after}",
        instead="return the new value under another name",
        hurts=READERS,
        source=sources.VIEWS,
    ),
    Rule(
        id="VIEW_COLUMN_KEEPS_ITS_MODE",
        on=c.FieldModeChanged,
        kinds=BOTH,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says="changed from {change.before} to {change.after}",
        instead="return the new value under another name",
        hurts=READERS,
        source=sources.VIEWS,
    ),
)
