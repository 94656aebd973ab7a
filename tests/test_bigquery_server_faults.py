"""The official client against a test server that fails, counts and takes its time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import Credentials
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField as Field

from datoria_dagster.warehouse.local import LocalWarehouse
from tests.bigquery_server import KINDS, Fault, Quotas, Server, client, http_client
from tests.bigquery_shop import ORDERS, PATH, QUICK, Both, contents, error_of, filled

pytest_plugins = "tests.bigquery_fixtures"

FIGURES = Quotas()
# What the client raises, BigQuery's reason if it gives one, and whether the server had acted.
MET = {
    "unavailable": (exceptions.ServiceUnavailable, "backendError", False),
    "bad_gateway": (exceptions.BadGateway, "badGateway", False),
    "internal": (exceptions.InternalServerError, "internalError", False),
    "rate_limited": (exceptions.Forbidden, "rateLimitExceeded", False),
    "too_many_requests": (exceptions.TooManyRequests, "rateLimitExceeded", False),
    "quota_exceeded": (exceptions.Forbidden, "quotaExceeded", False),
    "access_denied": (exceptions.Forbidden, "accessDenied", False),
    "api_disabled": (exceptions.Forbidden, "accessNotConfigured", False),
    "precondition_failed": (exceptions.PreconditionFailed, "conditionNotMet", False),
    "expired_token": (exceptions.Unauthorized, "authError", False),
    "reset_before": (requests.ConnectionError, None, False),
    "reset_after": (requests.ConnectionError, None, True),
    "unavailable_after": (exceptions.ServiceUnavailable, "backendError", True),
    "slow": (requests.ReadTimeout, None, True),
    "truncated": (requests.exceptions.ChunkedEncodingError, None, True),
    "malformed": (requests.exceptions.JSONDecodeError, None, True),
}


def describe(both, text, retry=None):
    table = both.client.get_table(ORDERS)
    table.description = text
    return both.client.update_table(table, ["description"], retry=retry, timeout=1)


def test_every_kind_of_fault_is_tried():
    assert {*MET, "job_failed"} == set(KINDS)


@pytest.mark.parametrize("kind", MET)
def test_a_fault_is_met_once_and_acts_or_not(shop, kind):
    error, reason, acted = MET[kind]
    shop.server.faults.add(Fault("tables.patch *.orders", kind))
    with pytest.raises(error) as caught:
        describe(shop, "First")
    if reason is not None:
        assert caught.value.errors[0]["reason"] == reason
    assert shop.client.get_table(ORDERS).description == ("First" if acted else None)
    assert shop.server.log[-2].fault == kind
    describe(shop, "Second")
    assert shop.client.get_table(ORDERS).description == "Second"


def test_a_job_can_fail_by_itself(shop):
    shop.server.faults.add(Fault("jobs.insert *", "job_failed"))
    job = shop.client.query(f"DROP TABLE {ORDERS}", job_id="drop", job_retry=None)
    with pytest.raises(exceptions.InternalServerError) as caught:
        job.result()
    assert caught.value.errors[0]["reason"] == "backendError"
    assert len(contents(shop)) == 3
    shop.server.faults.add(Fault("jobs.query *", "job_failed"))
    with pytest.raises(exceptions.BadRequest) as caught:
        shop.client.query_and_wait("SELECT 1", job_retry=None)
    assert error_of(caught) == (400, "jobBackendError")


def test_faults_are_scripted_by_call_address_and_count(shop):
    shop.server.faults.add(
        Fault("tables.get *.orders", "unavailable", times=2, skip=1),
        Fault("datasets.* acme.shop", "access_denied", times=None),
    )
    shop.client.get_table(ORDERS, retry=None)
    for _ in range(2):
        with pytest.raises(exceptions.ServiceUnavailable):
            shop.client.get_table(ORDERS, retry=None)
    shop.client.get_table(ORDERS, retry=None)
    for _ in range(3):
        with pytest.raises(exceptions.Forbidden):
            shop.client.get_dataset("acme.shop", retry=None)
    shop.server.faults.clear()
    assert shop.client.get_dataset("acme.shop").location == "EU"
    with pytest.raises(ValueError, match="'odd' is no kind of fault"):
        Fault("*", "odd")


@pytest.mark.parametrize(
    "kind", ["unavailable", "rate_limited", "too_many_requests", "reset_before"]
)
def test_the_client_s_retry_gets_over_what_passes(shop, kind):
    shop.server.faults.add(Fault("tables.get *", kind, times=3))
    assert shop.client.get_table(ORDERS, retry=QUICK).num_rows == 3


def test_an_answer_that_is_lost_makes_the_retry_meet_what_it_did_itself(shop):
    shop.server.faults.add(Fault("tables.insert *.new", "reset_after"))
    with pytest.raises(exceptions.Conflict):
        shop.client.create_table(
            bigquery.Table("acme.shop.new", [Field("x", "INT64")]), retry=QUICK
        )
    shop.server.faults.add(Fault("tables.patch *", "reset_after"))
    with pytest.raises(exceptions.PreconditionFailed):
        describe(shop, "Applied", retry=QUICK)
    assert shop.client.get_table(ORDERS).description == "Applied"
    shop.server.faults.add(Fault("jobs.insert *", "reset_after"))
    with pytest.raises(exceptions.Conflict):
        shop.client.query(f"DROP TABLE {ORDERS}", job_id="drop", job_retry=None, retry=QUICK)
    assert shop.client.get_job("drop", location="EU").state == "DONE"


def test_a_request_without_a_timeout_does_not_hang_in_process():
    both = Both("in process")
    both.server.faults.add(Fault("tables.get *", "slow"))
    with pytest.raises(AssertionError, match="has no timeout"):
        both.client.get_table(ORDERS)
    both.close()


class Expiring(Credentials):
    """A token that is asked for anew when the server refuses it."""

    refreshed = 0

    def refresh(self, request):
        self.refreshed += 1
        self.token = f"token {self.refreshed}"


def test_an_expired_token_is_refreshed_by_the_credentials():
    server = Server(LocalWarehouse())
    server.faults.add(Fault("projects.list *", "expired_token"))
    credentials = Expiring()
    known = client(server.warehouse, server=server, credentials=credentials)
    assert list(known.list_projects()) == []
    assert credentials.refreshed == 2


def plain(both):
    both.client.create_dataset("acme.flat")
    both.client.create_table(bigquery.Table("acme.flat.t", [Field("x", "INT64")]))
    both.clock.sleep(100)


def limited(both, act, count, message, pause):
    """Act as often as the quota allows, once too often, and again after the pause."""
    for number in range(count):
        act(number)
    with pytest.raises(exceptions.GoogleAPICallError, match=message) as caught:
        act(count)
    assert caught.value.errors[0]["reason"] == "rateLimitExceeded"
    both.clock.sleep(pause)
    act(count + 1)


def patched(both, path):
    return lambda number: both.raw("PATCH", path, {"description": str(number)})


def test_a_table_takes_five_updates_in_ten_seconds(make):
    both = make(quotas=FIGURES)
    plain(both)
    path = "/projects/acme/datasets/flat/tables/t"
    limited(both, patched(both, path), 5, "403 .*too many table update operations", 10)


def test_a_partitioned_table_takes_fifty(make):
    both = make(quotas=FIGURES)
    filled(both)
    both.clock.sleep(100)
    message = "403 .*too many partitioned table update operations"
    limited(both, patched(both, f"{PATH}/tables/orders"), 50, message, 10)


def test_statements_and_writing_jobs_share_the_updates_of_a_table(make):
    both = make(quotas=FIGURES)
    plain(both)
    acts = (
        lambda _: both.rows("ALTER TABLE flat.t SET OPTIONS (description = 'x')"),
        lambda _: both.rows(
            "SELECT 1 AS x", destination="acme.flat.t", write_disposition="WRITE_TRUNCATE_DATA"
        ),
    )
    acts[1](0)
    without = {"job_retry": None}
    for _ in range(4):
        acts[0](0)
    with pytest.raises(exceptions.TooManyRequests, match="too many table update operations"):
        both.client.query("ALTER TABLE flat.t ADD COLUMN y INT64", **without).result()
    with pytest.raises(exceptions.BadRequest) as caught:
        both.client.query_and_wait("ALTER TABLE flat.t ADD COLUMN y INT64", **without)
    assert error_of(caught) == (400, "jobRateLimitExceeded")
    both.rows("INSERT INTO flat.t (x) VALUES (1)")
    both.clock.sleep(10)
    acts[0](0)


def test_a_dataset_takes_five_updates_in_ten_seconds(make):
    both = make(quotas=FIGURES)
    plain(both)
    message = "403 .*too many dataset metadata update operations"
    limited(both, patched(both, "/projects/acme/datasets/flat"), 5, message, 10)


def test_ten_tables_are_inserted_in_a_second(make):
    both = make(quotas=FIGURES)
    plain(both)

    def insert(number):
        table = bigquery.Table(f"acme.flat.t{number}", [Field("x", "INT64")])
        both.client.create_table(table, retry=None)

    limited(both, insert, 10, "403 .*too many API requests per user per method", 1)


def test_a_method_is_called_a_hundred_times_in_a_second(make):
    both = make(quotas=FIGURES)
    plain(both)

    def get(_):
        both.client.get_table("acme.flat.t", retry=None)

    limited(both, get, 100, "403 .*too many API requests per user per method", 1)


def test_the_writes_of_a_day_run_out_for_good(make):
    both = make(quotas=Quotas(table_writes_per_day=2))
    plain(both)
    written = {"destination": "acme.flat.t", "write_disposition": "WRITE_TRUNCATE_DATA"}
    for _ in range(2):
        both.rows("SELECT 1 AS x", **written)
    both.clock.sleep(3600)
    with pytest.raises(exceptions.Forbidden, match="Quota exceeded") as caught:
        both.rows("SELECT 1 AS x", **written)
    assert caught.value.errors[0]["reason"] == "quotaExceeded"


def test_latency_passes_by_the_server_s_clock(make):
    both = make(latency=0.15)
    before = both.clock.now()
    list(both.client.list_datasets())
    assert both.clock.now() - before == pytest.approx(0.15)


def test_requests_are_logged_by_method(shop):
    known = [(logged.method, logged.name, logged.status) for logged in shop.server.log[:2]]
    assert known == [("POST", "datasets.insert", 200), ("POST", "tables.insert", 200)]
    assert shop.server.log[0].path == "/bigquery/v2/projects/acme/datasets"


def test_a_project_of_somebody_else_is_refused(make):
    both = make(projects={"other"})
    with pytest.raises(exceptions.Forbidden, match="Access Denied: Project acme") as caught:
        both.client.create_dataset("acme.shop")
    assert error_of(caught) == (403, "accessDenied")


def test_of_those_who_update_the_same_etag_at_once_one_wins(shop):
    etag = shop.client.get_dataset("acme.shop").etag

    def swap(number):
        try:
            shop.client._call_api(
                None,
                method="PATCH",
                path=PATH,
                data={"labels": {"holder": f"h{number}"}},
                headers={"If-Match": etag},
            )
        except exceptions.PreconditionFailed:
            return None
        return f"h{number}"

    with ThreadPoolExecutor(8) as pool:
        won = [holder for holder in pool.map(swap, range(8)) if holder]
    assert len(won) == 1
    assert shop.client.get_dataset("acme.shop").labels == {"holder": won[0]}


def test_a_job_that_is_sent_at_once_by_many_runs_once(shop):
    def send(_):
        try:
            sql = f"INSERT INTO {ORDERS} (n) VALUES (4)"
            shop.client.query(sql, job_id="one", job_retry=None).result()
        except exceptions.Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == 1
    assert len(contents(shop)) == 4


def serving(folder, **more):
    command = [sys.executable, "-m", "tests.bigquery_server", "--port", "0", "--quotas"]
    started = subprocess.Popen(
        [*command, "--data", str(folder / "data.duckdb")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        **more,
    )
    # Nothing, when it has stopped at once.
    return started, http_client(started.stdout.readline().rpartition(" ")[2].strip())


def test_the_server_of_the_command_line_keeps_its_data_in_a_file(tmp_path):
    started, known = serving(tmp_path)
    known.create_dataset("acme.shop")
    known.query_and_wait("CREATE TABLE acme.shop.t AS SELECT 1 AS x")
    started.kill()
    started.communicate()
    started, known = serving(tmp_path)
    assert [tuple(row) for row in known.query_and_wait("SELECT x FROM shop.t")] == [(1,)]
    started.terminate()
    started.communicate()


def test_the_command_line_says_why_it_cannot_serve(tmp_path):
    (tmp_path / "data.duckdb").write_text("something else")
    started, _ = serving(tmp_path, stderr=subprocess.PIPE)
    _, said = started.communicate()
    assert started.returncode == 1
    assert "is not a DuckDB database; nothing was changed" in said
