"""Both steps, through the asset graph, recorded in a Dagster instance."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from datoria_dagster.gate import is_at_rest
from datoria_dagster.ledger.history import Event
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration import migration, runs
from datoria_dagster.orchestration.assets import build_assets
from datoria_dagster.orchestration.connection import Connection, configured, opened
from datoria_dagster.orchestration.graph import Graph, build_graph
from datoria_dagster.orchestration.settings import DatoriaSettings
from datoria_dagster.orchestration.translator import DatoriaTranslator
from datoria_dagster.plan.document import Plan
from datoria_dagster.report.words import count
from datoria_dagster.run.executions import stale
from datoria_dagster.settings import Settings
from datoria_dagster.validation import validated
from datoria_dagster.warehouse.port import Warehouse

OnEvent = Callable[[str], None]
_INSTANCE = """\
# Dagster's storage for `datoria deploy` and `make ui`. See https://docs.dagster.io/deployment.
telemetry:
  enabled: false
nux:
  enabled: false
"""
# What happens is in the instance, and what matters is passed to `on_event`.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class DeployFailed(DatoriaError):
    """A step of a deploy failed; what was done before it stays done."""


class MigrationStopped(DatoriaError):
    """The migration holds changes that are not admitted; nothing was changed, no job was run."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


@dataclass(frozen=True, slots=True)
class JobRun:
    """What was run of a job: how many partitions (1 where there are none), their rows, how long."""

    job: str
    partitions: int
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did. `events` are the steps of the migration, none when nothing was pending."""

    plan: Plan
    events: tuple[Event, ...]
    jobs: tuple[JobRun, ...]


@dataclass(frozen=True, slots=True)
class _Deploy:
    graph: Graph
    warehouse: Warehouse
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    on_event: OnEvent
    parent: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        parent = runs.parent_tags(self.parent) if self.parent else {}
        return runs.ledger_tags(self.graph.platform) | parent


def deploy(  # noqa: PLR0913 - all but the platform have defaults
    platform: Platform,
    warehouse: Connection = configured,
    instance: dg.DagsterInstance | None = None,
    *,
    translator: DatoriaTranslator | None = None,
    settings: DatoriaSettings = DatoriaSettings(),  # noqa: B008 - it is frozen
    on_event: OnEvent = lambda _: None,
) -> Deployed:
    """Migrate, then run every stale partition, upstream first; each is a run of the instance.

    Where there is nothing to do, nothing is recorded. Without an instance it is that of
    DAGSTER_HOME, by default `.datoria/dagster`. Of the settings, those of the migration count.
    Raises MigrationStopped and DeployFailed.
    """
    graph = build_graph(platform, translator or DatoriaTranslator())
    with opened(warehouse) as live:
        plan = plan_migration(platform, live)
        if is_at_rest(plan, platform, live):
            return Deployed(plan, (), ())
        definitions = build_assets(graph, live, settings)
        with nullcontext(instance) if instance else _local_instance() as found:
            return _deploy(_Deploy(graph, live, found, definitions, on_event), plan)


def deploy_within(
    context: dg.OpExecutionContext, graph: Graph, connection: Connection, settings: DatoriaSettings
) -> Deployed:
    """Do as `deploy` within a run, which the runs that it starts have as their parent.

    What is refused beforehand fails that run, and no other. Raises `dagster.Failure` for a plan
    that is not admitted, DeclarationError for SQL that is wrong, and DeployFailed.
    """
    notifier = settings.notifier(context.run.run_id, context.log)
    with ExitStack() as stack:
        with notifier.handing_on():
            live = stack.enter_context(opened(connection))
            plan = plan_migration(graph.platform, live)
            if is_at_rest(plan, graph.platform, live):
                return Deployed(plan, (), ())
            plan = validated(plan, graph.platform, live)
        migration.refuse(plan, notifier)
        definitions, instance = build_assets(graph, live, settings), context.instance
        found = _Deploy(graph, live, instance, definitions, context.log.info, context.run.run_id)
        return _deploy(found, plan)


def _local_instance() -> dg.DagsterInstance:
    """Return the instance of DAGSTER_HOME, which is set and created when it is not."""
    home = Path(os.environ.get("DAGSTER_HOME") or Settings.load().state / "dagster").absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        settings = home / "dagster.yaml"
        if not settings.exists():
            settings.write_text(_INSTANCE, encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(home)
        return dg.DagsterInstance.get()
    except (OSError, dg.DagsterError) as error:
        raise DeployFailed(
            f"Dagster's instance in {home} can't be opened: {str(error).rstrip('.')}. "
            "Mend its dagster.yaml, or set DAGSTER_HOME to another folder."
        ) from None


def _deploy(deploy: _Deploy, plan: Plan) -> Deployed:
    events = () if plan.is_empty else _migrate(deploy, plan)
    stale_now = stale(deploy.graph.platform, deploy.warehouse, datetime.now(UTC))
    done = [_run_job(deploy, *found) for found in runs.by_job(stale_now).values()]
    return Deployed(plan, events, tuple(done))


def _migrate(deploy: _Deploy, plan: Plan) -> tuple[Event, ...]:
    if plan.applicable:
        deploy.on_event(f"migrate: {count(len(plan.steps), 'step')}")
    job = deploy.definitions.resolve_job_def(migration.JOB)
    try:
        job.execute_in_process(instance=deploy.instance, run_config=_QUIET, tags=deploy.tags)
    except dg.Failure as failure:
        if not plan.applicable:
            raise MigrationStopped(failure.description or "", plan) from None
        raise DeployFailed(failure.description or "The migration failed.") from None
    applied = Ledger(deploy.warehouse, deploy.graph.platform).read().applied
    return applied.events if applied else ()


def _run_job(deploy: _Deploy, job: Job, wanted: Sequence[Partition]) -> JobRun:
    deploy.on_event(f"{job.name}: {count(len(wanted) or 1, 'partition')}")
    started = time.monotonic()
    rows = sum(_materialize(deploy, job, tags) for tags in runs.range_tags(job, wanted))
    return JobRun(job.name, len(wanted) or 1, rows, time.monotonic() - started)


def _materialize(deploy: _Deploy, job: Job, tags: dict[str, str]) -> int:
    key = deploy.graph.data[job.destination.id].key
    everything = deploy.definitions.resolve_implicit_global_asset_job_def()
    try:
        result = everything.execute_in_process(
            instance=deploy.instance,
            asset_selection=[key],
            tags=deploy.tags | tags,
            run_config=_QUIET,
        )
    except dg.Failure as failure:
        raise DeployFailed(f"{job.name}: {failure.description}") from None
    return sum(_rows(event.materialization) for event in result.get_asset_materialization_events())


def _rows(materialization: dg.AssetMaterialization) -> int:
    name = "dagster/partition_row_count" if materialization.partition else "dagster/row_count"
    value = materialization.metadata[name].value
    return value if isinstance(value, int) else 0
