"""Rules for the types of a table's columns."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.promotion import casts, widens
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

TABLE = ("table",)
WRITERS = (Consumer.WRITERS,)
BOTH = (Consumer.READERS, Consumer.WRITERS)
_KEYS = {"PRIMARY_KEY", "FOREIGN_KEY"}
# On Google's list of what goes in place, but peers saw one of its kind refused.
_INTO_FLOAT64 = {("INT64", "FLOAT64"), ("NUMERIC", "FLOAT64")}
# Coerced by Google's page of conversions, but not on the list.
_UNLISTED = {("BIGNUMERIC", "FLOAT64"), ("DATE", "DATETIME")}
_PEERS = "https://github.com/SQLMesh/sqlmesh/pull/2848"


def _widens(change: c.FieldTypeChanged) -> bool:
    return widens(change.before, change.after)


def _names(change: c.FieldTypeChanged) -> tuple[str, str]:
    return change.before.name, change.after.name


def _casts(change: c.FieldTypeChanged) -> bool:
    return casts(change.before, change.after)


RULES = (
    Rule(
        id="PARTITION_COLUMN_KEEPS_ITS_TYPE",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: "PARTITIONING" in change.roles and _casts(change),
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "changed from {change.before} to {change.after}; the table is partitioned by it, so "
            "it is copied with CAST, and a value that does not fit stops that"
        ),
        instead="add a column of the new type, and partition a new table by it",
        hurts=BOTH,
        source=sources.PARTITIONS,
    ),
    Rule(
        id="COLUMN_GROWS_IN_ARRAY",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _widens(change) and change.in_array,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "widened from {change.before} to {change.after}; inside an array that needs a "
            "rewrite of the table"
        ),
        instead="add a field of the new type beside it",
        hurts=WRITERS,
        source=sources.MODES,
    ),
    Rule(
        id="KEY_COLUMN_WIDENS",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _widens(change) and not _KEYS.isdisjoint(change.roles),
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says=(
            "widened from {change.before} to {change.after}; the key that it belongs to is "
            "dropped before, and added again"
        ),
        source=sources.KEYS,
    ),
    Rule(
        id="NESTED_FIELD_WIDENS",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _widens(change) and change.is_nested,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says=(
            "widened from {change.before} to {change.after}, by stating its whole struct anew; "
            "readers get another type of value"
        ),
        source=sources.SET_TYPE,
        unverified=(
            "The page shows a struct stated anew, but not whether the descriptions and policy tags "
            "of its fields stay. If the server refuses it, the step fails and nothing is changed."
        ),
    ),
    Rule(
        id="COLUMN_GROWS",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _widens(change) and change.before.name == change.after.name,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="widened from {change.before} to {change.after}",
        source=sources.SET_TYPE,
    ),
    Rule(
        id="COLUMN_BECOMES_FLOAT64",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _widens(change) and _names(change) in _INTO_FLOAT64,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says=(
            "widened from {change.before} to FLOAT64; readers get another type of number, and of "
            "a large one only its first 15 digits are sure"
        ),
        source=sources.SET_TYPE,
        unverified=(
            "The page lists the pair. Peers saw a change to FLOAT64 that the page of conversions "
            f"allows refused ({_PEERS}). If the server refuses this one, the step fails and "
            "nothing is changed."
        ),
    ),
    Rule(
        id="COLUMN_WIDENS",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=_widens,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says="widened from {change.before} to {change.after}; readers get another type of number",
        source=sources.SET_TYPE,
    ),
    Rule(
        id="COLUMN_WIDENS_BY_REWRITE",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=lambda change: _names(change) in _UNLISTED,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "changed from {change.before} to {change.after}; every value fits, but BigQuery does "
            "not list it among what it changes in place, so the table is rewritten"
        ),
        instead="add a column of the new type, move its readers there, and drop this one later",
        hurts=BOTH,
        source=sources.SET_TYPE,
        unverified=(
            "The page does not list the pair, though the page of conversions coerces it "
            f"({sources.CAST}); peers saw BIGNUMERIC to FLOAT64 refused ({_PEERS})."
        ),
    ),
    Rule(
        id="COLUMN_NARROWS",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        where=_casts,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "changed from {change.before} to {change.after}; the table is rewritten with CAST, "
            "and a value that does not fit stops it"
        ),
        instead="add a column of the new type, move its readers there, and drop this one later",
        hurts=BOTH,
        source=sources.CHANGE_TYPE,
    ),
    Rule(
        id="COLUMN_KEEPS_ITS_TYPE",
        on=c.FieldTypeChanged,
        kinds=TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="changed from {change.before} to {change.after}, and no CAST leads there",
        instead="add a column of the new type under another name, and fill it by a job",
        hurts=BOTH,
        source=sources.CHANGE_TYPE,
    ),
)
