"""Rules for the columns of tables."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

TABLE = ("table",)
WRITERS = (Consumer.WRITERS,)
BOTH = (Consumer.READERS, Consumer.WRITERS)
KEYS = {"PRIMARY_KEY", "FOREIGN_KEY"}
KEEP = "keep it declared, with a description that says it is deprecated"


def _partitions(change: c.FieldRemoved | c.FieldRenamed) -> bool:
    return "PARTITIONING" in change.roles


def _is_key(change: c.FieldRemoved) -> bool:
    return not KEYS.isdisjoint(change.roles)


ADDED = (
    Rule(
        id="REQUIRED_COLUMN_CANT_BE_ADDED",
        on=c.FieldAdded,
        kinds=TABLE,
        where=lambda change: change.after.required,
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="added as required, but the rows that exist have no value for it",
        instead="declare it without required=True",
        hurts=WRITERS,
        source=sources.ADD_COLUMN,
    ),
    Rule(
        id="COLUMN_IS_NEW_WITH_DEFAULT",
        on=c.FieldAdded,
        kinds=TABLE,
        where=lambda change: change.after.default is not None,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says=(
            "added, {change.after.sql_type} with the default {change.after.default} for new rows; "
            "rows that exist hold NULL"
        ),
        source=sources.DEFAULTS,
    ),
    Rule(
        id="NESTED_FIELD_IS_NEW",
        on=c.FieldAdded,
        kinds=TABLE,
        where=lambda change: change.is_nested,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says=(
            "added to its struct, {change.after.sql_type}; rows that exist hold nothing there, and "
            "an INSERT of the whole struct must name it"
        ),
        source=sources.ADD_NESTED,
    ),
    Rule(
        id="COLUMN_IS_NEW",
        on=c.FieldAdded,
        kinds=TABLE,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="added, {change.after.sql_type}; rows that exist hold nothing there",
        source=sources.ADD_COLUMN,
    ),
)
REMOVED = (
    Rule(
        id="PARTITION_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=_partitions,
        severity=Severity.DESTRUCTIVE,
        means=Means.REBUILD,
        says=(
            "dropped with its values, {change.before.sql_type}; the table is partitioned by it, "
            "so it is copied without it"
        ),
        instead="keep it declared; if it has another name now, say so with renamed_from",
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
    Rule(
        id="NESTED_FIELD_IS_GONE_OR_RENAMED",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=lambda change: bool(change.beside) and change.is_nested,
        severity=Severity.DESTRUCTIVE,
        means=Means.REBUILD,
        says=(
            "dropped with its values, {change.before.sql_type}, beside a new one of the same type; "
            "is it a rename?"
        ),
        instead="if it is a rename, declare {change.hints}; if not, keep this one declared",
        hurts=BOTH,
        source=sources.DROP_NESTED,
    ),
    Rule(
        id="COLUMN_IS_GONE_OR_RENAMED",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=lambda change: bool(change.beside),
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says=(
            "dropped with its values, {change.before.sql_type}, beside a new one of the same type; "
            "is it a rename?"
        ),
        instead="if it is a rename, declare {change.hints}; if not, keep this one declared",
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
    Rule(
        id="NESTED_FIELD_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=lambda change: change.is_nested,
        severity=Severity.DESTRUCTIVE,
        means=Means.REBUILD,
        says="dropped with its values, {change.before.sql_type}; the table is rewritten without it",
        instead=KEEP,
        hurts=BOTH,
        source=sources.DROP_NESTED,
    ),
    Rule(
        id="KEY_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=_is_key,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says="dropped with its values, {change.before.sql_type}, after the key that it belongs to",
        instead=KEEP,
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
    Rule(
        id="CLUSTERING_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE,
        where=lambda change: "CLUSTERING" in change.roles,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says=(
            "dropped with its values, {change.before.sql_type}, after the table is no longer "
            "clustered by it"
        ),
        instead=KEEP,
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
    Rule(
        id="COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says="dropped with its values, {change.before.sql_type}",
        instead=KEEP,
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
)
RENAMED = (
    Rule(
        id="NESTED_FIELD_KEEPS_ITS_NAME",
        on=c.FieldRenamed,
        kinds=TABLE,
        where=lambda change: change.is_nested,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says="renamed to {change.after}; inside a struct that needs a rewrite of the table",
        instead="add a field with the new name beside it, and fill both",
        hurts=BOTH,
        source=sources.RENAME_NESTED,
    ),
    Rule(
        id="PARTITION_COLUMN_KEEPS_ITS_NAME",
        on=c.FieldRenamed,
        kinds=TABLE,
        where=_partitions,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "renamed to {change.after}; the table is partitioned by it, so it is copied into one "
            "that has the new name"
        ),
        instead="add a column with the new name beside it, and fill both",
        hurts=BOTH,
        source=sources.RENAME_COLUMN,
    ),
    Rule(
        id="COLUMN_KEEPS_ITS_NAME",
        on=c.FieldRenamed,
        kinds=TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="renamed to {change.after}, with its values; who asks for the old name is refused",
        instead="add a column with the new name beside it, fill both, and drop this one later",
        hurts=BOTH,
        source=sources.RENAME_COLUMN,
    ),
)
MODES = (
    Rule(
        id="COLUMN_MODE_RELAXED",
        on=c.FieldModeChanged,
        kinds=TABLE,
        where=lambda change: (change.before, change.after) == ("REQUIRED", "NULLABLE"),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="no longer required; readers may find NULL",
        source=sources.RELAX,
    ),
    Rule(
        id="COLUMN_MODE_TIGHTENED",
        on=c.FieldModeChanged,
        kinds=TABLE,
        where=lambda change: (change.before, change.after) == ("NULLABLE", "REQUIRED"),
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says="becomes required; the table is rewritten, and a NULL in it stops that",
        instead="leave it nullable, and test for NULL in a job",
        hurts=WRITERS,
        source=sources.MODES,
    ),
    Rule(
        id="COLUMN_STAYS_SINGLE",
        on=c.FieldModeChanged,
        kinds=TABLE,
        where=lambda change: change.before == "REPEATED",
        severity=Severity.DESTRUCTIVE,
        means=Means.REBUILD,
        says="no longer repeated; the table is rewritten with the first element of each array",
        instead="add a column with the single value under another name",
        hurts=BOTH,
        source=sources.MODES,
    ),
    Rule(
        id="COLUMN_BECOMES_REPEATED",
        on=c.FieldModeChanged,
        kinds=TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says="becomes repeated; the table is rewritten with arrays of one element",
        instead="add a repeated column under another name",
        hurts=BOTH,
        source=sources.MODES,
    ),
)
DEFAULTS = (
    Rule(
        id="COLUMN_DEFAULT",
        on=c.FieldDefaultChanged,
        kinds=TABLE,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="default for new rows: {change.after}, was {change.before}",
        source=sources.DEFAULTS,
    ),
)
RULES = (*ADDED, *REMOVED, *RENAMED, *MODES, *DEFAULTS)
