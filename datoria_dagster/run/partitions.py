"""The partitions of a job, and those that somebody asks for."""

from dataclasses import dataclass
from datetime import datetime

from datoria_dagster.model.base import DatoriaError, DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition, is_complete


class UnknownPartition(DatoriaError):
    """A partition is asked for that the job does not have."""


@dataclass(frozen=True, slots=True)
class Span:
    """The partitions that somebody asks for, by their ids; both ends are included."""

    first: str
    last: str


def all_partitions(job: Job, now: datetime) -> tuple[Partition | None, ...]:
    """Return the job's partitions from its start to its end, or to the last complete one.

    A job without partitions has the one execution None.
    """
    cut = job.cut
    if job.start is None:
        return (None,)
    if job.end is not None:
        return tuple(cut.between(job.start, job.end))
    if cut.granularity == "RANGE":
        return tuple(p for p in cut.overlapping(int(str(job.start.id)), cut.end or 0))
    found: list[Partition] = []
    partition = job.start
    while is_complete(partition, now):
        found.append(partition)
        partition = Partition(partition.granularity, cut.end_of(partition))
    return tuple(found)


def within(job: Job, span: Span, now: datetime) -> tuple[Partition, ...]:
    """Return the job's partitions in a span. Raises UnknownPartition for others."""
    cut = job.cut
    try:
        first, last = cut.parse(span.first), cut.parse(span.last)
    except DeclarationError as error:
        raise UnknownPartition(f"{job.id}: {error}") from None
    known = [partition for partition in all_partitions(job, now) if partition is not None]
    for bound in (first, last):
        if bound not in known:
            ends = f"{known[0].id} to {known[-1].id}" if known else "none yet"
            raise UnknownPartition(f"{job.id} has no partition {bound.id}; it has {ends}.")
    if last < first:
        raise UnknownPartition(f"{job.id}: {first.id} to {last.id} is empty; turn the two around.")
    return tuple(partition for partition in known if first <= partition <= last)
