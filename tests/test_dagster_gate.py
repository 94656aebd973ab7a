"""No SQL of a job is sent while a migration of what it touches is pending."""

import re
import threading
from datetime import UTC, datetime

import dagster as dg
import pytest

from datoria_dagster import INT64, Field, day, gate
from datoria_dagster.orchestration import build_definitions, require_migrated
from datoria_dagster.run.executions import stale
from datoria_dagster.warehouse.port import Unavailable
from tests.dagster_platform import before, daily, daily_job, doubled, monthly, platform, unrelated
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows

pytest_plugins = "tests.dagster_fixtures"

DAILY, MONTHLY, CUSTOMERS = (
    dg.AssetKey(["shop", name]) for name in ("daily", "monthly", "customers")
)
JOBS = {job.name: job for job in platform.jobs}


def materialize(declared, warehouse, instance, key, **arguments):
    """Run one asset and nothing else, as selecting it in the UI does."""
    definitions = build_definitions(declared, warehouse)
    return dg.materialize(
        list(definitions.assets),
        selection=[key],
        instance=instance,
        raise_on_error=False,
        **arguments,
    )


def failure(result):
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def test_a_job_is_refused_before_any_sql_while_its_destination_is_behind(warehouse, instance):
    spy = Spy(warehouse)
    result = materialize(platform, spy, instance, DAILY, partition_key="20240131")
    assert not result.success
    assert failure(result).description == (
        "Job daily was not run, and none of its SQL was sent: a migration is pending.\n"
        "  acme.shop.daily.orders: added, INT64; rows that exist hold nothing there\n"
        "Run `datoria migrate`, or launch `migrate` in Dagster, and then this again."
    )
    assert spy.acted == []


def test_the_refusal_shows_the_plan_and_links_to_the_migration(warehouse, instance):
    result = materialize(platform, warehouse, instance, DAILY, partition_key="20240131")
    assert "orders" in failure(result).metadata["plan"].value
    assert failure(result).metadata["migration"].value == dg.AssetKey("migration")


def test_a_refusal_is_not_retried(warehouse, instance):
    retried = dg.define_asset_job(
        "retried", selection=[CUSTOMERS], op_retry_policy=dg.RetryPolicy(max_retries=3)
    )
    definitions = dg.Definitions.merge(
        build_definitions(platform, warehouse), dg.Definitions(jobs=[retried])
    )
    result = definitions.resolve_job_def("retried").execute_in_process(
        instance=instance, raise_on_error=False
    )
    assert [event.event_type_value for event in result.all_events].count("STEP_START") == 1


def test_a_job_runs_once_it_is_migrated(warehouse, instance):
    migrate(warehouse)
    result = materialize(platform, warehouse, instance, DAILY, partition_key="20240131")
    assert result.success
    assert rows(warehouse, "acme.shop.daily") == {"20240131": 2}


def test_what_is_behind_a_view_on_a_view_counts(warehouse, instance):
    spy = Spy(warehouse)
    result = materialize(platform, spy, instance, CUSTOMERS)
    assert "acme.shop.daily.orders" in failure(result).description
    assert spy.acted == []


def test_a_routine_counts(warehouse, instance):
    migrate(warehouse)
    tripled = doubled.model_copy(update={"description": "Twice as much."})
    result = materialize(
        platform.with_object(tripled), warehouse, instance, DAILY, partition_key="20240131"
    )
    assert "acme.shop.doubled" in failure(result).description


def test_what_the_job_does_not_touch_does_not_stop_it(warehouse, instance):
    migrate(warehouse)
    wider = unrelated.with_fields((*unrelated.fields, Field("y", INT64)))
    changed = platform.with_object(wider)
    assert materialize(changed, warehouse, instance, DAILY, partition_key="20240131").success


def test_an_incompatible_change_is_pointed_out(warehouse):
    migrate(warehouse)
    changed = platform.with_object(monthly.with_fields(monthly.fields[:1]))
    text = gate.refusal(changed, [JOBS["monthly"]], warehouse).text
    assert "acme.shop.monthly.amount" in text
    assert "not backwards compatible: `datoria migrate --plan`" in text


def test_older_code_is_told_to_deploy_the_newer_and_never_to_migrate(warehouse):
    older = before.with_object(JOBS["customers"])
    migrate(warehouse)
    text = gate.refusal(older, [JOBS["customers"]], warehouse).text
    assert "the warehouse was migrated by newer code (migration 2" in text
    assert "Deploy that code here" in text
    assert "datoria migrate" not in text
    assert "materialize" not in text


def test_a_change_made_by_hand_is_pending_and_not_newer_code(warehouse):
    migrate(warehouse)
    warehouse.execute("ALTER TABLE `acme.shop.monthly` ADD COLUMN IF NOT EXISTS extra INT64")
    text = gate.refusal(platform, [JOBS["monthly"]], warehouse).text
    assert "a migration is pending" in text


def test_a_migrated_platform_refuses_nothing(warehouse):
    migrate(warehouse)
    assert gate.refusal(platform, platform.jobs, warehouse) is None


def test_several_jobs_are_counted(warehouse):
    text = gate.refusal(platform, [JOBS["daily"], JOBS["monthly"]], warehouse).text
    assert text.startswith("The 2 jobs were not run")


def test_in_one_run_the_migration_comes_first(warehouse, instance):
    definitions = build_definitions(platform, warehouse)
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("migration"), DAILY],
        partition_key="20240131",
    )
    assert result.success
    assert rows(warehouse, "acme.shop.daily") == {"20240131": 2}


def test_a_range_of_partitions_is_one_step_and_counts_rows(warehouse, instance):
    migrate(warehouse)
    tags = {
        "dagster/asset_partition_range_start": "20240130",
        "dagster/asset_partition_range_end": "20240202",
    }
    result = materialize(platform, warehouse, instance, DAILY, tags=tags)
    events = [event.materialization for event in result.get_asset_materialization_events()]
    assert [(e.partition, e.metadata["dagster/partition_row_count"].value) for e in events] == [
        ("20240130", 1),
        ("20240131", 2),
        ("20240201", 1),
        ("20240202", 1),
    ]
    assert "`acme.raw.orders`" in events[0].metadata["sql"].value
    assert [event.event_type_value for event in result.all_events].count("STEP_START") == 1


def test_a_failure_in_a_range_reports_the_partitions_that_were_written(warehouse, instance):
    migrate(warehouse)

    class Limping(Spy):
        def write(self, query, destination, partition):
            if partition == "20240202":
                raise Unavailable("The warehouse went away.")
            return super().write(query, destination, partition)

    tags = {
        "dagster/asset_partition_range_start": "20240201",
        "dagster/asset_partition_range_end": "20240202",
    }
    result = materialize(platform, Limping(warehouse), instance, DAILY, tags=tags)
    assert "The warehouse went away." in failure(result).description
    assert instance.get_materialized_partitions(DAILY) == {"20240201"}


def test_a_schedule_or_a_user_job_without_the_migration_is_refused(warehouse, instance):
    spy = Spy(warehouse)
    own = dg.define_asset_job("own", selection=dg.AssetSelection.assets(CUSTOMERS))
    definitions = dg.Definitions.merge(build_definitions(platform, spy), dg.Definitions(jobs=[own]))
    job = definitions.resolve_job_def("own")
    refused = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not refused.success
    assert spy.acted == []
    migrate(warehouse)
    assert job.execute_in_process(instance=instance).success
    assert rows(warehouse, "acme.shop.customers") == {"": 0}


def own_asset(warehouse, *tables):
    """An asset as somebody else writes it, over tables of the platform."""

    @dg.asset
    def report() -> None:
        require_migrated(platform, *tables, warehouse=warehouse)
        warehouse.query("SELECT COUNT(*) AS n FROM `acme.shop.customers`")

    return report


def test_an_asset_of_ones_own_is_refused_while_its_tables_are_behind(warehouse, instance):
    spy = Spy(warehouse)
    result = dg.materialize([own_asset(spy, daily)], instance=instance, raise_on_error=False)
    assert failure(result).description == (
        "acme.shop.daily must not be read or written now: a migration is pending.\n"
        "  acme.shop.daily.orders: added, INT64; rows that exist hold nothing there\n"
        "Run `datoria migrate`, or launch `migrate` in Dagster, and then this again."
    )
    assert "orders" in failure(result).metadata["plan"].value
    assert spy.acted == []


@pytest.mark.parametrize("table", ["acme.shop.big_spending", "shop.big_spending"])
def test_what_a_view_reads_counts_for_an_asset_of_ones_own(warehouse, instance, table):
    own = own_asset(warehouse, table)
    result = dg.materialize([own], instance=instance, raise_on_error=False)
    assert "acme.shop.daily.orders: added" in failure(result).description
    migrate(warehouse)
    assert dg.materialize([own], instance=instance).success


def test_an_asset_of_ones_own_does_not_wait_for_other_tables(warehouse, instance):
    assert dg.materialize([own_asset(warehouse, "shop.unrelated")], instance=instance).success


def test_an_asset_of_ones_own_that_asks_for_a_wrong_table_is_told(warehouse):
    with pytest.raises(dg.Failure) as failed:
        require_migrated(platform, "acme.shop.dialy", warehouse=warehouse)
    assert failed.value.description.startswith(
        "The platform declares no 'acme.shop.dialy'. Did you mean acme.shop.daily"
    )


def test_an_asset_of_ones_own_tells_that_the_warehouse_is_down(instance):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    with pytest.raises(dg.Failure) as failed:
        require_migrated(platform, daily, warehouse=away)
    assert failed.value.description == "acme.duckdb: cannot open it."


def test_a_job_tells_that_the_warehouse_is_down(instance):
    def away():
        raise Unavailable("acme.duckdb: cannot open it.")

    result = materialize(platform, away, instance, DAILY, partition_key="20240131")
    assert failure(result).description == "acme.duckdb: cannot open it."


def test_older_code_in_an_asset_of_ones_own_is_never_told_to_migrate(warehouse):
    migrate(warehouse)
    with pytest.raises(dg.Failure) as failed:
        require_migrated(before, "shop.daily", warehouse=warehouse)
    assert "was migrated by newer code (migration 2" in failed.value.description
    assert "datoria migrate" not in failed.value.description


WIDER = platform.with_object(daily.with_fields((*daily.fields, Field("z", INT64))))


class Overtaken(Spy):
    """Newer code migrates when a partition is written; then the one that `fails` does."""

    def __init__(self, warehouse, fails=None):
        super().__init__(warehouse)
        self.warehouse, self.fails, self.written = warehouse, fails, threading.Event()

    def write(self, query, destination, partition):
        if partition == self.fails:
            self.written.wait(60)
            raise Unavailable("The warehouse went away.")
        rows = super().write(query, destination, partition)
        migrate(self.warehouse, WIDER)
        self.written.set()
        return rows


def overtaken(warehouse):
    """Return the partitions that are stale for that reason."""
    found = stale(WIDER, warehouse, datetime.now(UTC), jobs=["daily"])
    return [each.partition_id for each in found if each.reason == "a migration overtook it"]


def test_a_migration_while_a_job_runs_is_noticed(warehouse, instance):
    migrate(warehouse)
    result = materialize(platform, Overtaken(warehouse), instance, DAILY, partition_key="20240131")
    assert re.sub(", by [^)]*", ", by me", failure(result).description) == (
        "What job daily touches was changed while it ran, and what was written may be of both "
        "states: the warehouse was migrated by newer code (migration 3, by me).\n"
        "This older declaration differs in:\n"
        "  acme.shop.daily.z: dropped with its values, INT64\n"
        "Deploy that code here, or reload this code location if it is already there.\n"
        "What was written counts as stale from now on."
    )
    assert "z" in failure(result).metadata["plan"].value
    assert instance.get_materialized_partitions(DAILY) == set()


def test_what_a_migration_overtook_is_stale_until_it_has_run_again(warehouse, instance):
    migrate(warehouse)
    assert materialize(platform, warehouse, instance, DAILY, partition_key="20240130").success
    materialize(platform, Overtaken(warehouse), instance, DAILY, partition_key="20240131")
    assert overtaken(warehouse) == ["20240131"]
    assert materialize(WIDER, warehouse, instance, DAILY, partition_key="20240131").success
    assert overtaken(warehouse) == []


def test_what_a_migration_overtook_and_left_empty_is_stale_too(warehouse, instance):
    migrate(warehouse)
    empty = daily_job.model_copy(update={"start": day(2024, 1, 29)})
    declared = platform.with_object(empty)
    result = materialize(declared, Overtaken(warehouse), instance, DAILY, partition_key="20240129")
    assert "What was written counts as stale" in failure(result).description
    found = stale(WIDER.with_object(empty), warehouse, datetime.now(UTC), jobs=["daily"])
    assert (found[0].partition_id, found[0].reason) == ("20240129", "a migration overtook it")


def test_a_run_that_is_overtaken_and_fails_says_both(warehouse, instance):
    migrate(warehouse)
    tags = {
        "dagster/asset_partition_range_start": "20240131",
        "dagster/asset_partition_range_end": "20240201",
    }
    broken = Overtaken(warehouse, fails="20240201")
    result = materialize(platform, broken, instance, DAILY, tags=tags)
    said = failure(result).description
    assert said.startswith("What job daily touches was changed while it ran, and what was written")
    assert "daily$20240201: The warehouse went away." in said
    assert instance.get_materialized_partitions(DAILY) == set()
    assert overtaken(warehouse) == ["20240131"]


def test_a_warehouse_that_goes_away_while_a_job_runs_is_told_with_what_was_written(
    warehouse, instance
):
    migrate(warehouse)

    class Gone(Spy):
        written, gone = threading.Event(), False

        def write(self, query, destination, partition):
            if partition == "20240202":
                self.written.wait(60)
                self.gone = True
            rows = super().write(query, destination, partition)
            self.written.set()
            return rows

        def _pass_on(self, verb, *arguments):
            if self.gone:
                raise Unavailable("The warehouse went away.")
            return super()._pass_on(verb, *arguments)

    tags = {
        "dagster/asset_partition_range_start": "20240201",
        "dagster/asset_partition_range_end": "20240202",
    }
    result = materialize(platform, Gone(warehouse), instance, DAILY, tags=tags)
    assert failure(result).description.startswith("daily$20240202: The warehouse went away.")
    assert instance.get_materialized_partitions(DAILY) == {"20240201"}


def test_a_run_that_is_overtaken_and_ended_leaves_what_it_wrote_stale(warehouse):
    migrate(warehouse)

    class Ended(Overtaken):
        def write(self, query, destination, partition):
            super().write(query, destination, partition)
            raise KeyboardInterrupt

    (execution,) = [
        each
        for each in stale(platform, warehouse, datetime.now(UTC), jobs=["daily"])
        if each.partition_id == "20240131"
    ]
    with pytest.raises(KeyboardInterrupt):
        gate.run_watched([execution], platform, Ended(warehouse))
    assert overtaken(warehouse) == ["20240131"]


def test_what_is_as_declared_is_known_without_sql_history_or_the_rest(warehouse):
    migrate(warehouse)
    asked = []

    class Watched(Spy):
        def read(self, refs):
            asked.extend(refs := sorted(refs))
            return super().read(refs)

    spy = Watched(warehouse)
    assert gate.refusal(platform, [JOBS["monthly"]], spy) is None
    assert set(spy.called) == {"read"}
    names = {"acme.shop", "acme.shop.daily", "acme.shop.monthly"}
    assert {ref.id for ref in asked} == names
