"""Migrations and job runs at once: one migration at a time, and no run mixes two states."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from queue import Queue

import dagster as dg
import pytest

from datoria_dagster import (
    DATE,
    INT64,
    Argument,
    Dataset,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    ScalarFunction,
    SourceTable,
    Table,
    View,
    day,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.orchestration import DatoriaSettings, build_definitions, migration
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.bigquery_server import Server, client
from tests.dagster_platform.spy import Spy

ROUNDS = 20
RUNS = 20
THREADS = 5
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
FORCE = {"ops": {"migration": {"config": {"force": True}}}, **QUIET}
raw = Dataset(project="acme", name="raw")
shop = Dataset(project="acme", name="shop")
KEYS = tuple(f"202401{n:02}" for n in range(1, RUNS + 1))
DAY, AMOUNT = Field("day", DATE), Field("amount", INT64)
events = SourceTable(
    dataset=raw, name="events", partitioning=Partitioning.day("day"), schema=(DAY, AMOUNT)
)
totals = Table(
    dataset=shop, name="totals", partitioning=Partitioning.day("day"), schema=(DAY, AMOUNT)
)


def declared(factor, scale):
    """What the job reads is multiplied by a view, and by a function, which change together."""
    scaled = ScalarFunction(
        dataset=shop,
        name="scaled",
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql(f"x * {scale}"),
    )
    view = View(
        dataset=shop,
        name="multiplied",
        schema=(DAY, AMOUNT),
        query=sql(f"SELECT day, amount * {factor} AS amount FROM {{events}}", events=events),
    )
    job = Job(
        name="totals",
        destination=totals,
        start=day(2024, 1, 1),
        end=day(2024, 1, RUNS),
        query=sql(
            "SELECT day, SUM({scaled}(amount)) AS amount FROM {view} "
            "WHERE day = {date} GROUP BY day",
            scaled=scaled,
            view=view.all_partitions(),
            date=ExecutionDate,
        ),
    )
    return Platform.of(events, totals, scaled, view, job)


class Shared(Spy):
    """A warehouse that stays open when a step lets go of it."""

    def close(self):
        pass


def embedded(local):
    return Shared(local)


def bigquery(local):
    return BigQueryWarehouse(client=client(local, server=Server(local)))


def stocked(platform):
    local = LocalWarehouse(None)
    local.create(codec.ref(raw), codec.resource(raw))
    local.create(codec.ref(events), codec.resource(events))
    rows = [{"day": f"{k[:4]}-{k[4:6]}-{k[6:]}", "amount": 1} for k in KEYS]
    local.append(codec.ref(events), rows)
    apply(plan_migration(platform, local), platform, local)
    return local


class Location:
    """A code location, whose warehouse is another one in each round."""

    def __init__(self, platform, instances):
        self.warehouse = None
        self._instances = instances
        own = dg.define_asset_job("own", selection=[dg.AssetKey(["shop", "totals"])])
        definitions = dg.Definitions.merge(
            build_definitions(platform, self._connect), dg.Definitions(jobs=[own])
        )
        self._own = definitions.resolve_job_def("own")
        self._migrate = definitions.resolve_job_def("migrate")

    def _connect(self):
        return self.warehouse()

    def run(self, key):
        """Run the job for a partition; return why it failed, or None."""
        return self._ended(self._own, partition_key=key, run_config=QUIET)

    def migrate(self):
        return self._ended(self._migrate, run_config=FORCE)

    def _ended(self, job, **arguments):
        instance = self._instances.get()
        done = job.execute_in_process(instance=instance, raise_on_error=False, **arguments)
        self._instances.put(instance)
        failures = [event for event in done.all_events if event.is_step_failure]
        return failures[-1].step_failure_data.user_failure_data.description if failures else None


OLD, NEW = declared(1, 1), declared(2, 10)


@pytest.fixture(scope="module")
def locations():
    # One for each thread, as for machines of their own.
    with ExitStack() as stack:
        instances = Queue()
        for _ in range(THREADS):
            instances.put(stack.enter_context(dg.DagsterInstance.ephemeral()))
        yield Location(OLD, instances), Location(NEW, instances)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(migration, "WAIT_SECONDS", 0.01)


CLEAN = (
    "Job totals was not run, and none of its SQL was sent: ",
    "What job totals touches was changed while it ran, and what was written may be of both",
)


@pytest.mark.parametrize("at", range(ROUNDS))
def test_runs_that_a_migration_races_are_of_one_state_or_fail(locations, at):
    connect = bigquery if at % 2 else embedded
    old, new = locations
    with closing(stocked(OLD)) as local:
        old.warehouse = new.warehouse = lambda: connect(local)
        # By older code and by newer; the migration starts among them, earlier or later.
        work = [(old, new)[n % 2].run for n in range(RUNS)]
        with ThreadPoolExecutor(THREADS) as pool:
            ended = []
            for number, (run, key) in enumerate(zip(work, KEYS, strict=True)):
                if number == at:
                    migrated = pool.submit(new.migrate)
                ended.append(pool.submit(run, key))
        assert migrated.result() is None
        assert plan_migration(NEW, local).is_empty
        found = local.query("SELECT CAST(day AS STRING) AS day, amount FROM `acme.shop.totals`")
        amounts = {name.replace("-", ""): amount for name, amount in found.rows}
        for number, (key, error) in enumerate(zip(KEYS, ended, strict=True)):
            if error.result() is None:
                assert amounts[key] == (1, 20)[number % 2], (key, amounts)
            else:
                assert error.result().startswith(CLEAN)
        assert local.count(codec.ref(events)) == RUNS


@pytest.mark.parametrize("connect", [embedded, bigquery] * (ROUNDS // 2))
def test_of_two_migrations_at_once_one_changes_and_the_other_finds_it_done(locations, connect):
    _, new = locations
    with closing(stocked(OLD)) as local:
        new.warehouse = lambda: connect(local)
        start = threading.Barrier(2)

        def migrate(_):
            start.wait()
            return new.migrate()

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(migrate, range(2))) == [None, None]
        statuses = [found.status for found in Ledger(local, NEW).read().migrations]
        assert statuses == ["done", "done"]
        assert plan_migration(NEW, local).is_empty


class Leased(Shared):
    """Another migration holds the lease, until this one has planned for the second time."""

    def __init__(self, warehouse):
        super().__init__(warehouse)
        self._lease = Ledger(warehouse, OLD).lease()
        self._lease.__enter__()
        self.planned = 0

    def rows(self, ref):
        self.planned += 1
        if self.planned == 2:
            self._lease.__exit__(None, None, None)
        return super().rows(ref)


def migrated(warehouse, instance):
    settings = DatoriaSettings(wait_minutes=1)
    job = build_definitions(NEW, warehouse, settings=settings).resolve_job_def("migrate")
    return job.execute_in_process(instance=instance, run_config=FORCE, raise_on_error=False)


def kinds(result):
    return [event.event_type_value for event in result.all_events]


def test_a_migration_waits_while_another_one_holds_the_lease():
    with closing(stocked(OLD)) as local, dg.DagsterInstance.ephemeral() as instance:
        result = migrated(Leased(local), instance)
        assert result.success
        assert kinds(result).count("STEP_UP_FOR_RETRY") == 1
        assert plan_migration(NEW, local).is_empty


def test_with_nothing_to_migrate_it_waits_for_nobody():
    with closing(stocked(NEW)) as local, dg.DagsterInstance.ephemeral() as instance:
        with Ledger(local, NEW).lease():
            result = migrated(Shared(local), instance)
        assert result.success
        assert "STEP_UP_FOR_RETRY" not in kinds(result)


def test_a_run_waits_for_no_migration_that_does_not_touch_it(locations):
    old, _ = locations
    with closing(stocked(OLD)) as local:
        old.warehouse = lambda: Shared(local)
        with Ledger(local, OLD).lease():
            assert old.run(KEYS[0]) is None


def test_a_pool_of_one_is_not_blocked_by_itself():
    with closing(stocked(OLD)) as local, dg.instance_for_test() as instance:
        instance.event_log_storage.set_concurrency_slots("datoria_migration", 1)
        assert migrated(Leased(local), instance).success
        info = instance.event_log_storage.get_concurrency_info("datoria_migration")
        assert (info.slot_count, info.active_slot_count) == (1, 0)
