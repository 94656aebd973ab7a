"""Partitions as Dagster knows them. A key is BigQuery's partition id."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import assert_never

import dagster as dg

from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import FORMATS, Partition, integer
from datoria_dagster.model.relations import AnyRelation

_CRON = {
    "HOUR": "0 * * * *",
    "DAY": "0 0 * * *",
    "WEEK": "0 0 * * 1",
    "MONTH": "0 0 1 * *",
    "YEAR": "0 0 1 1 *",
}


def of_job(job: Job) -> dg.PartitionsDefinition[str] | None:
    """Return what a job fills, from its start to its end or to the last complete partition."""
    cut, start = job.cut, job.start
    if cut.granularity is None or start is None:
        return None
    if cut.granularity == "RANGE":
        return _static(_all_ranges(job))
    return dg.TimeWindowPartitionsDefinition(
        start=_moment(start.start),
        end=_moment(cut.end_of(job.end)) if job.end else None,
        fmt=FORMATS[cut.granularity],
        cron_schedule=_CRON[cut.granularity],
    )


def of_relation(relation: AnyRelation) -> dg.PartitionsDefinition[str] | None:
    """Return the partitions of a table without a job: known only for a range of integers."""
    cut = relation.partitioning
    if cut.granularity != "RANGE":
        return None
    return _static(cut.between(integer(cut.start or 0), integer((cut.end or 0) - 1)))


def mapping(job: Job, dependency: Dependency) -> dg.PartitionMapping:
    """Return which partitions an execution of the job reads, as its dependency says."""
    cut, source = job.cut, dependency.relation.partitioning
    if dependency.reach == "ALL" or cut.granularity is None or source.granularity is None:
        return dg.AllPartitionMapping()
    if cut.granularity == "RANGE":
        return dg.IdentityPartitionMapping()  # a job's ranges are cut as those that it reads
    with warnings.catch_warnings():
        # The parameter is marked as beta. Without it, Dagster refuses to launch a partition that
        # covers more than its upstream has, for example the month in which a daily job begins.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(
            start_offset=dependency.first,
            end_offset=dependency.last,
            allow_nonexistent_upstream_partitions=True,
        )


def backfill_policy(job: Job) -> dg.BackfillPolicy | None:
    """Return how many partitions one run of a backfill holds, None where there are none."""
    match job.backfill:
        case _ if job.start is None:
            return None
        case "single_run":
            return dg.BackfillPolicy.single_run()
        case "multi_run":
            return dg.BackfillPolicy.multi_run()
        case int():
            return dg.BackfillPolicy.multi_run(job.backfill)


def _all_ranges(job: Job) -> Iterator[Partition]:
    cut = job.cut
    if job.start is not None:
        yield from cut.between(job.start, job.end or integer((cut.end or 0) - 1))


def ranges(job: Job, partitions: Sequence[Partition]) -> tuple[tuple[Partition, ...], ...]:
    """Return the partitions, sorted, in runs without a gap: what one Dagster run can hold."""
    cut = job.cut
    found: list[list[Partition]] = []
    for partition in sorted(partitions):
        if found and cut.end_of(found[-1][-1]) == partition.start:
            found[-1].append(partition)
        else:
            found.append([partition])
    return tuple(tuple(run) for run in found)


def _static(partitions: Iterable[Partition]) -> dg.PartitionsDefinition[str]:
    return dg.StaticPartitionsDefinition([partition.id for partition in partitions])


def _moment(start: date | int) -> datetime:
    match start:
        case datetime():
            return start.replace(tzinfo=None)
        case date():
            return datetime(start.year, start.month, start.day)  # noqa: DTZ001
        case int():
            raise TypeError("a range of integers has no moments.")
        case _:
            assert_never(start)
