"""A table brought back from the snapshot that a forced migration took."""

import pytest

from datoria_dagster import (
    INT64,
    STRING,
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
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.restore import NotRestorable, plan_restore
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Refused
from tests.embedded import migrated

SHOP = Dataset(project="acme", name="shop", location="EU")
ORDERS = Ref("table", "acme.shop.orders")
BEFORE_2 = "acme.shop.orders__before_2"
ID = Field("id", INT64, required=True)


def table(*fields, **options):
    return Table(dataset=SHOP, name="orders", schema=(ID, *fields), **options)


WITH_A = Platform.of(table(Field("a", INT64)))
WITHOUT = Platform.of(table())
AS_TEXT = Platform.of(table(Field("a", STRING)))
A_VIEW = Platform.of(
    View(dataset=SHOP, name="orders", schema=(Field("id", INT64),), query=sql("SELECT 1 AS id"))
)
GONE = Platform.of(Table(dataset=SHOP, name="other", schema=(ID,)))


def migrate(warehouse, platform, **approval):
    plan = plan_migration(platform, warehouse, Approval(force=True, **approval))
    apply(plan, platform, warehouse)
    return plan


def names(warehouse):
    return [ref.id.removeprefix("acme.shop.") for ref in warehouse.list("acme.shop")]


@pytest.mark.parametrize("after", [WITHOUT, AS_TEXT, A_VIEW, GONE])
def test_the_rows_and_columns_of_a_forced_change_come_back_and_are_ours(after):
    with migrated(WITH_A) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}, {"id": 2, "a": None}])
        before = warehouse.read([ORDERS])[ORDERS].body["schema"]
        migrate(warehouse, after)
        plan = plan_restore(BEFORE_2, WITH_A, warehouse)
        assert from_json(to_json(plan), "plan.json") == plan
        apply(plan, WITH_A, warehouse)
        assert warehouse.read([ORDERS])[ORDERS].body["schema"] == before
        found = warehouse.query("SELECT id, a FROM `acme.shop.orders` ORDER BY id").rows
        assert found == ((1, 7), (2, None))
        left = [found.address for found in plan_migration(WITH_A, warehouse).findings]
        assert "acme.shop.orders" not in left
        assert "acme.shop.orders.a" not in left
        assert ORDERS in Ledger(warehouse, WITH_A).read().owned


def test_a_table_that_left_the_code_comes_back_and_is_left_alone():
    with migrated(WITH_A) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        migrate(warehouse, GONE)
        apply(plan_restore(BEFORE_2, GONE, warehouse), GONE, warehouse)
        assert warehouse.query("SELECT id, a FROM `acme.shop.orders`").rows == ((1, 7),)
        assert plan_migration(GONE, warehouse).is_empty
        with pytest.raises(NotRestorable, match="exists and is not declared, so it is not ours"):
            plan_restore(BEFORE_2, GONE, warehouse)


def test_what_is_replaced_is_kept_too_and_the_ledger_tells():
    with migrated(WITH_A) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        migrate(warehouse, WITHOUT)
        warehouse.append(ORDERS, [{"id": 2}])
        apply(plan_restore(BEFORE_2, WITH_A, warehouse), WITH_A, warehouse)
        assert names(warehouse) == ["orders", "orders__before_2", "orders__before_3"]
        assert warehouse.count(Ref("table", "acme.shop.orders__before_3")) == 2
        last = Ledger(warehouse, WITH_A).read().migrations[-1]
        assert last.status == "done"
        assert [(event.object, event.step) for event in last.events] == [
            ("acme.shop.orders", "snapshot"),
            ("acme.shop.orders", "drop"),
            ("acme.shop.orders", "restore"),
        ]


def test_a_restored_table_is_not_taken_for_a_declaration_that_was_applied():
    with migrated(WITH_A) as warehouse:
        migrate(warehouse, WITHOUT)
        apply(plan_restore(BEFORE_2, WITHOUT, warehouse), WITHOUT, warehouse)
        applied = Ledger(warehouse, WITHOUT).read().applied
        assert applied is not None
        assert applied.fingerprint == platform_fingerprint(WITHOUT)


def test_a_restored_table_whose_columns_swapped_names_can_swap_them_again():
    one = Platform.of(table(Field("a", INT64), Field("b", INT64)))
    two = Platform.of(
        table(Field("a", INT64, renamed_from="b"), Field("b", INT64, renamed_from="a"))
    )
    with migrated(one) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7, "b": 8}])
        migrate(warehouse, two)
        query = "SELECT a, b FROM `acme.shop.orders`"
        assert warehouse.query(query).rows == ((8, 7),)
        assert plan_migration(two, warehouse).is_empty
        warehouse.execute(f"CREATE SNAPSHOT TABLE `{BEFORE_2}` CLONE `acme.shop.orders`")
        apply(plan_restore(BEFORE_2, two, warehouse), two, warehouse)
        assert warehouse.query(query).rows == ((8, 7),)
        assert [found.kind for found in plan_migration(two, warehouse).findings] == [
            "field_renamed",
            "field_renamed",
        ]


def test_without_backup_there_is_nothing_to_restore():
    with migrated(WITH_A) as warehouse:
        plan = migrate(warehouse, WITHOUT, backup_days=0)
        assert [step.kind for step in plan.steps] == ["execute"]
        assert names(warehouse) == ["orders"]
        with pytest.raises(NotRestorable, match=f"{BEFORE_2} does not exist: it has expired"):
            plan_restore(BEFORE_2, WITH_A, warehouse)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme.shop.orders", "acme.shop.orders is not the name of a snapshot"),
        ("acme.shop.orders__before_", "is not the name of a snapshot"),
        ("orders__before_2", "is not the name of a snapshot"),
        ("acme.shop.orders__before_7", "acme.shop.orders__before_7 does not exist"),
        ("acme.shop.others__before_2", "acme.shop.others__before_2 does not exist"),
    ],
)
def test_a_wrong_name_is_refused_with_a_sentence(name, message):
    with migrated(WITH_A) as warehouse:
        migrate(warehouse, WITHOUT)
        with pytest.raises(NotRestorable, match=message):
            plan_restore(name, WITH_A, warehouse)


def test_a_table_with_policies_or_streamed_rows_is_not_replaced():
    with migrated(WITH_A) as warehouse:
        migrate(warehouse, WITHOUT)
        warehouse.execute(
            "CREATE ROW ACCESS POLICY mine ON `acme.shop.orders` FILTER USING (id = 1)"
        )
        with pytest.raises(NotRestorable, match=r"has row access policies, which would be lost"):
            plan_restore(BEFORE_2, WITH_A, warehouse)
        warehouse.execute("DROP ALL ROW ACCESS POLICIES ON `acme.shop.orders`")
        warehouse.stream(ORDERS, [{"id": 3}])
        with pytest.raises(NotRestorable, match=r"Rows are being streamed into acme\.shop\.orders"):
            plan_restore(BEFORE_2, WITH_A, warehouse)


def test_a_plan_to_restore_goes_stale_like_any_other():
    with migrated(WITH_A) as warehouse:
        migrate(warehouse, WITHOUT)
        plan = plan_restore(BEFORE_2, WITH_A, warehouse)
        warehouse.patch(ORDERS, {"description": "By hand."}, None)
        with pytest.raises(StalePlan, match=r"acme\.shop\.orders has changed since"):
            apply(plan, WITH_A, warehouse)
        plan = plan_restore(BEFORE_2, WITH_A, warehouse)
        warehouse.delete(Ref("table", BEFORE_2), None)
        with pytest.raises(StalePlan, match=f"{BEFORE_2} is gone"):
            apply(plan, WITH_A, warehouse)


def test_a_restore_that_fails_keeps_the_snapshot_of_what_it_dropped(monkeypatch):
    with migrated(WITH_A) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        migrate(warehouse, WITHOUT)
        plan = plan_restore(BEFORE_2, WITH_A, warehouse)
        execute = LocalWarehouse.execute

        def fail(self, statement):
            if statement.startswith("CREATE TABLE"):
                raise Refused("no")
            execute(self, statement)

        with monkeypatch.context() as patched:
            patched.setattr(LocalWarehouse, "execute", fail)
            with pytest.raises(ApplyError):
                apply(plan, WITH_A, warehouse)
        assert names(warehouse) == ["orders__before_2", "orders__before_3"]
        apply(plan_restore("acme.shop.orders__before_3", WITHOUT, warehouse), WITHOUT, warehouse)
        assert warehouse.query("SELECT * FROM `acme.shop.orders`").rows == ((1,),)


def test_a_materialized_view_over_a_restored_table_is_issued_again():
    def platform(orders):
        query = sql("SELECT id, COUNT(*) AS n FROM {orders} GROUP BY id", orders=orders)
        columns = (Field("id", INT64), Field("n", INT64))
        return Platform.of(
            orders, MaterializedView(dataset=SHOP, name="totals", schema=columns, query=query)
        )

    with migrated(platform(table(Field("a", INT64)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        after = platform(table())
        migrate(warehouse, after)
        apply(plan_restore(BEFORE_2, after, warehouse), after, warehouse)
        assert warehouse.query("SELECT id, n FROM `acme.shop.totals`").rows == ((1, 1),)
