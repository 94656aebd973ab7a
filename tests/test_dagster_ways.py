"""Every way to start a job asset within Python: refused while its migration is pending.

Those that need processes of their own are in test_dagster_launch.py.
"""

from datetime import UTC, datetime

import dagster as dg
import pytest

from datoria_dagster.orchestration import DatoriaTranslator, build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import platform
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows, stock

DAILY, CUSTOMERS = dg.AssetKey(["shop", "daily"]), dg.AssetKey(["shop", "customers"])
NOON = datetime(2024, 2, 3, 12, tzinfo=UTC)


class Eager(DatoriaTranslator):
    """Gives a condition of the user's own, which knows nothing of migrations."""

    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        if spec.key != CUSTOMERS:
            return spec
        return spec.replace_attributes(automation_condition=dg.AutomationCondition.missing())


def definitions(warehouse):
    only = dg.define_asset_job("only", selection=[CUSTOMERS])

    @dg.schedule(job=only, cron_schedule="0 6 * * *")
    def every_morning(context):
        return dg.RunRequest()

    @dg.sensor(job=only)
    def whenever(context):
        return dg.RunRequest()

    own = dg.Definitions(jobs=[only], schedules=[every_morning], sensors=[whenever])
    return dg.Definitions.merge(build_definitions(platform, warehouse, translator=Eager()), own)


def launch(found, instance):
    job = found.resolve_job_def("only")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def materialized(found, instance):
    assets = list(found.assets)
    return dg.materialize(assets, selection=[CUSTOMERS], instance=instance, raise_on_error=False)


def scheduled(found, instance):
    context = dg.build_schedule_context(instance, scheduled_execution_time=NOON)
    (request,) = found.resolve_schedule_def("every_morning").evaluate_tick(context).run_requests
    assert request.asset_selection is None
    return launch(found, instance)


def sensed(found, instance):
    context = dg.build_sensor_context(instance)
    (request,) = found.resolve_sensor_def("whenever").evaluate_tick(context).run_requests
    assert request.asset_selection is None
    return launch(found, instance)


def automated(found, instance):
    requested = dg.evaluate_automation_conditions(found, instance)
    assert requested.get_num_requested(CUSTOMERS) == 1
    return materialized(found, instance)


def with_the_rest(found, instance):
    """As `launch`, with the job asset in a run of all that has no partitions."""
    job = found.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, asset_selection=[CUSTOMERS], raise_on_error=False
    )


WAYS = {
    "materialize()": materialized,
    "a job of the user's own": launch,
    "a schedule": scheduled,
    "a sensor": sensed,
    "an automation condition": automated,
    "the implicit asset job": with_the_rest,
}


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    stock(found)
    yield found
    found.close()


@pytest.mark.parametrize("way", WAYS)
def test_it_is_refused_before_any_sql_with_a_change_pending_and_runs_without(warehouse, way):
    spy = Spy(warehouse)
    with dg.DagsterInstance.ephemeral() as instance:
        found = definitions(spy)
        refused = WAYS[way](found, instance)
        (event,) = [event for event in refused.all_events if event.is_step_failure]
        assert event.step_failure_data.user_failure_data.description.startswith(
            "Job customers was not run, and none of its SQL was sent: a migration is pending."
        )
        assert spy.acted == []
        migrate(warehouse)
        assert WAYS[way](found, instance).success
    assert rows(warehouse, "acme.shop.customers") == {"": 0}
