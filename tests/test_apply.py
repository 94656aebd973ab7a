"""Carrying a plan out: what stops it, and what is as it was then."""

import pytest

from datoria_dagster import (
    DATE,
    INT64,
    Dataset,
    Field,
    MaterializedView,
    Platform,
    Table,
    View,
    sql,
)
from datoria_dagster.apply.apply import ApplyError, StalePlan, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Refused, Unavailable
from tests.embedded import memory, migrated

SHOP = Dataset(project="acme", name="shop")
ORDERS = Table(
    dataset=SHOP, name="orders", schema=(Field("id", INT64, required=True), Field("n", INT64))
)


def view(query, *fields):
    return View(dataset=SHOP, name="v", schema=fields, query=sql(query))


def test_a_view_that_returns_something_else_than_it_declares_is_not_created():
    # The type of the sum can't be told offline, so it is the warehouse that finds out.
    wrong = view("SELECT DATE '2013-01-31' + INTERVAL 1 DAY AS next", Field("next", DATE))
    platform = Platform.of(wrong)
    with memory() as warehouse:
        plan = plan_migration(platform, warehouse)
        with pytest.raises(ApplyError) as failed:
            apply(plan, platform, warehouse)
        assert str(failed.value) == (
            "acme.shop.v: column 'next' is declared as DATE, but the query returns DATETIME. "
            "Make them agree.\n"
            "Stopped after 1 of 2 steps. Mend the cause and migrate again: "
            "the next plan goes on from here.\n\n"
            "Done: acme.shop.\n"
            "Not done: acme.shop.v."
        )
        assert [outcome.status for outcome in failed.value.outcomes] == ["done", "failed"]
        assert not warehouse.read([codec.ref(wrong)])


def test_a_value_that_does_not_fit_stops_a_rebuild_and_no_row_is_lost():
    tightened = ORDERS.with_fields(
        (Field("id", INT64, required=True), Field("n", INT64, required=True))
    )
    platform = Platform.of(tightened)
    with migrated(Platform.of(ORDERS)) as warehouse:
        ref = Ref("table", ORDERS.id)
        warehouse.append(ref, [{"id": 1, "n": 7}, {"id": 2, "n": None}])
        before = warehouse.read([ref])
        plan = plan_migration(platform, warehouse, Approval(force=True))
        with pytest.raises(ApplyError, match="n"):
            apply(plan, platform, warehouse)
        assert warehouse.read([ref]) == before
        assert warehouse.query(f"SELECT id, n FROM `{ORDERS.id}` ORDER BY id").rows == (
            (1, 7),
            (2, None),
        )


TOTALS = (Field("id", INT64), Field("total", INT64))


def test_a_materialized_view_that_returns_something_else_is_neither_created_nor_replaced():
    def platform(query):
        values = {"t": ORDERS} if "{t}" in query else {}
        return Platform.of(
            ORDERS,
            MaterializedView(dataset=SHOP, name="mv", schema=TOTALS, query=sql(query, **values)),
        )

    good = "SELECT id, SUM(n) AS total FROM {t} GROUP BY id"
    wrong = platform("SELECT id, SUM(n) * INTERVAL 1 DAY AS total FROM {t} GROUP BY id")
    with migrated(platform(good)) as warehouse:
        before = warehouse.read([Ref("table", "acme.shop.mv")])
        plan = plan_migration(wrong, warehouse, Approval(force=True))
        with pytest.raises(ApplyError):
            apply(plan, wrong, warehouse)
        assert warehouse.read([Ref("table", "acme.shop.mv")]) == before


def test_a_step_that_fails_after_its_snapshot_leaves_no_snapshot(monkeypatch):
    less = Platform.of(ORDERS.with_fields(ORDERS.fields[:1]))
    with migrated(Platform.of(ORDERS)) as warehouse:
        execute = LocalWarehouse.execute

        def fail(self, statement):
            if "DROP COLUMN" in statement:
                raise Refused("not now")
            execute(self, statement)

        monkeypatch.setattr(LocalWarehouse, "execute", fail)
        for _ in range(2):
            plan = plan_migration(less, warehouse, Approval(force=True))
            with pytest.raises(ApplyError, match="not now"):
                apply(plan, less, warehouse)
        assert warehouse.list("acme.shop") == (Ref("table", ORDERS.id),)


def test_a_snapshot_stays_when_nobody_knows_what_became_of_the_step(monkeypatch):
    less = Platform.of(ORDERS.with_fields(ORDERS.fields[:1]))
    with migrated(Platform.of(ORDERS)) as warehouse:
        execute = LocalWarehouse.execute

        def act_and_fail(self, statement):
            execute(self, statement)
            if "DROP COLUMN" in statement:
                raise Unavailable("no response")

        with monkeypatch.context() as patched:
            patched.setattr(LocalWarehouse, "execute", act_and_fail)
            plan = plan_migration(less, warehouse, Approval(force=True))
            with pytest.raises(ApplyError, match="no response"):
                apply(plan, less, warehouse)
        assert [ref.id for ref in warehouse.list("acme.shop")] == [
            "acme.shop.orders",
            "acme.shop.orders__before_2",
        ]
        assert plan_migration(less, warehouse).is_empty


def test_a_stale_plan_names_all_that_moved():
    more = Platform.of(
        ORDERS.with_fields((*ORDERS.fields, Field("day", DATE))),
        Table(dataset=SHOP, name="new", schema=(Field("id", INT64),)),
    )
    with migrated(Platform.of(ORDERS)) as warehouse:
        plan = plan_migration(more, warehouse)
        warehouse.patch(Ref("table", ORDERS.id), {"description": "By hand."}, None)
        warehouse.execute("CREATE TABLE `acme.shop.new` (id INT64)")
        with pytest.raises(StalePlan) as stale:
            apply(plan, more, warehouse)
        assert str(stale.value) == (
            "The plan is stale: acme.shop.new exists by now; acme.shop.orders has changed since. "
            "Nothing was applied. Make a new plan."
        )


def test_what_stands_in_the_way_is_asked_only_of_tables_that_need_it(monkeypatch):
    asked = []
    policies = LocalWarehouse.policies

    def note(self, refs):
        asked.append([ref.id for ref in refs])
        return policies(self, [Ref("table", name) for name in asked[-1]])

    monkeypatch.setattr(LocalWarehouse, "policies", note)
    other = ORDERS.model_copy(update={"name": "other"})
    with migrated(Platform.of(ORDERS, other)) as warehouse:
        assert asked == []
        plan_migration(
            Platform.of(
                ORDERS.with_fields(ORDERS.fields[:1]),
                other.with_fields((*other.fields, Field("day", DATE))),
            ),
            warehouse,
        )
        assert asked == [["acme.shop.orders"]]


def test_a_ledger_of_an_older_version_gets_the_columns_that_it_lacks():
    with memory() as warehouse:
        warehouse.create(
            Ref("dataset", "acme.datoria"),
            {"datasetReference": {"projectId": "acme", "datasetId": "datoria"}, "location": "US"},
        )
        names = ("sequence", "event", "at", "status", "fingerprint", "datasets", "who", "object")
        more = ("object_kind", "resource_kind", "step", "statement", "error")
        kinds = {"sequence": "INT64", "event": "INT64", "at": "TIMESTAMP"}
        columns = ", ".join(f"{name} {kinds.get(name, 'STRING')}" for name in (*names, *more))
        warehouse.execute(f"CREATE TABLE `acme.datoria.migrations` ({columns})")
        platform = Platform.of(ORDERS)
        apply(plan_migration(platform, warehouse), platform, warehouse)
        assert plan_migration(platform, warehouse).is_empty
        fields = warehouse.read([Ref("table", "acme.datoria.migrations")])
        (found,) = fields.values()
        assert [field["name"] for field in found.body["schema"]["fields"]][-8:] == [
            "source",
            "renamed",
            "version",
            "commit",
            "approval",
            "changes",
            "backup",
            "selected",
        ]
