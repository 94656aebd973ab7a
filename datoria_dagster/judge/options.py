"""Rules for the options of tables and of columns, and for those that all objects have."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

TABLE = ("table",)
ROUTINES = ("scalar_function", "aggregate_function", "table_function", "procedure")
READERS = (Consumer.READERS,)
BOTH = (Consumer.READERS, Consumer.WRITERS)


def is_limited(change: c.OptionChanged) -> bool:
    """Tell whether a limit is set, or set to less."""
    return change.after is not None and (change.before is None or change.after < change.before)


TABLE_RULES = (
    Rule(
        id="TABLE_EXPIRES_NO_EARLIER",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("expiration_timestamp",),
        where=is_limited,
        severity=Severity.DESTRUCTIVE,
        means=Means.PATCH,
        says="dropped with all its rows at {change.becomes}, was {change.was}",
        instead="leave expiration_timestamp out, and remove the table from the code in time",
        hurts=BOTH,
        source=sources.TABLE_EXPIRATION,
    ),
    Rule(
        id="TABLE_EXPIRES_LATER",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("expiration_timestamp",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="expires later or never: {change.becomes}, was {change.was}",
        source=sources.TABLE_EXPIRATION,
    ),
    Rule(
        id="PARTITIONS_EXPIRE_NO_EARLIER",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("partition_expiration_days",),
        where=is_limited,
        severity=Severity.DESTRUCTIVE,
        means=Means.PATCH,
        says=(
            "partitions older than {change.becomes} days are deleted at once, was {change.was}; "
            "so are the others when they get as old"
        ),
        instead="delete old partitions by a job that you can watch, or keep them",
        hurts=BOTH,
        source=sources.PARTITION_EXPIRATION,
    ),
    Rule(
        id="PARTITIONS_EXPIRE_LATER",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("partition_expiration_days",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="partitions are kept longer: {change.option} {change.becomes}, was {change.was}",
        source=sources.PARTITION_EXPIRATION,
    ),
    Rule(
        id="QUERIES_NEED_NO_PARTITION_FILTER",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("require_partition_filter",),
        where=lambda change: bool(change.after),
        severity=Severity.INCOMPATIBLE,
        means=Means.PATCH,
        says=(
            "refuses every query without a filter on the partitioning column, through views too, "
            "and every UPDATE, DELETE and MERGE without one"
        ),
        instead="add the filter to all that reads it first; the jobs' history shows who lacks it",
        hurts=BOTH,
        source=sources.PARTITION_FILTER,
    ),
    Rule(
        id="PARTITION_FILTER_IS_LIFTED",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("require_partition_filter",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="answers queries without a filter on the partitioning column too",
        source=sources.PARTITION_FILTER,
    ),
    Rule(
        id="TABLE_KEEPS_ITS_ENCRYPTION",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("kms_key_name",),
        where=lambda change: change.before is None,
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "encrypted by {change.becomes}, was by Google's key; that needs a copy of the table, "
            "and who reads it needs the key to be there"
        ),
        instead="declare a new table with the key, and fill it by a job",
        hurts=(*BOTH, Consumer.GOVERNANCE),
        source=sources.KMS,
    ),
    Rule(
        id="TABLE_KEY_CHANGES",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("kms_key_name",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="encrypted by {change.becomes}, was by {change.was}; keep that while copies need it",
        source=sources.KMS,
    ),
    Rule(
        id="TABLE_STALENESS",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("max_staleness",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="readers may get data as old as {change.becomes}, was {change.was}",
        source=sources.TABLE_OPTIONS,
    ),
    Rule(
        id="TABLE_DEFAULT_COLLATION",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("default_collation",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "STRING columns that are added from now on have the collation {change.becomes}; "
            "those that exist keep theirs"
        ),
        source=sources.COLLATION,
    ),
    Rule(
        id="TABLE_DEFAULT_ROUNDING_MODE",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("default_rounding_mode",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="NUMERIC columns that are added from now on round by {change.becomes}",
        source=sources.TABLE_OPTIONS,
    ),
)
COLUMN_RULES = (
    Rule(
        id="COLUMN_IS_NOT_EXPOSED",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("policy_tag",),
        where=lambda change: not change.after,
        severity=Severity.INCOMPATIBLE,
        means=Means.PATCH,
        says="no longer protected by {change.was}: everybody who reads the table sees it",
        instead="keep the tag, and grant Fine-Grained Reader on it to those who need the column",
        hurts=(Consumer.GOVERNANCE,),
        source=sources.POLICY_TAGS,
    ),
    Rule(
        id="COLUMN_STAYS_READABLE",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("policy_tag",),
        severity=Severity.INCOMPATIBLE,
        means=Means.PATCH,
        says=(
            "protected by {change.becomes}, was by {change.was}; only who is a Fine-Grained "
            "Reader of it still reads the column"
        ),
        instead="grant Fine-Grained Reader on the tag to its readers first",
        hurts=(*BOTH, Consumer.GOVERNANCE),
        source=sources.POLICY_TAGS,
    ),
    Rule(
        id="COLUMN_KEEPS_ITS_COLLATION",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("collation",),
        severity=Severity.INCOMPATIBLE,
        means=Means.REBUILD,
        says=(
            "collation {change.becomes}, was {change.was}: its values compare, sort and group "
            "otherwise; BigQuery can't change it, so the table is rewritten"
        ),
        instead="add a column with the collation under another name",
        hurts=READERS,
        source=sources.COLLATION,
    ),
    Rule(
        id="COLUMN_ROUNDING_MODE",
        on=c.OptionChanged,
        kinds=TABLE,
        options=("rounding_mode",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says="values that are written from now on round by {change.becomes}, were by {change.was}",
        source=sources.ROUNDING,
    ),
)
COMMON_RULES = (
    Rule(
        id="ROUTINE_DESCRIPTION",
        on=c.DescriptionChanged,
        kinds=ROUTINES,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says=(
            "description: {change.after!r}; the routine is replaced, so authorize it again where "
            "a dataset had authorized it"
        ),
        source=sources.AUTHORIZED_ROUTINES,
    ),
    Rule(
        id="DESCRIPTION",
        on=c.DescriptionChanged,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="description: {change.after!r}",
        source=sources.TABLES,
    ),
    Rule(
        id="LABELS",
        on=c.LabelsChanged,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="labels: {change.becomes}, was {change.was}",
        source=sources.LABELS,
    ),
    Rule(
        id="FRIENDLY_NAME",
        on=c.OptionChanged,
        options=("friendly_name",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="friendly name: {change.becomes}",
        source=sources.TABLES,
    ),
)
