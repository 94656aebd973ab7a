"""The migration asset: it reports what it changed, and stops when it must."""

import dagster as dg
import pytest

from datoria_dagster import INT64, Field, Platform
from datoria_dagster.ledger import Ledger
from datoria_dagster.migration import plan_migration, shape_fingerprint
from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import before, daily, doubled, platform, unrelated
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, stock


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    stock(found)
    yield found
    found.close()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


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
