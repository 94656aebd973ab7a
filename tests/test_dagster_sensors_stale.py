"""After a migration, what is stale is run: upstream first, each once."""

import dagster as dg
import pytest

from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import daily_job, orders, platform, unrelated
from tests.dagster_platform.daemon import Daemon, recorded
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows

pytest_plugins = "tests.dagster_fixtures"

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
DAYS = ("20240130", "20240202")


@pytest.fixture
def daemon(instance):
    return Daemon("run_stale", instance)


def tick(daemon, warehouse, declared=platform):
    return daemon.tick(declared, warehouse)


def launched(ticked):
    return {
        run.tags["datoria/job"]: (run.tags.get(START), run.tags.get(END), run.status)
        for run in ticked.runs
    }


class Broken(Spy):
    """Refuses to write a table."""

    def __init__(self, warehouse, table):
        super().__init__(warehouse)
        self.table = table

    def write(self, query, destination, partition):
        if destination.id == self.table:
            raise Unavailable("The warehouse went away.")
        return super().write(query, destination, partition)


def test_before_the_migration_nothing_is_run(daemon, warehouse):
    ticked = tick(daemon, warehouse)
    assert (ticked.runs, ticked.said) == (
        (),
        "This declaration is not the last that was applied.",
    )


def test_after_the_migration_it_is_run_upstream_first(daemon, warehouse):
    migrate(warehouse)
    first = tick(daemon, warehouse)
    assert launched(first) == {"daily": (*DAYS, SUCCESS)}
    assert first.keys == ["2:daily:20240130:20240202"]
    second = tick(daemon, warehouse)
    assert launched(second) == {
        "monthly": ("202401", "202402", SUCCESS),
        "customers": (None, None, SUCCESS),
    }
    assert sorted(second.keys) == ["2:customers", "2:monthly:202401:202402"]
    for _ in range(2):
        third = tick(daemon, warehouse)
        assert (third.runs, third.said) == ((), "What migration 2 made stale was run.")
    assert rows(warehouse, "acme.shop.daily") == {
        "20240130": 1,
        "20240131": 2,
        "20240201": 1,
        "20240202": 1,
    }


def test_a_finished_migration_costs_a_tick_only_the_ledger(daemon, warehouse):
    migrate(warehouse)
    for _ in range(3):
        tick(daemon, warehouse)
    spy = Spy(warehouse)
    assert tick(daemon, spy).runs == ()
    assert set(spy.called) == {"rows"}


def test_gaps_are_runs_of_their_own(daemon, warehouse):
    migrate(warehouse)
    query = "SELECT DATE '2024-01-31' AS day, 'a' AS customer, 1 AS amount, NULL AS orders"
    warehouse.write(query, codec.ref(daily_job.destination), "20240131")
    ticked = tick(daemon, warehouse)
    assert ticked.keys == ["2:daily:20240130:20240130", "2:daily:20240201:20240202"]


def test_a_run_holds_as_many_partitions_as_the_job_wants(daemon, warehouse):
    declared = platform.with_object(daily_job.model_copy(update={"backfill": 3}))
    migrate(warehouse, declared)
    ticked = tick(daemon, warehouse, declared)
    assert ticked.keys == ["2:daily:20240130:20240201", "2:daily:20240202:20240202"]
    assert [run.status for run in ticked.runs] == [SUCCESS, SUCCESS]


def test_what_is_under_way_is_waited_for(daemon, instance, warehouse):
    migrate(warehouse)
    own = {"dagster/sensor_name": "run_stale", "datoria/job": "daily"}
    run = recorded(instance, "__ASSET_JOB", own | {"datoria/after_migration": "2"})
    ticked = tick(daemon, warehouse)
    assert (ticked.runs, ticked.said) == ((), f"1 run under way, {run} for one.")
    earlier = recorded(instance, "__ASSET_JOB", own | {"datoria/after_migration": "1"})
    assert f"2 runs under way, {earlier} for one." == tick(daemon, warehouse).said


@pytest.mark.parametrize("job", ["migrate", "deploy"])
def test_who_runs_the_same_is_waited_for(daemon, instance, warehouse, job):
    migrate(warehouse)
    run = recorded(instance, job)
    ticked = tick(daemon, warehouse)
    assert ticked.runs == ()
    assert ticked.said.startswith(f"`{job}` is under way in run {run}. ")


def test_what_depends_on_a_run_that_failed_is_not_run(daemon, warehouse):
    migrate(warehouse)
    (failed,) = tick(daemon, Broken(warehouse, "acme.shop.daily")).runs
    assert failed.status == FAILURE
    ticked = tick(daemon, warehouse)
    assert ticked.runs == ()
    assert ticked.said == (
        f"What migration 2 made stale was run, but daily failed in run {failed.run_id}; not run "
        "for that: customers, monthly. Run them when the cause is mended."
    )
    assert tick(daemon, warehouse).runs == ()


def test_what_does_not_depend_on_it_is_run(daemon, warehouse):
    migrate(warehouse)
    tick(daemon, warehouse)
    second = tick(daemon, Broken(warehouse, "acme.shop.monthly"))
    assert {name: status for name, (_, _, status) in launched(second).items()} == {
        "monthly": FAILURE,
        "customers": SUCCESS,
    }
    assert "but monthly failed in run " in tick(daemon, warehouse).said


def test_the_next_migration_runs_what_failed_before(daemon, warehouse):
    migrate(warehouse)
    tick(daemon, Broken(warehouse, "acme.shop.daily"))
    tick(daemon, warehouse)
    newer = platform.with_object(unrelated.model_copy(update={"description": "x"}))
    migrate(warehouse, newer)
    assert tick(daemon, warehouse, newer).keys == ["3:daily:20240130:20240202"]


def test_what_changes_meanwhile_is_not_run_twice_for_one_migration(daemon, warehouse):
    migrate(warehouse)
    tick(daemon, warehouse)
    late = {"day": "2024-02-02", "customer": "eve", "amount": 7}
    warehouse.append(codec.ref(orders), [late])
    assert set(launched(tick(daemon, warehouse))) == {"monthly", "customers"}
    assert tick(daemon, warehouse).said == "What migration 2 made stale was run."


def test_a_restart_on_the_way_goes_on_and_repeats_nothing(tmp_path, warehouse):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    migrate(warehouse)
    keys, cursor = [], None
    for _ in range(4):
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            daemon = Daemon("run_stale", instance, cursor)
            keys.append(tick(daemon, warehouse).keys)
            cursor = daemon.cursor
    assert [sorted(found) for found in keys] == [
        ["2:daily:20240130:20240202"],
        ["2:customers", "2:monthly:202401:202402"],
        [],
        [],
    ]


def test_a_tick_targets_the_assets_of_jobs_only():
    sensor = build_definitions(platform).resolve_sensor_def("run_stale")
    graph = build_definitions(platform).resolve_asset_graph()
    assert {key.to_user_string() for key in sensor.asset_selection.resolve(graph)} == {
        "shop/daily",
        "shop/monthly",
        "shop/customers",
    }
