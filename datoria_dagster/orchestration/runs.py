"""The runs of a platform in a Dagster instance: their tags, and finding them again.

Code locations may share an instance, and their jobs have the same names: what tells their runs
apart is the ledger that they write to.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg

from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration import partitions
from datoria_dagster.plan.document import Plan
from datoria_dagster.run.executions import Execution

Work = Mapping[str, tuple[Job, Sequence[Partition]]]
# The number of the migration after which a run was requested, the job that it runs, and what the
# plan was when a deploy was requested.
SEQUENCE_TAG = "datoria/after_migration"
JOB_TAG = "datoria/job"
PLAN_TAG = "datoria/plan"
_LEDGER_TAG = "datoria/ledger"
UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def ledger_tags(platform: Platform) -> dict[str, str]:
    """Return the tag of all runs that migrate or deploy the platform."""
    return {_LEDGER_TAG: platform.ledger.id}


def by_job(executions: Iterable[Execution]) -> Work:
    """Return job name → the job and its partitions, none where it has none; upstream first."""
    found: dict[str, tuple[Job, list[Partition]]] = {}
    for execution in executions:
        _, wanted = found.setdefault(execution.job.name, (execution.job, []))
        if execution.partition is not None:
            wanted.append(execution.partition)
    return found


def range_tags(job: Job, wanted: Sequence[Partition]) -> tuple[dict[str, str], ...]:
    """Return the tags of the runs that fill the partitions: a run holds no gap.

    It holds as many as the job wants in one run of a backfill. A job without partitions is one
    run without tags.
    """
    if not wanted:
        return ({},)
    return tuple(
        {
            "dagster/asset_partition_range_start": together[0].id,
            "dagster/asset_partition_range_end": together[-1].id,
        }
        for gapless in partitions.ranges(job, wanted)
        for together in _portions(gapless, partitions.backfill_policy(job))
    )


def _portions(
    gapless: Sequence[Partition], policy: dg.BackfillPolicy | None
) -> Iterator[Sequence[Partition]]:
    most = (policy and policy.max_partitions_per_run) or len(gapless)
    for start in range(0, len(gapless), most):
        yield gapless[start : start + most]


def parent_tags(run_id: str) -> dict[str, str]:
    """Return what makes Dagster show a run together with the one that started it."""
    return {"dagster/parent_run_id": run_id, "dagster/root_run_id": run_id}


def plan_state(plan: Plan) -> str:
    """Return a hash of what a plan finds and would do, "" when that is nothing.

    The plan's own fingerprint also changes with the etag of a table, and so with its rows.
    """
    if plan.is_empty:
        return ""
    found = [(finding.address, finding.says) for finding in plan.findings]
    steps = [(step.kind, step.object) for step in plan.steps]
    return digest(json.dumps([plan.platform_fingerprint, found, steps]))


def digest(text: str) -> str:
    """Return a hash that fits into a tag."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def find(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    *,
    job: str | None = None,
    statuses: Sequence[dg.DagsterRunStatus] = (),
    limit: int | None = None,
) -> tuple[dg.DagsterRun, ...]:
    """Return the runs with these tags, the newest first."""
    wanted = dg.RunsFilter(job_name=job, tags=tags, statuses=list(statuses) or None)
    return tuple(record.dagster_run for record in instance.get_run_records(wanted, limit=limit))


def under_way(instance: dg.DagsterInstance, tags: Mapping[str, str], job: str) -> str | None:
    """Return the id of a run of the job that has not ended."""
    found = find(instance, tags, job=job, statuses=UNDER_WAY, limit=1)
    return found[0].run_id if found else None


def waits_for(job: str, run_id: str) -> str:
    """Return why a tick does nothing. Dagster takes a run whose process was killed for alive."""
    return f"`{job}` is under way in run {run_id}. If its process is gone, terminate that run."
