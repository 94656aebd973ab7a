"""Relations, what can stand in a FROM clause, and of them the tables.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self, cast

import pydantic
from pydantic import field_validator, model_validator

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.declared import Declared
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.ident import check_kms_key, check_labels, check_table, quote
from datoria_dagster.model.keys import MAX_FOREIGN_KEYS, MAX_PRIMARY_KEY, ForeignKey
from datoria_dagster.model.partitions import Partition, Partitioning
from datoria_dagster.model.types import (
    MAX_DEPTH,
    Collation,
    Field,
    RoundingMode,
    check_unique,
    depth,
    walk,
)

if TYPE_CHECKING:
    from datoria_dagster.model.relations import AnyRelation

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


class Relation(Declared):
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

    def window(
        self, *, hours: int = 0, days: int = 0, weeks: int = 0, months: int = 0, years: int = 0
    ) -> Dependency:
        """Read the last so many periods up to the execution's own, which counts as one of them.

        Exactly one length is given, in the unit by which the job runs.
        """
        lengths = {"HOUR": hours, "DAY": days, "WEEK": weeks, "MONTH": months, "YEAR": years}
        given = {unit: length for unit, length in lengths.items() if length}
        if len(given) != 1 or min(given.values()) < 1:
            raise DeclarationError(
                f"{self.id} is read in a window: say how long it is, by one positive number, "
                "as in .window(days=7)."
            )
        ((unit, length),) = given.items()
        return self.at_execution_date().model_copy(update={"first": 1 - length, "unit": unit})

    def with_fields(self, fields: tuple[Field, ...]) -> Self:
        """Return the relation with another schema."""
        return self.model_copy(update={"fields": fields})


class Labelled(Relation):
    """What the relations have that a migration looks after."""

    labels: dict[str, str] = pydantic.Field(default_factory=dict)
    friendly_name: str = ""

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        return check_labels(labels)


class Partitioned(Relation):
    """What the relations have that can be partitioned."""

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


class Clustered(Partitioned, Labelled):
    """What the relations have that can be clustered."""

    clustering: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _validate_clustering(self) -> Self:
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
            if field.collation:
                raise ValueError(f"clustering by {name!r}: a column with collation can't cluster.")
        return self


class Table(Clustered):
    """A managed table: datoria creates it, changes it and, when it leaves the code, drops it.

    `max_staleness` and what follows it keep what the server has where they are None;
    `expiration_timestamp` and `partition_expiration_days` that are None are the dataset's default.
    `renamed_from` is the name that the table had: a hint, without effect once applied.
    """

    kind: ClassVar[str] = "table"

    expiration_timestamp: datetime | None = None
    partition_expiration_days: float | None = pydantic.Field(default=None, gt=0)
    require_partition_filter: bool = False
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    max_staleness: timedelta | None = None
    default_collation: Collation | None = None
    default_rounding_mode: RoundingMode | None = None
    kms_key_name: str | None = None
    renamed_from: str | None = None

    @field_validator("renamed_from")
    @classmethod
    def _check_renamed_from(cls, name: str | None) -> str | None:
        return None if name is None else check_table(name)

    @field_validator("kms_key_name")
    @classmethod
    def _check_kms_key(cls, name: str | None) -> str | None:
        return check_kms_key(name) if name else name

    @field_validator("expiration_timestamp")
    @classmethod
    def _check_expiration(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("expiration_timestamp needs a time zone: datetime(…, tzinfo=UTC).")
        moment = moment.astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    @model_validator(mode="after")
    def _validate_table(self) -> Self:
        if not self.fields:
            raise ValueError("a table needs at least one column.")
        for path, field in walk(self.fields):
            if "." in path and field.default is not None:
                raise ValueError(f"{path!r} has a default; only a top-level column can have one.")
        if self.renamed_from == self.name:
            raise ValueError("it is renamed_from its own name; leave the hint out.")
        self._validate_partition_options()
        self._validate_keys()
        return self

    def _validate_partition_options(self) -> None:
        if self.partition_expiration_days is not None and self.cut.granularity in (None, "RANGE"):
            raise ValueError(
                f"partition_expiration_days is for tables partitioned by time; it is {self.cut}."
            )
        if self.require_partition_filter and not self.cut:
            raise ValueError("require_partition_filter is for partitioned tables; it is not one.")

    def _validate_keys(self) -> None:
        if len(self.primary_key) > MAX_PRIMARY_KEY:
            raise ValueError(f"a primary key has at most {MAX_PRIMARY_KEY} columns.")
        if len(self.foreign_keys) > MAX_FOREIGN_KEYS:
            raise ValueError(f"a table has at most {MAX_FOREIGN_KEYS} foreign keys.")
        for name in self.primary_key:
            field = _column(self.fields, name, "the primary key")
            if field.repeated or field.default is not None:
                what = "repeated" if field.repeated else "a column with a default"
                raise ValueError(f"the primary key names {name!r}, which is {what}.")
        names = [key.name.lower() for key in self.foreign_keys]
        if len(set(names)) < len(names):
            raise ValueError("two foreign keys have the same name; pass name=… to one of them.")
        for key in self.foreign_keys:
            for name in key.columns:
                _column(self.fields, name, f"foreign key {key.name!r}")
            if key.table == self.id:
                raise ValueError(f"foreign key {key.name!r} refers to the table that it is in.")
            if not key.table.startswith(f"{self.dataset.id}."):
                raise ValueError(
                    f"foreign key {key.name!r} refers to {key.table}, which is in another dataset; "
                    "BigQuery has keys within one dataset only."
                )


class SourceTable(Partitioned):
    """A table that others own: read, never created, changed or dropped."""

    kind: ClassVar[str] = "source_table"


def _column(fields: tuple[Field, ...], name: str, purpose: str) -> Field:
    for field in fields:
        if field.name.lower() == name.lower():
            return field
    known = ", ".join(field.name for field in fields)
    raise ValueError(f"{purpose} names {name!r}, which is not a column. Its columns: {known}.")
