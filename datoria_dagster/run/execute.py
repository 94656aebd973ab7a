"""Carry executions out: each replaces its partition, and can't change a schema."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal

from datoria_dagster.ledger.ledger import Ledger, Noted
from datoria_dagster.model.base import DatoriaError, Interrupted
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.platform import Platform
from datoria_dagster.parallel import Crew, carry_out
from datoria_dagster.run.executions import Execution, jobs_of
from datoria_dagster.run.graph import upstream_jobs
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Warehouse

THREADS = 4


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an execution. `error` is a sentence, empty unless it failed."""

    execution: Execution
    status: Literal["done", "failed", "skipped"]
    rows: int = 0
    error: str = ""


OnDone = Callable[[Done], None]


class RunFailed(DatoriaError):
    """An execution failed. `results` says what became of all."""

    def __init__(self, message: str, results: tuple[Done, ...]) -> None:
        super().__init__(message)
        self.results = results


def execute(job: Job, partition: Partition | None, platform: Platform, warehouse: Warehouse) -> int:
    """Replace one partition (or, with None, the whole table) by what the query returns.

    Returns the number of rows. Raises WarehouseError; the partition is then as it was.
    """
    name = partition.id if partition else None
    rows = warehouse.write(job.query.render(partition), codec.ref(job.destination), name)
    if rows == 0:
        Ledger(warehouse, platform).note(Noted(job.name, name or "", "empty", datetime.now(UTC)))
    return rows


def run_all(
    executions: Sequence[Execution],
    platform: Platform,
    warehouse: Warehouse,
    on_done: OnDone | None = None,
) -> tuple[Done, ...]:
    """Run the executions in parallel, those of a job after those that fill what it reads.

    Raises RunFailed after the first failure, and Interrupted, when what was under way has ended.
    """
    found: dict[str, Done] = {}

    def act(execution: Execution) -> bool:
        found[execution.id] = _attempt(execution, platform, warehouse)
        return found[execution.id].status == "done"

    def report(execution: Execution) -> None:
        if on_done:
            on_done(found[execution.id])

    ordered = waves(executions, platform)
    with warehouse.session():
        try:
            for wave in ordered:
                if all(done.status == "done" for done in found.values()):
                    chains = [[execution] for execution in wave]
                    carry_out(chains, act, report, Crew(THREADS, warehouse.cancel))
        except KeyboardInterrupt:
            raise Interrupted(_interrupted(len(executions), tuple(found.values()))) from None
    results = tuple(
        found.get(each.id) or Done(each, "skipped") for wave in ordered for each in wave
    )
    _raise_failure(results)
    return results


def waves(executions: Sequence[Execution], platform: Platform) -> tuple[tuple[Execution, ...], ...]:
    """Return the executions in groups; those of a group do not depend on each other."""
    involved = {job.id: job for job in jobs_of(executions)}
    level: dict[str, int] = {}

    def depth(job: Job) -> int:
        if job.id not in level:
            names = set(upstream_jobs(platform, job)) & involved.keys()
            level[job.id] = 1 + max((depth(involved[name]) for name in names), default=0)
        return level[job.id]

    ordered = sorted(executions, key=lambda execution: depth(execution.job))
    grouped = groupby(ordered, key=lambda execution: level[execution.job.id])
    return tuple(tuple(group) for _, group in grouped)


def _attempt(execution: Execution, platform: Platform, warehouse: Warehouse) -> Done:
    try:
        rows = execute(execution.job, execution.partition, platform, warehouse)
    except DatoriaError as error:
        return Done(execution, "failed", error=str(error))
    return Done(execution, "done", rows)


def _interrupted(total: int, ended: Sequence[Done]) -> str:
    done = sum(result.status == "done" for result in ended)
    return (
        f"Interrupted after {done} of {total} executions; the rest was not done. "
        "Run again to go on from here."
    )


def _raise_failure(results: tuple[Done, ...]) -> None:
    failed = next((done for done in results if done.status == "failed"), None)
    if failed is None:
        return
    done = sum(result.status == "done" for result in results)
    raise RunFailed(
        f"{failed.execution.id}: {failed.error}\n"
        f"Stopped after {done} of {len(results)} executions. What was done stays done; "
        "run again when the cause is mended.",
        results,
    )
