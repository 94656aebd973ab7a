"""Drift: what somebody changed by hand is an asset check, by a sensor or when it is asked for."""

import dagster as dg
import pytest

from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.orchestration import DatoriaSettings, build_definitions
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import platform, unrelated
from tests.dagster_platform.daemon import Daemon, recorded
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate

pytest_plugins = "tests.dagster_fixtures"

SETTINGS = DatoriaSettings(drift_minutes=30)
KEY = dg.AssetCheckKey(dg.AssetKey("migration"), "drift")
AS_DECLARED = "The warehouse is as it is declared."


@pytest.fixture
def daemon(instance):
    return Daemon("drift", instance)


def tick(daemon, warehouse, declared=platform):
    ticked = daemon.tick(declared, warehouse, settings=SETTINGS)
    assert ticked.runs == ()
    return ticked.said


def results(instance):
    """Return the evaluations of the check, the oldest first."""
    records = instance.event_log_storage.get_asset_check_execution_history(KEY, limit=20)
    return [record.event.dagster_event.event_specific_data for record in reversed(records)]


def describe(warehouse, text):
    """Change a table as somebody might in BigQuery's console."""
    ref = next(ref for ref in warehouse.list("acme.shop") if ref.id == unrelated.id)
    warehouse.patch(ref, {"description": text}, None)


def test_what_is_as_declared_passes_and_is_reported_once(daemon, instance, warehouse):
    migrate(warehouse)
    assert [tick(daemon, warehouse) for _ in range(3)] == [AS_DECLARED] * 3
    assert [result.passed for result in results(instance)] == [True]


def test_what_was_changed_by_hand_is_a_warning_once(daemon, instance, warehouse):
    migrate(warehouse)
    tick(daemon, warehouse)
    describe(warehouse, "by hand")
    said = [tick(daemon, warehouse) for _ in range(3)]
    assert said[0].startswith("The warehouse is not as migration 2 left it. To migrate would undo")
    assert "unrelated" in said[0]
    _, drifted = results(instance)
    assert (drifted.passed, drifted.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert drifted.description == said[0]
    assert drifted.metadata["objects"].value == "acme.shop.unrelated"
    assert "acme.shop.unrelated" in drifted.metadata["plan"].value


def test_another_drift_and_its_end_are_reported(daemon, instance, warehouse):
    migrate(warehouse)
    describe(warehouse, "by hand")
    tick(daemon, warehouse)
    ref = next(ref for ref in warehouse.list("acme.shop") if ref.id == unrelated.id)
    warehouse.patch(ref, {"labels": {"by": "hand"}}, None)
    tick(daemon, warehouse)
    migrate(warehouse)
    assert tick(daemon, warehouse) == AS_DECLARED
    assert [result.passed for result in results(instance)] == [False, False, True]


def test_what_is_pending_is_not_drift(daemon, instance, warehouse):
    assert tick(daemon, warehouse).startswith("A migration is pending")
    assert results(instance) == []


def test_rows_are_not_drift(daemon, instance, warehouse):
    migrate(warehouse)
    describe(warehouse, "by hand")
    tick(daemon, warehouse)
    ref = next(ref for ref in warehouse.list("acme.shop") if ref.id == unrelated.id)
    warehouse.append(ref, [{"x": 1}])
    tick(daemon, warehouse)
    assert len(results(instance)) == 1


def test_during_a_migration_nothing_is_compared(daemon, instance, warehouse):
    run = recorded(instance, "migrate")
    spy = Spy(warehouse)
    assert tick(daemon, spy).startswith(f"`migrate` is under way in run {run}. ")
    assert spy.called == []


def test_during_a_migration_elsewhere_nothing_is_compared(daemon, instance, warehouse):
    migrate(warehouse)
    describe(warehouse, "half done")
    with Ledger(warehouse, platform).lease():
        assert tick(daemon, warehouse).endswith(" is migrating. Look again when that has ended.")
    assert results(instance) == []


def test_it_looks_at_its_own_interval():
    definitions = build_definitions(platform, settings=SETTINGS)
    assert definitions.resolve_sensor_def("drift").minimum_interval_seconds == 1800


def check(warehouse, instance):
    definitions = build_definitions(platform, warehouse, settings=SETTINGS)
    selection = dg.AssetSelection.checks(KEY)
    job = dg.define_asset_job("look", selection=selection)
    with_job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
    return with_job.resolve_job_def("look").execute_in_process(
        instance=instance, raise_on_error=False
    )


def test_the_check_can_be_run_by_hand(instance, warehouse):
    migrate(warehouse)
    (clean,) = check(warehouse, instance).get_asset_check_evaluations()
    assert (clean.passed, clean.description) == (True, AS_DECLARED)
    describe(warehouse, "by hand")
    result = check(warehouse, instance)
    (drifted,) = result.get_asset_check_evaluations()
    assert result.success
    assert (drifted.passed, drifted.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_check_that_cannot_look_fails_in_words(instance):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    result = check(away, instance)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure.description == "acme.duckdb: cannot open it."


def test_a_migration_does_not_run_the_check(instance, warehouse):
    definitions = build_definitions(platform, warehouse, settings=SETTINGS)
    result = definitions.resolve_job_def("migrate").execute_in_process(instance=instance)
    assert result.get_asset_check_evaluations() == []


def test_without_the_setting_there_is_no_check(warehouse):
    graph = build_definitions(platform, warehouse).resolve_asset_graph()
    assert not graph.asset_check_keys
