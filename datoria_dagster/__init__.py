"""Declare a BigQuery platform in Python; migrate it; let Dagster run only what is migrated."""

# The package `sql` is loaded before the function `sql`: loaded later, it would take its name.
import datoria_dagster.sql  # noqa: F401 # pyright: ignore[reportUnusedImport]
from datoria_dagster.model.base import DatoriaError, DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency, Invalidation
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.partitions import (
    Partition,
    Partitioning,
    day,
    hour,
    integer,
    month,
    week,
    year,
)
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import (
    ExternalTable,
    MaterializedView,
    SourceTable,
    Table,
    View,
)
from datoria_dagster.model.routines import (
    AggregateFunction,
    Argument,
    JavaScript,
    Procedure,
    Remote,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import ExecutionDate, Sql, ident, sql, sql_file
from datoria_dagster.model.types import (
    ARRAY,
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    GEOGRAPHY,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    RANGE,
    STRING,
    STRUCT,
    TIME,
    TIMESTAMP,
    Field,
    Type,
)

__all__ = [
    "ARRAY",
    "BIGNUMERIC",
    "BOOL",
    "BYTES",
    "DATE",
    "DATETIME",
    "FLOAT64",
    "GEOGRAPHY",
    "INT64",
    "INTERVAL",
    "JSON",
    "NUMERIC",
    "RANGE",
    "STRING",
    "STRUCT",
    "TIME",
    "TIMESTAMP",
    "AggregateFunction",
    "Argument",
    "Dataset",
    "DatoriaError",
    "DeclarationError",
    "Dependency",
    "ExecutionDate",
    "ExternalTable",
    "Field",
    "ForeignKey",
    "Invalidation",
    "JavaScript",
    "Job",
    "MaterializedView",
    "Partition",
    "Partitioning",
    "Platform",
    "Procedure",
    "Remote",
    "ScalarFunction",
    "SourceTable",
    "Sql",
    "Table",
    "TableFunction",
    "Type",
    "View",
    "day",
    "hour",
    "ident",
    "integer",
    "month",
    "sql",
    "sql_file",
    "week",
    "year",
]
