"""The lease: one migration at a time, and who loses it stops."""

from types import SimpleNamespace

import pytest

from datoria_dagster import INT64, STRING, Dataset, Field, Platform, Table
from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger import lease
from datoria_dagster.ledger.lease import Lease, LockHeld
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import ManualClock, Server, client

SHOP = Dataset(project="acme", name="shop")
ORDERS = Table(dataset=SHOP, name="orders", schema=(Field("id", INT64), Field("n", STRING)))
PLATFORM = Platform.of(ORDERS)
HOME = Ref("dataset", "acme.datoria")
ORDERS_REF = Ref("table", ORDERS.id)


class Time:
    """A warehouse with the ledger's dataset, and a time that only the test moves."""

    def __init__(self, monkeypatch):
        self.now = 1_700_000_000.0
        monkeypatch.setattr(lease, "time", SimpleNamespace(time=lambda: self.now))
        monkeypatch.setattr(lease, "user", lambda: "Anna.Blum")
        monkeypatch.setattr(
            lease, "socket", SimpleNamespace(gethostname=lambda: "build-7.example.org")
        )
        monkeypatch.setattr(lease, "os", SimpleNamespace(getpid=lambda: 4711))
        self.warehouse = LocalWarehouse()
        self.warehouse.create(HOME, {"location": "US", "labels": {"team": "data"}})

    @property
    def labels(self):
        return self.warehouse.read([HOME])[HOME].body.get("labels")

    def lease(self):
        return Lease(self.warehouse, HOME)


@pytest.fixture
def time(monkeypatch):
    found = Time(monkeypatch)
    yield found
    found.warehouse.close()


def test_its_labels_say_who_holds_it_and_keep_to_what_a_label_may_be(time):
    time.lease().take()
    labels = time.labels
    assert len(labels.pop("lease-holder")) == 16
    assert labels == {
        "team": "data",
        "lease-user": "anna-blum",
        "lease-host": "build-7-example-org",
        "lease-process": "4711",
        "lease-since": "1700000000",
        "lease-until": "1700000060",
    }


def test_who_comes_second_is_told_who_holds_it_and_where_to_look(time):
    time.lease().take()
    with pytest.raises(LockHeld) as held:
        time.lease().take()
    assert str(held.value) == (
        "Another migration is running: anna-blum on build-7-example-org (process 4711) holds the "
        "lease of acme.datoria until 22:14:20 UTC, and longer if it is alive. Try again then; "
        "`datoria lock show` tells more."
    )


def test_one_that_ran_out_is_taken_over_and_the_first_finds_out(time):
    first, second = time.lease(), time.lease()
    first.take()
    time.now += 60
    second.take()
    with pytest.raises(LockHeld, match="Another migration took the lease"):
        first.verify()
    second.verify()
    first.release()
    assert time.labels["lease-holder"]


def test_one_that_ran_out_and_that_nobody_took_is_renewed(time):
    held = time.lease()
    held.take()
    time.now += 90
    held.verify()
    assert time.labels["lease-until"] == "1700000150"


@pytest.mark.parametrize(("passed", "until"), [(29, "1700000060"), (30, "1700000090")])
def test_it_is_renewed_when_half_of_it_is_over(time, passed, until):
    held = time.lease()
    held.take()
    time.now += passed
    held.renew()
    assert (time.labels["lease-until"], time.labels["lease-since"]) == (until, "1700000000")


@pytest.mark.parametrize(("passed", "reads"), [(4, 0), (5, 1)])
def test_it_is_looked_at_again_after_some_seconds(time, monkeypatch, passed, reads):
    held = time.lease()
    held.take()
    asked = []
    read = LocalWarehouse.read
    monkeypatch.setattr(
        LocalWarehouse, "read", lambda self, refs: asked.append(1) or read(self, refs)
    )
    time.now += passed
    held.verify()
    assert len(asked) == reads


def test_another_change_of_the_dataset_does_not_cost_the_lease(time, monkeypatch):
    held = time.lease()
    held.take()
    patch = LocalWarehouse.patch

    def meddle(self, ref, body, etag):
        if "description" not in time.warehouse.read([HOME])[HOME].body:
            patch(self, ref, {"description": "By hand."}, None)
        return patch(self, ref, body, etag)

    monkeypatch.setattr(LocalWarehouse, "patch", meddle)
    time.now += 40
    held.verify()
    assert time.labels["lease-until"] == "1700000100"
    assert time.warehouse.read([HOME])[HOME].body["description"] == "By hand."


def test_a_release_leaves_the_labels_of_others(time):
    held = time.lease()
    held.take()
    held.release()
    assert time.labels == {"team": "data"}


def test_one_that_was_taken_away_says_so_before_the_next_step(time):
    held = time.lease()
    held.take()
    ledger = Ledger(time.warehouse, PLATFORM)
    ledger.release(ledger.holder())
    time.now += 5
    with pytest.raises(LockHeld, match="taken away, by `datoria lock release`"):
        held.verify()


def test_one_that_was_renewed_since_it_was_read_is_not_taken_away(time):
    held = time.lease()
    held.take()
    ledger = Ledger(time.warehouse, PLATFORM)
    seen = ledger.holder()
    time.now += 40
    held.renew()
    with pytest.raises(LockHeld, match="has changed since it was read"):
        ledger.release(seen)
    held.verify()


def test_labels_that_are_no_times_are_those_of_one_that_ran_out(time):
    labels = {"lease-holder": "x", "lease-until": "soon", "lease-since": "9" * 40}
    time.warehouse.patch(HOME, {"labels": labels}, None)
    time.lease().take()
    assert time.labels["lease-until"] == "1700000060"


def test_the_heart_beats_while_a_statement_takes_long(time, monkeypatch):
    from threading import Event

    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.001)
    renewed = Event()
    patch = LocalWarehouse.patch

    def note(self, ref, body, etag):
        found = patch(self, ref, body, etag)
        if body["labels"]["lease-until"] == "1700000100":
            renewed.set()
        return found

    monkeypatch.setattr(LocalWarehouse, "patch", note)
    with Ledger(time.warehouse, PLATFORM).lease():
        time.now += 40
        assert renewed.wait(10)


def test_one_lost_in_a_long_insert_leaves_the_table_as_it_was(monkeypatch):
    clock = ManualClock()
    monkeypatch.setattr(lease, "time", SimpleNamespace(time=clock.now))
    local = LocalWarehouse()
    warehouse = BigQueryWarehouse(
        client=client(local, server=Server(local, clock=clock)), clock=clock
    )
    apply(plan_migration(PLATFORM, warehouse), PLATFORM, warehouse)
    warehouse.append(ORDERS_REF, [{"id": 1, "n": "7"}])
    before = warehouse.read([ORDERS_REF])
    execute = BigQueryWarehouse.execute

    def take_long(self, statement):
        execute(self, statement)
        if statement.startswith("INSERT"):
            clock.sleep(600)
            Lease(warehouse, HOME).take()

    monkeypatch.setattr(BigQueryWarehouse, "execute", take_long)
    rebuilt = Platform.of(ORDERS.with_fields((Field("id", INT64), Field("n", INT64))))
    plan = plan_migration(rebuilt, warehouse, Approval(force=True))
    with pytest.raises(ApplyError, match="Another migration took the lease of"):
        apply(plan, rebuilt, warehouse)
    assert warehouse.read([ORDERS_REF]) == before
    assert [ref for ref in warehouse.list("acme.shop") if "__rebuild" in ref.id] == []
