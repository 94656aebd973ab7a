"""Rules for datasets, and for what all objects have: a description, labels, a kind."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Means, Rule, Severity

RULES = (
    Rule(
        id="DATASET_IS_NEW",
        on=c.ObjectAdded,
        where=lambda change: change.object_kind == "dataset",
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
        id="OBJECT_KEEPS_ITS_KIND",
        on=c.ObjectKindChanged,
        severity=Severity.DESTRUCTIVE,
        means=Means.IMPOSSIBLE,
        says="is declared as a {change.object_kind}, but something else has the name",
        instead="declare it under another name, or drop the live object by hand",
        source=sources.TABLES,
    ),
    Rule(
        id="ROUTINE_DESCRIPTION",
        on=c.DescriptionChanged,
        where=lambda change: change.object_kind == "scalar_function",
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="description: {change.after!r}",
        source=sources.ROUTINES,
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
        says="labels: {change.after}",
        source=sources.LABELS,
    ),
)
