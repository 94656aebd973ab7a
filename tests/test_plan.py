"""Plans: the order of their steps, their statements, and what they are as files."""

import json

import pytest

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    AggregateFunction,
    Argument,
    Dataset,
    ExternalTable,
    Field,
    ForeignKey,
    JavaScript,
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    Remote,
    ScalarFunction,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.apply.apply import StalePlan, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.plan.document import UnreadablePlan, from_json, to_json
from datoria_dagster.plan.order import positions
from datoria_dagster.warehouse.port import Ref
from tests.embedded import memory, migrated

SHOP = Dataset(project="acme", name="shop", location="EU")
ID = Field("id", INT64, required=True)
A, B = Field("a", INT64), Field("b", INT64)
FORCE = Approval(force=True)


def table(*fields, name="orders", **options):
    return Table(dataset=SHOP, name=name, schema=(ID, *fields), **options)


def view(name, query, *fields, **values):
    return View(dataset=SHOP, name=name, schema=fields, query=sql(query, **values))


def planned(before, after):
    """Return the forced plan, which must round-trip and be at rest when it is applied."""
    platform = Platform.of(*after)
    with migrated(Platform.of(*before)) as warehouse:
        plan = plan_migration(platform, warehouse, FORCE)
        assert from_json(to_json(plan), "plan.json") == plan
        apply(plan, platform, warehouse)
        assert plan_migration(platform, warehouse).is_empty
    return plan


def steps(before, after):
    return [(s.object.removeprefix("acme.shop."), s.kind) for s in planned(before, after).steps]


def statements(before, after):
    return [step.statement for step in planned(before, after).steps]


def test_new_objects_come_after_what_they_need_and_procedures_last():
    orders = table(A, name="zorders")
    twice = ScalarFunction(
        dataset=SHOP,
        name="twice",
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql("2 * x"),
    )
    above = TableFunction(
        dataset=SHOP,
        name="above",
        arguments=(Argument("x", INT64),),
        returns=(Field("n", INT64),),
        body=sql("SELECT {f}(a) AS n FROM {t} WHERE id > x", f=twice, t=orders),
    )
    seen = view("a_view", "SELECT n FROM {f}(1)", Field("n", INT64), f=above)
    totals = MaterializedView(
        dataset=SHOP,
        name="totals",
        schema=(Field("id", INT64), Field("n", INT64)),
        query=sql("SELECT id, COUNT(*) AS n FROM {t} GROUP BY id", t=orders),
    )
    fill = Procedure(dataset=SHOP, name="a_fill", body=sql("SELECT * FROM {v};", v=seen))
    files = ExternalTable(
        dataset=SHOP, name="x", schema=(A,), format="CSV", uris=("gs://acme/a.csv",)
    )
    made = [orders, twice, above, seen, totals, fill, files]
    with memory() as warehouse:
        plan = plan_migration(Platform.of(*made), warehouse)
        created = [s.object.rpartition(".")[2] for s in plan.steps]
    assert created == ["shop", "x", "zorders", "twice", "above", "totals", "a_view", "a_fill"]
    gone = [name for name, kind in steps(made, [table(name="kept")]) if kind == "drop"]
    assert gone.index("a_fill") < gone.index("a_view") < gone.index("above") < gone.index("twice")
    assert sorted(gone[-2:]) == ["x", "zorders"]


def test_a_view_is_issued_before_the_column_that_it_stopped_reading_is_dropped():
    def both(columns, query):
        orders = table(*columns)
        return orders, view("seen", query, Field("n", INT64), t=orders)

    before = both((A, B), "SELECT a AS n FROM {t}")
    after = both((B,), "SELECT b AS n FROM {t}")
    assert (
        steps(before, after)
        == [
            ("seen", "patch"),
            ("orders", "snapshot"),
            ("orders", "execute"),
            ("seen", "patch"),
        ][:3]
    )


def test_views_of_views_of_a_changed_table_are_refreshed_in_order():
    def three(kind):
        orders = table(Field("a", kind))
        one = view("z_one", "SELECT a, id FROM {t}", Field("a", kind), Field("id", INT64), t=orders)
        two = view("a_two", "SELECT id FROM {v}", Field("id", INT64), v=one)
        return orders, one, two

    assert steps(three(INT64), three(STRING)) == [
        ("orders", "snapshot"),
        ("orders", "rebuild"),
        ("z_one", "patch"),
        ("a_two", "patch"),
    ]


def test_columns_are_renamed_in_one_statement_even_if_they_swap():
    def renamed(name, old):
        return Field(name, INT64, renamed_from=old)

    before = [table(A, B, Field("c", INT64))]
    after = [table(renamed("b", "a"), renamed("a", "b"), renamed("d", "c"))]
    (statement,) = statements(before, after)
    assert statement == (
        "ALTER TABLE `acme.shop.orders` RENAME COLUMN `b` TO `renaming__0`, "
        "RENAME COLUMN `a` TO `b`, RENAME COLUMN `c` TO `d`, "
        "RENAME COLUMN `renaming__0` TO `a`"
    )


def test_a_clustered_key_column_is_renamed_between_losing_and_getting_its_roles():
    before = [table(A, clustering=("a",), primary_key=("a",))]
    after = [
        table(Field("b", INT64, renamed_from="a"), clustering=("b",), primary_key=("b",)),
    ]
    assert statements(before, after) == [
        "ALTER TABLE `acme.shop.orders` DROP PRIMARY KEY IF EXISTS",
        "tables.patch acme.shop.orders: clustering",
        "ALTER TABLE `acme.shop.orders` RENAME COLUMN `a` TO `b`",
        "tables.patch acme.shop.orders: clustering",
        "ALTER TABLE `acme.shop.orders` ADD PRIMARY KEY (`b`) NOT ENFORCED",
    ]


def test_a_table_is_renamed_with_its_keys_and_those_that_refer_to_it():
    def both(name, **options):
        one = table(name=name, primary_key=("id",), **options)
        return one, table(A, name="lines", foreign_keys=(ForeignKey("a", references=one),))

    assert statements(both("orders"), both("purchases", renamed_from="orders")) == [
        "ALTER TABLE `acme.shop.lines` DROP CONSTRAINT IF EXISTS `fk_a`",
        "ALTER TABLE `acme.shop.orders` DROP PRIMARY KEY IF EXISTS",
        "ALTER TABLE `acme.shop.orders` RENAME TO `purchases`",
        "ALTER TABLE `acme.shop.purchases` ADD PRIMARY KEY (`id`) NOT ENFORCED",
        (
            "ALTER TABLE `acme.shop.lines` ADD CONSTRAINT `fk_a` FOREIGN KEY (`a`) "
            "REFERENCES `acme.shop.purchases` (`id`) NOT ENFORCED"
        ),
    ]


def test_a_renamed_table_is_ours_under_its_new_name_and_the_old_name_is_not_dropped():
    purchases = table(name="purchases", renamed_from="orders")
    with migrated(Platform.of(table())) as warehouse:
        platform = Platform.of(purchases)
        apply(plan_migration(platform, warehouse, FORCE), platform, warehouse)
        other = Platform.of(table(name="other"))
        found = plan_migration(other, warehouse).findings
        assert [(f.address, f.kind) for f in found] == [
            ("acme.shop.other", "object_added"),
            ("acme.shop.purchases", "object_removed"),
        ]


def test_a_plan_to_rename_a_table_is_stale_when_the_old_one_has_changed():
    with migrated(Platform.of(table())) as warehouse:
        platform = Platform.of(table(name="purchases", renamed_from="orders"))
        plan = plan_migration(platform, warehouse, FORCE)
        warehouse.patch(Ref("table", "acme.shop.orders"), {"description": "By hand."}, None)
        with pytest.raises(StalePlan, match=r"acme\.shop\.orders has changed since"):
            apply(plan, platform, warehouse)


def test_foreign_keys_in_a_circle_are_added_when_both_tables_are_there():
    orders = table(A, primary_key=("id",), name="one")
    other = table(
        A, primary_key=("id",), name="two", foreign_keys=(ForeignKey("a", references=orders),)
    )
    back = ForeignKey("a", references=other, name="back")
    orders = orders.model_copy(update={"foreign_keys": (back,)})
    made = [("shop", "create"), ("one", "create"), ("two", "create"), ("one", "execute")]
    platform = Platform.of(orders, other)
    with memory() as warehouse:
        plan = plan_migration(platform, warehouse)
        assert [(s.object.rpartition(".")[2], s.kind) for s in plan.steps] == made
        apply(plan, platform, warehouse)
        assert plan_migration(platform, warehouse).is_empty


def test_options_that_delete_are_set_last_and_by_a_patch_of_their_own():
    cut = Partitioning.day("day")
    before = [table(Field("day", DATE), partitioning=cut)]
    after = [
        table(
            Field("day", DATE),
            A,
            partitioning=cut,
            partition_expiration_days=36_500,
            require_partition_filter=True,
            friendly_name="Orders",
        )
    ]
    assert [
        (step.kind, sorted(step.body) if step.kind == "patch" else [])
        for step in planned(before, after).steps
    ] == [
        ("patch", ["friendlyName", "schema"]),
        ("snapshot", []),
        ("patch", ["requirePartitionFilter", "timePartitioning"]),
    ]


def test_one_snapshot_is_enough_for_all_that_is_lost_of_a_table():
    cut = Partitioning.day("day")
    day = Field("day", DATE)
    before = [table(day, A, partitioning=cut)]
    dropped = [table(day, partitioning=cut, partition_expiration_days=36_500)]
    assert steps(before, dropped) == [
        ("orders", "snapshot"),
        ("orders", "execute"),
        ("orders", "patch"),
    ]
    rebuilt = [table(day, Field("a", STRING), partitioning=cut, partition_expiration_days=36_500)]
    assert steps(before, rebuilt) == [
        ("orders", "snapshot"),
        ("orders", "rebuild"),
        ("orders", "patch"),
    ]


def test_policy_tags_that_stay_are_not_sent():
    tag = "projects/acme/locations/eu/taxonomies/1/policyTags/{}"
    before = [Field(name, STRING, policy_tag=tag.format(1)) for name in ("w", "x", "y", "z")]
    after = [
        before[0],
        Field("x", STRING, policy_tag=tag.format(2)),
        Field("y", STRING),
        Field("z", STRING, policy_tag=""),
    ]
    (step,) = planned([table(*before)], [table(*after)]).steps
    assert [field.get("policyTags") for field in step.body["schema"]["fields"]] == [
        None,
        None,
        {"names": [tag.format(2)]},
        None,
        {"names": []},
    ]


def test_a_table_that_becomes_a_view_is_dropped_and_created_in_a_row():
    other = table(A, name="base")
    seen = view("orders", "SELECT id FROM {t}", Field("id", INT64), t=other)
    reader = view("reader", "SELECT id FROM {t}", Field("id", INT64), t=table())
    after = view("reader", "SELECT id FROM {t}", Field("id", INT64), t=seen)
    assert steps([table(), reader], [other, seen, after]) == [
        ("base", "create"),
        ("orders", "snapshot"),
        ("orders", "drop"),
        ("orders", "create"),
        ("reader", "patch"),
    ]


def test_statements_quote_names_and_write_values_as_literals():
    odd = "it's `odd` \\ {x}"
    made = [
        table(Field("with space", STRING, description=odd), name="a b", description=odd),
        ScalarFunction(
            dataset=SHOP,
            name="js",
            arguments=(Argument("x", FLOAT64),),
            returns=FLOAT64,
            body=JavaScript("return '\n`';", libraries=("gs://a/b.js",), deterministic=True),
        ),
        ScalarFunction(
            dataset=SHOP,
            name="remote",
            returns=INT64,
            body=Remote(connection="p.eu.c", endpoint="https://x.y/'"),
        ),
        AggregateFunction(
            dataset=SHOP,
            name="total",
            arguments=(Argument("x", INT64), Argument("y", INT64, aggregate=False)),
            returns=INT64,
            body=sql("SUM(x) + y"),
        ),
        Procedure(
            dataset=SHOP,
            name="run",
            arguments=(Argument("x", INT64, mode="OUT"),),
            body=sql("SET x = 1;"),
            strict_mode=False,
        ),
    ]
    with memory() as warehouse:
        plan = plan_migration(Platform.of(*made), warehouse)
    assert {s.object.rpartition(".")[2]: s.statement for s in plan.steps[1:]} == {
        "a b": (
            "CREATE TABLE `acme.shop.a b` (\n  `id` INT64 NOT NULL,\n"
            "  `with space` STRING OPTIONS (description = 'it\\'s `odd` \\\\ {x}')\n)\n"
            "OPTIONS (description = 'it\\'s `odd` \\\\ {x}')"
        ),
        "js": (
            "CREATE OR REPLACE FUNCTION `acme.shop.js`(`x` FLOAT64) RETURNS FLOAT64\n"
            "DETERMINISTIC LANGUAGE js\nOPTIONS (library = ['gs://a/b.js'])\n"
            "AS 'return \\'\\n`\\';'"
        ),
        "remote": (
            "CREATE OR REPLACE FUNCTION `acme.shop.remote`() RETURNS INT64\n"
            "REMOTE WITH CONNECTION `p.eu.c`\nOPTIONS (endpoint = 'https://x.y/\\'')"
        ),
        "total": (
            "CREATE OR REPLACE AGGREGATE FUNCTION `acme.shop.total`(`x` INT64, "
            "`y` INT64 NOT AGGREGATE) RETURNS INT64\nAS (SUM(x) + y)"
        ),
        "run": (
            "CREATE OR REPLACE PROCEDURE `acme.shop.run`(OUT `x` INT64)\n"
            "OPTIONS (strict_mode = FALSE)\nBEGIN\nSET x = 1;\nEND"
        ),
    }


@pytest.mark.parametrize("days", [1, 30])
def test_rows_are_kept_for_as_long_as_was_asked(days):
    with migrated(Platform.of(table(A))) as warehouse:
        approval = Approval(force=True, backup_days=days)
        first = plan_migration(Platform.of(table()), warehouse, approval).steps[0]
        assert first.days == days
        assert f"INTERVAL {days} DAY" in first.statement


def test_a_cycle_is_reported_with_its_path():
    with pytest.raises(
        DeclarationError, match=r"depend on each other in a circle: \w → \w → \w → \w\."
    ):
        positions({"a": ["b"], "b": ["c"], "c": ["a"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan.json: this is not a saved plan"),
        ("[]", "plan.json: this is not a saved plan"),
        ('{"datoria_plan": 1}', "plan.json: made by another version of datoria. Make the plan"),
        ('{"datoria_plan": 99, "x": []}', "plan.json: made by another version of datoria."),
    ],
)
def test_what_is_no_plan_of_ours_is_refused(text, message):
    with pytest.raises(UnreadablePlan, match=message):
        from_json(text, "plan.json")


def test_a_plan_edited_by_hand_is_refused():
    with memory() as warehouse:
        document = json.loads(to_json(plan_migration(Platform.of(table()), warehouse)))
    document["plan"]["steps"][1]["statement"] = "DROP TABLE x"
    with pytest.raises(UnreadablePlan, match="the plan was changed after it was made"):
        from_json(json.dumps(document), "plan.json")
