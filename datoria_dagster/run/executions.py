"""Which executions are stale: never run, or older than what they read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from datoria_dagster.ledger.ledger import Ledger, Noted
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.platform import Platform
from datoria_dagster.run.graph import ordered_jobs, tables_behind
from datoria_dagster.run.partitions import all_partitions
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import PartitionFacts, Ref, Warehouse

NEVER_RUN = "never run"
OVERTAKEN = "a migration overtook it"


@dataclass(frozen=True, slots=True)
class Execution:
    """One partition of one job (None where the destination has none), and why it should run."""

    job: Job
    partition: Partition | None
    reason: str

    @property
    def partition_id(self) -> str:
        """BigQuery's id of the partition, "" without one."""
        return self.partition.id if self.partition else ""

    @property
    def id(self) -> str:
        """`job` or `job$partition`."""
        return f"{self.job.name}${self.partition.id}" if self.partition else self.job.name


def stale(
    platform: Platform,
    warehouse: Warehouse,
    now: datetime,
    *,
    jobs: Iterable[str] | None = None,
) -> tuple[Execution, ...]:
    """Return the executions that should run, upstream first. Reads metadata only.

    What is planned upstream counts as changed, so that one run brings everything up to date.
    """
    chosen = ordered_jobs(platform, jobs)
    survey = _survey(platform, warehouse, chosen, now)
    found: list[Execution] = []
    for job in chosen:
        for partition in all_partitions(job, now):
            reason = survey.reason(job, partition)
            if reason:
                found.append(Execution(job, partition, reason))
                survey.planned.setdefault(job.destination.id, set()).add(
                    partition.id if partition else ""
                )
    return tuple(found)


def jobs_of(executions: Iterable[Execution]) -> tuple[Job, ...]:
    """Return the jobs of executions, each once, in the order in which they come."""
    return tuple({execution.job.id: execution.job for execution in executions}.values())


def note_overtaken(
    executions: Iterable[Execution], platform: Platform, warehouse: Warehouse
) -> None:
    """Note that what these have written may be of two states: it is stale until it is replaced."""
    every, now = tuple(executions), datetime.now(UTC)
    survey = _survey(platform, warehouse, jobs_of(every), now)
    # What was written may be seen later, and the warehouse's clock may be ahead of this one.
    moments = [max(now, survey.ran(each.job, each.partition_id) or now) for each in every]
    Ledger(warehouse, platform).note(
        *(
            Noted(each.job.name, each.partition_id, "overtaken", at)
            for each, at in zip(every, moments, strict=True)
        )
    )


@dataclass(slots=True)
class _Survey:
    platform: Platform
    facts: Mapping[str, Mapping[str, datetime]]
    empty: Mapping[tuple[str, str], datetime]
    overtaken: Mapping[tuple[str, str], datetime]
    now: datetime
    planned: dict[str, set[str]]

    def ran(self, job: Job, name: str) -> datetime | None:
        """Return when a partition was filled last, None when it never was."""
        written = self.facts.get(job.destination.id, {}).get(name)
        left_empty = self.empty.get((job.name, name))
        return max((moment for moment in (written, left_empty) if moment), default=None)

    def reason(self, job: Job, partition: Partition | None) -> str:
        """Return why the execution should run, or "" when it need not."""
        name = partition.id if partition else ""
        ran = self.ran(job, name)
        if ran is None:
            return NEVER_RUN
        overtaken = self.overtaken.get((job.name, name))
        if overtaken is not None and overtaken >= ran:
            return OVERTAKEN
        for dependency in job.dependencies:
            reason = self._changed(dependency, partition, ran)
            if reason:
                return reason
        return ""

    def _changed(self, dependency: Dependency, partition: Partition | None, ran: datetime) -> str:
        invalidation = dependency.invalidation
        if not invalidation.on_change:
            return ""
        for table in tables_behind(self.platform, dependency):
            read = self._read(table.id, dependency, partition)
            planned = self.planned.get(table.id, set())
            if not invalidation.cooldown and (planned if read is None else planned & read):
                return f"{table.id} runs before it"
            moments = self.facts.get(table.id, {})
            newest = max(
                (at for name, at in moments.items() if read is None or name in read), default=ran
            )
            if newest > ran and self.now - newest >= invalidation.cooldown:
                return f"{table.id} changed"
        return ""

    def _read(
        self, table: str, dependency: Dependency, partition: Partition | None
    ) -> set[str] | None:
        """Return the ids of the partitions that are read, None for all of them."""
        if dependency.reach == "ALL" or partition is None or dependency.relation.id != table:
            return None
        return {found.id for found in dependency.partitions(partition)}


def _survey(
    platform: Platform, warehouse: Warehouse, jobs: tuple[Job, ...], now: datetime
) -> _Survey:
    refs = {codec.ref(job.destination) for job in jobs}
    for job in jobs:
        for dependency in job.dependencies:
            if dependency.invalidation.on_change:
                refs |= {codec.ref(table) for table in tables_behind(platform, dependency)}
    facts = warehouse.partitions(sorted(refs))
    noted = Ledger(warehouse, platform).executions()
    empty, overtaken = (_latest(noted, outcome) for outcome in ("empty", "overtaken"))
    return _Survey(platform, _moments(facts), empty, overtaken, now, {})


def _latest(noted: Iterable[Noted], outcome: str) -> Mapping[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}
    for each in noted:
        if each.outcome == outcome:
            key = each.job, each.partition
            found[key] = max(found.get(key, each.at), each.at)
    return found


def _moments(
    facts: Mapping[Ref, tuple[PartitionFacts, ...]],
) -> Mapping[str, Mapping[str, datetime]]:
    return {ref.id: {fact.id: fact.modified for fact in found} for ref, found in facts.items()}
