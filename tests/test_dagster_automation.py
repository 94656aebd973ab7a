"""Declarative automation: what is stale is requested once, and nothing before it is migrated."""

from datetime import timedelta

import dagster as dg
import pytest

from datoria_dagster import sql
from datoria_dagster.orchestration import DatoriaSettings, build_definitions
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import daily_job, orders, platform
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import ROWS, migrate

pytest_plugins = "tests.dagster_fixtures"

ON = DatoriaSettings(automation=True)
DAILY, MONTHLY, CUSTOMERS = (
    dg.AssetKey(["shop", name]) for name in ("daily", "monthly", "customers")
)
DAYS = {"20240130", "20240131", "20240201", "20240202"}
MONTHS = {"202401", "202402"}


class Automation:
    """Evaluates the conditions of a platform, tick after tick, and runs what is requested."""

    def __init__(self, warehouse, instance):
        self.warehouse, self.instance, self.cursor = warehouse, instance, None

    def definitions(self, declared=platform):
        return build_definitions(declared, self.warehouse, settings=ON)

    def tick(self, declared=platform):
        """Return key → partitions that are requested now, None for an asset without any."""
        found = dg.evaluate_automation_conditions(
            self.definitions(declared), self.instance, cursor=self.cursor
        )
        self.cursor = found.cursor
        requested = {}
        for key in (DAILY, MONTHLY):
            if found.get_num_requested(key):
                requested[key] = set(found.get_requested_partitions(key))
        if found.get_num_requested(CUSTOMERS):
            requested[CUSTOMERS] = None
        return requested

    def run(self, key, *partitions):
        definitions = self.definitions()
        for partition in partitions or (None,):
            assert dg.materialize(
                list(definitions.assets),
                selection=[key],
                instance=self.instance,
                partition_key=partition,
            ).success

    def run_all(self):
        """Run what is requested until nothing is."""
        while requested := self.tick():
            for key, partitions in requested.items():
                self.run(key, *sorted(partitions or ()))


@pytest.fixture
def automation(warehouse, instance):
    return Automation(warehouse, instance)


def add_order(warehouse, day="2024-01-31"):
    warehouse.append(codec.ref(orders), ({**ROWS[0], "day": day, "customer": "cleo"},))


def test_it_is_off_by_default(warehouse):
    definitions = build_definitions(platform, warehouse)
    conditions = [spec.automation_condition for spec in definitions.resolve_all_asset_specs()]
    assert set(conditions) == {None}
    assert all(sensor.name != "automation" for sensor in definitions.sensors)


def test_missing_partitions_are_requested_once_and_upstream_first(warehouse, automation):
    migrate(warehouse)
    assert automation.tick() == {DAILY: DAYS}
    assert automation.tick() == {}
    assert automation.tick() == {}
    automation.run(DAILY, *sorted(DAYS))
    assert automation.tick() == {MONTHLY: MONTHS, CUSTOMERS: None}
    assert automation.tick() == {}


def test_nothing_is_requested_while_its_migration_is_pending(warehouse, automation):
    assert automation.tick() == {}
    migrate(warehouse)
    assert automation.tick() == {DAILY: DAYS}


def test_a_migration_alone_requests_nothing(warehouse, automation):
    migrate(warehouse)
    automation.run_all()
    job = automation.definitions().resolve_job_def("migrate")
    assert job.execute_in_process(instance=automation.instance).success
    assert automation.tick() == {}


def test_what_reads_a_changed_partition_is_requested_through_views(warehouse, automation):
    migrate(warehouse)
    automation.run_all()
    add_order(warehouse)
    assert automation.tick() == {DAILY: {"20240131"}}
    automation.run(DAILY, "20240131")
    assert automation.tick() == {MONTHLY: {"202401"}, CUSTOMERS: None}


def test_an_upstream_whose_changes_are_ignored_requests_nothing(warehouse, automation):
    migrate(warehouse)
    automation.run_all()
    add_order(warehouse)
    assert automation.tick(_reading(orders.at_execution_date().ignoring_changes())) == {}


def test_a_cooldown_is_waited_for(warehouse, automation):
    migrate(warehouse)
    automation.run_all()
    add_order(warehouse)
    read = orders.at_execution_date().invalidated_by_changes(cooldown=timedelta(days=1))
    assert automation.tick(_reading(read)) == {}


def test_a_run_that_failed_is_not_requested_again_before_something_changes(warehouse, automation):
    migrate(warehouse)
    assert automation.tick() == {DAILY: DAYS}
    broken = Automation(_NoWrites(warehouse), automation.instance)
    with pytest.raises(dg.Failure, match="went away"):
        broken.run(DAILY, "20240130")
    assert [automation.tick() for _ in range(3)] == [{}, {}, {}]


def test_the_sensor_that_evaluates_them_is_off_until_it_is_switched_on(automation):
    sensor = automation.definitions().resolve_sensor_def("automation")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    dg.Definitions.validate_loadable(automation.definitions())


def test_a_tick_of_the_sensor_requests_what_is_due(warehouse, automation):
    migrate(warehouse)
    definitions = automation.definitions()
    sensor = definitions.resolve_sensor_def("automation")
    context = dg.build_sensor_context(
        automation.instance, repository_def=definitions.get_repository_def()
    )
    with context:
        (request,) = sensor.evaluate_tick(context).run_requests
    subset = request.asset_graph_subset
    assert {found.partition_key for found in subset.iterate_asset_partitions()} == DAYS


def _reading(dependency):
    query = sql("SELECT day, customer, amount FROM {orders}", orders=dependency)
    return platform.with_object(daily_job.model_copy(update={"query": query}))


class _NoWrites(Spy):
    def write(self, query, destination, partition):
        raise Unavailable("The warehouse went away.")
