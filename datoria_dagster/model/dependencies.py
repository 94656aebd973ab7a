"""What a query reads of a relation: which partitions, and when a change of them invalidates."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from datoria_dagster.model.base import DeclarationError, Model
from datoria_dagster.model.ident import quote
from datoria_dagster.model.partitions import Granularity, Partition, shifted
from datoria_dagster.model.template import literal

if TYPE_CHECKING:
    from datoria_dagster.model.relations import AnyRelation

Reach = Literal["ALL", "EXECUTION"]


class Invalidation(Model):
    """When a newer upstream partition makes an execution stale.

    `on_change=False`: never. Otherwise once upstream changed and `cooldown` has passed since.
    """

    on_change: bool = False
    cooldown: timedelta = timedelta(0)


class Dependency(Model):
    """A relation, the partitions of it that a query reads, and the invalidation strategy.

    Of the reach EXECUTION, it is read from the period `first` to the period `last`, counted from
    that of the execution: 0 is its own, -1 the one before. `unit` is the kind of period that was
    said, if it was.
    """

    relation: "AnyRelation"
    reach: Reach
    first: int = 0
    last: int = 0
    unit: Granularity | None = None
    invalidation: Invalidation = Invalidation()

    def shifted(self, periods: int) -> "Dependency":
        """Read so many periods of the job later; -1 is yesterday for a daily job."""
        if self.reach == "ALL" or self.relation.partitioning.granularity == "RANGE":
            raise DeclarationError(
                f"{self.relation.id} is not read by time here, so there is nothing to shift. "
                "Shift what is read .at_execution_date() or in a .window(…)."
            )
        return self._with(first=self.first + periods, last=self.last + periods)

    def covering(self, other: "Dependency") -> "Dependency":
        """Return the least that reads what both read of one relation."""
        if "ALL" in (self.reach, other.reach):
            return self if self.reach == "ALL" else other
        return self._with(first=min(self.first, other.first), last=max(self.last, other.last))

    def invalidated_by_changes(self, *, cooldown: timedelta = timedelta(0)) -> "Dependency":
        """Run again after upstream changed (and, when given, the cooldown has passed since)."""
        return self._with(invalidation=Invalidation(on_change=True, cooldown=cooldown))

    def ignoring_changes(self) -> "Dependency":
        """Never run again because upstream changed. The default."""
        return self._with(invalidation=Invalidation())

    def _with(self, **changed: Any) -> "Dependency":
        return self.model_copy(update=changed)

    def render(self, execution: Partition | None) -> str:
        """Return the relation's reference, or a subquery that prunes to the partitions read."""
        reference = self.relation.render(execution)
        if self.reach == "ALL":
            return reference
        if not isinstance(execution, Partition):
            raise DeclarationError(
                f"{self.relation.id} is read at the execution date, which only a job with a "
                "partitioned destination has. Read .all_partitions() instead."
            )
        return f"(SELECT * FROM {reference} WHERE {self._filter(self.partitions(execution))})"

    def partitions(self, execution: Partition) -> tuple[Partition, ...]:
        """Return the partitions of the relation that one execution reads, of a reach EXECUTION."""
        source = self.relation.partitioning
        if (source.granularity == "RANGE") != (execution.granularity == "RANGE"):
            raise DeclarationError(
                f"{self.relation.id} is partitioned {source}; an execution by "
                f"{execution.granularity.lower()} can't be matched with it. Read .all_partitions()."
            )
        if isinstance(execution.start, int):
            return source.overlapping(execution.start, source.end_of(execution))
        first, after = shifted(execution, self.first), shifted(execution, self.last + 1)
        return source.overlapping(first.start, after.start)

    def _filter(self, partitions: tuple[Partition, ...]) -> str:
        source = self.relation.partitioning
        column = quote(source.column or "_PARTITIONTIME")
        kind = self.relation.partition_type
        start = _literal(partitions[0].start, kind)
        if len(partitions) == 1 and source.granularity == "DAY" and kind == "DATE":
            return f"{column} = {start}"
        end = _literal(source.end_of(partitions[-1]), kind)
        return f"{column} >= {start} AND {column} < {end}"


def _literal(value: Any, kind: str) -> str:
    if kind == "INT64":
        return literal(value)
    return f"{kind} '{value:%Y-%m-%d}'" if kind == "DATE" else f"{kind} '{value:%Y-%m-%d %H:%M:%S}'"
