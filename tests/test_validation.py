"""A plan is validated by the warehouse, with what does not exist yet stood in for."""

import threading
from pathlib import Path

import pytest

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    STRUCT,
    AggregateFunction,
    Argument,
    Dataset,
    Field,
    Job,
    Partitioning,
    Platform,
    Procedure,
    ScalarFunction,
    SourceTable,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.report import document, markdown, text
from datoria_dagster.report.words import size
from datoria_dagster.sql.standins import Impossible, stand_in
from datoria_dagster.validation import validated
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, Options
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Unavailable
from tests.bigquery_server import Fault, ManualClock, Server, client

SHOP = Dataset(project="acme", name="shop", location="EU")
RAW = Dataset(project="acme", name="raw", location="EU")
ITEM = STRUCT(Field("order", STRING), Field("price", FLOAT64))
LIVE = (
    Field("day", DATE),
    Field("customer", STRUCT(Field("city", STRING))),
    Field("amount", INT64),
    Field("items", ITEM, repeated=True),
)
BEFORE = Table(dataset=SHOP, name="orders", schema=LIVE)
ORDERS = Table(
    dataset=SHOP,
    name="orders",
    schema=(*LIVE, Field("tax rate", FLOAT64), Field("größe", STRING)),
)
DAILY = Table(dataset=SHOP, name="daily", schema=(Field("n", INT64),))
HALF = ScalarFunction(
    dataset=SHOP, name="half", arguments=(Argument("x", INT64),), returns=INT64,
    body=sql("DIV(x, 2)"),
)  # fmt: skip
LARGEST = AggregateFunction(
    dataset=SHOP, name="largest", arguments=(Argument("x", INT64),), returns=INT64,
    body=sql("MAX(x)"),
)  # fmt: skip
ABOVE = TableFunction(
    dataset=SHOP, name="above", arguments=(Argument("x", INT64),),
    returns=(Field("amount", INT64),),
    body=sql("SELECT amount FROM {o} WHERE amount > x", o=ORDERS),
)  # fmt: skip
NAMES = {"orders": ORDERS, "half": HALF, "largest": LARGEST, "above": ABOVE}


class Shop:
    """A warehouse that holds the table `orders`, and perhaps the server that it is behind."""

    def __init__(self, name):
        self.local = LocalWarehouse(None)
        self.server = None if name == "embedded" else Server(self.local, clock=ManualClock())
        self.warehouse = self.local if self.server is None else self.connected()
        self.migrate(BEFORE)

    def connected(self, options=None):
        """Return BigQuery as this server is it."""
        through = client(self.local, server=self.server)
        return BigQueryWarehouse(options, client=through, clock=self.server.clock)

    def migrate(self, *objects):
        platform = Platform.of(*objects)
        apply(self.planned(*objects, force=True), platform, self.warehouse)

    def planned(self, *objects, force=False):
        return plan_migration(Platform.of(*objects), self.warehouse, Approval(force=force))

    def validated(self, *objects, force=False):
        plan = self.planned(*objects, force=force)
        self.mark = 0 if self.server is None else len(self.server.log)
        self.jobs = [] if self.server is None else self.server.jobs.of("acme")
        return validated(plan, Platform.of(*objects), self.warehouse)

    def refusal(self, *objects, force=False):
        with pytest.raises(DeclarationError) as caught:
            self.validated(*objects, force=force)
        return str(caught.value)

    @property
    def asked(self):
        """The methods that were called to validate."""
        return [logged.name for logged in self.server.log[self.mark :]]

    @property
    def ran(self):
        """The jobs that ran to validate."""
        return [job for job in self.server.jobs.of("acme") if job not in self.jobs]


@pytest.fixture(params=["embedded", "bigquery"])
def shop(request):
    found = Shop(request.param)
    yield found
    found.warehouse.close()


@pytest.fixture(scope="module", params=["embedded", "bigquery"])
def untouched(request):
    found = Shop(request.param)
    yield found
    found.warehouse.close()


@pytest.fixture
def server():
    found = Shop("bigquery")
    yield found
    found.warehouse.close()


def job(query, name="fill", **values):
    used = {key: value for key, value in (NAMES | values).items() if f"{{{key}}}" in query}
    return Job(name=name, destination=DAILY, query=sql(query, **used))


def view(name, query, *fields, **values):
    return View(dataset=SHOP, name=name, schema=fields, query=sql(query, **values))


def everything(*objects):
    return (ORDERS, DAILY, HALF, LARGEST, ABOVE, *objects)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT amount AS n FROM {orders}",
        "SELECT orders.amount AS n FROM {orders} WHERE orders.`tax rate` > 0.1",
        "SELECT o.amount AS n FROM {orders} o",
        "SELECT `größe`.amount AS n FROM {orders} AS `größe` WHERE `größe`.`größe` = 'XL'",
        "SELECT a.amount AS n FROM {orders} AS a JOIN {orders} AS b USING (day)",
        "WITH orders AS (SELECT amount AS a FROM {orders}) SELECT a AS n FROM orders",
        "SELECT amount AS n FROM {orders} WHERE customer.city = 'acme.shop.orders'",
        "SELECT amount AS n -- from `acme.shop.orders`, not `acme.shop.half`(1)\nFROM {orders} # o",
        "SELECT amount AS n /* {orders}\n */ FROM {orders}\n\nWHERE `größe` <> '\\' FROM {orders}'",
        "SELECT CAST(item.price AS INT64) AS n FROM {orders} AS o, o.items AS item",
        "SELECT CAST(item.price AS INT64) AS n FROM {orders}, orders.items AS item",
        "SELECT CAST(i.price AS INT64) AS n FROM {orders}, UNNEST(items) AS i WHERE i.order = 'x'",
        "SELECT n FROM (SELECT amount AS n FROM acme.shop.orders)",
        "SELECT amount AS n FROM `acme`.shop . `orders`",
        "SELECT {half}(amount) AS n FROM {orders}",
        "SELECT {half}({half}(amount) + 1) AS n FROM {orders}",
        "SELECT SAFE.acme.shop.half(amount) AS n FROM {orders}",
        "SELECT {largest}({half}(amount)) AS n FROM {orders} GROUP BY day",
        "SELECT above.amount AS n FROM {above}(3) AS above JOIN {orders} AS o USING (amount)",
        "SELECT amount AS n FROM {orders} UNION ALL SELECT amount FROM {orders}",
        "SELECT (SELECT MAX(amount) FROM {orders}) AS n",
    ],
)
def test_a_job_may_use_what_the_same_migration_makes(untouched, query):
    untouched.validated(*everything(job(query)))


@pytest.mark.parametrize(
    ("query", "line", "name"),
    [
        ("SELECT amont AS n FROM {orders}", 1, "amont"),
        ("SELECT\n  amount AS n\nFROM {orders}\nWHERE `tax rat` > 0.1", 4, "`tax rat`"),
        ("SELECT o.amount AS n FROM {orders} AS o JOIN {orders} AS p ON o.day = p.dax", 1, "dax"),
        ("SELECT o.amount AS n FROM {orders} AS o, {above}(1) AS a WHERE nope = 1", 1, "nope"),
        ("SELECT o.customer.ctiy AS n FROM {orders} AS o", 1, "ctiy"),
        ("SELECT {half}(amont) AS n FROM {orders}", 1, "amont"),
        ("SELECT {largest}(\n  amont) AS n FROM {orders}", 2, "amont"),
        ("WITH orders AS (SELECT 1 AS a FROM {orders}) SELECT b AS n FROM orders", 1, "b"),
    ],
)
def test_a_name_that_a_job_gets_wrong_is_shown_where_it_stands(untouched, query, line, name):
    message = untouched.refusal(*everything(job(query)))
    assert message.startswith("tests/test_validation.py:")
    assert f"  --> job:fill:{line}:" in message
    *_, shown, carets = message.split("\n")
    assert shown[carets.index("^") :][: carets.count("^")] == name


def test_all_that_is_wrong_is_told_at_once_with_the_file_and_line(server):
    first = Job(
        name="first", destination=DAILY, query=sql("SELECT fligths AS n FROM {o}", o=ORDERS)
    )
    other = Table(dataset=SHOP, name="other", schema=(Field("n", INT64),))
    second = Job(
        name="second",
        destination=other,
        query=sql(
            """
            SELECT
              o.amount + 1 AS n, '{{' AS brace
            FROM {o} AS o
            WHERE o.nope = {x}
            """,
            o=ORDERS,
            x=1,
        ),
    )
    lines = Path(__file__).read_text().split("\n")
    line = int(first.query.origin.rpartition(":")[2])
    last = lines.index("            WHERE o.nope = {x}") + 1
    assert server.refusal(ORDERS, DAILY, other, first, second) == (
        f"tests/test_validation.py:{line}: job:first: Unrecognized name: fligths\n"
        "  --> job:first:1:8\n"
        "   |\n"
        " 1 | SELECT fligths AS n FROM `acme.shop.orders`\n"
        "   |        ^^^^^^^\n\n"
        f"tests/test_validation.py:{last}: job:second: Name nope not found inside o\n"
        "  --> job:second:4:9\n"
        "   |\n"
        " 4 | WHERE o.nope = 1\n"
        "   |         ^^^^"
    )
    assert server.asked == ["jobs.insert", "jobs.insert"]


def test_what_stands_in_leaves_the_rest_as_it_is():
    written = "SELECT o.x, `acme.shop.half`( -- half\n  amount ) FROM `acme.shop.daily` AS o"
    stood = stand_in(written, {DAILY.id: DAILY, HALF.id: HALF})
    assert stood.text == (
        "SELECT o.x, IF(( -- half\n  amount ) IS NULL, CAST(NULL AS INT64), NULL) "
        "FROM (SELECT CAST(NULL AS INT64) AS `n` LIMIT 0) AS o"
    )
    assert [written[stood.offset(*place) :][:6] for place in ((1, 8), (2, 3), (2, 100))] == [
        "o.x, `", "amount", "o",
    ]  # fmt: skip
    assert stand_in("SELECT\t\tx", {}).offset(1, 17) == 8


@pytest.mark.parametrize(
    "query",
    [
        "SELECT n FROM `acme.shop.dail*`",
        "SELECT n FROM `acme.shop.daily` FOR SYSTEM_TIME AS OF TIMESTAMP '2013-01-01'",
        "SELECT n FROM `acme.shop.daily` TABLESAMPLE SYSTEM (10 PERCENT)",
        "SELECT n, _PARTITIONTIME AS t FROM `acme.shop.daily`",
        "SELECT n FROM `acme.shop.daily`, `acme.shop.INFORMATION_SCHEMA.TABLES`",
        "SELECT * FROM ML.PREDICT(MODEL `acme.shop.m`, TABLE `acme.shop.daily`)",
        "SELECT `acme.shop.largest`(DISTINCT n) FROM `acme.shop.daily`",
    ],
)
def test_what_nothing_can_stand_in_for_is_left_out(query):
    with pytest.raises(Impossible):
        stand_in(query, {DAILY.id: DAILY, LARGEST.id: LARGEST})


def test_what_is_not_validated_is_named(untouched):
    sampled = job("SELECT amount AS n FROM {orders} TABLESAMPLE SYSTEM (10 PERCENT)")
    plan = untouched.validated(ORDERS, DAILY, sampled)
    assert plan.unvalidated == ("job:fill",)
    assert "Not validated beforehand: job:fill." in text.render_plan(plan)


def test_code_may_be_made_of_code_of_the_same_migration(untouched):
    total = view("total", "SELECT SUM(amount) AS n FROM {o}", Field("n", INT64), o=ORDERS)
    twice = view("twice", "SELECT t.n * 2 AS n FROM {t} AS t", Field("n", INT64), t=total)
    quarter = HALF.model_copy(update={"name": "quarter", "body": sql("{h}({h}(x))", h=HALF)})
    weighted = AggregateFunction(
        dataset=SHOP, name="weighted", returns=INT64,
        arguments=(Argument("x", INT64), Argument("k", INT64, aggregate=False)),
        body=sql("{l}({h}(x)) * k", l=LARGEST, h=HALF),
    )  # fmt: skip
    add = Procedure(
        dataset=SHOP, name="add", arguments=(Argument("x", INT64),), body=sql("SELECT x + 1;")
    )
    plan = untouched.validated(*everything(total, twice, quarter, weighted, add))
    assert plan.unvalidated == ()


def test_a_reader_of_what_changes_is_validated_although_it_is_as_it_was(server):
    total = view("total", "SELECT SUM(amount) AS n FROM {o}", Field("n", INT64), o=BEFORE)
    server.migrate(BEFORE, total)
    assert server.validated(ORDERS, total).steps
    assert server.asked.count("jobs.insert") == 1
    described = ORDERS.model_copy(update={"description": "All orders."})
    server.migrate(ORDERS, total)
    assert server.validated(described, total).steps
    assert server.asked == []


def test_what_a_forced_change_breaks_is_admitted_with_it(shop):
    total = view("total", "SELECT SUM(amount) AS n FROM {o}", Field("n", INT64), o=BEFORE)
    shop.migrate(BEFORE, DAILY, total)
    fill = job("SELECT amount AS n FROM `acme.shop.orders`")
    without = Table(
        dataset=SHOP, name="orders", schema=tuple(f for f in LIVE if f.name != "amount")
    )
    reading = view("total", "SELECT SUM(amount) AS n FROM {o}", Field("n", INT64), o=without)
    plan = shop.validated(without, DAILY, reading, fill, force=True)
    assert [finding.breaks for finding in plan.findings] == [("acme.shop.total", "job:fill")]


def test_a_plan_with_nothing_to_validate_sends_nothing_and_no_job_runs(server):
    fill = job("SELECT {half}(amount) AS n FROM {orders}")
    assert server.validated(BEFORE).is_empty
    assert server.asked == []
    server.validated(*everything(fill))
    # Three functions and the job.
    assert server.asked.count("jobs.insert") == 4
    assert server.ran == []


def test_a_job_may_wait_for_what_others_still_have_to_make(shop):
    source = SourceTable(dataset=RAW, name="events", schema=(Field("n", INT64),))
    waiting = job("SELECT n FROM {source}", source=source)
    shop.validated(BEFORE, DAILY, source, waiting)
    reading = view("seen", "SELECT n FROM {s}", Field("n", INT64), s=source)
    assert "job:fill" not in shop.refusal(BEFORE, DAILY, source, waiting, reading)


def test_what_the_credentials_may_not_do_is_told_once(server):
    server.server.faults.add(Fault("jobs.insert *", "access_denied", times=None))
    with pytest.raises(Unavailable, match=r"^Access Denied: .* Ask for a role"):
        server.validated(*everything(job("SELECT amount AS n FROM {orders}")))


def rebuilt(shop):
    shop.local.append(Ref("table", ORDERS.id), [{"day": "2013-01-01", "amount": 1}])
    by_day = Table(dataset=SHOP, name="orders", schema=LIVE, partitioning=Partitioning.day("day"))
    return shop.validated(by_day, force=True)


def test_a_rebuild_says_what_it_will_read(server):
    plan = rebuilt(server)
    (step,) = [step for step in plan.steps if step.kind == "rebuild"]
    said = f"The copy reads {step.bytes} B."
    assert step.bytes > 0
    assert said in text.render_plan(plan)
    assert said in markdown.render_plan(plan)
    assert f'"bytes": {step.bytes}' in document.render_plan(plan)
    assert from_json(to_json(plan), "plan.json") == plan


def test_several_rebuilds_say_what_they_will_read_in_all(server):
    more = Table(dataset=SHOP, name="more", schema=LIVE)
    server.migrate(BEFORE, more)
    for name in (BEFORE.id, more.id):
        server.local.append(Ref("table", name), [{"day": "2013-01-01", "amount": 1}] * 1_000)
    cut = {"partitioning": Partitioning.day("day")}
    tables = [Table(dataset=SHOP, name=t.name, schema=LIVE, **cut) for t in (BEFORE, more)]
    plan = server.validated(*tables, force=True)
    sizes = [step.bytes for step in plan.steps if step.kind == "rebuild"]
    assert sizes[0] == sizes[1] > 10_000
    assert f"\nIn all, the copies read {sum(sizes) / 1_000:.1f} kB.\n" in text.render_plan(plan)


@pytest.mark.parametrize(
    ("count", "said"),
    [(84, "84 B"), (1_500, "1.5 kB"), (1_234_567_890_123, "1.2 TB"), (2 * 10**18, "2,000.0 PB")],
)
def test_a_number_of_bytes_is_said_in_powers_of_a_thousand(count, said):
    assert size(count) == said


def test_a_rebuild_that_may_not_read_so_much_is_said_so(server):
    server.warehouse = server.connected(Options(maximum_bytes_billed=10))
    plan = rebuilt(server)
    assert " B, more than maximum-bytes-billed allows." in text.render_plan(plan)


def test_the_embedded_warehouse_can_not_tell_what_a_rebuild_reads():
    plan = rebuilt(Shop("embedded"))
    assert "The copy reads" not in text.render_plan(plan)


def test_dry_runs_are_sent_side_by_side(server, monkeypatch):
    together = threading.Barrier(3, timeout=60)
    send = server.warehouse.dry_run

    def met(query):
        together.wait()
        return send(query)

    monkeypatch.setattr(server.warehouse, "dry_run", met)
    server.validated(*everything(job("SELECT amount AS n FROM {orders}")))


WRONG_JOB = """
totals = Table(dataset=shop, name="totals", schema=(Field("total", INT64),))
sum_up = Job(
    name="sum_up",
    destination=totals,
    query=sql(
        '''
        SELECT
            c.totl AS total
        FROM {customers} AS c
        ''',
        customers=customers,
    ),
)
platform = Platform.of(orders, customers, totals, sum_up)
"""


def test_migrate_stops_at_sql_that_is_wrong_and_changes_nothing(project):
    shop = (project.folder / "shop.py").read_text()
    written = shop.partition("platform =")[0] + WRONG_JOB
    project.write("shop.py", written)
    line = written.split("\n").index("            c.totl AS total") + 1
    for words in ((), ("--plan",)):
        ran = project.datoria("migrate", *words)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == (
            f"error: shop.py:{line}: job:sum_up: There is no column totl. Did you mean total?\n"
            "  --> job:sum_up:2:7\n"
            "   |\n"
            " 2 |     c.totl AS total\n"
            "   |       ^^^^\n"
        )
    assert project.datoria("history").err == "No migration yet.\n"


def test_a_statement_is_tried_only_where_it_has_a_place(shop):
    shop.migrate(BEFORE, HALF)
    rows = TableFunction(
        dataset=SHOP, name="half", arguments=HALF.arguments, returns=(Field("n", INT64),),
        body=sql("SELECT x AS n"),
    )  # fmt: skip
    home = Dataset(project="acme", name="later", location="EU")
    later = rows.model_copy(update={"dataset": home})
    third = rows.model_copy(update={"name": "third"})
    plan = shop.validated(BEFORE, rows, later, third)
    assert plan.unvalidated == ("acme.later.half", "acme.shop.half")
