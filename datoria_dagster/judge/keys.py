"""Rules for primary and foreign keys. BigQuery enforces neither, but its optimizer trusts both."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Means, Rule, Severity

TABLE = ("table",)


RULES = (
    Rule(
        id="PRIMARY_KEY_IS_DROPPED",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("primary_key",),
        where=lambda change: not change.after,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says="no primary key any more; queries that were faster for it may slow down",
        source=sources.KEYS,
    ),
    Rule(
        id="PRIMARY_KEY",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("primary_key",),
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says=(
            "primary key {change.becomes}; BigQuery doesn't check it, and where rows break it "
            "queries return wrong results"
        ),
        source=sources.KEYS,
    ),
    Rule(
        id="FOREIGN_KEY_IS_NEW",
        on=c.ForeignKeyAdded,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says=(
            "foreign key {change.after.name} to {change.after.table}; BigQuery doesn't check it, "
            "and where rows break it queries return wrong results"
        ),
        source=sources.KEYS,
    ),
    Rule(
        id="FOREIGN_KEY_IS_DROPPED",
        on=c.ForeignKeyRemoved,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="foreign key {change.before.name} to {change.before.table} dropped; no row changes",
        source=sources.KEYS,
    ),
)
