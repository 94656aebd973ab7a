"""The scheduled deploy: a job of one op that deploys, and the schedule that launches it."""

import dagster as dg

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration.connection import Connection
from datoria_dagster.orchestration.deploy import deploy
from datoria_dagster.orchestration.translator import DatoriaTranslator

JOB = "deploy"


def build_deploy_job(
    platform: Platform, connection: Connection, translator: DatoriaTranslator
) -> dg.JobDefinition:
    """Return the job `deploy`.

    Assets of different partitions can't share a Dagster run, so its op is no more than
    `datoria deploy` on the run's own instance: it launches a run for the migration and one for
    each range of stale partitions, one after the other, and they stand beside it in the UI.
    """

    @dg.op(name="deploy_platform")
    def deploy_platform(context: dg.OpExecutionContext) -> None:
        try:
            done = deploy(
                platform,
                connection,
                context.instance,
                translator=translator,
                on_event=context.log.info,
            )
            if done.plan.is_empty and not done.jobs:
                context.log.info("Nothing to migrate, nothing to run.")
        except DatoriaError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None

    @dg.job(
        name=JOB,
        executor_def=dg.in_process_executor,
        description="Both steps: migrates, then runs every stale partition, upstream first.",
    )
    def deploy_job() -> None:
        deploy_platform()

    return deploy_job


def build_deploy_schedule(job: dg.JobDefinition, cron: str) -> dg.ScheduleDefinition:
    """Return the schedule of the deploy, which is off until somebody switches it on."""
    return dg.ScheduleDefinition(
        name="scheduled_deploy",
        job=job,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
