"""Everything that a Dagster code location needs of a platform, in one call."""

import dagster as dg

from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration.assets import build_assets
from datoria_dagster.orchestration.connection import Connection, configured
from datoria_dagster.orchestration.graph import build_graph
from datoria_dagster.orchestration.schedules import build_deploy_job, build_deploy_schedule
from datoria_dagster.orchestration.sensors import build_merge_sensor
from datoria_dagster.orchestration.translator import DatoriaTranslator


def build_definitions(
    platform: Platform,
    warehouse: Connection = configured,
    *,
    translator: DatoriaTranslator | None = None,
    deploy_schedule: str = "0 5 * * *",
) -> dg.Definitions:
    """Return the assets, the jobs `migrate` and `deploy`, the deploy schedule and the merge sensor.

    `warehouse` is a warehouse, or a function that opens one for each step; by default the one
    that the environment or pyproject.toml names. `deploy_schedule` is a cron expression, UTC.
    Raises DeclarationError when two objects have one asset key.
    """
    shown = translator or DatoriaTranslator()
    deploy = build_deploy_job(platform, warehouse, shown)
    return dg.Definitions.merge(
        build_assets(build_graph(platform, shown), warehouse),
        dg.Definitions(
            jobs=[deploy],
            schedules=[build_deploy_schedule(deploy, deploy_schedule)],
            sensors=[build_merge_sensor(platform, warehouse)],
        ),
    )
