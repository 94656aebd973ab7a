"""A migration that is refused or fails is handed to a function, whoever launched it."""

import pytest

from datoria_dagster import DATE, INT64, Field, Job, Table, sql
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.orchestration import DatoriaSettings, build_definitions
from datoria_dagster.orchestration.deploy import MigrationStopped, deploy
from datoria_dagster.settings import SettingsError
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import daily, platform, unrelated
from tests.dagster_platform.daemon import Daemon
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, stock

pytest_plugins = "tests.dagster_fixtures"

# A column is dropped, with whatever it holds, and another one is added.
without_x = platform.with_object(unrelated.with_fields((Field("y", INT64),)))


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    stock(found)
    migrate(found)
    yield found
    found.close()


@pytest.fixture
def handed():
    return []


def run(declared, warehouse, instance, settings, job="migrate"):
    found = build_definitions(declared, warehouse, settings=settings).resolve_job_def(job)
    return found.execute_in_process(instance=instance, raise_on_error=False)


def description(result):
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data.description


@pytest.mark.parametrize("job", ["migrate", "deploy"])
def test_a_refusal_is_handed_on_with_the_plan_and_the_run(warehouse, instance, handed, job):
    settings = DatoriaSettings(on_failure=handed.append, webserver_url="https://dagster.acme/")
    result = run(without_x, warehouse, instance, settings, job)
    (failure,) = handed
    assert failure.kind == "refused"
    assert failure.text == description(result)
    assert failure.text.startswith("Nothing was migrated: the plan is incompatible.")
    assert {finding.address for finding in failure.plan.stopping} == {"acme.shop.unrelated.x"}
    assert failure.run_id == result.run_id
    assert failure.url == f"https://dagster.acme/runs/{result.run_id}"


def test_a_refusal_of_a_deploy_from_code_is_handed_on(warehouse, instance, handed):
    settings = DatoriaSettings(on_failure=handed.append)
    with pytest.raises(MigrationStopped):
        deploy(without_x, warehouse, instance, settings=settings)
    (run,) = instance.get_runs()
    assert [(failure.kind, failure.run_id) for failure in handed] == [("refused", run.run_id)]


def test_a_migration_that_the_sensor_launched_is_handed_on(warehouse, instance, handed):
    settings = DatoriaSettings(on_failure=handed.append)
    ticked = Daemon("migrate_on_merge", instance).tick(without_x, warehouse, settings=settings)
    assert [failure.run_id for failure in handed] == [run.run_id for run in ticked.runs]
    assert handed[0].url == ""


@pytest.mark.parametrize("job", ["migrate", "deploy"])
def test_a_warehouse_that_is_down_is_handed_on_without_a_plan(instance, handed, job):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    run(platform, away, instance, DatoriaSettings(on_failure=handed.append), job)
    (failure,) = handed
    assert (failure.kind, failure.text, failure.plan) == (
        "failed",
        "acme.duckdb: cannot open it.",
        None,
    )


@pytest.mark.parametrize("job", ["migrate", "deploy"])
def test_sql_that_is_wrong_is_handed_on(warehouse, instance, handed, job):
    days = Table(dataset=daily.dataset, name="days", schema=(Field("day", DATE),))
    query = sql("SELECT dya AS day FROM {d}", d=daily.all_partitions())
    declared = platform.with_object(days).with_object(Job(name="d", destination=days, query=query))
    run(declared, warehouse, instance, DatoriaSettings(on_failure=handed.append), job)
    (failure,) = handed
    assert failure.kind == "failed"
    assert "SELECT dya AS day" in failure.text


@pytest.mark.parametrize("job", ["migrate", "deploy"])
def test_a_failure_on_the_way_is_handed_on_once(warehouse, instance, handed, job):
    class Broken(Spy):
        def patch(self, ref, body, etag):
            if ref.id == unrelated.id:
                raise Unavailable("The warehouse went away.")
            return super().patch(ref, body, etag)

    wider = unrelated.with_fields((*unrelated.fields, Field("y", INT64)))
    declared = platform.with_object(wider)
    settings = DatoriaSettings(on_failure=handed.append)
    run(declared, Broken(warehouse), instance, settings, job)
    (failure,) = handed
    assert failure.text.endswith("Done: nothing.\nNot done: acme.shop.unrelated.")
    assert failure.plan is not None


def test_what_nobody_foresaw_is_handed_on_and_raised(warehouse, instance, handed):
    class Odd(Spy):
        def rows(self, ref):
            raise KeyError("sequence")

    result = run(platform, Odd(warehouse), instance, DatoriaSettings(on_failure=handed.append))
    assert not result.success
    assert [failure.text for failure in handed] == ["KeyError: 'sequence'"]


def test_an_error_of_the_function_is_logged_and_hides_nothing(warehouse, instance):
    def broken(failure):
        raise RuntimeError("No such channel.")

    result = run(without_x, warehouse, instance, DatoriaSettings(on_failure=broken))
    assert description(result).startswith("Nothing was migrated: the plan is incompatible.")
    logged = "on_failure could not hand on that the migration was refused"
    messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any(logged in message for message in messages)


def test_a_migration_that_succeeds_is_not_handed_on(warehouse, instance, handed):
    assert run(platform, warehouse, instance, DatoriaSettings(on_failure=handed.append)).success
    assert handed == []


def test_another_migration_that_does_not_end_is_handed_on_after_the_wait(
    warehouse, instance, handed
):
    wider = unrelated.with_fields((*unrelated.fields, Field("y", INT64)))
    declared = platform.with_object(wider)
    settings = DatoriaSettings(on_failure=handed.append, wait_minutes=0)
    with Ledger(warehouse, platform).lease():
        result = run(declared, warehouse, instance, settings)
    assert [failure.kind for failure in handed] == ["failed"]
    assert description(result).startswith("Another migration is running: ")


def test_to_wait_for_less_than_nothing_is_refused():
    with pytest.raises(SettingsError, match="wait_minutes is -1; it must be at least 0"):
        DatoriaSettings(wait_minutes=-1)
