"""Carrying a plan out side by side, on BigQuery: in which order, and what a failure stops."""

import os
import signal
import threading

import pytest

from datoria_dagster import (
    INT64,
    Argument,
    Dataset,
    Field,
    ForeignKey,
    Platform,
    ScalarFunction,
    Table,
    View,
    sql,
)
from datoria_dagster.apply.apply import ApplyError, StalePlan, apply
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import Interrupted
from datoria_dagster.parallel import Crew, carry_out
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Unavailable
from tests.bigquery_server import Fault, ManualClock, Quotas, Server, client

SHOP = Dataset(project="acme", name="shop")
ID = Field("id", INT64)


def table(name, **options):
    return Table(dataset=SHOP, name=name, schema=(ID,), **options)


def view(name, read):
    query = sql("SELECT id FROM {read}", read=read)
    return View(dataset=SHOP, name=name, schema=(ID,), query=query)


NUMBERS = "UNNEST(GENERATE_ARRAY(1, 1000000))"
ENDLESS = f"SELECT COUNT(*) AS n FROM {NUMBERS} AS a, {NUMBERS} AS b WHERE MOD(a * b, 7) = 3"
TABLES = tuple(table(f"t{number:02}") for number in range(30))


class BigQuery:
    """A server with BigQuery's quotas, and the warehouse that talks to it."""

    def __init__(self, **of_server):
        self.clock = ManualClock()
        local = LocalWarehouse()
        self.server = Server(local, clock=self.clock, quotas=Quotas(), **of_server)
        self.warehouse = BigQueryWarehouse(
            client=client(local, server=self.server), clock=self.clock
        )

    def migrate(self, platform, on_outcome=None):
        plan = plan_migration(platform, self.warehouse)
        return apply(plan, platform, self.warehouse, on_outcome)


@pytest.fixture
def bigquery():
    return BigQuery()


def test_what_needs_one_another_is_of_different_levels():
    customers = table("customers", primary_key=("id",))
    key = ForeignKey(columns=("id",), table=customers.id, referenced=("id",))
    orders = table("orders", foreign_keys=(key,))
    twice = ScalarFunction(
        dataset=SHOP,
        name="twice",
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql("x * 2"),
    )
    first = view("z_first", orders)
    platform = Platform.of(customers, orders, table("lines"), twice, first, view("a_second", first))
    plan = plan_migration(platform, LocalWarehouse())
    assert [(step.level, step.object.rpartition(".")[2]) for step in plan.steps] == [
        (0, "shop"),
        (1, "customers"),
        (1, "lines"),
        (2, "orders"),
        (3, "twice"),
        (4, "z_first"),
        (5, "a_second"),
    ]


def test_tables_that_need_nothing_of_one_another_are_created_at_once(bigquery, monkeypatch):
    together = threading.Barrier(3, timeout=30)
    create = BigQueryWarehouse.create

    def wait_for_the_others(self, ref, body):
        if ref.dataset.id == "acme.shop" and ref.kind == "table":
            together.wait()
        return create(self, ref, body)

    monkeypatch.setattr(BigQueryWarehouse, "create", wait_for_the_others)
    outcomes = bigquery.migrate(Platform.of(*TABLES[:3]))
    assert [outcome.status for outcome in outcomes] == ["done"] * 4


def test_many_at_once_are_reported_to_who_asked_and_returned_in_their_order(bigquery):
    reported = []
    platform = Platform.of(*TABLES, *(view(f"v{n:02}", read) for n, read in enumerate(TABLES)))
    outcomes = bigquery.migrate(
        platform, lambda outcome: reported.append((outcome, threading.get_ident()))
    )
    assert [o.step.object for o in outcomes[1:31]] == [found.id for found in TABLES]
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len(outcomes) == len(reported) == 61
    assert {thread for _, thread in reported} == {threading.get_ident()}
    assert plan_migration(platform, bigquery.warehouse).is_empty


def test_after_a_failure_no_level_is_begun_and_every_step_has_its_outcome(bigquery):
    platform = Platform.of(*TABLES, view("v", TABLES[0]))
    bigquery.server.faults.add(Fault("tables.insert *.t07", "access_denied", None))
    with pytest.raises(ApplyError, match=r"^acme\.shop\.t07: ") as failed:
        bigquery.migrate(platform)
    outcomes = failed.value.outcomes
    statuses = {outcome.step.object: outcome.status for outcome in outcomes}
    assert list(statuses) == ["acme.shop", *(found.id for found in TABLES), "acme.shop.v"]
    assert statuses["acme.shop.t07"] == "failed"
    assert statuses["acme.shop.v"] == "skipped"
    there = {ref.id for ref in bigquery.warehouse.list("acme.shop")}
    assert {name for name, status in statuses.items() if status == "done"} == {"acme.shop", *there}
    bigquery.server.faults.clear()
    bigquery.migrate(platform)
    assert plan_migration(platform, bigquery.warehouse).is_empty


def test_what_exists_by_now_is_found_by_listing(bigquery):
    platform = Platform.of(*TABLES)
    plan = plan_migration(platform, bigquery.warehouse)
    bigquery.warehouse.create(Ref("dataset", "acme.shop"), {"location": "US"})
    bigquery.warehouse.create(Ref("table", "acme.shop.t03"), {"schema": {"fields": []}})
    asked = len(bigquery.server.log)
    with pytest.raises(StalePlan) as stale:
        apply(plan, platform, bigquery.warehouse)
    assert str(stale.value) == (
        "The plan is stale: acme.shop exists by now; acme.shop.t03 exists by now. "
        "Nothing was applied. Make a new plan."
    )
    assert len(bigquery.server.log) - asked < 10


def test_the_jobs_of_a_migration_carry_its_fingerprint(bigquery):
    bigquery.migrate(Platform.of(TABLES[0]))
    wider = Platform.of(TABLES[0].with_fields((ID, Field("n", INT64, default="1"))))
    plan = plan_migration(wider, bigquery.warehouse)
    asked = len(bigquery.server.jobs.of("acme"))
    apply(plan, wider, bigquery.warehouse)
    jobs = bigquery.server.jobs.of("acme")[: -asked or None]
    labels = {job.configuration["labels"].get("datoria-migration") for job in jobs}
    assert labels == {plan.fingerprint}
    bigquery.warehouse.query("SELECT 1 AS one")
    assert "datoria-migration" not in bigquery.server.jobs.of("acme")[0].configuration["labels"]


def test_an_interrupt_ends_what_is_under_way_and_says_what_was_done(bigquery, monkeypatch):
    platform = Platform.of(*TABLES)
    create, cancelled = BigQueryWarehouse.create, threading.Event()

    def create_when_cancelled(self, ref, body):
        if ref.id.startswith("acme.shop.t") and ref.id != TABLES[0].id:
            assert cancelled.wait(30)
        return create(self, ref, body)

    def interrupt(outcome):
        if outcome.step.object == TABLES[0].id:
            raise KeyboardInterrupt

    monkeypatch.setattr(BigQueryWarehouse, "threads", 4)
    with monkeypatch.context() as patched:
        patched.setattr(BigQueryWarehouse, "create", create_when_cancelled)
        patched.setattr(BigQueryWarehouse, "cancel", lambda _: cancelled.set())
        with pytest.raises(Interrupted) as stopped:
            bigquery.migrate(platform, interrupt)
    (migration,) = Ledger(bigquery.warehouse, platform).read().migrations
    there = len(bigquery.warehouse.list("acme.shop"))
    assert (migration.status, migration.done) == ("failed", there + 1)
    assert 1 <= there <= 5
    assert str(stopped.value) == (
        f"Interrupted after {there + 1} of 31 steps; the rest was not done. "
        "Migrate again to go on from here."
    )
    assert Ledger(bigquery.warehouse, platform).holder() is None
    bigquery.migrate(platform)
    assert plan_migration(platform, bigquery.warehouse).is_empty


@pytest.fixture
def interruptible():
    # Who starts the tests in the background may have it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_a_long_statement_of_the_embedded_warehouse(monkeypatch):
    warehouse = LocalWarehouse()
    create = LocalWarehouse.create

    def take_long(self, ref, body):
        if ref.id == TABLES[1].id:
            os.kill(os.getpid(), signal.SIGINT)
            self.query(ENDLESS)
        return create(self, ref, body)

    monkeypatch.setattr(LocalWarehouse, "create", take_long)
    platform = Platform.of(*TABLES[:3])
    plan = plan_migration(platform, warehouse)
    with pytest.raises(Interrupted, match=r"^Interrupted after 2 of 4 steps;"):
        apply(plan, platform, warehouse)
    assert warehouse.list("acme.shop") == (Ref("table", TABLES[0].id),)
    (migration,) = Ledger(warehouse, platform).read().migrations
    assert [event.status for event in migration.events] == ["done", "done", "failed", "skipped"]


def failing(act):
    """Run in a thread; return the thread, and where its error will be."""
    errors = []

    def run():
        try:
            act()
        except Unavailable as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def test_a_job_of_bigquery_is_cancelled_from_another_thread():
    bigquery = BigQuery(job_seconds=10**12)
    bigquery.server.warehouse.create(Ref("dataset", "acme.shop"), {"location": "US"})
    asks = threading.Event()
    handle = bigquery.server.handle

    def note(request):
        if "/queries/" in request.path:
            asks.set()
        return handle(request)

    bigquery.server.handle = note
    thread, errors = failing(
        lambda: bigquery.warehouse.execute("CREATE TABLE `acme.shop.t` (id INT64)")
    )
    assert asks.wait(30)
    bigquery.warehouse.cancel()
    thread.join(30)
    assert errors == ["The job on acme.shop.t was cancelled. Run this again when it may run."]
    assert bigquery.warehouse.list("acme.shop") == ()


def test_a_query_of_the_embedded_warehouse_is_cancelled_from_another_thread():
    warehouse = LocalWarehouse()
    warehouse.create(Ref("dataset", "acme.shop"), {"location": "US"})
    thread, errors = failing(lambda: warehouse.query(ENDLESS))
    while thread.is_alive():
        warehouse.cancel()
        thread.join(0.01)
    assert errors == ["The embedded warehouse failed: Interrupted!"]
    assert warehouse.query("SELECT 1 AS one").rows == ((1,),)


def test_an_error_nobody_expects_reaches_the_caller():
    def act(link):
        raise ZeroDivisionError(link)

    with pytest.raises(ZeroDivisionError):
        carry_out([["a"], ["b"]], act, lambda _: None, Crew(2, lambda: None))
