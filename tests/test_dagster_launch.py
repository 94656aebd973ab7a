"""Every way to start a job asset without the migration, in a running Dagster.

All are started at once, first with a change pending, and then again with nothing pending. Those
within one process are in test_dagster_ways.py.
"""

from dataclasses import dataclass

import dagster as dg
import pytest

from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import daily_before
from tests.dagster_platform.server import Dagster, wait_until
from tests.dagster_platform.stock import facts, migrate, rows, stock

KEY = ("shop", "daily")
NAME = "acme.shop.daily"
START, END = (f"dagster/asset_partition_range_{side}" for side in ("start", "end"))
MATERIALIZE = "dagster asset materialize"
# The job that each way runs, and the tags that tell its runs from others.
WAYS = {
    "a launch over GraphQL": ("daily", {"dagster/partition": "20240130"}),
    "a job without the schema assets": ("daily", {"dagster/partition": "20240131"}),
    MATERIALIZE: ("daily", {"dagster/partition": "20240201"}),
    "a backfill": ("daily", {START: "20240202", END: "20240202"}),
    "dagster job execute": ("customers", {"by": "hand"}),
    "a schedule": ("customers", {"dagster/schedule_name": "every_minute"}),
    "a sensor": ("customers", {"dagster/sensor_name": "once"}),
    "an automation condition": ("monthly", {"dagster/from_automation_condition": "true"}),
}


@dataclass(frozen=True)
class Attempt:
    """What became of a run, and what its failure says."""

    status: dg.DagsterRunStatus
    text: str


@pytest.fixture(scope="module")
def dagster(tmp_path_factory):
    found = Dagster(tmp_path_factory.mktemp("dagster"))
    with found.webserver():
        yield found


@pytest.fixture(scope="module")
def instance(dagster):
    with dg.DagsterInstance.from_config(str(dagster.home)) as found:
        yield found


@pytest.fixture(scope="module")
def warehouse(dagster):
    found = LocalWarehouse(dagster.warehouse_path)
    stock(found)
    query = "SELECT DATE '2024-01-30' AS day, 'old' AS customer, 0 AS amount"
    found.write(query, codec.ref(daily_before), "20240130")
    yield found
    found.close()


@pytest.fixture(scope="module")
def pending(dagster, instance, warehouse):
    """Start all of them while a column waits to be added."""
    before = facts(warehouse, NAME)
    attempts = start_all(dagster, instance)
    return attempts, before, facts(warehouse, NAME)


@pytest.fixture(scope="module")
def migrated(dagster, instance, warehouse, pending):
    """Start all of them again, now that nothing is pending."""
    migrate(warehouse)
    return start_all(dagster, instance), rows(warehouse, NAME)


def start_all(dagster, instance):
    """Start a run in every way; wait until each has ended one; return way → attempt."""
    known = {run.run_id for run in instance.get_runs()}
    materialize = ("asset", "materialize", "--select", "/".join(KEY), "--partition", "20240201")
    execute = ("job", "execute", "-j", "only_customers", "--tags", '{"by": "hand"}')
    with (
        dagster.running("dagster", *materialize) as command,
        dagster.running("dagster", *execute),
    ):
        dagster.launch("__ASSET_JOB", KEY, "20240130")
        dagster.launch("only_daily", None, "20240131")
        dagster.backfill(KEY, ["20240202"])
        with dagster.daemon():
            wait_until(lambda: len(ended(instance, known)) == len(WAYS), "A run in every way")
        assert (command.wait(60) == 0) == ended(instance, known)[MATERIALIZE].is_success
    wait_until(lambda: all(run.is_finished for run in instance.get_runs()), "The end of all runs")
    return {way: attempt(instance, run) for way, run in ended(instance, known).items()}


def ended(instance, known):
    """Return way → a run that has ended."""
    return {
        way: run
        for run in instance.get_runs()
        for way, (_, tags) in WAYS.items()
        if run.run_id not in known and run.is_finished and tags.items() <= run.tags.items()
    }


def attempt(instance, run):
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    failures = [event.dagster_event.step_failure_data.user_failure_data for event in events]
    return Attempt(run.status, "".join(failure.description for failure in failures if failure))


@pytest.mark.parametrize("way", WAYS)
def test_with_a_change_pending_it_is_refused(pending, way):
    attempts, _, _ = pending
    assert attempts[way].status == dg.DagsterRunStatus.FAILURE
    assert attempts[way].text.startswith(
        f"Job {WAYS[way][0]} was not run, and none of its SQL was sent: "
        "a migration is pending.\n"
        "  acme.shop.daily.orders: added"
    )


def test_with_a_change_pending_nothing_is_written(pending):
    _, before, after = pending
    assert [(fact.id, fact.rows) for fact in before] == [("20240130", 1)]
    assert after == before


@pytest.mark.parametrize("way", WAYS)
def test_with_nothing_pending_it_runs(migrated, way):
    attempts, _ = migrated
    assert attempts[way] == Attempt(dg.DagsterRunStatus.SUCCESS, "")


def test_with_nothing_pending_each_fills_its_partition(migrated):
    _, written = migrated
    assert written == {"20240130": 1, "20240131": 2, "20240201": 1, "20240202": 1}
