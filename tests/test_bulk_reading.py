"""Reading in bulk: it gives the plan that reading exactly gives, and nothing is planned on it."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings

from bench.fill import fill
from datoria_dagster import (
    INT64,
    NUMERIC,
    STRING,
    STRUCT,
    TIMESTAMP,
    Argument,
    Dataset,
    Field,
    Partitioning,
    Platform,
    ScalarFunction,
    Table,
    View,
    introspect,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, survey
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import Fault, Front, ManualClock, Server, client, information_views
from tests.dice import thrown
from tests.evolution import evolved
from tests.platforms import platform as drawn

FORCE = Approval(force=True)
SHOP = Dataset(project="acme", name="shop", location="EU")
TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
ORDERS = Table(
    dataset=SHOP,
    name="orders",
    description='Quotes " and \\ and\nlines.',
    labels={"team": "x-1", "tier": ""},
    schema=(
        Field("id", INT64, required=True),
        Field("name", STRING(20), description="It's a name."),
        Field("price", NUMERIC(10, 2), default="1.5"),
        Field("tags", STRING, repeated=True),
        Field("at", TIMESTAMP),
        Field("secret", STRING, policy_tag=TAG),
        Field("folded", STRING, collation="und:ci"),
        Field("free", NUMERIC),
    ),
    partitioning=Partitioning.day("at"),
    clustering=("id",),
    primary_key=("id",),
)
NESTED = Table(
    dataset=SHOP,
    name="nested",
    schema=(Field("s", STRUCT(Field("a", INT64, required=True), Field("b", STRING))),),
)
NAMES = View(
    dataset=SHOP,
    name="names",
    schema=(Field("name", STRING, description="Who."),),
    query=sql("SELECT name FROM {orders}", orders=ORDERS),
)
TWICE = ScalarFunction(
    dataset=SHOP, name="twice", arguments=(Argument("x", INT64),), returns=INT64, body=sql("x * 2")
)
PLATFORM = Platform.of(ORDERS, NESTED, NAMES, TWICE)
ORDERS_REF, NESTED_REF, NAMES_REF = (Ref("table", found.id) for found in (ORDERS, NESTED, NAMES))


@pytest.fixture(autouse=True, scope="module")
def everything_in_bulk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "FEW", 0)
        patch.setattr(introspect, "_UNSETTLED", timedelta(0))
        yield


class Site:
    """A server that a platform was migrated to."""

    def __init__(self, platform=PLATFORM):
        self.local = LocalWarehouse()
        clock = ManualClock()
        self.server = Server(self.local, clock=clock)
        self.warehouse = BigQueryWarehouse(
            client=client(self.local, server=self.server), clock=clock
        )
        self.migrate(platform)

    def migrate(self, platform, approval=None):
        apply(plan_migration(platform, self.warehouse, approval), platform, self.warehouse)

    def plan(self, platform=PLATFORM, reading="bulk", **more):
        self.asked = len(self.server.log)
        plan = plan_migration(platform, self.warehouse, FORCE, reading=reading, **more)
        self.methods = Counter(logged.name for logged in self.server.log[self.asked :])
        return plan

    def surveyed(self, platform=PLATFORM):
        return introspect.introspect(self.warehouse, platform, None, "bulk").surveyed

    def same_plan(self, platform=PLATFORM):
        """The plan, which is the same both ways."""
        exact, bulk = self.plan(platform, "exact"), self.plan(platform)
        assert bulk == exact
        return bulk


def test_what_is_as_declared_is_not_read_one_by_one():
    site = Site()
    assert site.surveyed() == {ORDERS_REF, NAMES_REF}
    assert site.same_plan().is_empty
    # The ledger's table, and the one with a struct.
    assert site.methods["tables.get"] == 2
    assert site.methods["routines.get"] == 0


def test_reading_exactly_sends_no_query():
    site = Site()
    assert site.plan(reading="exact").is_empty
    assert site.methods["jobs.insert"] == 0
    # The ledger's table, two tables and a view.
    assert site.methods["tables.get"] == 4


def test_the_gate_reads_exactly():
    site = Site()
    assert site.plan(scope=frozenset([ORDERS.id])).is_empty
    assert site.methods["jobs.insert"] == 0


@given(dice=thrown())
@settings(max_examples=15)
def test_both_ways_give_the_same_plan(dice):
    before = drawn(dice)
    site = Site(before)
    assert site.same_plan(before).is_empty
    site.same_plan(evolved(dice, before))


def column(body, name):
    return next(field for field in body["schema"]["fields"] if field["name"] == name)


def patched(ref, change):
    """What changes a resource by hand, as REST's PATCH does."""

    def act(site):
        body = site.local.read([ref])[ref].body
        change(body)
        kept = ("schema", "description", "labels", "friendlyName", "clustering", "maxStaleness")
        more = ("expirationTime", "requirePartitionFilter", "timePartitioning", "view")
        patch = {key: body[key] for key in (*kept, *more) if key in body}
        site.local.patch(ref, patch, None)

    return act


def executed(statement):
    return lambda site: site.local.execute(statement)


def described(body):
    body["description"] = "By hand."


BY_HAND = {
    "table's description": patched(ORDERS_REF, described),
    "table without a description": patched(ORDERS_REF, lambda b: b.update(description="")),
    "label's value": patched(ORDERS_REF, lambda b: b["labels"].update(tier="ü_2")),
    "label more": patched(ORDERS_REF, lambda b: b["labels"].update(more="")),
    "label less": patched(ORDERS_REF, lambda b: b["labels"].update(team=None)),
    "friendly name": patched(ORDERS_REF, lambda b: b.update(friendlyName="By hand")),
    "clustering": patched(ORDERS_REF, lambda b: b["clustering"].update(fields=["name"])),
    "staleness": patched(ORDERS_REF, lambda b: b.update(maxStaleness="0-0 0 4:0:0")),
    "expiration": patched(ORDERS_REF, lambda b: b.update(expirationTime="3786912000000")),
    "partition filter": patched(ORDERS_REF, lambda b: b.update(requirePartitionFilter=True)),
    "partition expiration": patched(
        ORDERS_REF, lambda b: b["timePartitioning"].update(expirationMs="86400000000")
    ),
    "column's description": patched(
        ORDERS_REF, lambda b: column(b, "name").update(description="It's `another`.")
    ),
    "column more": patched(
        ORDERS_REF, lambda b: b["schema"]["fields"].append({"name": "more", "type": "INTEGER"})
    ),
    "column less": executed(f"ALTER TABLE `{ORDERS.id}` DROP COLUMN free"),
    "column renamed": executed(f"ALTER TABLE `{ORDERS.id}` RENAME COLUMN free TO bound"),
    "column relaxed": executed(f"ALTER TABLE `{ORDERS.id}` ALTER COLUMN id DROP NOT NULL"),
    "longer text": executed(f"ALTER TABLE `{ORDERS.id}` ALTER COLUMN name SET DATA TYPE STRING"),
    "wider number": executed(
        f"ALTER TABLE `{ORDERS.id}` ALTER COLUMN price SET DATA TYPE NUMERIC(12, 2)"
    ),
    "default": executed(f"ALTER TABLE `{ORDERS.id}` ALTER COLUMN price SET DEFAULT 2.5"),
    "no default": executed(f"ALTER TABLE `{ORDERS.id}` ALTER COLUMN price DROP DEFAULT"),
    "no policy tag": patched(
        ORDERS_REF, lambda b: column(b, "secret").update(policyTags={"names": []})
    ),
    "policy tag": patched(
        ORDERS_REF,
        lambda b: column(b, "secret").update(policyTags={"names": [TAG.replace("2", "3")]}),
    ),
    "no key": executed(f"ALTER TABLE `{ORDERS.id}` DROP PRIMARY KEY"),
    "nested column relaxed": patched(
        NESTED_REF, lambda b: column(b, "s")["fields"][0].update(mode="NULLABLE")
    ),
    "view's description": patched(NAMES_REF, described),
    "view's column's description": patched(
        NAMES_REF, lambda b: column(b, "name").update(description="By hand.")
    ),
    "view's query": executed(
        f"CREATE OR REPLACE VIEW `{NAMES.id}` AS SELECT UPPER(name) AS name FROM `{ORDERS.id}`"
    ),
    "view gone": lambda site: site.local.delete(NAMES_REF, None),
    "table gone": lambda site: site.local.delete(NESTED_REF, None),
    "function's body": executed(
        f"CREATE OR REPLACE FUNCTION `{TWICE.id}`(x INT64) RETURNS INT64 AS (x * 3)"
    ),
}


@pytest.mark.parametrize("change", BY_HAND)
def test_a_change_by_hand_is_found(change):
    site = Site()
    BY_HAND[change](site)
    assert site.same_plan().findings


@pytest.mark.parametrize("kind", ["access_denied", "api_disabled", "job_failed"])
def test_what_may_not_be_asked_in_bulk_is_read_one_by_one(kind):
    site = Site()
    site.server.faults.add(Fault("jobs.insert *", kind, None))
    assert site.plan().is_empty
    assert site.methods["tables.get"] == 4


def test_a_view_that_the_server_lacks_is_no_error(monkeypatch):
    site = Site()
    monkeypatch.delitem(information_views.VIEWS, "KEY_COLUMN_USAGE")
    assert site.plan().is_empty
    assert site.methods["tables.get"] == 4


def frozen(site, monkeypatch):
    """Let INFORMATION_SCHEMA show for ever what it shows now."""
    before = site.server.members(Ref("dataset", SHOP.id), "table")

    def members(_, dataset):
        return before if dataset.ref.id == SHOP.id else []

    monkeypatch.setattr(information_views, "_members", members)


def with_column(table, name):
    return table.model_copy(update={"fields": (*table.fields, Field(name, INT64))})


def test_what_a_step_is_planned_on_is_read_first(monkeypatch):
    site = Site()
    frozen(site, monkeypatch)
    BY_HAND["view's description"](site)
    # Nobody can know yet.
    assert site.plan().is_empty
    orders = with_column(ORDERS, "more")
    names = NAMES.model_copy(update={"query": sql("SELECT name FROM {o}", o=orders)})
    plan = site.same_plan(Platform.of(orders, NESTED, names, TWICE))
    assert [(found.object, found.kind) for found in plan.findings] == [
        (NAMES.id, "description_changed"),
        (ORDERS.id, "field_added"),
    ]
    etag = site.local.read([NAMES_REF])[NAMES_REF].etag
    assert next(s.expects for s in plan.steps if s.object == NAMES.id) == etag


def test_what_is_gone_when_it_is_needed_is_made_anew(monkeypatch):
    site = Site()
    frozen(site, monkeypatch)
    BY_HAND["view gone"](site)
    orders = with_column(ORDERS, "more")
    names = NAMES.model_copy(update={"query": sql("SELECT name FROM {o}", o=orders)})
    assert site.same_plan(Platform.of(orders, NESTED, names, TWICE)).findings


def test_what_was_migrated_just_now_is_read_exactly(monkeypatch):
    monkeypatch.setattr(introspect, "_UNSETTLED", timedelta(minutes=10))
    site = Site()
    frozen(site, monkeypatch)
    site.migrate(Platform.of(with_column(ORDERS, "more"), NESTED, NAMES, TWICE))
    # INFORMATION_SCHEMA still shows the first version, to which this goes back.
    kinds = [found.kind for found in site.same_plan().findings]
    assert kinds == ["field_removed"]


def test_a_plan_of_1_000_tables_takes_few_requests(monkeypatch):
    monkeypatch.setattr(survey, "FEW", 200)
    home = Dataset(project="acme", name="many", location="EU")
    tables = [Table(dataset=home, name=f"t{n}", schema=ORDERS.fields) for n in range(1000)]
    platform = Platform.of(*tables)
    local = LocalWarehouse()
    fill(local, platform)
    server = Server(local, clock=ManualClock())
    warehouse = BigQueryWarehouse(client=client(local, server=server), clock=ManualClock())
    assert plan_migration(platform, warehouse).is_empty
    assert Counter(logged.name for logged in server.log) == {
        "datasets.get": 1,
        "tables.get": 1,
        "tabledata.list": 1,
        "tables.list": 1,
        "routines.list": 1,
        "jobs.insert": 4,
        # How long each result is, and its rows: of views and keys there are none.
        "jobs.getQueryResults": 5,
    }


def test_the_client_goes_where_the_variable_of_its_own_says(monkeypatch):
    local = LocalWarehouse()
    front = Front(Server(local))
    threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", front.url)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    warehouse = BigQueryWarehouse()
    try:
        warehouse.create(Ref("dataset", SHOP.id), {"location": "EU"})
        assert Ref("dataset", SHOP.id) in local.read([Ref("dataset", SHOP.id)])
    finally:
        warehouse.close()
        front.shutdown()
        front.server_close()
