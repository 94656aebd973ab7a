"""The flights platform in a running Dagster: launched, backfilled, merged to, and refused."""

import shutil
from contextlib import contextmanager

import dagster as dg
import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from definitions.load import fill
from tests.dagster_platform.server import ROOT, Dagster, wait_for

DAILY, MONTHLY = ("analytics", "daily_delays"), ("analytics", "monthly_delays")
SENSORS = ("migrate_on_merge", "run_stale")
# The sensors look as often as the daemon looks at them, and a run is one process.
CODE_LOCATION = """
import dagster as dg

from datoria_dagster.orchestration import build_definitions, sensors, stale
from definitions import platform

sensors.INTERVAL_SECONDS = stale.INTERVAL_SECONDS = 1
defs = dg.Definitions.merge(
    build_definitions(platform),
    dg.Definitions(executor=dg.in_process_executor),
)
"""
FIRST = [
    "migrate, launched: SUCCESS",
    "analytics/daily_delays, backfilled: SUCCESS",
    "analytics/monthly_delays, backfilled: SUCCESS",
    "analytics/airport_days, run_stale: SUCCESS",
]
COMPATIBLE = [
    "migrate, migrate_on_merge: SUCCESS",
    "analytics/daily_delays, run_stale: SUCCESS",
    "analytics/monthly_delays, run_stale: SUCCESS",
]
INCOMPATIBLE = ["migrate, migrate_on_merge: FAILURE"]
REFUSED = ["analytics/daily_delays, launched: FAILURE"]


class Flights(Dagster):
    """A copy of the platform, cut to four days, that a test may edit."""

    def __init__(self, folder):
        super().__init__(folder, "definitions.code_location", folder)
        copied = shutil.ignore_patterns("data", "__pycache__")
        shutil.copytree(ROOT / "definitions", folder / "definitions", ignore=copied)
        (folder / "definitions" / "code_location.py").write_text(CODE_LOCATION)
        for name in ("delays", "weather"):
            self.edit(name, "end=day(2013, 3, 31)", "end=day(2013, 1, 4)")
        self.edit("delays", "end=month(2013, 3)", "end=month(2013, 1)")
        with self.warehouse() as warehouse:
            list(fill(warehouse))

    def edit(self, name, old, new):
        path = self.root / "definitions" / "flights" / f"{name}.py"
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    @contextmanager
    def warehouse(self):
        found = LocalWarehouse(self.warehouse_path)
        yield found
        found.close()


@pytest.fixture
def flights(tmp_path):
    found = Flights(tmp_path)
    with found.code_server(), found.webserver():
        yield found


@pytest.fixture
def instance(flights):
    with dg.DagsterInstance.from_config(str(flights.home)) as found:
        yield found


def test_launched_backfilled_merged_and_refused(flights, instance):
    launch_the_migration_and_two_backfills(flights, instance)
    with flights.daemon():
        for sensor in SENSORS:
            flights.switch_on(sensor)
        wait_for(instance, FIRST)
        add_a_column_and_a_day(flights)
        wait_for(instance, FIRST + COMPATIBLE)
    with flights.daemon():
        flights.look_twice(*SENSORS)
        wait_for(instance, FIRST + COMPATIBLE)
        change_the_type_of_the_column(flights)
        wait_for(instance, FIRST + COMPATIBLE + INCOMPATIBLE)
    with flights.daemon():
        flights.look_twice(*SENSORS)
        wait_for(instance, FIRST + COMPATIBLE + INCOMPATIBLE)
    the_failure_shows_the_plan(instance)
    flights.launch("__ASSET_JOB", DAILY, "20130102")
    wait_for(instance, FIRST + COMPATIBLE + INCOMPATIBLE + REFUSED)
    the_refusal_is_the_text_of_the_gate(instance)
    every_flight_of_five_days_is_counted(flights)


def launch_the_migration_and_two_backfills(flights, instance):
    flights.launch("migrate")
    wait_for(instance, FIRST[:1])
    # A daemon looks for backfills when it starts, and then every half minute.
    flights.backfill(DAILY, ["20130101", "20130102", "20130103", "20130104"])
    with flights.daemon():
        wait_for(instance, FIRST[:2])
    flights.backfill(MONTHLY, ["201301"])
    with flights.daemon():
        wait_for(instance, FIRST[:3])


def add_a_column_and_a_day(flights):
    field = 'schema=(Field("flight_date", DATE, required=True), *FIGURES'
    flights.edit("delays", f"{field})", f'{field}, Field("longest_delay", INT64))')
    mean = "AVG(dep_delay) AS mean_delay_minutes"
    flights.edit("delays", mean, f"{mean}, MAX(dep_delay) AS longest_delay")
    flights.edit("delays", "end=day(2013, 1, 4)", "end=day(2013, 1, 5)")
    flights.reload()


def change_the_type_of_the_column(flights):
    flights.edit("delays", 'Field("longest_delay", INT64)', 'Field("longest_delay", STRING)')
    flights.edit("delays", "MAX(dep_delay)", "CAST(MAX(dep_delay) AS STRING)")
    flights.reload()


def failure_of_the_last_run(instance):
    last = instance.get_runs(limit=1)[0]
    events = instance.all_logs(last.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return events[0].dagster_event.step_failure_data.user_failure_data


def the_failure_shows_the_plan(instance):
    failure = failure_of_the_last_run(instance)
    assert failure.description.startswith(
        "Nothing was migrated: the plan is incompatible.\n"
        "\n"
        "flights-demo.analytics\n"
        "└── daily_delays (table)\n"
        "    └── ~ longest_delay"
    )
    assert "changed from INT64 to STRING" in failure.metadata["plan"].value


def the_refusal_is_the_text_of_the_gate(instance):
    refusal = failure_of_the_last_run(instance)
    assert refusal.description.startswith(
        "Job daily_delays was not run, and none of its SQL was sent: a migration is pending.\n"
        "  flights-demo.analytics.daily_delays.longest_delay: "
    )


def every_flight_of_five_days_is_counted(flights):
    table = "`flights-demo.analytics.daily_delays`"
    query = f"SELECT SUM(flights), MAX(longest_delay) FROM {table}"
    with flights.warehouse() as warehouse:
        assert list(warehouse.query(query).rows) == [(4334, 327)]
