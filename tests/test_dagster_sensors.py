"""The merge sensor: one migration per declaration and ledger state, and never a dead tick."""

import dagster as dg
import pytest

from datoria_dagster import INT64, Field, Platform
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import shape_fingerprint
from datoria_dagster.orchestration import DatoriaSettings, GitBranch, build_definitions
from datoria_dagster.settings import SettingsError
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import daily, platform, unrelated
from tests.dagster_platform.daemon import Daemon, recorded
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate

pytest_plugins = "tests.dagster_fixtures"

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def daemon(instance):
    return Daemon("migrate_on_merge", instance)


def described(text):
    return platform.with_object(unrelated.model_copy(update={"description": text}))


def without_x():
    return platform.with_object(unrelated.with_fields((Field("y", INT64),)))


def applied(warehouse):
    return Ledger(warehouse, platform).read().applied.sequence


def shown(instance, name):
    """Return the version that a schema asset shows, and how often one was reported."""
    key = dg.AssetKey(["schema", "shop", name])
    found = instance.fetch_materializations(key, limit=10).records
    tags = [record.asset_materialization.tags["dagster/data_version"] for record in found]
    return (tags[0] if tags else None), len(tags)


def test_a_merge_is_migrated_once(daemon, warehouse):
    assert [run.status for run in daemon.tick(platform, warehouse).runs] == [SUCCESS]
    assert applied(warehouse) == 2
    for _ in range(3):
        ticked = daemon.tick(platform, warehouse)
        assert (ticked.runs, ticked.said) == ((), "Migration 2 applied this declaration.")


def test_a_merge_is_migrated_once_over_restarts(tmp_path, warehouse):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    ticked = []
    for _ in range(3):
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            ticked.append(Daemon("migrate_on_merge", instance).tick(without_x(), warehouse))
    assert [len(tick.runs) for tick in ticked] == [1, 0, 0]
    assert ticked[0].runs[0].status == FAILURE


def test_what_is_left_of_a_merge_is_migrated_after_a_part_of_it(daemon, warehouse, instance):
    assert [run.status for run in daemon.tick(without_x(), warehouse).runs] == [FAILURE]
    job = build_definitions(without_x(), warehouse).resolve_job_def("migrate")
    part = {"select": ["shop.unrelated"], "force": True}
    config = {"ops": {"migration": {"config": part}}}
    job.execute_in_process(instance=instance, run_config=config)
    ticked = daemon.tick(without_x(), warehouse)
    assert [run.status for run in ticked.runs] == [SUCCESS]
    assert "Migration 3 applied" in daemon.tick(without_x(), warehouse).said


def test_a_revert_is_migrated_again(daemon, warehouse):
    newer = described("x")
    keys = [daemon.tick(declared, warehouse).keys for declared in (platform, newer, platform)]
    assert [key.partition("->")[0] for (key,) in keys] == ["1", "2", "3"]
    assert keys[0][0].partition("->")[2] == keys[2][0].partition("->")[2]
    assert applied(warehouse) == 4


def test_a_merge_that_stopped_is_not_tried_again_and_says_so(daemon, warehouse):
    migrate(warehouse)
    (stopped,) = daemon.tick(without_x(), warehouse).runs
    assert stopped.status == FAILURE
    for _ in range(3):
        ticked = daemon.tick(without_x(), warehouse)
        assert ticked.runs == ()
        assert ticked.said == (
            "Migration of this declaration was asked for already; it stopped or failed in run "
            f"{stopped.run_id}, which says why. It is asked for again when the declaration or the "
            "ledger has changed; to try it before, launch the job `migrate`."
        )


def test_what_mends_a_merge_that_stopped_is_migrated(daemon, warehouse):
    migrate(warehouse)
    daemon.tick(without_x(), warehouse)
    assert [run.status for run in daemon.tick(described("x"), warehouse).runs] == [SUCCESS]
    again = daemon.tick(without_x(), warehouse)
    assert [run.status for run in again.runs] == [FAILURE]


def test_a_run_with_nothing_to_change_is_not_repeated(daemon, warehouse):
    migrate(warehouse)
    declared = described("x")
    ref = next(ref for ref in warehouse.list("acme.shop") if ref.id == unrelated.id)
    warehouse.patch(ref, {"description": "x"}, None)
    assert [run.status for run in daemon.tick(declared, warehouse).runs] == [SUCCESS]
    ticked = daemon.tick(declared, warehouse)
    assert ticked.runs == ()
    assert "found nothing to change" in ticked.said


def test_a_run_that_was_canceled_is_named(daemon, instance, warehouse):
    (key,) = [
        r.run_key for r in daemon.evaluate(build_definitions(platform, warehouse)).run_requests
    ]
    tags = {"dagster/sensor_name": "migrate_on_merge", "dagster/run_key": key}
    run = recorded(instance, "migrate", tags, dg.DagsterRunStatus.CANCELED)
    assert f"run {run} was canceled" in daemon.tick(platform, warehouse).said


def test_a_migration_under_way_is_waited_for(daemon, instance, warehouse):
    run = recorded(instance, "migrate")
    ticked = daemon.tick(platform, warehouse)
    assert (ticked.runs, ticked.said) == (
        (),
        f"`migrate` is under way in run {run}. If its process is gone, terminate that run.",
    )


def test_a_migration_under_way_elsewhere_is_waited_for(daemon, warehouse):
    with Ledger(warehouse, platform).lease():
        ticked = daemon.tick(platform, warehouse)
    assert ticked.runs == ()
    assert ticked.said.endswith(" is migrating. Look again when that has ended.")
    assert [run.status for run in daemon.tick(platform, warehouse).runs] == [SUCCESS]


def test_a_migration_of_another_platform_is_not_waited_for(daemon, instance, warehouse):
    recorded(instance, "migrate", {"datoria/ledger": "other.datoria"})
    assert len(daemon.tick(platform, warehouse).runs) == 1


def test_a_code_location_that_newer_code_has_overtaken_does_not_undo_it(daemon, warehouse):
    migrate(warehouse)
    old = build_definitions(platform, warehouse)
    migrate(warehouse, described("x"))
    data = daemon.evaluate(old)
    assert not data.run_requests
    assert data.skip_message.startswith(
        "The warehouse was migrated by newer code (migration 3, by "
    )
    assert len(daemon.tick(platform, warehouse).runs) == 1


def test_a_warehouse_that_is_away_skips_the_tick_and_the_next_one_goes_on(daemon, warehouse):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    ticked = daemon.tick(platform, away)
    assert (ticked.runs, ticked.said) == ((), "acme.duckdb: cannot open it.")
    assert len(daemon.tick(platform, warehouse).runs) == 1


@pytest.mark.parametrize("sensor", ["migrate_on_merge", "run_stale", "drift"])
@pytest.mark.parametrize("error", [OSError("no route to host"), ZeroDivisionError("by zero\nx")])
def test_an_error_that_nobody_foresaw_skips_the_tick(instance, sensor, error):
    def broken():
        raise error

    settings = DatoriaSettings(drift_minutes=5)
    ticked = Daemon(sensor, instance).tick(platform, broken, settings=settings)
    first = str(error).partition("\n")[0]
    assert (ticked.runs, ticked.said) == (
        (),
        f"The tick failed: {type(error).__name__}: {first}",
    )


def test_what_was_migrated_outside_of_dagster_is_shown_once(daemon, instance, warehouse):
    migrate(warehouse)
    daemon.tick(platform, warehouse)
    assert shown(instance, "daily") == (shape_fingerprint(daily), 1)
    assert shown(instance, "unrelated") == (shape_fingerprint(unrelated), 1)
    daemon.tick(platform, warehouse)
    assert shown(instance, "daily")[1] == 1


def test_only_what_was_changed_outside_is_shown_anew(daemon, instance, warehouse):
    daemon.tick(platform, warehouse)
    daemon.tick(platform, warehouse)
    wider = unrelated.with_fields((*unrelated.fields, Field("y", INT64)))
    newer = platform.with_object(wider)
    migrate(warehouse, newer)
    spied = Spy(warehouse)
    daemon.tick(newer, spied)
    assert shown(instance, "unrelated") == (shape_fingerprint(wider), 2)
    assert shown(instance, "daily")[1] == 1
    assert spied.acted == []


def test_what_dagster_migrated_is_not_shown_twice(daemon, instance, warehouse):
    daemon.tick(platform, warehouse)
    daemon.tick(platform, warehouse)
    assert shown(instance, "daily") == (shape_fingerprint(daily), 1)


def test_what_was_changed_and_reverted_outside_is_as_it_was_shown(daemon, instance, warehouse):
    daemon.tick(platform, warehouse)
    daemon.tick(platform, warehouse)
    migrate(warehouse, described("x"))
    migrate(warehouse, platform)
    daemon.tick(platform, warehouse)
    assert applied(warehouse) == 4
    assert shown(instance, "unrelated")[1] == 1


def test_every_sensor_is_off_until_it_is_switched_on():
    def sensors(**settings):
        found = build_definitions(platform, settings=DatoriaSettings(**settings))
        return {sensor.name: sensor.default_status for sensor in found.sensors}

    stopped = dg.DefaultSensorStatus.STOPPED
    assert sensors() == {"migrate_on_merge": stopped, "run_stale": stopped}
    assert sensors(drift_minutes=30)["drift"] == stopped
    assert sensors(automation=True) == {"migrate_on_merge": stopped, "automation": stopped}


def test_everything_switched_on_is_a_code_location_that_loads(warehouse):
    settings = DatoriaSettings(drift_minutes=5, watch=GitBranch())
    found = build_definitions(platform, warehouse, settings=settings)
    dg.Definitions.validate_loadable(found)
    assert [sensor.name for sensor in found.sensors] == [
        "migrate_on_merge",
        "run_stale",
        "location_behind",
        "drift",
    ]


def test_a_platform_without_jobs_has_nothing_to_run():
    found = build_definitions(Platform.of(unrelated))
    assert [sensor.name for sensor in found.sensors] == ["migrate_on_merge"]


def test_a_setting_that_makes_no_sense_is_refused():
    with pytest.raises(SettingsError, match="drift_minutes is 0; it must be at least 1"):
        DatoriaSettings(drift_minutes=0)
