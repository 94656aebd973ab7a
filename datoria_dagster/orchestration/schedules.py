"""The scheduled deploy: a job of one op that deploys, and the schedule that launches it."""

import dagster as dg

from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DatoriaError, DeclarationError
from datoria_dagster.orchestration import runs
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.deploy import deploy_within
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.settings import DatoriaSettings

JOB = "deploy"
SCHEDULE = "scheduled_deploy"


def build_deploy_job(
    graph: Graph, connection: Connection, settings: DatoriaSettings
) -> dg.JobDefinition:
    """Return the job `deploy`.

    Assets of different partitions can't share a Dagster run, so its op is no more than
    `datoria deploy` on the run's own instance: it launches a run for the migration and one for
    each range of stale partitions, one after the other, and they have it as their parent.
    """

    @dg.op(name="deploy_platform")
    def deploy_platform(context: dg.OpExecutionContext) -> None:
        try:
            done = deploy_within(context, graph, connection, settings)
        except DatoriaError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        if done.plan.is_empty and not done.jobs:
            context.log.info("Nothing to migrate, nothing to run.")

    @dg.job(
        name=JOB,
        tags=runs.ledger_tags(graph.platform),
        executor_def=dg.in_process_executor,
        description="Both steps: migrates, then runs every stale partition, upstream first.",
    )
    def deploy_job() -> None:
        deploy_platform()

    return deploy_job


def build_deploy_schedule(
    graph: Graph, connection: Connection, job: dg.JobDefinition, cron: str
) -> dg.ScheduleDefinition:
    """Return the schedule of the deploy, which is off until somebody switches it on.

    A deploy that is still running is not joined by another. One whose migration failed is tried
    again when the plan has changed, and with it the declaration or the warehouse.
    """

    def scheduled_deploy(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        own = runs.ledger_tags(graph.platform)
        running = runs.under_way(context.instance, own, JOB)
        if running is not None:
            return dg.SkipReason(runs.waits_for(JOB, running))
        plan = _plan_tags(graph, connection)
        scheduled = own | {"dagster/schedule_name": SCHEDULE}
        last = next(iter(runs.find(context.instance, scheduled, job=JOB, limit=1)), None)
        if last and plan and _failed_on(last, plan):
            return dg.SkipReason(
                f"The last deploy failed, in run {last.run_id}, and neither the declaration nor "
                f"the warehouse has changed since. To try again all the same, launch `{JOB}`."
            )
        return dg.RunRequest(tags=plan)

    return dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule=cron,
        execution_fn=scheduled_deploy,
        description="Deploys, unless one is under way, or has failed and nothing changed since.",
    )


def _plan_tags(graph: Graph, connection: Connection) -> dict[str, str]:
    """Return the tag that tells this plan from another one; none where nothing can be read.

    The run then fails, and says why, where those see it who watch over runs.
    """
    try:
        with opened(connection) as warehouse:
            state = runs.plan_state(plan_migration(graph.platform, warehouse))
    except DeclarationError as error:
        state = runs.digest(str(error))
    except Exception:  # noqa: BLE001 - a tick must not fail, whatever a driver raises
        return {}
    return {runs.PLAN_TAG: state} if state else {}


def _failed_on(run: dg.DagsterRun, plan: dict[str, str]) -> bool:
    # With nothing to migrate, what failed were jobs: those are tried again.
    return run.status == dg.DagsterRunStatus.FAILURE and plan.items() <= run.tags.items()
