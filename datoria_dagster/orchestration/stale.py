"""The sensor that runs what a migration made stale, upstream first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from datoria_dagster.ledger.history import Migration
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import platform_fingerprint
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.orchestration import migration, runs, schedules
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.ticks import INTERVAL_SECONDS, guarded
from datoria_dagster.report.words import count
from datoria_dagster.run.executions import stale
from datoria_dagster.run.graph import upstream_jobs
from datoria_dagster.warehouse.port import Warehouse

NAME = "run_stale"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was requested after a migration: the names of the jobs, and the failed run of each."""

    jobs: frozenset[str]
    failed: Mapping[str, str]


def build_stale_sensor(graph: Graph, connection: Connection) -> dg.SensorDefinition:
    """Return the sensor `run_stale`, which is off until somebody switches it on.

    After each migration it requests what is stale: first the jobs that read no stale job, and
    when their runs have ended those that do. A job is requested once per migration; what depends
    on a run that failed is left to people. The cursor is the last migration that is worked off.
    """

    def run_stale(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        with opened(connection) as warehouse:
            applied = Ledger(warehouse, graph.platform).read().applied
            if applied is None or applied.fingerprint != platform_fingerprint(graph.platform):
                return dg.SkipReason("This declaration is not the last that was applied.")
            if context.cursor == str(applied.sequence):
                return dg.SkipReason(f"What migration {applied.sequence} made stale was run.")
            busy = _busy(context.instance, graph)
            if busy:
                return dg.SkipReason(busy)
            return _next(context, graph, applied, warehouse)

    return dg.SensorDefinition(
        name=NAME,
        evaluation_fn=guarded(run_stale),
        asset_selection=dg.AssetSelection.assets(*(spec.key for _, spec in graph.jobs)),
        minimum_interval_seconds=INTERVAL_SECONDS,
        description="Runs what is stale after a migration, upstream first.",
    )


def _busy(instance: dg.DagsterInstance, graph: Graph) -> str:
    """Return what is to end before more is requested."""
    tags = runs.ledger_tags(graph.platform)
    for job in (migration.JOB, schedules.JOB):
        running = runs.under_way(instance, tags, job)
        if running is not None:
            return runs.waits_for(job, running)
    own = runs.find(instance, tags | {"dagster/sensor_name": NAME}, statuses=runs.UNDER_WAY)
    return f"{count(len(own), 'run')} under way, {own[0].run_id} for one." if own else ""


def _next(
    context: dg.SensorEvaluationContext, graph: Graph, applied: Migration, warehouse: Warehouse
) -> dg.SensorResult:
    asked = _asked(context.instance, graph, applied)
    found = stale(graph.platform, warehouse, datetime.now(UTC))
    left = {name: wanted for name, wanted in runs.by_job(found).items() if name not in asked.jobs}
    ready = _ready(graph, left, asked)
    if ready:
        requests = [request for job in ready for request in _requests(graph, applied, *left[job])]
        return dg.SensorResult(run_requests=requests)
    reason = f"What migration {applied.sequence} made stale was run"
    if asked.failed:
        reason += f", but {_failures(asked, left)}"
    return dg.SensorResult(skip_reason=f"{reason}.", cursor=str(applied.sequence))


def _asked(instance: dg.DagsterInstance, graph: Graph, applied: Migration) -> _Asked:
    tags = runs.ledger_tags(graph.platform) | {runs.SEQUENCE_TAG: str(applied.sequence)}
    found = runs.find(instance, tags)
    failed = {
        run.tags[runs.JOB_TAG]: run.run_id
        for run in found
        if run.status != dg.DagsterRunStatus.SUCCESS
    }
    return _Asked(frozenset(run.tags[runs.JOB_TAG] for run in found), failed)


def _ready(graph: Graph, left: runs.Work, asked: _Asked) -> list[str]:
    """Return the jobs that read nothing that is still to be run, or failed."""
    open_or_failed = {f"job:{name}" for name in (*left, *asked.failed)}
    return [
        name
        for name, (job, _) in left.items()
        if not open_or_failed & set(upstream_jobs(graph.platform, job))
    ]


def _requests(
    graph: Graph, applied: Migration, job: Job, wanted: Sequence[Partition]
) -> Iterator[dg.RunRequest]:
    own = {runs.SEQUENCE_TAG: str(applied.sequence), runs.JOB_TAG: job.name}
    for tags in runs.range_tags(job, wanted):
        yield dg.RunRequest(
            run_key=":".join((str(applied.sequence), job.name, *tags.values())),
            asset_selection=[graph.data[job.destination.id].key],
            tags=runs.ledger_tags(graph.platform) | own | tags,
        )


def _failures(asked: _Asked, left: runs.Work) -> str:
    failed = ", ".join(f"{name} failed in run {run}" for name, run in asked.failed.items())
    waits = f"; not run for that: {', '.join(left)}" if left else ""
    return f"{failed}{waits}. Run them when the cause is mended"
