"""Carrying a plan out: what stops it, and what is as it was then."""

import pytest

from datoria_dagster import DATE, INT64, Dataset, Field, Platform, Table, View, sql
from datoria_dagster.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref
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
            "the next plan goes on from here."
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
