"""A job: a query that fills the partitions of a table."""

from typing import ClassVar, Literal, Self

from pydantic import PositiveInt, field_validator, model_validator

from datoria_dagster.model.declared import Declared
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.ident import check_job
from datoria_dagster.model.partitions import Partition, Partitioning
from datoria_dagster.model.relations import Relation, Table
from datoria_dagster.model.routines import AnyRoutine
from datoria_dagster.model.template import Sql


class Job(Declared):
    """A query whose result replaces one partition (or all) of its destination, never its schema.

    It runs from `start` to `end` (both included), or to the last complete partition; by week when
    it starts at a week: each execution then fills the partition of the Monday. `backfill` says how
    many partitions Dagster puts into one run of a backfill: all of them in a `single_run`, one in
    each of a `multi_run`, or at most this number.
    """

    kind: ClassVar[str] = "job"

    name: str
    destination: Table
    query: Sql
    start: Partition | None = None
    end: Partition | None = None
    backfill: Literal["single_run", "multi_run"] | PositiveInt = "single_run"
    description: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_job(name)

    @model_validator(mode="after")
    def _validate(self) -> Self:
        cut = self.cut
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
                self._validate_window(value)

    def _validate_window(self, read: Dependency) -> None:
        unit, granularity = read.unit, self.cut.granularity
        if unit is not None and unit != granularity and granularity is not None:
            raise ValueError(
                f"it reads a window of {read.relation.id} in {unit.lower()}s, but runs by "
                f"{granularity.lower()}. Say the window in {granularity.lower()}s."
            )

    def _validate_ranges(self, read: Relation) -> None:
        cut, source = self.cut, read.partitioning
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
    def cut(self) -> Partitioning:
        """How the job's executions are cut: as its destination, or by week."""
        cut = self.destination.partitioning
        by_week = self.start is not None and self.start.granularity == "WEEK"
        if not by_week or cut.granularity != "DAY":
            return cut
        return cut.model_copy(update={"granularity": "WEEK"})

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
