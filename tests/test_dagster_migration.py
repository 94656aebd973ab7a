"""The migration asset: it reports what it changed, and stops when it must."""

import dagster as dg
import pytest

from datoria_dagster import DATE, INT64, Field, Job, Platform, Table, sql
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, shape_fingerprint
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import before, daily, doubled, monthly, platform, unrelated
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate

pytest_plugins = "tests.dagster_fixtures"


def run(declared, warehouse, instance, **config):
    job = build_definitions(declared, warehouse).resolve_job_def("migrate")
    return job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"ops": {"migration": {"config": config}}},
    )


def materialized(result):
    return {
        event.asset_key.to_user_string(): event.materialization
        for event in result.get_asset_materialization_events()
    }


def schema(name):
    return dg.AssetKey(["schema", "shop", name])


def failure(result):
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def without_x() -> Platform:
    """Drop a column with whatever it holds, and add another one."""
    return platform.with_object(unrelated.with_fields((Field("y", INT64),)))


def test_only_what_changed_is_materialized(warehouse, instance):
    result = run(platform, warehouse, instance)
    assert result.success
    assert set(materialized(result)) == {"schema/shop/daily", "migration"}


def test_sql_that_is_wrong_is_told_where_it_stands_before_anything_is_applied(warehouse, instance):
    other = Table(dataset=daily.dataset, name="days", schema=(Field("day", DATE),))
    query = sql("SELECT dya AS day FROM {d}", d=daily.all_partitions())
    job = Job(name="days", destination=other, query=query)
    declared = platform.with_object(other).with_object(job)
    spy = Spy(warehouse)
    result = run(declared, spy, instance)
    assert failure(result).description.startswith("tests/test_dagster_migration.py:")
    assert " | SELECT dya AS day FROM `acme.shop.daily`\n" in failure(result).description
    assert set(spy.acted) == {"dry_run"}


def test_everything_is_materialized_at_first(instance):
    result = run(Platform.of(unrelated), LocalWarehouse(None), instance)
    assert set(materialized(result)) == {"schema/shop/unrelated", "migration"}


def test_nothing_pending_changes_nothing(warehouse, instance):
    migrate(warehouse)
    spy = Spy(warehouse)
    result = run(platform, spy, instance)
    assert set(materialized(result)) == {"migration"}
    assert spy.acted == []


def test_a_changed_object_carries_its_plan_columns_and_fingerprint(warehouse, instance):
    materialization = materialized(run(platform, warehouse, instance))["schema/shop/daily"]
    assert materialization.tags["dagster/data_version"] == shape_fingerprint(daily)
    assert "orders" in materialization.metadata["plan"].value
    columns = materialization.metadata["dagster/column_schema"].value.columns
    assert [column.name for column in columns] == ["day", "customer", "amount", "orders"]


def test_the_data_version_of_the_migration_is_constant(warehouse, instance):
    first = materialized(run(platform, warehouse, instance))["migration"]
    changed = platform.with_object(unrelated.with_fields((Field("y", INT64), *unrelated.fields)))
    second = materialized(run(changed, warehouse, instance))["migration"]
    assert first.tags["dagster/data_version"] == second.tags["dagster/data_version"]


def test_an_incompatible_plan_is_refused_with_the_plan(warehouse, instance):
    migrate(warehouse)
    spy = Spy(warehouse)
    result = run(without_x(), spy, instance)
    assert not result.success
    assert failure(result).description.startswith("Nothing was migrated: the plan is incompatible.")
    assert "unrelated" in failure(result).description
    assert "unrelated" in failure(result).metadata["plan"].value
    assert spy.acted == []


def test_a_refusal_is_not_retried(warehouse, instance):
    migrate(warehouse)
    definitions = build_definitions(without_x(), warehouse)
    retried = dg.define_asset_job(
        "retried", selection="migration", op_retry_policy=dg.RetryPolicy(max_retries=3)
    )
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[retried]))
    result = job.resolve_job_def("retried").execute_in_process(
        instance=instance, raise_on_error=False
    )
    kinds = [event.event_type_value for event in result.all_events]
    assert kinds.count("STEP_START") == 1
    assert "STEP_UP_FOR_RETRY" not in kinds


@pytest.mark.parametrize(
    "config", [{"force": True}, {"allow": ["acme.shop.unrelated.x"]}], ids=["force", "allow"]
)
def test_run_config_admits_what_is_incompatible(warehouse, instance, config):
    migrate(warehouse)
    assert run(without_x(), warehouse, instance, **config).success
    assert not plan_migration(without_x(), warehouse).steps


def test_a_failure_on_the_way_reports_what_was_done(warehouse, instance):
    changed = platform.with_object(doubled.model_copy(update={"description": "Twice as much."}))

    class Broken(Spy):
        def replace(self, ref, body, etag):
            raise Unavailable("The warehouse went away.")

    result = run(changed, Broken(warehouse), instance)
    assert "The warehouse went away." in failure(result).description
    assert instance.get_latest_materialization_event(schema("daily")) is not None
    assert instance.get_latest_materialization_event(schema("doubled")) is None
    assert Ledger(warehouse, changed).read().migrations[-1].status == "failed"


def test_a_warehouse_that_cannot_be_reached_says_so(instance):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    result = run(before, away, instance)
    assert failure(result).description == "acme.duckdb: cannot open it."


def observed(result):
    return [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type_value == "ASSET_OBSERVATION"
    ]


def two_wider() -> Platform:
    """Two tables get a column, which has nothing to do with the pending one of `daily`."""
    wider = monthly.with_fields((*monthly.fields, Field("y", INT64)))
    return platform.with_object(wider).with_object(
        unrelated.with_fields((*unrelated.fields, Field("y", INT64)))
    )


def test_the_plan_is_posted_before_the_first_change(warehouse, instance):
    result = run(platform, warehouse, instance)
    (posted,) = observed(result)
    assert posted.asset_key == dg.AssetKey("migration")
    assert "`acme.shop.daily`" in posted.metadata["plan"].value
    kinds = [event.event_type_value for event in result.all_events]
    assert kinds.index("ASSET_OBSERVATION") < kinds.index("ASSET_MATERIALIZATION")


def test_what_is_posted_stays_when_the_warehouse_goes_away(warehouse, instance):
    class Broken(Spy):
        def patch(self, ref, body, etag):
            raise Unavailable("The warehouse went away.")

    run(platform, Broken(warehouse), instance)
    (record,) = instance.fetch_observations(dg.AssetKey("migration"), limit=2).records
    assert "`acme.shop.daily`" in record.asset_observation.metadata["plan"].value


def test_plan_only_shows_the_plan_and_changes_nothing(warehouse, instance):
    spy = Spy(warehouse)
    result = run(without_x(), spy, instance, plan_only=True)
    assert result.success
    assert materialized(result) == {}
    (posted,) = observed(result)
    assert posted.metadata["verdict"].value == "incompatible"
    assert set(spy.acted) == {"dry_run"}


@pytest.mark.parametrize("name", ["acme.shop.monthly", "shop.monthly", "schema/shop/monthly"])
def test_select_migrates_that_and_what_it_needs(warehouse, instance, name):
    result = run(two_wider(), warehouse, instance, select=[name])
    assert set(materialized(result)) == {"schema/shop/monthly", "migration"}
    left = plan_migration(two_wider(), warehouse)
    assert {finding.object for finding in left.findings} == {"acme.shop.daily", unrelated.id}


def test_a_job_can_be_selected_by_what_it_needs(warehouse, instance):
    result = run(two_wider(), warehouse, instance, select=["job:monthly"])
    assert set(materialized(result)) == {"schema/shop/daily", "schema/shop/monthly", "migration"}


def test_a_wrong_selection_lists_what_is_near(warehouse, instance):
    spy = Spy(warehouse)
    result = run(platform, spy, instance, select=["schema/shop/dialy"])
    assert failure(result).description == (
        "The platform declares no 'schema/shop/dialy'. "
        "Did you mean schema/shop/daily or schema/shop/monthly or schema/shop/doubled?"
    )
    assert spy.called == []


def test_an_allowance_that_matches_nothing_is_told(warehouse, instance):
    result = run(platform, warehouse, instance, allow=["acme.shop.daily.gone"])
    assert "Allowing acme.shop.daily.gone matches no change." in failure(result).description


def test_a_failure_on_the_way_says_which_objects_are_done(warehouse, instance):
    # In one level, one after the other: `daily` before `monthly`, and that before `unrelated`.
    class Broken(Spy):
        def patch(self, ref, body, etag):
            if ref.id == monthly.id:
                raise Unavailable("The warehouse went away.")
            return super().patch(ref, body, etag)

    result = run(two_wider(), Broken(warehouse), instance)
    assert failure(result).description.endswith(
        "\n\nDone: acme.shop.daily.\nNot done: acme.shop.monthly, acme.shop.unrelated, "
        "acme.shop.spending, acme.shop.big_spending."
    )
    assert failure(result).metadata["objects"].value == (
        "| object | state |\n"
        "| --- | --- |\n"
        "| acme.shop.daily | done |\n"
        "| acme.shop.monthly | failed: The warehouse went away. |\n"
        "| acme.shop.unrelated | not done |\n"
        "| acme.shop.spending | not done |\n"
        "| acme.shop.big_spending | not done |"
    )


def test_backups_for_less_than_no_day_are_refused(warehouse, instance):
    result = run(platform, warehouse, instance, backup_days=-1)
    assert "backup_days" in failure(result).description


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (None, "build_definitions needs a Platform, and was given NoneType."),
        ([daily], "build_definitions needs a Platform, and was given list."),
        (Platform.of(), "The platform is empty: no table, view, routine or job is declared"),
    ],
)
def test_a_code_location_without_a_platform_is_told_when_it_loads(warehouse, declared, says):
    with pytest.raises(DeclarationError) as error:
        build_definitions(declared, warehouse)
    assert str(error.value).startswith(says)
