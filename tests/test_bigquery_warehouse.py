"""BigQuery through its official client, on a server that loses answers and keeps quotas."""

from concurrent.futures import ThreadPoolExecutor

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from datoria_dagster.settings import Settings, SettingsError, open_warehouse
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, Options
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    Ref,
    Refused,
    Unavailable,
)
from tests.bigquery_server import Fault, ManualClock, Quotas, Server, client

DATASET = Ref("dataset", "acme.shop")
ORDERS = Ref("table", "acme.shop.orders")
DOUBLE = Ref("routine", "acme.shop.double")
ALTER = "ALTER TABLE `acme.shop.orders` "
LOST = ("reset_after", "slow", "truncated", "malformed", "unavailable_after")
REFUSED = ("reset_before", "unavailable", "bad_gateway", "internal", "rate_limited")
PASSING = (*LOST, *REFUSED, "too_many_requests", "expired_token")


def column(name, kind, mode="NULLABLE", **more):
    return {"name": name, "type": kind, "mode": mode, **more}


FIELDS = [column("day", "DATE"), column("amount", "INTEGER")]
TABLE = {"schema": {"fields": FIELDS}, "timePartitioning": {"type": "DAY", "field": "day"}}


class Shop:
    """A dataset with a table, a server in front of it, and the warehouse that talks to that."""

    def __init__(self, options=None, **of_server):
        self.clock = ManualClock()
        self.local = LocalWarehouse()
        self.server = Server(self.local, clock=self.clock, **of_server)
        self.local.create(DATASET, {"location": "EU"})
        self.local.create(ORDERS, TABLE)
        self.local.append(ORDERS, [{"day": "2013-01-30", "amount": 5}])
        self.warehouse = self.other(options)
        self.started = self.clock.now()

    def other(self, options=None):
        return BigQueryWarehouse(
            options, client=client(self.local, server=self.server), clock=self.clock
        )

    def fail(self, match, kind, times=1):
        self.server.faults.add(Fault(match, kind, times))

    def sent(self, method):
        return [logged for logged in self.server.log if logged.name == method]

    @property
    def waited(self):
        return self.clock.now() - self.started

    @property
    def body(self):
        return self.local.read([ORDERS])[ORDERS].body

    @property
    def etag(self):
        return self.local.read([ORDERS])[ORDERS].etag

    def labels(self):
        return [job.configuration["labels"] for job in self.server.jobs.of("acme")]


@pytest.fixture
def shop():
    return Shop()


@pytest.mark.parametrize("kind", PASSING)
def test_a_table_is_created_once(shop, kind):
    new = Ref("table", "acme.shop.new")
    shop.fail("tables.insert *", kind)
    created = shop.warehouse.create(new, {**TABLE, "labels": {"a": "b"}, "description": "New."})
    assert shop.local.read([new])[new].etag == created.etag
    assert created.body["description"] == "New."
    assert len(shop.sent("tables.insert")) == 2


@pytest.mark.parametrize("kind", PASSING)
def test_a_patch_is_made_once(shop, kind):
    shop.fail("tables.patch *", kind)
    change = {"schema": {"fields": [*FIELDS, {"name": "x", "type": "INT64"}]}, "labels": {"a": "b"}}
    patched = shop.warehouse.patch(ORDERS, change, shop.etag)
    assert patched.etag == shop.etag
    assert shop.body["schema"]["fields"] == [*FIELDS, column("x", "INTEGER")]
    shop.fail("tables.patch *", kind)
    shop.warehouse.patch(ORDERS, {"labels": {"a": None}}, patched.etag)
    assert "labels" not in shop.body


@pytest.mark.parametrize("kind", PASSING)
def test_a_routine_is_made_and_replaced_once(shop, kind):
    body = {
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "arguments": [{"name": "x", "dataType": {"typeKind": "INT64"}}],
        "definitionBody": "x * 2",
    }
    shop.fail("routines.insert *", kind)
    made = shop.warehouse.create(DOUBLE, body)
    shop.fail("routines.update *", kind)
    after = shop.warehouse.replace(DOUBLE, {**body, "definitionBody": "x + x"}, made.etag)
    assert shop.local.read([DOUBLE])[DOUBLE].etag == after.etag
    assert after.body["definitionBody"] == "x + x"
    with pytest.raises(Refused, match="can't be patched"):
        shop.warehouse.patch(DOUBLE, body, None)


@pytest.mark.parametrize("kind", PASSING)
def test_a_table_is_deleted_once(shop, kind):
    shop.fail("tables.delete *", kind)
    shop.warehouse.delete(ORDERS, shop.etag)
    assert shop.local.read([ORDERS]) == {}
    with pytest.raises(NotFound):
        shop.warehouse.delete(ORDERS, None)


@pytest.mark.parametrize("method", ["jobs.insert *", "jobs.getQueryResults *", "jobs.get *"])
@pytest.mark.parametrize("kind", PASSING)
def test_a_statement_runs_once(shop, method, kind):
    shop.fail(method, kind)
    shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    shop.fail(method, kind)
    shop.warehouse.append(ORDERS, [{"day": "2013-01-31", "amount": 7, "note": "x"}])
    shop.fail(method, kind)
    found = "SELECT day, amount FROM `acme.shop.orders` WHERE amount = 7"
    assert shop.warehouse.write(found, ORDERS, "20130131") == 1
    assert [row["amount"] for row in shop.local.rows(ORDERS)] == [5, 7]
    assert shop.warehouse.query("SELECT SUM(amount) AS s FROM `acme.shop.orders`").rows == ((12,),)


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize(
    "method", ["tables.get", "tables.list", "routines.list", "tabledata.list", "datasets.get"]
)
def test_reads_are_asked_again(shop, method, kind):
    shop.fail(f"{method} *", kind)
    refs = [ORDERS, DATASET, DOUBLE, Ref("table", "acme.shop.nope")]
    assert set(shop.warehouse.read(refs)) == {ORDERS, DATASET}
    assert shop.warehouse.list("acme.shop") == (ORDERS,)
    assert shop.warehouse.rows(ORDERS) == ({"day": "2013-01-30", "amount": 5},)


def test_a_statement_that_broke_halfway_is_not_run_again_and_a_query_is(shop):
    shop.fail("jobs.insert *", "job_failed")
    with pytest.raises(Unavailable, match="may or may not have been carried out"):
        shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    assert len(shop.sent("jobs.insert")) == 1
    shop.server.faults.add(Fault("jobs.insert *", "job_failed", 1, 1))
    assert shop.warehouse.query("SELECT 1 AS x").rows == ((1,),)


def test_what_was_lost_and_isnt_there_is_told(shop):
    shop.fail("tables.insert *", "reset_before", None)
    new = Ref("table", "acme.shop.new")
    with pytest.raises(Unavailable, match=r"no answer about acme\.shop\.new.*run this again"):
        shop.warehouse.create(new, TABLE)
    shop.fail("jobs.insert *", "reset_before", None)
    with pytest.raises(Unavailable, match=r"no answer about acme\.shop\.orders"):
        shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    assert [field["name"] for field in shop.body["schema"]["fields"]] == ["day", "amount"]


def test_what_somebody_else_made_meanwhile_is_not_taken_for_ours(shop):
    shop.fail("tables.insert *", "unavailable")
    with pytest.raises(AlreadyExists, match="Already Exists"):
        shop.warehouse.create(ORDERS, {"schema": {"fields": [column("x", "STRING")]}})
    stale = shop.etag
    shop.local.patch(ORDERS, {"description": "theirs"}, None)
    shop.fail("tables.patch *", "unavailable")
    with pytest.raises(PreconditionFailed, match=r"acme\.shop\.orders has changed"):
        shop.warehouse.patch(ORDERS, {"description": "ours"}, stale)
    shop.fail("tables.delete *", "unavailable")
    with pytest.raises(PreconditionFailed, match="has changed"):
        shop.warehouse.delete(ORDERS, stale)
    assert shop.body["description"] == "theirs"


def test_a_412_for_the_current_etag_is_asked_again(shop):
    shop.fail("tables.patch *", "precondition_failed", 2)
    shop.warehouse.patch(ORDERS, {"description": "new"}, shop.etag)
    assert shop.body["description"] == "new"
    shop.fail("tables.patch *", "precondition_failed", None)
    with pytest.raises(Refused, match="Precondition check failed"):
        shop.warehouse.patch(ORDERS, {"description": "newer"}, shop.etag)


def test_a_rate_is_waited_for_and_a_quota_stops(shop):
    shop.fail("tables.patch *", "rate_limited", 5)
    shop.warehouse.patch(ORDERS, {"description": "new"}, None)
    assert shop.waited >= 1 + 2 + 4 + 8 + 16
    shop.fail("tables.patch *", "quota_exceeded", None)
    before = len(shop.sent("tables.patch"))
    with pytest.raises(Unavailable, match=r"Quota exceeded.*What was done stays done"):
        shop.warehouse.patch(ORDERS, {"description": "newer"}, None)
    assert len(shop.sent("tables.patch")) == before + 1


def test_quotas_are_kept_before_bigquery_refuses():
    shop = Shop(quotas=Quotas())
    plain = Ref("table", "acme.shop.plain")
    shop.warehouse.create(plain, {"schema": {"fields": FIELDS}})
    for number in range(14):
        shop.warehouse.patch(plain, {"description": str(number)}, None)
        shop.warehouse.patch(DATASET, {"description": str(number)}, None)
    assert 20 <= shop.waited <= 42
    shop.warehouse.read([ORDERS])
    for number in range(60):
        day = f"2013-02-{number % 28 + 1:02}"
        shop.warehouse.write(
            f"SELECT DATE '{day}' AS day, 1 AS amount", ORDERS, day.replace("-", "")
        )
    for number in range(30):
        shop.warehouse.create(Ref("table", f"acme.shop.t{number}"), TABLE)
    shop.warehouse.read([Ref("table", f"acme.shop.t{number % 30}") for number in range(300)])
    assert [logged for logged in shop.server.log if logged.status == 403] == []


def test_a_statement_that_was_refused_for_its_rate_runs_later():
    shop = Shop(quotas=Quotas())
    plain = Ref("table", "acme.shop.plain")
    shop.local.create(plain, {"schema": {"fields": FIELDS}})
    # Two migrating users have no idea of one another.
    one, other = shop.other(), shop.other()
    for number in range(8):
        one.execute(f"ALTER TABLE `acme.shop.plain` ADD COLUMN a{number} STRING")
        other.execute(f"ALTER TABLE `acme.shop.plain` ADD COLUMN b{number} STRING")
    assert len(shop.local.read([plain])[plain].body["schema"]["fields"]) == 18


def test_many_tables_are_read_at_once():
    shop = Shop()
    refs = [Ref("table", f"acme.shop.t{number:03}") for number in range(100)]
    for ref in refs:
        shop.local.create(ref, TABLE)
    found = shop.warehouse.read([*refs, ORDERS, ORDERS])
    assert set(found) == {*refs, ORDERS}
    assert len(shop.sent("tables.get")) == 101
    assert "numRows" not in found[ORDERS].body


def test_partition_facts_cost_a_query_per_dataset(shop):
    other = Ref("dataset", "acme.other")
    shop.local.create(other, {"location": "US"})
    there = Ref("table", "acme.other.t")
    empty = Ref("table", "acme.shop.no rows")
    shop.local.create(there, {"schema": {"fields": FIELDS}})
    shop.local.create(empty, TABLE)
    shop.local.append(there, [{"amount": 1}])
    missing = Ref("table", "acme.nowhere.t")
    facts = shop.warehouse.partitions([there, ORDERS, empty, missing])
    assert {ref: [(f.id, f.rows) for f in some] for ref, some in facts.items()} == {
        ORDERS: [("20130130", 1)],
        there: [("", 1)],
    }
    assert len(shop.sent("jobs.insert")) == 2


def test_streamed_rows_are_counted_by_a_query(shop):
    assert shop.warehouse.count(ORDERS) == 1
    assert shop.sent("jobs.insert") == []
    shop.local.stream(ORDERS, [{"amount": 1}, {"amount": 2}])
    assert shop.warehouse.count(ORDERS) == 3
    assert len(shop.sent("jobs.insert")) == 1


def test_row_access_policies_are_listed(shop):
    create = "CREATE ROW ACCESS POLICY {} ON `acme.shop.orders` FILTER USING (amount > 5)"
    shop.warehouse.execute(create.format("some"))
    shop.local.execute(create.format("other"))
    nope = Ref("table", "acme.shop.nope")
    assert shop.warehouse.policies([DATASET, ORDERS, nope]) == {ORDERS: ("other", "some")}


def test_jobs_are_labelled_and_limited():
    shop = Shop(Options(maximum_bytes_billed=20_000_000))
    with shop.warehouse.session("0a723bd1"):
        shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    shop.warehouse.append(ORDERS, [{"amount": 1}])
    append, statement = shop.labels()
    assert append == {"datoria": "append"}
    assert statement == {"datoria": "statement", "datoria-migration": "0a723bd1"}
    configuration = shop.server.jobs.of("acme")[0].configuration["query"]
    assert configuration["maximumBytesBilled"] == "20000000"
    tight = shop.other(Options(maximum_bytes_billed=1))
    shop.local.append(ORDERS, [{"amount": 1}] * 50)
    with pytest.raises(Unavailable, match=r"Raise maximum-bytes-billed under \[tool.datoria\]"):
        tight.query("SELECT * FROM `acme.shop.orders`")


def test_jobs_cannot_change_a_schema(shop):
    shop.warehouse.write("SELECT DATE '2013-01-31' AS day, 1 AS amount", ORDERS, "20130131")
    shop.warehouse.write("SELECT DATE '2013-01-31' AS day, 1 AS amount", ORDERS, None)
    whole, part = (job.configuration["query"] for job in shop.server.jobs.of("acme"))
    assert whole["writeDisposition"] == "WRITE_TRUNCATE_DATA"
    assert part["writeDisposition"] == "WRITE_TRUNCATE"
    assert part["destinationTable"]["tableId"] == "orders$20130131"
    for given in (whole, part):
        assert given["createDisposition"] == "CREATE_NEVER"
        assert "schemaUpdateOptions" not in given


def test_a_query_may_end_with_a_comment_and_a_semicolon(shop):
    query = "SELECT 3 AS AMOUNT FROM `acme.shop.orders` -- three\n;\n"
    assert shop.warehouse.write(query, ORDERS, None) == 1
    assert shop.local.rows(ORDERS) == ({"day": None, "amount": 3},)
    with_comment = "/* why */ (SELECT 4 AS amount) -- four"
    assert shop.warehouse.write(with_comment, ORDERS, None) == 1
    assert shop.local.rows(ORDERS) == ({"day": None, "amount": 4},)


def test_an_interrupted_job_is_cancelled():
    shop = Shop(job_seconds=3600)

    class Impatient(ManualClock):
        def sleep(self, seconds):
            if seconds > 1:
                raise KeyboardInterrupt
            super().sleep(seconds)

    shop.server.clock = Impatient(shop.clock.now())
    with pytest.raises(KeyboardInterrupt):
        shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    assert len(shop.sent("jobs.cancel")) == 1
    assert shop.server.jobs.of("acme")[0].error.reason == "stopped"
    assert len(shop.body["schema"]["fields"]) == 2


def test_a_long_job_is_waited_for():
    shop = Shop(job_seconds=3600)
    shop.warehouse.execute(ALTER + "ADD COLUMN note STRING")
    assert len(shop.body["schema"]["fields"]) == 3
    assert shop.waited >= 3600


def test_results_come_in_pages(shop):
    numbers = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS x"
    assert len(shop.warehouse.query(numbers).rows) == 25_000
    shop.local.append(ORDERS, [{"amount": 1}] * 2500)
    assert len(shop.warehouse.rows(ORDERS)) == 2501


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("access_denied", "Ask for a role that allows it"),
        ("api_disabled", "gcloud services enable bigquery.googleapis.com --project acme"),
        ("expired_token", "gcloud auth application-default login"),
        ("unavailable", "run this again|Run this again"),
    ],
)
def test_what_has_to_be_done_is_said(shop, kind, message):
    shop.fail("*", kind, None)
    for act in (
        lambda: shop.warehouse.read([ORDERS]),
        lambda: shop.warehouse.list("acme.shop"),
        lambda: shop.warehouse.query("SELECT 1"),
        lambda: shop.warehouse.execute("DROP TABLE `acme.shop.orders`"),
        lambda: shop.warehouse.append(ORDERS, [{"amount": 1}]),
        lambda: shop.warehouse.partitions([ORDERS]),
        lambda: shop.warehouse.count(ORDERS),
        lambda: shop.warehouse.policies([ORDERS]),
    ):
        with pytest.raises(Unavailable, match=message) as caught:
            act()
        assert "https://" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert shop.local.count(ORDERS) == 1


def test_a_project_of_others_is_not_an_empty_one():
    shop = Shop(projects=("acme",))
    with pytest.raises(Unavailable, match="Access Denied: Project elsewhere"):
        shop.warehouse.read([Ref("table", "elsewhere.shop.orders")])


def test_a_query_over_two_locations_says_which(shop):
    there = Ref("table", "acme.other.t")
    shop.local.create(there.dataset, {"location": "US"})
    shop.local.create(there, TABLE)
    query = "SELECT t.day FROM `acme.shop.orders` AS o JOIN `acme.other.t` AS t USING (day)"
    with pytest.raises(Unavailable, match=r"acme\.other is in US, but this runs in EU"):
        shop.warehouse.query(query)


def test_jobs_run_in_the_project_of_the_settings(shop):
    shop.other(Options(project="billing")).execute(ALTER + "ADD COLUMN note STRING")
    assert len(shop.server.jobs.of("billing")) == 1
    shop.warehouse.query("SELECT 1 AS x")
    assert len(shop.server.jobs.of("acme")) == 1


def test_values_of_rows_are_in_no_error(shop):
    for row in ({"amount": "secret"}, {"day": "secret"}):
        with pytest.raises(Refused) as caught:
            shop.warehouse.append(ORDERS, [row])
        assert "secret" not in str(caught.value)
    shop.local.create(Ref("table", "acme.shop.t"), {"schema": {"fields": [column("s", "STRING")]}})
    shop.local.append(Ref("table", "acme.shop.t"), [{"s": "secret"}])
    with pytest.raises(Refused) as caught:
        shop.warehouse.query("SELECT CAST(s AS INT64) AS x FROM `acme.shop.t`")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["été", "a b", "x-y", "表", "a–b", "_1"])
def test_names_reach_the_server_as_data(shop, name):
    table = Ref("table", f"acme.shop.{name}")
    created = shop.warehouse.create(table, TABLE)
    assert shop.warehouse.read([table]) == {table: created}
    shop.warehouse.append(table, [{"day": "2013-01-01", "amount": 1}])
    assert shop.warehouse.write(f"SELECT amount FROM `acme.shop.{name}`", table, None) == 1
    assert table in shop.warehouse.list("acme.shop")
    shop.warehouse.delete(table, created.etag)
    assert shop.local.read([table]) == {}


def test_threads_share_a_warehouse(shop):
    def write(day):
        query = f"SELECT DATE '2013-03-{day:02}' AS day, {day} AS amount"
        return shop.warehouse.write(query, ORDERS, f"201303{day:02}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(1, 25))) == [1] * 24
    assert shop.local.count(ORDERS) == 25


def test_without_credentials_nothing_but_the_first_request_fails(monkeypatch, tmp_path):
    def none(**_):
        raise DefaultCredentialsError("token=abc")

    monkeypatch.setattr(google.auth, "default", none)
    warehouse = open_warehouse(Settings(tmp_path, "", "bigquery"))
    with pytest.raises(Unavailable, match="gcloud auth application-default login") as caught:
        warehouse.read([ORDERS])
    assert "abc" not in str(caught.value)
    warehouse.close()


class Revoked(AnonymousCredentials):
    def before_request(self, request, method, url, headers):
        raise RefreshError("invalid_grant: ya29.secret", {"refresh_token": "secret"})


def test_revoked_credentials_are_told_without_them(shop):
    theirs = client(shop.local, server=shop.server, credentials=Revoked())
    warehouse = BigQueryWarehouse(client=theirs, clock=shop.clock)
    with pytest.raises(Unavailable, match="expired or were revoked") as caught:
        warehouse.read([ORDERS])
    assert "secret" not in str(caught.value)


def test_credentials_are_impersonated_and_the_pool_is_as_large_as_the_threads(monkeypatch):
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), "own"))
    monkeypatch.delenv("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", raising=False)
    warehouse = BigQueryWarehouse(Options(impersonate="deploy@acme.iam.gserviceaccount.com"))
    opened = warehouse._client._opened(None)
    assert opened.project == "own"
    assert opened._credentials.service_account_email == "deploy@acme.iam.gserviceaccount.com"
    assert opened._http.get_adapter("https://bigquery.googleapis.com")._pool_maxsize == 32
    warehouse.close()
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), None))
    with pytest.raises(Unavailable, match=r"project = … under \[tool.datoria\]"):
        BigQueryWarehouse().query("SELECT 1")


def test_the_settings_of_bigquery_are_read(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"

    def settings(text):
        file.write_text(f"[tool.datoria]\n{text}\n", encoding="utf-8")
        return Settings.load(None, "bigquery")

    found = settings('project = "billing"\nimpersonate = "a@b"\nmaximum-bytes-billed = 10')
    assert (found.project, found.impersonate, found.maximum_bytes_billed) == ("billing", "a@b", 10)
    assert isinstance(open_warehouse(found), BigQueryWarehouse)
    for wrong in ("project = 1", 'impersonate = ""', "maximum-bytes-billed = 0"):
        with pytest.raises(SettingsError, match=f"{wrong.split()[0]} is .*; it must be"):
            settings(wrong)
