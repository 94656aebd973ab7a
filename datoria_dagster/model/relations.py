"""What can stand in a FROM clause: tables, source tables and views.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from typing import ClassVar, Self, cast

import pydantic
from pydantic import field_validator, model_validator

from datoria_dagster.model.base import DeclarationError, Model
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.ident import check_labels, check_table, quote
from datoria_dagster.model.partitions import Partition, Partitioning
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import MAX_DEPTH, Field, check_unique, depth, walk

MAX_CLUSTERING = 4
MAX_DESCRIPTION = 16_384
_CLUSTERING_TYPES = [
    "BIGNUMERIC",
    "BOOL",
    "DATE",
    "DATETIME",
    "GEOGRAPHY",
    "INT64",
    "NUMERIC",
    "RANGE",
    "STRING",
    "TIMESTAMP",
]
_PARTITION_TYPES = {
    "HOUR": ("TIMESTAMP", "DATETIME"),
    "DAY": ("DATE", "TIMESTAMP", "DATETIME"),
    "MONTH": ("DATE", "TIMESTAMP", "DATETIME"),
    "YEAR": ("DATE", "TIMESTAMP", "DATETIME"),
    "RANGE": ("INT64",),
}


class Relation(Model):
    """What all relations have. `schema` is given as `schema=(Field(…), …)` and read as `fields`."""

    kind: ClassVar[str]

    dataset: Dataset
    name: str
    fields: tuple[Field, ...] = pydantic.Field(alias="schema")
    description: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_table(name)

    @field_validator("fields", mode="before")
    @classmethod
    def _check_fields(cls, fields: object) -> object:
        if not isinstance(fields, Field):
            return fields
        raise ValueError(
            f"its schema is one column, not a tuple: write (Field({fields.name!r}, …),)."
        )

    @model_validator(mode="after")
    def _validate_fields(self) -> Self:
        check_unique(self.fields)
        if depth(self.fields) > MAX_DEPTH:
            raise ValueError(f"columns nest at most {MAX_DEPTH} levels deep.")
        if len(self.description) > MAX_DESCRIPTION:
            raise ValueError(f"a description has at most {MAX_DESCRIPTION} characters.")
        return self

    @property
    def id(self) -> str:
        """`project.dataset.name`."""
        return f"{self.dataset.id}.{self.name}"

    @property
    def partitioning(self) -> Partitioning:
        """How the relation is partitioned; a view is not."""
        return Partitioning.none()

    @property
    def partition_type(self) -> str:
        """The type of the partitioning column; TIMESTAMP for ingestion time."""
        column = self.partitioning.column
        return self.field(column).type.name if column else "TIMESTAMP"

    def field(self, name: str) -> Field:
        """Return a column by name, without regard to case. Raises DeclarationError."""
        for field in self.fields:
            if field.name.lower() == name.lower():
                return field
        raise DeclarationError(f"{self.id} has no column {name!r}.")

    def render(self, execution: Partition | None) -> str:  # noqa: ARG002
        """Return the qualified, back-quoted name."""
        return quote(self.id)

    def all_partitions(self) -> Dependency:
        """Read everything."""
        return Dependency(relation=cast("AnyRelation", self), reach="ALL")

    def at_execution_date(self) -> Dependency:
        """Read the partitions that an execution's period covers: its day, or a month's days."""
        if not self.partitioning:
            raise DeclarationError(
                f"{self.id} has no partitions to read at the execution date. "
                "Pass it as it is, or read .all_partitions()."
            )
        return Dependency(relation=cast("AnyRelation", self), reach="EXECUTION")

    def with_fields(self, fields: tuple[Field, ...]) -> Self:
        """Return the relation with another schema."""
        return self.model_copy(update={"fields": fields})


class _Partitioned(Relation):
    cut: Partitioning = pydantic.Field(default=Partitioning(), alias="partitioning")

    @property
    def partitioning(self) -> Partitioning:
        """How the table is partitioned."""
        return self.cut

    @model_validator(mode="after")
    def _validate_partitioning(self) -> Self:
        column, granularity = self.cut.column, self.cut.granularity
        if column is None or granularity is None:
            return self
        field = _column(self.fields, column, "partitioning")
        allowed = _PARTITION_TYPES[granularity]
        if field.repeated or field.type.name not in allowed:
            raise ValueError(
                f"partitioning by {granularity.lower()} of {column!r}: the column is "
                f"{field.sql_type}, it must be {' or '.join(allowed)}."
            )
        return self


class Table(_Partitioned):
    """A managed table: datoria creates it, changes it and, when it leaves the code, drops it."""

    kind: ClassVar[str] = "table"

    clustering: tuple[str, ...] = ()
    labels: dict[str, str] = pydantic.Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        return check_labels(labels)

    @model_validator(mode="after")
    def _validate_clustering(self) -> Self:
        if not self.fields:
            raise ValueError("a table needs at least one column.")
        for path, field in walk(self.fields):
            if "." in path and field.default is not None:
                raise ValueError(f"{path!r} has a default; only a top-level column can have one.")
        if len(self.clustering) > MAX_CLUSTERING:
            raise ValueError(
                f"{len(self.clustering)} clustering columns; BigQuery allows {MAX_CLUSTERING}."
            )
        for name in self.clustering:
            field = _column(self.fields, name, "clustering")
            if field.repeated or field.type.name not in _CLUSTERING_TYPES:
                raise ValueError(
                    f"clustering by {name!r}: a {field.sql_type} can't cluster a table."
                )
        return self


class SourceTable(_Partitioned):
    """A table that others own: read, never created, changed or dropped."""

    kind: ClassVar[str] = "source_table"


class View(Relation):
    """A logical view. Its schema is a contract: the names and types that the query returns."""

    kind: ClassVar[str] = "view"

    query: Sql
    labels: dict[str, str] = pydantic.Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        return check_labels(labels)

    @model_validator(mode="after")
    def _validate_columns(self) -> Self:
        for path, field in walk(self.fields):
            if field.required:
                raise ValueError(f"column {path!r} is required, but a view's columns never are.")
            if field.default is not None:
                raise ValueError(f"column {path!r} has a default, but a view stores no rows.")
            if field.type.max_length or field.type.precision:
                bare = field.type.unparameterized
                raise ValueError(f"column {path!r} is {field.type}, but a view returns {bare}.")
        self.query.render()  # a view has no execution date: fails here and not in production
        return self


AnyRelation = Table | SourceTable | View
Dependency.model_rebuild(_types_namespace={"AnyRelation": AnyRelation})


def _column(fields: tuple[Field, ...], name: str, purpose: str) -> Field:
    for field in fields:
        if field.name.lower() == name.lower():
            return field
    known = ", ".join(field.name for field in fields)
    raise ValueError(f"{purpose} names {name!r}, which is not a column. Its columns: {known}.")
