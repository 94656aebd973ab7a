"""Rules for datasets. Their defaults are for what is created later: they change nothing else."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.options import is_limited
from datoria_dagster.judge.rule import Means, Rule, Severity

DATASET = ("dataset",)
_EXPIRATIONS = ("default_table_expiration_days", "default_partition_expiration_days")

RULES = (
    Rule(
        id="DATASET_IS_NEW",
        on=c.ObjectAdded,
        kinds=DATASET,
        severity=Severity.SAFE,
        means=Means.STATEMENT,
        says="created in {change.after.location}",
        source=sources.DATASETS,
    ),
    Rule(
        id="DATASET_KEEPS_ITS_LOCATION",
        on=c.LocationChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says="moves from {change.before} to {change.after}, but a dataset's location is for ever",
        instead="declare location={change.before!r}, or a dataset with another name",
        source=sources.DATASETS,
    ),
    Rule(
        id="DATASET_EXPIRES_NEW_TABLES",
        on=c.OptionChanged,
        kinds=DATASET,
        options=_EXPIRATIONS,
        where=is_limited,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "{change.option}: {change.becomes}, was {change.was}; what is created from now on "
            "is deleted when it is as old, what exists stays"
        ),
        source=sources.UPDATING_DATASETS,
    ),
    Rule(
        id="DATASET_KEEPS_NEW_TABLES",
        on=c.OptionChanged,
        kinds=DATASET,
        options=_EXPIRATIONS,
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="{change.option}: {change.becomes}, was {change.was}; for what is created later",
        source=sources.UPDATING_DATASETS,
    ),
    Rule(
        id="DATASET_REMEMBERS_LESS",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("max_time_travel_hours",),
        where=is_limited,
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "what was changed or deleted can be brought back for {change.becomes} hours, was "
            "{change.was}"
        ),
        source=sources.TIME_TRAVEL,
    ),
    Rule(
        id="DATASET_REMEMBERS_MORE",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("max_time_travel_hours",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says=(
            "what was changed or deleted can be brought back for {change.becomes} hours, was "
            "{change.was}; that may be stored at a cost"
        ),
        source=sources.TIME_TRAVEL,
    ),
    Rule(
        id="DATASET_DEFAULT_COLLATION",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("default_collation",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "tables that are created from now on have the collation {change.becomes}, was "
            "{change.was}"
        ),
        source=sources.COLLATION,
    ),
    Rule(
        id="DATASET_DEFAULT_ROUNDING_MODE",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("default_rounding_mode",),
        severity=Severity.SAFE,
        means=Means.PATCH,
        says="tables that are created from now on round by {change.becomes}",
        source=sources.UPDATING_DATASETS,
    ),
    Rule(
        id="DATASET_DEFAULT_KEY",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("default_kms_key_name",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "tables that are created from now on are encrypted by {change.becomes}; those that "
            "exist keep their key"
        ),
        source=sources.KMS,
    ),
    Rule(
        id="DATASET_BILLING",
        on=c.OptionChanged,
        kinds=DATASET,
        options=("storage_billing_model",),
        severity=Severity.CAUTION,
        means=Means.PATCH,
        says=(
            "storage is billed as {change.becomes}, was {change.was}; that can't be changed again "
            "for 14 days"
        ),
        source=sources.STORAGE_BILLING,
    ),
)
