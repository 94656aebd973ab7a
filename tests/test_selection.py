"""A part of the declaration is migrated: what is named and what it needs, and nothing else."""

import pytest

from datoria_dagster import (
    INT64,
    STRING,
    Dataset,
    Field,
    ForeignKey,
    Job,
    Platform,
    SourceTable,
    Table,
    View,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.gate import superseded_by
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, plan_part, platform_fingerprint
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.selection import UnknownObject, needed, resolved
from datoria_dagster.validation import validated
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref

shop = Dataset(project="acme", name="shop")
raw = Dataset(project="acme", name="raw")
events = SourceTable(dataset=raw, name="events", schema=(Field("n", INT64),))
ID = Field("id", INT64)


def table(name, *more, **options):
    return Table(dataset=shop, name=name, schema=(ID, *more), **options)


orders = table("orders")
lines = table("lines")
ids = View(dataset=shop, name="ids", schema=(ID,), query=sql("SELECT id FROM {t}", t=orders))
before = Platform.of(orders, lines, ids, events)
# Both tables get a column, the view reads one of them.
wide_orders, wide_lines = table("orders", Field("n", STRING)), table("lines", Field("n", STRING))
wide_ids = View(
    dataset=shop,
    name="ids",
    schema=(ID, Field("n", STRING)),
    query=sql("SELECT id, n FROM {t}", t=wide_orders),
)
after = Platform.of(wide_orders, wide_lines, wide_ids, events)


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    migrate(before, found)
    yield found
    found.close()


def migrate(platform, warehouse, *names):
    if names:
        chosen = resolved(names, platform)
        plan, part = plan_part(platform, chosen, warehouse)
        plan = validated(plan, part, warehouse)
    else:
        plan = plan_migration(platform, warehouse)
    apply(plan, platform, warehouse)
    return plan


def columns(warehouse, name):
    ref = Ref("table", f"acme.shop.{name}")
    body = warehouse.read([ref])[ref].body
    return [field["name"] for field in body["schema"]["fields"]]


def test_only_what_is_named_is_migrated(warehouse):
    plan = migrate(after, warehouse, "acme.shop.lines")
    assert [finding.address for finding in plan.findings] == ["acme.shop.lines.n"]
    assert columns(warehouse, "lines") == ["id", "n"]
    assert columns(warehouse, "orders") == ["id"]


def test_what_it_needs_is_migrated_too(warehouse):
    migrate(after, warehouse, "shop.ids")
    assert columns(warehouse, "ids") == columns(warehouse, "orders") == ["id", "n"]
    assert columns(warehouse, "lines") == ["id"]


def test_what_a_foreign_key_refers_to_is_needed():
    head = table("head", primary_key=("id",))
    key = ForeignKey(columns=("id",), table=head.id, referenced=("id",))
    tail = table("tail", foreign_keys=(key,))
    platform = Platform.of(head, tail, orders)
    assert needed([tail.id], platform) == {"acme.shop", head.id, tail.id}


def test_a_job_needs_what_it_reads_and_fills():
    job = Job(name="fill", destination=orders, query=sql("SELECT id FROM {t}", t=lines))
    platform = Platform.of(orders, lines, job)
    assert needed(["job:fill"], platform) == {"job:fill", "acme.shop", orders.id, lines.id}


def test_a_view_that_is_left_as_it_lives_is_broken_by_a_column_that_goes(warehouse):
    # The declared view reads the column no longer, but it is not selected.
    migrate(after, warehouse)
    narrow = View(dataset=shop, name="ids", schema=(ID,), query=sql("SELECT id FROM {t}", t=orders))
    declared = Platform.of(orders, wide_lines, narrow, events)
    part, _ = plan_part(declared, [orders.id], warehouse)
    (finding,) = part.findings
    assert (finding.address, finding.breaks) == ("acme.shop.orders.n", ("acme.shop.ids",))
    assert not part.applicable
    whole = plan_migration(declared, warehouse, Approval(force=True))
    assert {finding.breaks for finding in whole.findings} == {()}


def test_a_table_that_gets_another_name_is_not_made_anew(warehouse):
    warehouse.append(codec.ref(orders), [{"id": 7}])
    renamed = table("purchases", renamed_from="orders")
    other = View(dataset=shop, name="ids", schema=(ID,), query=sql("SELECT id FROM {t}", t=renamed))
    declared = Platform.of(renamed, lines, other, events)
    plan, _ = plan_part(declared, [other.id], warehouse, Approval(force=True))
    apply(plan, declared, warehouse)
    assert warehouse.query("SELECT id FROM `acme.shop.ids`").rows == ((7,),)


def test_a_part_does_not_pass_for_the_whole(warehouse):
    first = Ledger(warehouse, before).read().applied
    migrate(after, warehouse, "shop.lines")
    history = Ledger(warehouse, after).read()
    assert history.applied == first
    assert history.migrations[-1].selected == ("acme.shop.lines",)
    assert superseded_by(platform_fingerprint(after), history) is None
    # To migrate what it was before would undo the part: that code is behind.
    assert superseded_by(platform_fingerprint(before), history) == history.migrations[-1]


def test_the_last_part_is_the_whole(warehouse):
    migrate(after, warehouse, "shop.lines")
    plan = migrate(after, warehouse, "shop.ids")
    assert plan.selected == ()
    applied = Ledger(warehouse, after).read().applied
    assert applied is not None
    assert applied.fingerprint == platform_fingerprint(after)
    assert plan_migration(after, warehouse).is_empty


def test_what_is_there_already_is_adopted_only_if_it_is_selected():
    warehouse = LocalWarehouse(None)
    warehouse.create(codec.ref(shop), codec.resource(shop))
    for found in (orders, lines):
        warehouse.create(codec.ref(found), codec.resource(found))
    plan, _ = plan_part(after, [lines.id], warehouse)
    assert {step.object for step in plan.steps} == {lines.id}
    warehouse.close()


def test_jobs_that_wait_for_the_rest_are_not_validated(warehouse):
    # It reads a table that is not migrated yet, and one that is.
    made = table("made")
    query = sql("SELECT id FROM {a} JOIN {b} USING (id)", a=wide_lines, b=made)
    job = Job(name="fill", destination=wide_orders, query=query)
    declared = after.with_object(made).with_object(job)
    assert migrate(declared, warehouse, "shop.lines").applicable


def test_a_part_is_said_to_be_one_and_can_be_saved(warehouse):
    plan, _ = plan_part(after, [wide_lines.id], warehouse)
    assert from_json(to_json(plan), "plan.json") == plan


def test_nothing_to_do_for_a_part_is_not_nothing_to_do(warehouse):
    migrate(after, warehouse, "shop.lines")
    plan, _ = plan_part(after, [wide_lines.id], warehouse)
    assert plan.is_empty
    assert plan.selected == ("acme.shop.lines",)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("acme.shop.order", "Did you mean acme.shop.orders"),
        ("shop.liens", "Did you mean shop.lines"),
        ("x", "Write project.dataset.name."),
    ],
)
def test_a_wrong_name_is_told_with_those_near_it(name, hint):
    with pytest.raises(UnknownObject) as error:
        resolved([name], after)
    assert str(error.value).startswith(f"The platform declares no {name!r}. {hint}")


def test_a_short_name_that_means_two_objects_is_not_known():
    other = Dataset(project="beta", name="shop")
    twin = Table(dataset=other, name="orders", schema=(ID,))
    platform = Platform.of(orders, twin, lines)
    assert resolved(["shop.lines"], platform) == {"acme.shop.lines"}
    with pytest.raises(UnknownObject, match=r"acme\.shop\.orders"):
        resolved(["shop.orders"], platform)


def test_the_command_line_migrates_a_part(project):
    project.edit(
        "platform = ",
        'other = Table(dataset=raw, name="other", schema=(Field("x", INT64),))\nplatform = ',
    )
    project.edit("fill)\n", "fill, other)\n")
    ran = project.datoria("migrate", "--plan", "--select", "raw.other")
    assert ran.code == 0
    assert "Only acme.raw.other and what that needs; all else stays as it is." in ran.out
    assert "Apply it with: datoria migrate --select raw.other" in ran.err
    assert project.datoria("migrate", "--select", "raw.other").code == 0
    assert project.datoria("query", "SELECT x FROM `acme.raw.other`").code == 0
    assert project.datoria("query", "SELECT day FROM `acme.shop.orders`").code == 1
    again = project.datoria("migrate", "--select", "raw.other")
    assert again.out.startswith("Nothing to migrate: what was selected is as declared.")


def test_the_command_line_tells_a_wrong_name(project):
    ran = project.datoria("migrate", "--select", "acme.shop.order")
    assert ran.code == 1
    assert "error: The platform declares no 'acme.shop.order'. Did you mean" in ran.err


def test_a_saved_part_is_applied_as_it_was_made(project):
    project.edit(
        "platform = ",
        'other = Table(dataset=raw, name="other", schema=(Field("x", INT64),))\nplatform = ',
    )
    project.edit("fill)\n", "fill, other)\n")
    project.datoria("migrate", "--plan", "--select", "raw.other", "--out", "part.json")
    assert project.datoria("migrate", "--plan-file", "part.json").code == 0
    assert project.datoria("query", "SELECT x FROM `acme.raw.other`").code == 0
    assert project.datoria("query", "SELECT day FROM `acme.shop.orders`").code == 1
