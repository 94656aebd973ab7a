"""The scheduled deploy: both steps, one at a time, and again only when something changed."""

import dagster as dg
import pytest

from datoria_dagster import INT64, Field, Job, Platform, View, sql
from datoria_dagster.orchestration import DatoriaSettings, build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import platform, unrelated
from tests.dagster_platform.daemon import recorded
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows, stock

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
PARENT, ROOT = "dagster/parent_run_id", "dagster/root_run_id"


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    yield found
    found.close()


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


# One table; runs on an instance in a folder take their time.
small = Platform.of(unrelated)


def described(text):
    return small.with_object(unrelated.model_copy(update={"description": text}))


def without_x():
    return small.with_object(unrelated.with_fields((Field("y", INT64),)))


def tick(declared, warehouse, instance):
    """Evaluate the schedule and launch what it requests; return the run, and what it said."""
    definitions = build_definitions(declared, warehouse)
    schedule = definitions.resolve_schedule_def("scheduled_deploy")
    with dg.build_schedule_context(instance=instance) as context:
        data = schedule.evaluate_tick(context)
    runs = [launch(definitions, instance, request.tags) for request in data.run_requests]
    return (runs[0] if runs else None), data.skip_message


def launch(definitions, instance, tags):
    job = definitions.resolve_job_def("deploy")
    done = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    return instance.get_run_by_id(done.run_id)


def runs(instance):
    return [(run.job_name, run.status) for run in reversed(instance.get_runs())]


def children(instance, run):
    return [found for found in instance.get_runs() if found.tags.get(PARENT) == run.run_id]


def failure(instance, run):
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    (event,) = [event.dagster_event for event in events]
    return event.step_failure_data.user_failure_data


def test_it_is_daily_and_off():
    schedule = build_definitions(platform).resolve_schedule_def("scheduled_deploy")
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.job_name == "deploy"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    hourly = build_definitions(platform, settings=DatoriaSettings(deploy_schedule="0 * * * *"))
    assert hourly.resolve_schedule_def("scheduled_deploy").cron_schedule == "0 * * * *"


def test_it_migrates_and_then_runs_what_is_stale_in_runs_of_its_own(warehouse, instance):
    stock(warehouse)
    run, _ = tick(platform, warehouse, instance)
    assert run.status == SUCCESS
    assert sum(rows(warehouse, "acme.shop.daily").values()) == 5
    found = children(instance, run)
    assert sorted(child.job_name for child in found) == [*["__ASSET_JOB"] * 3, "migrate"]
    assert {child.tags[ROOT] for child in found} == {run.run_id}
    _, group = instance.get_run_group(run.run_id)
    assert {member.run_id for member in group} == {run.run_id, *(c.run_id for c in found)}


def test_a_tick_with_nothing_to_do_says_so_in_its_run(warehouse, instance):
    tick(small, warehouse, instance)
    again, _ = tick(small, warehouse, instance)
    assert (again.status, children(instance, again)) == (SUCCESS, [])


def test_a_deploy_that_is_running_is_not_joined_by_another(warehouse, instance):
    running = recorded(instance, "deploy")
    run, said = tick(small, warehouse, instance)
    assert run is None
    assert said == (
        f"`deploy` is under way in run {running}. If its process is gone, terminate that run."
    )


def test_a_refused_deploy_is_one_failure_with_the_plan(warehouse, instance):
    migrate(warehouse, small)
    spy = Spy(warehouse)
    run, _ = tick(without_x(), spy, instance)
    assert runs(instance) == [("deploy", FAILURE)]
    found = failure(instance, run)
    assert found.description.startswith("Nothing was migrated: the plan is incompatible.")
    assert "unrelated" in found.metadata["plan"].value
    assert spy.acted == []


def test_a_refused_deploy_is_tried_again_only_when_something_changed(warehouse, instance):
    migrate(warehouse, small)
    refused, _ = tick(without_x(), warehouse, instance)
    reason = (
        f"The last deploy failed, in run {refused.run_id}, and neither the declaration nor the "
        "warehouse has changed since. To try again all the same, launch `deploy`."
    )
    for _ in range(2):
        assert tick(without_x(), warehouse, instance) == (None, reason)
    assert runs(instance) == [("deploy", FAILURE)]


def test_a_declaration_that_is_wrong_is_one_failure_until_it_is_mended(warehouse, instance):
    wrong = View(
        dataset=unrelated.dataset,
        name="wrong",
        schema=(Field("x", INT64),),
        query=sql("SELECT no_such AS x FROM {t}", t=unrelated),
    )
    run, _ = tick(Platform.of(unrelated, wrong), warehouse, instance)
    assert "no_such" in failure(instance, run).description
    assert tick(Platform.of(unrelated, wrong), warehouse, instance)[0] is None
    assert runs(instance) == [("deploy", FAILURE)]
    mended, _ = tick(small, warehouse, instance)
    assert mended.status == SUCCESS


def test_another_declaration_is_something_that_changed(warehouse, instance):
    migrate(warehouse, small)
    tick(without_x(), warehouse, instance)
    run, _ = tick(described("x"), warehouse, instance)
    assert run.status == SUCCESS


def test_another_warehouse_is_something_that_changed(warehouse, instance):
    migrate(warehouse, small)
    tick(without_x(), warehouse, instance)
    migrate(warehouse, described("x"))
    run, _ = tick(without_x(), warehouse, instance)
    assert run.status == FAILURE


def test_new_rows_are_not_a_change_of_the_plan(warehouse, instance):
    migrate(warehouse, small)
    tick(without_x(), warehouse, instance)
    ref = next(ref for ref in warehouse.list("acme.shop") if ref.id == unrelated.id)
    warehouse.append(ref, [{"x": 1}])
    assert tick(without_x(), warehouse, instance)[0] is None


def test_a_migration_that_failed_stops_step_two(warehouse, instance):
    class Broken(Spy):
        def patch(self, ref, body, etag):
            if ref.id == unrelated.id:
                raise Unavailable("The warehouse went away.")
            return super().patch(ref, body, etag)

    fill = Job(name="fill", destination=unrelated, query=sql("SELECT 1 AS x"))
    migrate(warehouse, Platform.of(unrelated, fill))
    run, _ = tick(described("x").with_object(fill), Broken(warehouse), instance)
    assert "The warehouse went away." in failure(instance, run).description
    assert sorted(runs(instance)) == [("deploy", FAILURE), ("migrate", FAILURE)]


def test_jobs_that_failed_are_tried_again(warehouse, instance):
    wrong = Job(name="wrong", destination=unrelated, query=sql("SELECT no_such AS x"))
    declared = Platform.of(unrelated, wrong)
    migrate(warehouse, declared)
    first, _ = tick(declared, warehouse, instance)
    again, _ = tick(declared, warehouse, instance)
    assert (first.status, again.status) == (FAILURE, FAILURE)


def test_a_warehouse_that_is_away_is_a_run_that_says_so(instance):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    run, _ = tick(platform, away, instance)
    assert run.status == FAILURE
    assert failure(instance, run).description == "acme.duckdb: cannot open it."


def test_what_is_launched_by_hand_has_no_parent_and_is_found_by_its_ledger(warehouse, instance):
    definitions = build_definitions(small, warehouse)
    definitions.resolve_job_def("migrate").execute_in_process(instance=instance)
    (run,) = instance.get_runs()
    assert PARENT not in run.tags
    assert run.tags["datoria/ledger"] == "acme.datoria"
