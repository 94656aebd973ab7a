"""Every way to start a job asset without the migration, in a running Dagster.

All are started at once, first with a change pending, and then again with nothing pending.
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
# The partition that each way fills; "" is the whole of another table.
WAYS = {
    "a launch over GraphQL": "20240130",
    "a job without the schema assets": "20240131",
    "dagster asset materialize": "20240201",
    "a backfill": "20240202",
    "dagster job execute": "",
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
    """Start a run in every way; wait for all; return way → attempt."""
    known = {run.run_id for run in instance.get_runs()}
    launched, own, command_line, backfilled, _ = WAYS.values()
    materialize = ("asset", "materialize", "--select", "/".join(KEY), "--partition", command_line)
    execute = ("job", "execute", "-j", "only_customers")
    with (
        dagster.running("dagster", *materialize) as command,
        dagster.running("dagster", *execute),
    ):
        dagster.launch("__ASSET_JOB", KEY, launched)
        dagster.launch("only_daily", None, own)
        dagster.backfill(KEY, [backfilled])
        # A daemon looks for backfills when it starts, and then every half minute.
        with dagster.running("dagster-daemon", "run"):
            ended = wait_until(lambda: finished(instance, known), "The end of five runs")
        runs = by_partition(ended)
        assert (command.wait(60) == 0) == runs[command_line].is_success
    return {way: attempt(instance, runs[partition]) for way, partition in WAYS.items()}


def finished(instance, known):
    runs = [run for run in instance.get_runs() if run.run_id not in known]
    return runs if len(runs) == len(WAYS) and all(run.is_finished for run in runs) else None


def by_partition(runs):
    start = "dagster/asset_partition_range_start"
    return {run.tags.get("dagster/partition") or run.tags.get(start, ""): run for run in runs}


def attempt(instance, run):
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    failures = [event.dagster_event.step_failure_data.user_failure_data for event in events]
    return Attempt(run.status, "".join(failure.description for failure in failures if failure))


@pytest.mark.parametrize("way", WAYS)
def test_with_a_change_pending_it_is_refused(pending, way):
    attempts, _, _ = pending
    assert attempts[way].status == dg.DagsterRunStatus.FAILURE
    assert attempts[way].text.startswith(
        f"Job {'daily' if WAYS[way] else 'customers'} was not run, and none of its SQL was sent: "
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
