"""A table rebuilt: its rows are there at every moment, and so is what nobody declared."""

import json

import pytest

from datoria_dagster import (
    DATE,
    INT64,
    STRING,
    STRUCT,
    Dataset,
    Field,
    ForeignKey,
    Job,
    MaterializedView,
    Partitioning,
    Platform,
    Table,
    gate,
    sql,
)
from datoria_dagster.apply import rebuild as rebuilding
from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.report.words import headline
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Refused, Unavailable
from tests.embedded import migrated

SHOP = Dataset(project="acme", name="shop", location="EU")
ID = Field("id", INT64, required=True)
DAY = Field("day", DATE)
FORCE = Approval(force=True)
ORDERS = Ref("table", "acme.shop.orders")
TAG = "projects/acme/locations/eu/taxonomies/1/policyTags/2"


def table(*fields, name="orders", dataset=SHOP, **options):
    return Table(dataset=dataset, name=name, schema=fields, **options)


def migrate(warehouse, *found, approval=FORCE):
    platform = Platform.of(*found)
    plan = plan_migration(platform, warehouse, approval)
    apply(plan, platform, warehouse)
    assert plan_migration(platform, warehouse).is_empty
    return plan


def rows(warehouse, query="SELECT * FROM `acme.shop.orders` ORDER BY id"):
    return [list(row) for row in warehouse.query(query).rows]


def names(warehouse):
    return [ref.id.removeprefix("acme.shop.") for ref in warehouse.list("acme.shop")]


def body(warehouse, ref=ORDERS):
    return warehouse.read([ref])[ref].body


def test_a_table_is_partitioned_anew_and_its_snapshot_holds_what_it_was():
    with migrated(Platform.of(table(ID, DAY))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "day": "2024-02-28"}, {"id": 2, "day": None}])
        plan = migrate(warehouse, table(ID, DAY, partitioning=Partitioning.month("day")))
        assert [step.kind for step in plan.steps] == ["snapshot", "rebuild"]
        assert rows(warehouse, "SELECT id FROM `acme.shop.orders` ORDER BY id") == [[1], [2]]
        facts = warehouse.partitions([ORDERS])[ORDERS]
        assert [(found.id, found.rows) for found in facts] == [("202402", 1), ("__NULL__", 1)]
        assert names(warehouse) == ["orders", "orders__before_2"]
        assert warehouse.count(Ref("table", "acme.shop.orders__before_2")) == 2
        assert "labels" not in body(warehouse)


def test_a_step_that_writes_to_too_many_partitions_is_cut_into_several(monkeypatch):
    statements = []
    execute = LocalWarehouse.execute

    def note(self, statement):
        statements.append(statement.splitlines()[-1])
        execute(self, statement)

    monkeypatch.setattr(rebuilding, "MAX_PARTITIONS", 2)
    with migrated(Platform.of(table(ID, DAY))) as warehouse:
        days = ["2024-01-03", "2024-01-01", "2024-01-02", None, "2024-01-01"]
        warehouse.append(ORDERS, [{"id": n, "day": day} for n, day in enumerate(days)])
        monkeypatch.setattr(LocalWarehouse, "execute", note)
        migrate(warehouse, table(ID, DAY, partitioning=Partitioning.day("day")))
        assert statements[1:4] == [
            "WHERE (`day`) IS NULL",
            "WHERE (`day`) BETWEEN DATE '2024-01-01' AND DATE '2024-01-02'",
            "WHERE (`day`) BETWEEN DATE '2024-01-03' AND DATE '2024-01-03'",
        ]
        assert warehouse.count(ORDERS) == 5


@pytest.mark.parametrize(
    ("cut", "partitions"),
    [
        (Partitioning.integer_range("id", 0, 10, 5), ["0", "5", "__UNPARTITIONED__"]),
        (Partitioning.year("day"), ["2023", "2024", "__NULL__"]),
        (Partitioning.none(), [""]),
    ],
)
def test_every_kind_of_partition_is_copied_in_chunks(cut, partitions, monkeypatch):
    monkeypatch.setattr(rebuilding, "MAX_PARTITIONS", 1)
    before = table(ID, DAY, partitioning=Partitioning.day("day"))
    with migrated(Platform.of(before)) as warehouse:
        days = ["2023-05-01", "2024-02-29", None, "2024-12-31"]
        warehouse.append(ORDERS, [{"id": 3 * n + 1, "day": day} for n, day in enumerate(days)])
        warehouse.append(ORDERS, [{"id": 77, "day": "2023-01-01"}])
        migrate(warehouse, table(ID, DAY, partitioning=cut))
        assert [row[0] for row in rows(warehouse)] == [1, 4, 7, 10, 77]
        assert [found.id for found in warehouse.partitions([ORDERS])[ORDERS]] == partitions


def test_rows_of_a_table_by_ingestion_time_stay_in_their_partitions():
    cut = Partitioning.ingestion_time()
    before = table(ID, Field("s", STRUCT(Field("a", INT64), Field("b", INT64))), partitioning=cut)
    with migrated(Platform.of(before)) as warehouse:
        warehouse.execute(
            "INSERT INTO `acme.shop.orders` (id, _PARTITIONTIME) "
            "SELECT 1, TIMESTAMP '2024-02-28' UNION ALL SELECT 2, TIMESTAMP '2024-03-01'"
        )
        migrate(warehouse, table(ID, Field("s", STRUCT(Field("a", INT64))), partitioning=cut))
        facts = warehouse.partitions([ORDERS])[ORDERS]
        assert [(found.id, found.rows) for found in facts] == [("20240228", 1), ("20240301", 1)]
        migrate(
            warehouse,
            table(
                ID,
                Field("s", STRUCT(Field("a", INT64))),
                partitioning=Partitioning.ingestion_time("MONTH"),
            ),
        )
        facts = warehouse.partitions([ORDERS])[ORDERS]
        assert [(found.id, found.rows) for found in facts] == [("202402", 1), ("202403", 1)]


def test_what_is_not_declared_stays_as_it_is():
    live = table(
        ID,
        Field("secret", STRING, policy_tag=TAG),
        Field("name", STRING, collation="und:ci", description="Name."),
        Field("n", INT64),
        kms_key_name="projects/p/locations/eu/keyRings/r/cryptoKeys/k",
        default_rounding_mode="ROUND_HALF_EVEN",
    )
    with migrated(Platform.of(live)) as warehouse:
        before = body(warehouse)
        migrate(
            warehouse,
            table(
                ID,
                Field("secret", STRING),
                Field("name", STRING, description="Name."),
                Field("n", STRING),
                labels={"team": "sales"},
                description="Orders.",
            ),
        )
        after = body(warehouse)
        assert after["schema"]["fields"][1:3] == before["schema"]["fields"][1:3]
        for key in ("encryptionConfiguration", "defaultRoundingMode"):
            assert after[key] == before[key]
        assert after["labels"] == {"team": "sales"}
        assert after["description"] == "Orders."


def test_defaults_of_the_dataset_are_not_for_a_table_that_is_rebuilt():
    cut = Partitioning.day("day")
    before = (table(ID, DAY, partitioning=cut), table(ID, Field("a", INT64), name="plain"))
    short = Dataset(
        project="acme",
        name="shop",
        location="EU",
        default_table_expiration_days=1,
        default_partition_expiration_days=1,
        default_collation="und:ci",
        default_rounding_mode="ROUND_HALF_EVEN",
    )
    with migrated(Platform.of(*before)) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "day": "2020-01-01"}])
        migrate(
            warehouse,
            table(Field("id", STRING), DAY, partitioning=cut, dataset=short),
            table(ID, Field("a", STRING), name="plain", dataset=short),
        )
        assert rows(warehouse, "SELECT id FROM `acme.shop.orders`") == [["1"]]
        assert "expirationMs" not in body(warehouse)["timePartitioning"]
        plain = body(warehouse, Ref("table", "acme.shop.plain"))
        assert "expirationTime" not in plain
        assert not plain.get("defaultCollation")
        assert plain.get("defaultRoundingMode") != "ROUND_HALF_EVEN"
        assert "collation" not in plain["schema"]["fields"][1]


def test_a_table_that_needs_a_partition_filter_is_rebuilt_too():
    cut = {"partitioning": Partitioning.day("day"), "require_partition_filter": True}
    with migrated(Platform.of(table(ID, DAY, **cut))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "day": "2024-02-28"}, {"id": 2, "day": None}])
        migrate(warehouse, table(Field("id", STRING), DAY, **cut))
        assert warehouse.count(ORDERS) == 2
        assert body(warehouse)["requirePartitionFilter"] is True


def test_keys_to_and_of_a_rebuilt_table_are_there_afterwards():
    def both(*more):
        customers = table(ID, *more, name="customers", primary_key=("id",))
        key = ForeignKey("customer", references=customers)
        return customers, table(ID, Field("customer", INT64), foreign_keys=(key,))

    with migrated(Platform.of(*both(Field("a", INT64)))) as warehouse:
        before = body(warehouse)["tableConstraints"]
        migrate(warehouse, *both(Field("a", STRING)))
        assert body(warehouse)["tableConstraints"] == before
        customers = body(warehouse, Ref("table", "acme.shop.customers"))
        assert customers["tableConstraints"] == {"primaryKey": {"columns": ["id"]}}


def test_a_value_that_does_not_fit_leaves_the_table_and_nothing_else():
    with migrated(Platform.of(table(ID, Field("a", STRING)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": "7"}, {"id": 2, "a": "seven"}])
        before = warehouse.read([ORDERS])
        platform = Platform.of(table(ID, Field("a", INT64)))
        for _ in range(2):
            plan = plan_migration(platform, warehouse, FORCE)
            with pytest.raises(ApplyError, match=r"a value is no INT64 \(column a\)"):
                apply(plan, platform, warehouse)
            assert names(warehouse) == ["orders"]
            assert warehouse.read([ORDERS]) == before


def test_a_table_that_is_written_to_meanwhile_is_not_replaced(monkeypatch):
    count = LocalWarehouse.count

    def and_label(self, ref):
        if ref == ORDERS:
            self.patch(ref, {"labels": {"touched": "yes"}}, None)
        return count(self, ref)

    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        platform = Platform.of(table(ID, Field("a", STRING)))
        plan = plan_migration(platform, warehouse, FORCE)
        monkeypatch.setattr(LocalWarehouse, "count", and_label)
        with pytest.raises(ApplyError):
            apply(plan, platform, warehouse)
        assert names(warehouse) == ["orders"]
        assert body(warehouse)["labels"] == {"touched": "yes"}


def test_a_copy_with_another_number_of_rows_does_not_take_the_tables_place(monkeypatch):
    count = LocalWarehouse.count
    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1}])
        platform = Platform.of(table(ID, Field("a", STRING)))
        plan = plan_migration(platform, warehouse, FORCE)
        monkeypatch.setattr(
            LocalWarehouse, "count", lambda self, ref: count(self, ref) + (ref == ORDERS)
        )
        with pytest.raises(ApplyError) as failed:
            apply(plan, platform, warehouse)
        assert "has 2 rows, but its rebuilt copy has 1." in str(failed.value)
        assert names(warehouse) == ["orders"]
        assert rows(warehouse) == [[1, None]]


def cut_off(warehouse, platform, monkeypatch, statement, error):
    """Apply, and fail as the statement is sent."""
    execute = LocalWarehouse.execute

    def fail(self, text):
        if statement in text:
            raise error
        execute(self, text)

    plan = plan_migration(platform, warehouse, FORCE)
    with monkeypatch.context() as patched:
        patched.setattr(LocalWarehouse, "execute", fail)
        with pytest.raises((ApplyError, KeyboardInterrupt)):
            apply(plan, platform, warehouse)


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("gone"), KeyboardInterrupt()])
def test_a_swap_that_is_cut_off_is_finished_by_the_next_migration(monkeypatch, error):
    after = Platform.of(
        table(ID, Field("a", STRING), primary_key=("id",), labels={"team": "sales"})
    )
    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        cut_off(warehouse, after, monkeypatch, "RENAME TO", error)
        assert names(warehouse) == ["orders__before_2", "orders__rebuild_2"]
        plan = plan_migration(after, warehouse)
        assert [(step.object, step.kind) for step in plan.steps] == [
            ("acme.shop.orders", "rename"),
            ("acme.shop.orders", "patch"),
            ("acme.shop.orders", "execute"),
        ]
        apply(plan, after, warehouse)
        assert rows(warehouse) == [[1, "7"]]
        assert body(warehouse)["labels"] == {"team": "sales"}
        assert names(warehouse) == ["orders", "orders__before_2"]
        assert plan_migration(after, warehouse).is_empty
        # It is ours as it was before: it is dropped when it leaves the code.
        other = Platform.of(table(ID, name="other"))
        assert [found.address for found in plan_migration(other, warehouse).findings] == [
            "acme.shop.orders",
            "acme.shop.other",
        ]


def test_no_job_runs_while_a_swap_is_cut_off(monkeypatch):
    after = table(ID, Field("a", STRING))
    fill = Job(name="fill", destination=after, query=sql("SELECT 1 AS id, 'x' AS a"))
    platform = Platform.of(after, fill)
    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        cut_off(warehouse, platform, monkeypatch, "RENAME TO", Refused("no"))
        plan = plan_migration(platform, warehouse)
        assert headline(plan) == (
            "To be finished, after a migration that was cut off: acme.shop.orders."
        )
        refusal = gate.refusal(platform, [fill], warehouse)
        assert "acme.shop.orders: a migration of it was cut off" in refusal.text
        apply(plan, platform, warehouse)
        assert gate.refusal(platform, [fill], warehouse) is None


def test_a_copy_that_was_cut_off_is_deleted_by_the_next_rebuild(monkeypatch):
    after = Platform.of(table(ID, Field("a", STRING)))
    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        with monkeypatch.context() as patched:
            patched.setattr(rebuilding, "_discard", lambda *_: None)
            cut_off(warehouse, after, monkeypatch, "INSERT INTO", KeyboardInterrupt())
        assert "orders__rebuild_2" in names(warehouse)
        migrate(warehouse, *after.of_type(Table))
        assert rows(warehouse) == [[1, "7"]]
        assert [name for name in names(warehouse) if "rebuild" in name] == []


def test_a_materialized_view_over_a_rebuilt_table_is_issued_again_even_if_that_was_cut_off(
    monkeypatch,
):
    def platform(kind):
        orders = table(ID, Field("a", kind))
        query = sql("SELECT id, COUNT(*) AS n FROM {orders} GROUP BY id", orders=orders)
        columns = (Field("id", INT64), Field("n", INT64))
        view = MaterializedView(dataset=SHOP, name="totals", schema=columns, query=query)
        return Platform.of(orders, view)

    with migrated(platform(INT64)) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "a": 7}])
        after = platform(STRING)
        cut_off(warehouse, after, monkeypatch, "MATERIALIZED VIEW", Refused("no"))
        plan = plan_migration(after, warehouse)
        assert [(step.object, step.kind) for step in plan.steps] == [
            ("acme.shop.totals", "execute")
        ]
        apply(plan, after, warehouse)
        assert rows(warehouse, "SELECT id, n FROM `acme.shop.totals`") == [[1, 1]]
        assert plan_migration(after, warehouse).is_empty


def test_fields_that_swap_their_names_in_a_struct_keep_their_values():
    one = STRUCT(Field("a", INT64), Field("b", STRING))
    two = STRUCT(Field("a", STRING, renamed_from="b"), Field("b", INT64, renamed_from="a"))
    with migrated(Platform.of(table(ID, Field("s", one, repeated=True)))) as warehouse:
        warehouse.append(ORDERS, [{"id": 1, "s": [{"a": 7, "b": "x"}, {"a": 8, "b": None}]}])
        migrate(warehouse, table(ID, Field("s", two, repeated=True)))
        found = rows(
            warehouse,
            "SELECT item.a, item.b FROM `acme.shop.orders`, UNNEST(s) AS item ORDER BY item.b",
        )
        assert found == [["x", 7], [None, 8]]


def test_the_statement_of_a_rebuild_reads_as_what_is_done():
    with migrated(Platform.of(table(ID, Field("a", INT64)))) as warehouse:
        platform = Platform.of(table(ID, Field("a", STRING)))
        step = plan_migration(platform, warehouse, FORCE).steps[-1]
        assert step.statement == (
            "CREATE TABLE `acme.shop.orders__rebuild_2` (\n"
            "  `id` INT64 NOT NULL,\n"
            "  `a` STRING\n"
            ");\n"
            "INSERT INTO `acme.shop.orders__rebuild_2` (`id`, `a`)\n"
            "SELECT\n"
            "  `id`,\n"
            "  CAST(`a` AS STRING) AS `a`\n"
            "FROM `acme.shop.orders`;\n"
            "DROP TABLE `acme.shop.orders`;\n"
            "ALTER TABLE `acme.shop.orders__rebuild_2` RENAME TO `orders`"
        )
        assert json.loads(json.dumps(step.body)) == step.body
