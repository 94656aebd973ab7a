"""A deploy does both steps through the asset graph."""

import dagster as dg
import pytest

from datoria_dagster import INT64, Field, Platform, day, sql
from datoria_dagster.orchestration.deploy import DeployFailed, MigrationStopped, deploy
from datoria_dagster.orchestration.partitions import ranges
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import daily_job, orders, platform, unrelated
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows

pytest_plugins = "tests.dagster_fixtures"

DAILY_ROWS = {"20240130": 1, "20240131": 2, "20240201": 1, "20240202": 1}


def runs(instance):
    return [(run.job_name, run.status) for run in reversed(instance.get_runs())]


def without_x() -> Platform:
    return platform.with_object(unrelated.with_fields((Field("y", INT64),)))


def test_a_deploy_migrates_and_runs_what_is_stale_upstream_first(warehouse, instance):
    said = []
    done = deploy(platform, warehouse, instance, on_event=said.append)
    assert done.plan.verdict == "compatible"
    assert [event.status for event in done.events] == ["done"] * len(done.plan.steps)
    assert {(run.job, run.partitions, run.rows) for run in done.jobs} == {
        ("daily", 4, 5),
        ("monthly", 2, 2),
        ("customers", 1, 2),
    }
    assert said[1] == "daily: 4 partitions"
    assert rows(warehouse, "acme.shop.daily") == DAILY_ROWS
    assert runs(instance) == [
        ("migrate", dg.DagsterRunStatus.SUCCESS),
        *[("__ASSET_JOB", dg.DagsterRunStatus.SUCCESS)] * 3,
    ]
    assert instance.get_materialized_partitions(dg.AssetKey(["shop", "daily"])) == set(DAILY_ROWS)


def test_a_second_deploy_does_nothing_and_records_nothing(warehouse, instance):
    deploy(platform, warehouse, instance)
    spy, recorded = Spy(warehouse), len(instance.get_runs())
    done = deploy(platform, spy, instance)
    assert done.plan.is_empty
    assert done.events == ()
    assert done.jobs == ()
    assert spy.acted == []
    assert len(instance.get_runs()) == recorded


def test_only_what_became_stale_is_run(warehouse, instance):
    deploy(platform, warehouse, instance)
    warehouse.append(
        warehouse.list("acme.raw")[0], [{"day": "2024-02-02", "customer": "eve", "amount": 7}]
    )
    newer = deploy(platform, warehouse, instance)
    assert orders.id == "acme.raw.orders"
    assert newer.events == ()
    assert ("daily", 1) in {(run.job, run.partitions) for run in newer.jobs}
    assert rows(warehouse, "acme.shop.daily") == DAILY_ROWS | {"20240202": 2}


def test_partitions_with_gaps_are_as_many_runs():
    days = [day(2024, 2, 1), day(2024, 1, 30), day(2024, 1, 31), day(2024, 2, 3)]
    assert [[found.id for found in run] for run in ranges(daily_job, days)] == [
        ["20240130", "20240131", "20240201"],
        ["20240203"],
    ]


def test_an_incompatible_change_stops_the_deploy_before_anything(warehouse, instance):
    migrate(warehouse)
    spy = Spy(warehouse)
    with pytest.raises(MigrationStopped, match="the plan is incompatible") as stopped:
        deploy(without_x(), spy, instance)
    assert stopped.value.plan.verdict == "incompatible"
    assert spy.acted == []
    assert runs(instance) == [("migrate", dg.DagsterRunStatus.FAILURE)]


def test_a_failing_job_is_an_error_with_its_cause(warehouse, instance):
    class Broken(Spy):
        def write(self, query, destination, partition):
            raise Unavailable("The warehouse went away.")

    with pytest.raises(DeployFailed, match=r"daily: .*The warehouse went away\."):
        deploy(platform, Broken(warehouse), instance)
    assert runs(instance)[-1] == ("__ASSET_JOB", dg.DagsterRunStatus.FAILURE)


def test_dagster_says_nothing_on_the_way(warehouse, instance, capfd):
    deploy(platform, warehouse, instance)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_an_instance_is_made_where_none_is_configured(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    deploy(Platform.of(unrelated), LocalWarehouse(None))
    home = tmp_path / ".datoria" / "dagster"
    assert "telemetry" in (home / "dagster.yaml").read_text()
    with dg.DagsterInstance.from_config(str(home)) as recorded:
        assert [run.job_name for run in recorded.get_runs()] == ["migrate"]


@pytest.mark.parametrize("settings", [None, "telemetry: 3"], ids=["a file", "wrong settings"])
def test_a_home_that_is_none_is_an_error_in_words(tmp_path, monkeypatch, settings):
    home = tmp_path / "home"
    if settings is None:
        home.write_text("")
    else:
        home.mkdir()
        (home / "dagster.yaml").write_text(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with pytest.raises(DeployFailed, match=r"(?s)can't be opened.*DAGSTER_HOME"):
        deploy(Platform.of(unrelated), LocalWarehouse(None))


def test_sql_that_is_wrong_is_a_failure_in_words(warehouse, instance):
    wrong = daily_job.model_copy(update={"query": sql("SELECT no_such_column FROM {o}", o=orders)})
    with pytest.raises(DeployFailed, match="no_such_column"):
        deploy(platform.with_object(wrong), warehouse, instance)


def test_tables_that_are_there_already_are_taken_over(instance):
    warehouse = LocalWarehouse(None)
    for found in Platform.of(unrelated).managed.values():
        warehouse.create(codec.ref(found), codec.resource(found))
    first = deploy(Platform.of(unrelated), warehouse, instance)
    assert [event.step for event in first.events] == ["adopt"]
    assert deploy(Platform.of(unrelated), warehouse, instance).events == ()
