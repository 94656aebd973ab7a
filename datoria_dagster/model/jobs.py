"""A job: a query that fills the partitions of a table."""

from typing import ClassVar, Self

from pydantic import field_validator, model_validator

from datoria_dagster.model.base import Model
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.ident import check_job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.relations import Relation, Table
from datoria_dagster.model.routines import AnyRoutine
from datoria_dagster.model.template import Sql


class Job(Model):
    """A query whose result replaces one partition (or all) of its destination, never its schema.

    It runs from `start` to `end` (both included), or to the last complete partition.
    """

    kind: ClassVar[str] = "job"

    name: str
    destination: Table
    query: Sql
    start: Partition | None = None
    end: Partition | None = None
    description: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_job(name)

    @model_validator(mode="after")
    def _validate(self) -> Self:
        cut = self.destination.partitioning
        for bound in (self.start, self.end):
            if bound is not None and bound.granularity != cut.granularity:
                raise ValueError(
                    f"{bound.id} is a partition by {bound.granularity.lower()}, but "
                    f"{self.destination.id} is partitioned {cut}."
                )
        if cut and self.start is None:
            raise ValueError(f"{self.destination.id} is partitioned: say where to start, start=….")
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"it ends ({self.end.id}) before it starts ({self.start.id}).")
        self._validate_reads()
        self.query.render(self.start)
        return self

    def _validate_reads(self) -> None:
        for value in self.query.values():
            if isinstance(value, Relation) and value.partitioning:
                raise ValueError(
                    f"it reads {value.id}, which is partitioned {value.partitioning}: say which "
                    "partitions, .at_execution_date() or .all_partitions()."
                )
            if isinstance(value, Relation | Dependency) and _relation(value) == self.destination:
                raise ValueError(f"it reads its own destination, {self.destination.id}.")
            if isinstance(value, Dependency) and value.reach == "EXECUTION":
                self._validate_ranges(value.relation)

    def _validate_ranges(self, read: Relation) -> None:
        cut, source = self.destination.partitioning, read.partitioning
        if cut.granularity == source.granularity == "RANGE" and not cut.is_aligned_with(source):
            raise ValueError(
                f"it reads {read.id} at the execution date, but that is partitioned {source} and "
                f"{self.destination.id} {cut}. Read .all_partitions(), or cut both alike."
            )

    @property
    def id(self) -> str:
        """`job:name`."""
        return f"job:{self.name}"

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """What the query reads, in order; a relation passed as it is counts as all partitions."""
        return tuple(
            value if isinstance(value, Dependency) else value.all_partitions()
            for value in self.query.values()
            if isinstance(value, Dependency | Relation)
        )

    @property
    def routines(self) -> tuple[AnyRoutine, ...]:
        """The routines that the query calls by template, in order."""
        return tuple(value for value in self.query.values() if isinstance(value, AnyRoutine))


def _relation(value: Relation | Dependency) -> Relation:
    return value.relation if isinstance(value, Dependency) else value
