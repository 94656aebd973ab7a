"""No credential, token or value of a row is in an error, a log, a plan, the ledger or an output."""

import json
import logging
import secrets
import threading

import pytest
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery

from datoria_dagster import (
    BOOL,
    BYTES,
    DATE,
    INT64,
    STRING,
    TIMESTAMP,
    Dataset,
    Field,
    Partitioning,
    Platform,
    Table,
)
from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.plan.document import to_json
from datoria_dagster.report import markdown, text
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.bigquery.failures import Failure
from datoria_dagster.warehouse.bigquery.values import without_values
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import Fault, Front, ManualClock, Server, client
from tests.conftest import filled

SHOP = Dataset(project="acme", name="shop")
PEOPLE = Ref("table", "acme.shop.people")
# What the rows hold, in forms that have fooled a pattern before.
ROW = 'it\'s "Sensitive" Sam\n\nLINE 1: to INT64 when casting from source column Sensitive'
NUMBER = 734_120_958
SHOWN_NEVER = ("Sensitive", "Sam", str(NUMBER))


class Token(Credentials):
    """A token that is made for the test, and is sent with every request."""

    def __init__(self):
        super().__init__()
        self.token = secrets.token_hex(20)
        self.bearer = f"Bearer {self.token}"

    def refresh(self, request):
        """It never ends."""


class Leaky:
    """A warehouse with sensitive rows, and everything that anybody logs."""

    def __init__(self, kind, logged):
        self.store = LocalWarehouse()
        self.server = Server(self.store, clock=ManualClock())
        self.credentials = Token()
        self.warehouse = self.store
        self.kind = kind
        self._logged = logged
        if kind == "bigquery":
            over = client(self.store, server=self.server, credentials=self.credentials)
            self.warehouse = BigQueryWarehouse(client=over, clock=self.server.clock)

    def check(self, *texts):
        """Nothing sensitive is in the texts, nor in the log."""
        for shown in (*texts, self._logged.text):
            for hidden in (*SHOWN_NEVER, self.credentials.token):
                assert hidden not in shown


@pytest.fixture(params=["embedded", "bigquery"])
def leaky(request, caplog):
    for name in ("", "urllib3", "google", "google.auth", "google.cloud.bigquery", "sqlglot"):
        caplog.set_level(logging.DEBUG, logger=name)
    found = Leaky(request.param, caplog)
    yield found
    found.warehouse.close()
    found.store.close()


def people(*, partitioning=None, **kinds):
    columns = {"name": STRING, "number": INT64, "blob": BYTES, **kinds}
    fields = tuple(Field(name, kind) for name, kind in columns.items())
    return Table(
        dataset=SHOP, name="people", schema=fields, partitioning=partitioning or Partitioning.none()
    )


def migrate(leaky, table):
    platform = Platform.of(table)
    plan = plan_migration(platform, leaky.warehouse, Approval(force=True))
    leaky.check(to_json(plan), text.render_plan(plan, color=False, width=200))
    leaky.check(markdown.render_plan(plan))
    return apply(plan, platform, leaky.warehouse)


@pytest.fixture
def stored(leaky):
    migrate(leaky, people())
    leaky.warehouse.append(PEOPLE, [{"name": ROW, "number": NUMBER, "blob": "U2Vuc2l0aXZl"}])
    return leaky


EXPRESSIONS = (
    "CAST(name AS INT64)",
    "CAST(name AS DATE)",
    "CAST(name AS TIMESTAMP)",
    "CAST(name AS TIME)",
    "CAST(name AS BOOL)",
    "CAST(name AS FLOAT64)",
    "CAST(name AS NUMERIC)",
    "CAST([name][OFFSET(0)] AS INT64)",
    "CAST(number AS NUMERIC(2))",
    "[name][OFFSET(number)]",
    "number * 9223372036854775807",
    "number / (number - number)",
    "MOD(number, number - number)",
    "PARSE_DATE('%Y', name)",
    "PARSE_TIMESTAMP('%Y', name)",
    "PARSE_JSON(name)",
    "JSON_VALUE(name, '$.a')",
    "FROM_BASE64(name)",
    "FROM_HEX(name)",
    "REGEXP_CONTAINS('a', CONCAT('(', name))",
    "ERROR(name)",
    "ERROR(CONCAT('failed: ', name))",
    "DATE(number, 1, 1)",
    "DATE_ADD(DATE '2013-01-01', INTERVAL number YEAR)",
    "(SELECT name FROM UNNEST([1, 2]))",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_that_fails_over_a_value_does_not_show_it(stored, expression):
    query = f"SELECT {expression} AS x FROM `acme.shop.people`"
    for act in (
        lambda: stored.warehouse.query(query),
        lambda: stored.warehouse.write(query.replace(" x ", " name "), PEOPLE, None),
        lambda: stored.warehouse.execute(
            f"INSERT INTO `acme.shop.people` (name) SELECT CAST({expression} AS STRING) "
            "FROM `acme.shop.people`"
        ),
        lambda: stored.warehouse.dry_run(query),
    ):
        try:
            act()
        except DatoriaError as error:
            stored.check(str(error), repr(error))
    assert stored.warehouse.count(PEOPLE) == 1


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"number": "Sensitive"}, "(column number)"),
        ({"number": ROW}, ""),
        ({"number": {"a": ROW}}, "number"),
        ({"number": [ROW]}, "number"),
        ({"blob": ROW}, ""),
        ({"number": NUMBER * 10**20}, "number"),
    ],
)
def test_a_row_that_is_not_appended_is_not_shown(stored, row, column):
    with pytest.raises(DatoriaError) as caught:
        stored.warehouse.append(PEOPLE, [row])
    stored.check(str(caught.value), repr(caught.value))
    if stored.kind == "embedded":
        assert column in str(caught.value)
    assert stored.warehouse.count(PEOPLE) == 1


@pytest.mark.parametrize(
    "kind",
    [{"name": INT64}, {"name": DATE}, {"name": TIMESTAMP}, {"name": BOOL}, {"name": STRING(3)}],
)
def test_a_rebuild_that_fails_shows_no_value_and_the_ledger_keeps_none(stored, kind):
    with pytest.raises(ApplyError) as caught:
        migrate(stored, people(**kind))
    stored.check(str(caught.value), repr(caught.value.outcomes))
    assert "acme.shop.people: " in str(caught.value)
    kept = [json.dumps(row) for row in stored.store.rows(Ref("table", "acme.datoria.migrations"))]
    assert any('"failed"' in row for row in kept)
    stored.check(*kept)
    assert Ledger(stored.warehouse, Platform.of(people())).read().migrations[-1].status == "failed"
    assert stored.warehouse.count(PEOPLE) == 1


@pytest.mark.parametrize("leaky", ["bigquery"], indirect=True)
@pytest.mark.parametrize(
    "kind",
    [
        "access_denied",
        "quota_exceeded",
        "unavailable",
        "reset_before",
        "malformed",
        "expired_token",
    ],
)
def test_whatever_fails_on_the_way_the_token_is_not_shown(stored, kind):
    stored.server.faults.add(Fault("*", kind, None))
    for act in (
        lambda: stored.warehouse.append(PEOPLE, [{"name": ROW, "number": NUMBER}]),
        lambda: stored.warehouse.query("SELECT name FROM `acme.shop.people`"),
        lambda: stored.warehouse.rows(PEOPLE),
        lambda: stored.warehouse.count(PEOPLE),
        lambda: migrate(stored, people(name=INT64)),
    ):
        with pytest.raises(DatoriaError) as caught:
            act()
        assert caught.value.__suppress_context__
        stored.check(str(caught.value), repr(caught.value))


def test_the_command_line_shows_no_value_of_a_row(project, caplog):
    caplog.set_level(logging.DEBUG)
    project.edit("'ann' AS customer", "'Sensitive' AS customer")
    filled(project)
    project.edit('Field("customer", STRING)', 'Field("customer", INT64)')
    project.edit("'Sensitive' AS customer", "1 AS customer")
    ran = project.datoria("migrate", "--force", "--yes")
    assert ran.code == 1
    assert "acme.shop.orders: Bad value: a value is no INT64" in ran.err
    shown = [ran.out, ran.err, project.datoria("history", "--format", "json").out, caplog.text]
    for words in (
        ["run"],
        ["migrate", "--plan"],
        ["query", "SELECT CAST(customer AS INT64) AS x FROM `acme.shop.orders`"],
    ):
        again = project.datoria(*words)
        shown += [again.out, again.err]
    for printed in shown:
        assert "Sensitive" not in printed


def test_what_libraries_log_of_requests_holds_no_token_and_no_row(caplog):
    caplog.set_level(logging.DEBUG)
    store, token = LocalWarehouse(), Token()
    front = Front(Server(store))
    threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True).start()
    over = bigquery.Client(
        "acme",
        credentials=token,
        client_options={"api_endpoint": front.url},
        _http=AuthorizedSession(token),
    )
    warehouse = BigQueryWarehouse(client=over)
    platform = Platform.of(people())
    apply(plan_migration(platform, warehouse), platform, warehouse)
    warehouse.append(PEOPLE, [{"name": ROW, "number": NUMBER}])
    assert warehouse.query("SELECT name FROM `acme.shop.people`").rows == ((ROW,),)
    with pytest.raises(DatoriaError):
        warehouse.query("SELECT CAST(name AS INT64) AS x FROM `acme.shop.people`")
    front.shutdown()
    front.server_close()
    assert "POST /bigquery/v2/projects/acme/jobs" in caplog.text
    for hidden in (*SHOWN_NEVER, token.token):
        assert hidden not in caplog.text


# Messages of BigQuery, and what is left of them.
MESSAGES = [
    ("Bad int64 value: Sensitive Sam", "Bad int64 value: …"),
    ("Bad double value: it's Sensitive", "Bad double value: …"),
    (
        "Could not cast literal 'it's Sensitive' to type DATE at [1:8]",
        "Could not cast literal '…' to type DATE at [1:8]",
    ),
    ("Invalid date: 'Sensitive'", "Invalid date: …"),
    ('Failed to parse input string "Sensitive"', "Failed to parse input string '…'"),
    ("Division by zero: 734120958 / 0", "Division by zero: …"),
    ("int64 overflow: 734120958 * 10", "int64 overflow: …"),
    ("Invalid NUMERIC value: Sensitive", "Invalid NUMERIC value: …"),
    ("Array index 734120958 is out of bounds", "Array index … is out of bounds"),
    (
        "Error while reading data, error message: Could not parse 'it's Sensitive' as INT64",
        "Error while reading data, error message: Could not parse '…' as INT64",
    ),
    (
        "Error: bad name Sensitive at acme.shop.check(STRING) line 2, columns 6-7",
        "Error: … at acme.shop.check(STRING) line 2, columns 6-7",
    ),
    (
        "Required field number cannot be null",
        "Required field number cannot be null",
    ),
    ("Unrecognized name: customre at [3:1]", "Unrecognized name: customre at [3:1]"),
    (
        "Not found: Table acme:shop.orders was not found in location EU",
        "Not found: Table acme:shop.orders was not found in location EU",
    ),
    (
        "Column day has type INT64, which can't be inserted at [1:40]",
        "Column day has type INT64, which can't be inserted at [1:40]",
    ),
]


@pytest.mark.parametrize(("message", "left"), MESSAGES)
def test_bigquerys_messages_lose_the_value_and_nothing_else(message, left):
    assert without_values(message) == left
    failure = Failure.of_job({"reason": "invalidQuery", "message": message})
    assert str(failure.error("acme.shop.t", "acme")) == left


def test_what_a_query_raises_itself_is_shown_when_it_is_a_literal():
    assert without_values("no orders", "SELECT ERROR('no orders')") == "no orders"
    said = without_values("no orders of Sam", "SELECT ERROR(CONCAT('no orders of ', name))")
    assert said.startswith("The query failed by ERROR(…)")
    wrong = "Unrecognized name: nam at [1:8]"
    assert without_values(wrong, "SELECT ERROR(nam)") == wrong
