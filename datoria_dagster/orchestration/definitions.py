"""Everything that a Dagster code location needs of a platform, in one call."""

from collections.abc import Iterator

import dagster as dg

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration.assets import build_assets
from datoria_dagster.orchestration.automation import build_automation_sensors, with_automation
from datoria_dagster.orchestration.branch import build_branch_sensor
from datoria_dagster.orchestration.connection import Connection, configured
from datoria_dagster.orchestration.drift import build_drift_check, build_drift_sensor
from datoria_dagster.orchestration.graph import Graph, build_graph
from datoria_dagster.orchestration.schedules import build_deploy_job, build_deploy_schedule
from datoria_dagster.orchestration.sensors import build_merge_sensor
from datoria_dagster.orchestration.settings import DatoriaSettings
from datoria_dagster.orchestration.stale import build_stale_sensor
from datoria_dagster.orchestration.translator import DatoriaTranslator


def build_definitions(
    platform: Platform,
    warehouse: Connection = configured,
    *,
    translator: DatoriaTranslator | None = None,
    settings: DatoriaSettings = DatoriaSettings(),  # noqa: B008 - it is frozen
) -> dg.Definitions:
    """Return the assets, the jobs `migrate` and `deploy`, the deploy schedule and the sensors.

    `warehouse` is a warehouse, or a function that opens one for each step; by default the one
    that the environment or pyproject.toml names. `settings` says what else there is.
    Raises DeclarationError when two objects have one asset key, or nothing is declared.
    """
    _refuse_nothing(platform)
    graph = build_graph(platform, translator or DatoriaTranslator())
    if settings.automation:
        graph = with_automation(graph, warehouse)
    deploy = build_deploy_job(graph, warehouse, settings)
    checks = [] if settings.drift_minutes is None else [build_drift_check(graph, warehouse)]
    return dg.Definitions.merge(
        build_assets(graph, warehouse, settings),
        dg.Definitions(
            asset_checks=checks,
            jobs=[deploy],
            schedules=[build_deploy_schedule(graph, warehouse, deploy, settings.deploy_schedule)],
            sensors=list(_sensors(graph, warehouse, settings)),
        ),
    )


def _refuse_nothing(platform: object) -> None:
    if not isinstance(platform, Platform):
        raise DeclarationError(
            f"build_definitions needs a Platform, and was given {type(platform).__name__}. Pass "
            'Platform.discover("package"), or Platform.of(…).'
        )
    if not platform.objects:
        raise DeclarationError(
            "The platform is empty: no table, view, routine or job is declared in what it was "
            'made of. Name the package that declares them: Platform.discover("package").'
        )


def _sensors(
    graph: Graph, warehouse: Connection, settings: DatoriaSettings
) -> Iterator[dg.SensorDefinition]:
    yield build_merge_sensor(graph, warehouse)
    if settings.automation:
        yield from build_automation_sensors(graph)
    elif graph.jobs:
        yield build_stale_sensor(graph, warehouse)
    if settings.watch is not None:
        yield build_branch_sensor(graph, settings.watch)
    if settings.drift_minutes is not None:
        yield build_drift_sensor(graph, warehouse, settings.drift_minutes)
