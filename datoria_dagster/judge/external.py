"""Rules for external tables. They hold no rows: nothing of these changes a file."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

EXTERNAL_TABLE = ("external_table",)
READERS = (Consumer.READERS,)
_OPTIONS = (
    *("format", "uris", "compression", "connection", "max_bad_records", "ignore_unknown_values"),
    *("skip_leading_rows", "field_delimiter", "hive_partition_uri_prefix"),
)

RULES = (
    Rule(
        id="EXTERNAL_TABLE_IS_NEW",
        on=c.ObjectAdded,
        kinds=EXTERNAL_TABLE,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="created over {change.after.format} files; they are read when it is queried",
        source=sources.EXTERNAL_TABLES,
    ),
    Rule(
        id="EXTERNAL_TABLE_STAYS",
        on=c.ObjectRemoved,
        kinds=EXTERNAL_TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code; its files stay",
        instead="keep declaring it until nobody reads it",
        hurts=READERS,
        source=sources.EXTERNAL_TABLES,
    ),
    Rule(
        id="EXTERNAL_TABLE_OPTION",
        on=c.OptionChanged,
        kinds=EXTERNAL_TABLE,
        options=_OPTIONS,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "{change.option}: {change.becomes}, was {change.was}; its readers get what the files "
            "then say"
        ),
        source=sources.EXTERNAL_OPTIONS,
    ),
    Rule(
        id="EXTERNAL_COLUMN_IS_NEW",
        on=c.FieldAdded,
        kinds=EXTERNAL_TABLE,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="added, {change.after.sql_type}; NULL where a file lacks it",
        source=sources.EXTERNAL_TABLES,
    ),
    Rule(
        id="EXTERNAL_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=EXTERNAL_TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.PATCH,
        says="no longer read from the files",
        instead="keep it declared until nobody reads it",
        hurts=READERS,
        source=sources.EXTERNAL_TABLES,
    ),
    Rule(
        id="EXTERNAL_COLUMN_KEEPS_ITS_TYPE",
        on=(c.FieldTypeChanged, c.FieldModeChanged),
        kinds=EXTERNAL_TABLE,
        severity=Severity.INCOMPATIBLE,
        means=Means.PATCH,
        says=(
            "read as {change.after} instead of {change.before}; a file whose values don't fit "
            "fails its readers"
        ),
        instead="add a column of the new type in the files, and declare that",
        hurts=READERS,
        source=sources.EXTERNAL_TABLES,
    ),
)
