"""What a query reads of a relation: which partitions, and when a change of them invalidates."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from datoria_dagster.model.base import DeclarationError, Model
from datoria_dagster.model.ident import quote
from datoria_dagster.model.partitions import Partition, end_of
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
    """A relation, the partitions of it that a query reads, and the invalidation strategy."""

    relation: "AnyRelation"
    reach: Reach
    invalidation: Invalidation = Invalidation()

    def invalidated_by_changes(self, *, cooldown: timedelta = timedelta(0)) -> "Dependency":
        """Run again after upstream changed (and, when given, the cooldown has passed since)."""
        return self._with(Invalidation(on_change=True, cooldown=cooldown))

    def ignoring_changes(self) -> "Dependency":
        """Never run again because upstream changed. The default."""
        return self._with(Invalidation())

    def _with(self, invalidation: Invalidation) -> "Dependency":
        return self.model_copy(update={"invalidation": invalidation})

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
        start = execution.start
        if isinstance(start, int):
            return source.overlapping(start, source.end_of(execution))
        return source.overlapping(start, end_of(execution.granularity, start))

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
