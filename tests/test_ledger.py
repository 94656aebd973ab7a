"""The history of migrations: what is ours, and one migration at a time."""

import re
import subprocess

import pytest

from datoria_dagster import INT64, Dataset, Field, Platform, Table, View, sql
from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger.commit import commit
from datoria_dagster.ledger.history import NewerLedger
from datoria_dagster.ledger.lease import Lease, LockHeld
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.environment import in_dataset
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref

FORCE = Approval(force=True)


def table(name, dataset="shop"):
    home = Dataset(project="acme", name=dataset)
    return Table(dataset=home, name=name, schema=(Field("id", INT64),))


ORDERS, LINES, BILLS = table("orders"), table("lines"), table("bills", "billing")


@pytest.fixture
def warehouse():
    warehouse = LocalWarehouse(None)
    yield warehouse
    warehouse.close()


def migrate(warehouse, *objects, approval=FORCE):
    platform = Platform.of(*objects)
    return apply(plan_migration(platform, warehouse, approval), platform, warehouse)


def exists(warehouse, found):
    return codec.ref(found) in warehouse.read([codec.ref(found)])


def test_what_others_made_is_counted_and_never_touched(warehouse):
    migrate(warehouse, ORDERS)
    warehouse.create(codec.ref(LINES), codec.resource(LINES))
    plan = plan_migration(Platform.of(ORDERS), warehouse, FORCE)
    assert (plan.is_empty, plan.unmanaged) == (True, 1)


def test_what_exists_as_declared_is_adopted_and_from_then_on_ours(warehouse):
    warehouse.create(codec.ref(ORDERS.dataset), codec.resource(ORDERS.dataset))
    warehouse.create(codec.ref(ORDERS), codec.resource(ORDERS))
    migrate(warehouse, LINES)
    assert exists(warehouse, ORDERS)
    assert [outcome.step.kind for outcome in migrate(warehouse, ORDERS, LINES)] == ["adopt"]
    assert [outcome.step.kind for outcome in migrate(warehouse, LINES)] == ["snapshot", "drop"]


def test_another_platform_that_shares_the_ledger_does_not_own_our_tables(warehouse):
    migrate(warehouse, ORDERS)
    migrate(warehouse, BILLS)
    assert plan_migration(Platform.of(ORDERS), warehouse, FORCE).is_empty
    assert plan_migration(Platform.of(BILLS), warehouse, FORCE).is_empty


def test_an_object_whose_dataset_left_the_code_is_left_alone(warehouse):
    migrate(warehouse, ORDERS, BILLS)
    assert plan_migration(Platform.of(ORDERS), warehouse, FORCE).is_empty
    assert exists(warehouse, BILLS)


def test_what_was_dropped_by_hand_is_no_longer_ours(warehouse):
    migrate(warehouse, ORDERS, LINES)
    warehouse.delete(codec.ref(LINES), None)
    assert [outcome.step.kind for outcome in migrate(warehouse, ORDERS)] == ["release"]
    warehouse.create(codec.ref(LINES), codec.resource(LINES))
    plan = plan_migration(Platform.of(ORDERS), warehouse, FORCE)
    assert (plan.is_empty, plan.unmanaged) == (True, 1)


def test_one_migration_at_a_time(warehouse):
    platform = Platform.of(ORDERS)
    plan = plan_migration(platform, warehouse)
    with Ledger(warehouse, platform).lease():
        with pytest.raises(LockHeld, match="Another migration is running"):
            apply(plan, platform, warehouse)
        assert not exists(warehouse, ORDERS)
    apply(plan, platform, warehouse)
    assert exists(warehouse, ORDERS)


def test_a_migration_that_lost_its_lease_stops_before_its_next_step(warehouse):
    platform = Platform.of(ORDERS, LINES)
    migrate(warehouse, BILLS)
    home = Ref("dataset", "acme.datoria")

    def steal(outcome):
        if outcome.step.object == LINES.id:
            taken = {"lease-holder": "another", "lease-until": "99999999999"}
            warehouse.patch(home, {"labels": taken}, None)

    with pytest.MonkeyPatch.context() as patch:
        # As if every step took longer than half the lease.
        patch.setattr("datoria_dagster.ledger.lease.LEASE_SECONDS", 0)
        with pytest.raises(ApplyError, match="Another migration took the lease") as failed:
            apply(plan_migration(platform, warehouse), platform, warehouse, steal)
    assert [outcome.status for outcome in failed.value.outcomes] == ["done", "done", "failed"]
    assert not exists(warehouse, ORDERS)


def test_who_was_killed_holds_the_lease_no_longer_than_it_lasts(warehouse):
    platform = Platform.of(ORDERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datoria_dagster.ledger.lease.LEASE_SECONDS", -1)
        Lease(warehouse, ledger_home(warehouse, platform)).take()
    apply(plan_migration(platform, warehouse), platform, warehouse)
    assert exists(warehouse, ORDERS)


def ledger_home(warehouse, platform):
    with Ledger(warehouse, platform).lease():
        return Ref("dataset", "acme.datoria")


def test_a_failed_migration_says_so_in_the_history_and_the_next_goes_on(warehouse):
    platform = Platform.of(ORDERS, LINES)
    plan = plan_migration(platform, warehouse)

    def interrupt(outcome):
        if outcome.step.object == LINES.id:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(plan, platform, warehouse, interrupt)
    assert [m.status for m in Ledger(warehouse, platform).read().migrations] == ["failed"]
    assert [o.step.object for o in migrate(warehouse, ORDERS, LINES)] == [ORDERS.id]
    assert [m.status for m in Ledger(warehouse, platform).read().migrations] == ["failed", "done"]


def test_the_history_knows_who_let_what_through_from_which_commit(warehouse, monkeypatch):
    monkeypatch.setenv("DATORIA_GIT_COMMIT", "0a723bd")
    migrate(warehouse, ORDERS, LINES)
    allowed = Approval(allow=("shop.lines",), backup_days=3)
    migrate(warehouse, ORDERS, approval=allowed)
    _, found = Ledger(warehouse, Platform.of(ORDERS)).read().migrations
    assert (found.commit, found.done) == ("0a723bd", 2)
    assert found.approval == {"force": False, "allow": ["shop.lines"], "backup_days": 3}
    assert found.changes == (
        {
            "object": "acme.shop.lines",
            "path": "",
            "kind": "object_removed",
            "severity": "destructive",
            "rule": "TABLE_STAYS",
            "says": found.changes[0]["says"],
        },
    )
    assert [(e.step, e.status, e.backup) for e in found.events] == [
        ("snapshot", "done", "acme.shop.lines__before_2"),
        ("drop", "done", ""),
    ]


def test_a_ledger_of_a_newer_version_is_refused(warehouse):
    migrate(warehouse, ORDERS)
    row = {"sequence": 2, "event": 0, "at": "2030-01-01T00:00:00Z", "status": "?", "version": 4}
    warehouse.append(Ref("table", "acme.datoria.migrations"), [row])
    with pytest.raises(NewerLedger, match="written by a newer version of datoria"):
        migrate(warehouse, ORDERS, LINES)
    assert not exists(warehouse, LINES)


BOOKS = Dataset(project="books", name="migrations", location="EU")


def test_the_ledger_may_be_kept_elsewhere(warehouse):
    platform = Platform.of(ORDERS, ledger=BOOKS)
    apply(plan_migration(platform, warehouse), platform, warehouse)
    assert [ref.id for ref in warehouse.list("books.migrations")] == [
        "books.migrations.executions",
        "books.migrations.migrations",
    ]
    assert warehouse.list("acme.datoria") == ()
    assert plan_migration(platform, warehouse).is_empty
    assert platform.without(ORDERS.id).ledger == BOOKS


def test_a_staging_copy_keeps_its_ledger_in_its_own_project():
    assert in_dataset(Platform.of(ORDERS, ledger=BOOKS), "test.copy").ledger.id == "test.migrations"
    assert in_dataset(Platform.of(ORDERS), "test.copy").ledger.id == "test.datoria"


@pytest.mark.parametrize("ledger", [None, Dataset(project="acme", name="shop")])
def test_the_ledger_is_in_no_dataset_that_migrations_change(ledger):
    name = "shop" if ledger else "datoria"
    with pytest.raises(DeclarationError, match="Give that a dataset of its own"):
        Platform.of(table("orders", name), ledger=ledger)


def test_a_commit_is_that_of_the_folder_or_unknown(tmp_path, monkeypatch):
    monkeypatch.delenv("DATORIA_GIT_COMMIT", raising=False)
    assert commit(tmp_path) == ""
    made = tmp_path / "repository"
    made.mkdir()
    (made / "shop.py").write_text("1")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=made, check=True)
    assert re.fullmatch("[0-9a-f]{40}", commit(made))
    inside = made / "inside"
    inside.mkdir()
    (made / "shop.py").write_text("2")
    assert re.fullmatch("[0-9a-f]{40}-dirty", commit(inside))
    monkeypatch.setenv("DATORIA_GIT_COMMIT", "v5")
    assert commit(made) == "v5"


def test_a_migration_with_nothing_to_do_writes_nothing(warehouse):
    migrate(warehouse, ORDERS)
    assert migrate(warehouse, ORDERS) == ()
    assert len(Ledger(warehouse, Platform.of(ORDERS)).read().migrations) == 1


def test_a_view_goes_before_the_table_that_it_reads(warehouse):
    view = View(
        dataset=ORDERS.dataset,
        name="ids",
        schema=(Field("id", INT64),),
        query=sql("SELECT id FROM {orders}", orders=ORDERS),
    )
    migrate(warehouse, ORDERS, LINES, view)
    outcomes = migrate(warehouse, LINES)
    assert [(o.step.object, o.step.kind) for o in outcomes] == [
        ("acme.shop.ids", "drop"),
        ("acme.shop.orders", "snapshot"),
        ("acme.shop.orders", "drop"),
    ]
