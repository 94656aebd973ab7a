"""Rules for the columns of tables."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.promotion import casts, widens
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

READERS = (Consumer.READERS,)
BOTH = (Consumer.READERS, Consumer.WRITERS)


def _widens(change: c.FieldTypeChanged) -> bool:
    return widens(change.before, change.after)


def _same_family(change: c.FieldTypeChanged) -> bool:
    return _widens(change) and change.before.name == change.after.name


RULES = (
    Rule(
        id="REQUIRED_COLUMN_CANT_BE_ADDED",
        on=c.FieldAdded,
        where=lambda change: change.after.required,
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="added as required, but the rows that exist have no value for it",
        instead="declare it without required=True",
        hurts=(Consumer.WRITERS,),
        source=sources.ADD_COLUMN,
    ),
    Rule(
        id="COLUMN_IS_NEW_WITH_DEFAULT",
        on=c.FieldAdded,
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
        id="COLUMN_IS_NEW",
        on=c.FieldAdded,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="added, {change.after.sql_type}; rows that exist hold nothing there",
        source=sources.ADD_COLUMN,
    ),
    Rule(
        id="NESTED_FIELD_STAYS",
        on=c.FieldRemoved,
        where=lambda change: change.is_nested,
        severity=Severity.DESTRUCTIVE,
        means=Means.REBUILD,
        says="dropped with its values, {change.before.sql_type}; the table is rewritten without it",
        instead="keep it declared, with a description that says it is deprecated",
        hurts=BOTH,
        source=sources.DROP_NESTED,
    ),
    Rule(
        id="COLUMN_STAYS",
        on=c.FieldRemoved,
        severity=Severity.DESTRUCTIVE,
        means=Means.STATEMENT,
        says="dropped with its values, {change.before.sql_type}",
        instead="keep it declared, with a description that says it is deprecated",
        hurts=BOTH,
        source=sources.DROP_COLUMN,
    ),
    Rule(
        id="COLUMN_GROWS_IN_ARRAY",
        on=c.FieldTypeChanged,
        where=lambda change: _widens(change) and change.in_array,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "widened from {change.before} to {change.after}; inside an array that needs a "
            "rewrite of the table"
        ),
        instead="add a field of the new type beside it",
        hurts=(Consumer.WRITERS,),
        source=sources.MODES,
    ),
    Rule(
        id="COLUMN_GROWS",
        on=c.FieldTypeChanged,
        where=_same_family,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="widened from {change.before} to {change.after}",
        source=sources.SET_TYPE,
    ),
    Rule(
        id="COLUMN_WIDENS",
        on=c.FieldTypeChanged,
        where=_widens,
        severity=Severity.CAUTION,
        means=Means.STATEMENT,
        says="widened from {change.before} to {change.after}; readers get another type of number",
        source=sources.SET_TYPE,
    ),
    Rule(
        id="COLUMN_NARROWS",
        on=c.FieldTypeChanged,
        where=lambda change: casts(change.before, change.after),
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
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="changed from {change.before} to {change.after}, and no CAST leads there",
        instead="add a column of the new type under another name, and fill it by a job",
        hurts=BOTH,
        source=sources.CHANGE_TYPE,
    ),
    Rule(
        id="COLUMN_MODE_RELAXED",
        on=c.FieldModeChanged,
        where=lambda change: (change.before, change.after) == ("REQUIRED", "NULLABLE"),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="no longer required; readers may find NULL",
        source=sources.RELAX,
    ),
    Rule(
        id="COLUMN_MODE_TIGHTENED",
        on=c.FieldModeChanged,
        where=lambda change: (change.before, change.after) == ("NULLABLE", "REQUIRED"),
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says="becomes required; the table is rewritten, and a NULL in it stops that",
        instead="leave it nullable, and test for NULL in a job",
        hurts=(Consumer.WRITERS,),
        source=sources.MODES,
    ),
    Rule(
        id="COLUMN_STAYS_SINGLE",
        on=c.FieldModeChanged,
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
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says="becomes repeated; the table is rewritten with arrays of one element",
        instead="add a repeated column under another name",
        hurts=BOTH,
        source=sources.MODES,
    ),
    Rule(
        id="COLUMN_DEFAULT",
        on=c.FieldDefaultChanged,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="default for new rows: {change.after}, was {change.before}",
        source=sources.DEFAULTS,
    ),
)
