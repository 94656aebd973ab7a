"""The official client against the test server: query, copy and load jobs."""

from datetime import UTC, date, datetime

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField as Field

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_shop import ORDERS, contents, error_of

pytest_plugins = "tests.bigquery_fixtures"

SHOP = Ref("dataset", "acme.shop")
DRY = {"dry_run": True, "use_query_cache": False}


def test_a_dry_run_says_what_a_query_returns_and_reads_and_runs_nothing(shop):
    job = shop.client.query(f"SELECT n, s FROM {ORDERS}", bigquery.QueryJobConfig(**DRY))
    assert [(field.name, field.field_type) for field in job.schema] == [
        ("n", "INTEGER"),
        ("s", "STRING"),
    ]
    assert (job.statement_type, job.state, job.job_id) == ("SELECT", "DONE", None)
    assert [table.table_id for table in job.referenced_tables] == ["orders"]
    # Three rows: a DATE and an INT64 of 8 bytes, a STRING by a round figure of 12.
    assert job.total_bytes_processed == 3 * (8 + 8 + 12)
    with pytest.raises(exceptions.BadRequest, match="nope"):
        shop.client.query(f"SELECT nope FROM {ORDERS}", bigquery.QueryJobConfig(**DRY))


def test_a_dry_run_of_a_statement_refuses_what_would_be_refused_and_changes_nothing(shop):
    config = bigquery.QueryJobConfig(**DRY)
    job = shop.client.query(f"DROP TABLE {ORDERS}", config)
    assert job.statement_type == "DROP_TABLE"
    with pytest.raises(exceptions.BadRequest, match="day"):
        shop.client.query(f"ALTER TABLE {ORDERS} DROP COLUMN day", config)
    with pytest.raises(exceptions.NotFound):
        shop.client.query("DROP TABLE acme.shop.nope", config)
    assert len(contents(shop)) == 3


@pytest.mark.parametrize(
    ("statement", "kind", "done"),
    [
        ("CREATE TABLE acme.shop.t (x INT64)", "CREATE_TABLE", "CREATE"),
        ("CREATE TABLE IF NOT EXISTS shop.orders (x INT64)", "CREATE_TABLE", "SKIP"),
        ("CREATE TABLE acme.shop.t AS SELECT 1 AS x", "CREATE_TABLE_AS_SELECT", "CREATE"),
        ("CREATE OR REPLACE VIEW acme.shop.v AS SELECT 1 AS x", "CREATE_VIEW", "CREATE"),
        ("ALTER TABLE acme.shop.orders ADD COLUMN x INT64", "ALTER_TABLE", "ALTER"),
        ("DROP TABLE acme.shop.orders", "DROP_TABLE", "DROP"),
        ("DROP TABLE IF EXISTS acme.shop.none", "DROP_TABLE", "SKIP"),
        ("CREATE SNAPSHOT TABLE shop.s CLONE acme.shop.orders", "CREATE_SNAPSHOT_TABLE", "CREATE"),
        ("CREATE FUNCTION shop.f() AS (1)", "CREATE_FUNCTION", "CREATE"),
        ("CREATE SCHEMA other", "CREATE_SCHEMA", "CREATE"),
        ("ALTER SCHEMA shop SET OPTIONS (description = 'x')", "ALTER_SCHEMA", "ALTER"),
    ],
)
def test_a_statement_s_job_says_what_it_did(shop, statement, kind, done):
    job = shop.client.query(statement)
    assert list(job.result()) == []
    assert (job.statement_type, job.ddl_operation_performed) == (kind, done)


def test_an_insert_counts_its_rows(shop):
    job = shop.client.query(f"INSERT INTO {ORDERS} (n) SELECT n + 10 FROM {ORDERS} WHERE n > 1")
    job.result()
    assert (job.num_dml_affected_rows, job.dml_stats.inserted_row_count) == (2, 2)


def test_names_get_the_job_s_project_and_default_dataset(shop):
    counted = "SELECT COUNT(*) FROM {}"
    assert shop.rows(counted.format("shop.orders")) == [(3,)]
    assert shop.rows(counted.format("orders"), default_dataset="acme.shop") == [(3,)]
    named = "WITH some AS (SELECT 1 AS x) SELECT COUNT(*) FROM some"
    assert shop.rows(named, default_dataset="acme.shop") == [(1,)]
    with pytest.raises(exceptions.BadRequest, match="must be qualified with a dataset"):
        shop.rows(counted.format("orders"))


def test_parameters_are_values_of_their_types(shop):
    given = [
        bigquery.ScalarQueryParameter("n", "INT64", 2),
        bigquery.ScalarQueryParameter("t", "TIMESTAMP", datetime(2013, 1, 2, 3, tzinfo=UTC)),
        bigquery.ScalarQueryParameter("b", "BYTES", b"\x00'"),
        bigquery.ScalarQueryParameter("none", "DATE", None),
        bigquery.ArrayQueryParameter("days", "DATE", [date(2013, 1, 1), date(2013, 1, 2)]),
        bigquery.StructQueryParameter("st", bigquery.ScalarQueryParameter("a", "FLOAT64", 0.5)),
    ]
    query = "SELECT @n + 1 AS n, @t AS t, @b AS b, @none AS d, ARRAY_LENGTH(@days) AS l, @st AS s"
    assert shop.rows(query, query_parameters=given) == [
        (3, datetime(2013, 1, 2, 3, tzinfo=UTC), b"\x00'", None, 2, {"a": 0.5})
    ]
    marks = [bigquery.ScalarQueryParameter(None, "STRING", "?")]
    assert shop.rows("SELECT ? AS x, '?' AS y", query_parameters=marks) == [("?", "?")]
    with pytest.raises(exceptions.BadRequest, match="parameter 'm' not found"):
        shop.rows("SELECT @m", query_parameters=given)


NEW = "SELECT DATE '2013-01-01' AS day, 9 AS n, 'z' AS s"
FIRST, SECOND, THIRD = (
    (date(2013, 1, 1), 1, "a"),
    (date(2013, 1, 1), 2, "b"),
    (date(2013, 1, 2), 3, "c"),
)
NINTH = (date(2013, 1, 1), 9, "z")


@pytest.mark.parametrize(
    ("table", "disposition", "after"),
    [
        ("orders", "WRITE_TRUNCATE", [NINTH]),
        ("orders", "WRITE_TRUNCATE_DATA", [NINTH]),
        ("orders", "WRITE_APPEND", [FIRST, SECOND, NINTH, THIRD]),
        ("orders$20130101", "WRITE_TRUNCATE", [NINTH, THIRD]),
        ("orders$20130101", "WRITE_TRUNCATE_DATA", [NINTH, THIRD]),
    ],
)
def test_rows_are_written_by_the_disposition(shop, table, disposition, after):
    rows = shop.rows(NEW, destination=f"acme.shop.{table}", write_disposition=disposition)
    assert rows == [NINTH]
    assert contents(shop) == after


def test_write_empty_writes_only_to_what_is_empty_or_not_there(shop):
    with pytest.raises(exceptions.Conflict, match=r"Already Exists: Table acme:shop\.orders"):
        shop.rows(NEW, destination=ORDERS)
    shop.rows(NEW, destination="acme.shop.fresh")
    assert contents(shop, "acme.shop.fresh") == [NINTH]
    never = {"destination": "acme.shop.other", "create_disposition": "CREATE_NEVER"}
    with pytest.raises(exceptions.NotFound, match=r"acme:shop\.other"):
        shop.rows(NEW, **never)


def test_only_write_truncate_of_a_whole_table_changes_its_schema(shop):
    wider = {"destination": ORDERS, "write_disposition": "WRITE_TRUNCATE_DATA"}
    with pytest.raises(exceptions.BadRequest, match="Cannot add fields"):
        shop.rows(f"{NEW}, 1 AS more", **wider)
    appended = {"destination": ORDERS, "write_disposition": "WRITE_APPEND"}
    with pytest.raises(exceptions.BadRequest, match="has changed type from INTEGER to FLOAT"):
        shop.rows("SELECT 1.5 AS n", **appended)
    assert len(contents(shop)) == 3
    shop.rows(f"{NEW}, 1 AS more", destination=ORDERS, write_disposition="WRITE_TRUNCATE")
    table = shop.client.get_table(ORDERS)
    assert [field.name for field in table.schema] == ["day", "n", "s", "more"]
    assert table.time_partitioning.field == "day"


def test_rows_of_another_partition_are_refused(shop):
    other = {"destination": f"{ORDERS}$20130102", "write_disposition": "WRITE_TRUNCATE"}
    with pytest.raises(exceptions.BadRequest, match="belong to different partitions"):
        shop.rows(NEW, **other)
    assert len(contents(shop)) == 3


def test_rows_are_appended_to_a_partition_of_ingestion_time(shop):
    table = bigquery.Table("acme.shop.log", [Field("n", "INT64")])
    table.time_partitioning = bigquery.TimePartitioning()
    shop.client.create_table(table)
    for _ in range(2):
        shop.rows(
            "SELECT 1 AS n", destination="acme.shop.log$20130101", write_disposition="WRITE_APPEND"
        )
    assert shop.client.list_partitions("acme.shop.log") == ["20130101"]
    assert contents(shop, "acme.shop.log") == [(1,), (1,)]


@pytest.mark.parametrize(
    ("kind", "type_"), [("SNAPSHOT", "SNAPSHOT"), ("CLONE", "TABLE"), ("COPY", "TABLE")]
)
def test_tables_are_copied(shop, kind, type_):
    config = bigquery.CopyJobConfig(operation_type=kind)
    shop.client.copy_table(ORDERS, "acme.shop.kept", job_config=config).result()
    assert shop.client.get_table("acme.shop.kept").table_type == type_
    assert len(contents(shop, "acme.shop.kept")) == 3
    with pytest.raises(exceptions.Conflict):
        shop.client.copy_table(ORDERS, "acme.shop.kept", job_config=config).result()


def test_a_snapshot_is_restored(shop):
    for kind, source, target in (("SNAPSHOT", "orders", "kept"), ("RESTORE", "kept", "back")):
        config = bigquery.CopyJobConfig(operation_type=kind)
        shop.client.copy_table(
            f"acme.shop.{source}", f"acme.shop.{target}", job_config=config
        ).result()
    assert shop.client.get_table("acme.shop.back").table_type == "TABLE"
    assert len(contents(shop, "acme.shop.back")) == 3


def test_json_rows_are_loaded(shop):
    config = bigquery.LoadJobConfig(schema=[Field("n", "INT64"), Field("s", "STRING")])
    rows = [{"n": 1, "s": "ä\n"}, {"n": 2}]
    job = shop.client.load_table_from_json(rows, "acme.shop.loaded", job_config=config)
    assert job.result().output_rows == 2
    assert contents(shop, "acme.shop.loaded") == [(1, "ä\n"), (2, None)]
    bad = shop.client.load_table_from_json([{"n": "x"}], "acme.shop.loaded", job_config=config)
    with pytest.raises(exceptions.BadRequest):
        bad.result()
    assert len(contents(shop, "acme.shop.loaded")) == 2


def test_a_job_id_is_used_once(shop):
    config = bigquery.QueryJobConfig(labels={"step": "1"})
    shop.client.query("SELECT 1", config, job_id="mine", job_retry=None).result()
    with pytest.raises(exceptions.Conflict, match=r"Already Exists: Job acme:US\.mine") as caught:
        shop.client.query("SELECT 2", job_id="mine", job_retry=None)
    assert error_of(caught) == (409, "duplicate")
    job = shop.client.get_job("mine", location="US")
    assert (job.state, job.labels) == ("DONE", {"step": "1"})
    with pytest.raises(exceptions.NotFound):
        shop.client.get_job("mine", location="EU")
    assert [job.job_id for job in shop.client.list_jobs(max_results=1)] == ["mine"]


def test_a_request_id_runs_a_query_once(shop):
    body = {"query": f"INSERT INTO {ORDERS} (n) VALUES (4)", "useLegacySql": False}
    ids = {
        shop.raw("POST", "/projects/acme/queries", {**body, "requestId": "one"})["jobReference"][
            "jobId"
        ]
        for _ in range(2)
    }
    assert (len(ids), len(contents(shop))) == (1, 4)


def test_a_query_that_fails_is_a_failed_job(shop):
    job = shop.client.query(f"SELECT nope FROM {ORDERS}")
    assert (job.state, job.error_result["reason"]) == ("DONE", "invalidQuery")
    with pytest.raises(exceptions.BadRequest) as caught:
        job.result()
    assert error_of(caught) == (400, "invalidQuery")
    with pytest.raises(exceptions.BadRequest) as caught:
        shop.client.query_and_wait(f"SELECT nope FROM {ORDERS}")
    assert error_of(caught) == (400, "invalidQuery")


def test_data_in_another_location_is_not_found(shop):
    with pytest.raises(exceptions.NotFound, match="acme:shop was not found in location US"):
        shop.client.query(f"SELECT 1 FROM {ORDERS}", location="US").result()
    for place in ("`region-eu`", "shop"):
        query = f"SELECT table_name FROM {place}.INFORMATION_SCHEMA.TABLES"
        assert shop.rows(query) == [("orders",)]
        with pytest.raises(exceptions.NotFound, match="was not found in location US"):
            shop.client.query(query, location="US").result()


def test_a_query_that_would_cost_too_much_is_refused(shop):
    # The client knows no status for this reason.
    with pytest.raises(exceptions.GoogleAPICallError, match="84 or higher required") as caught:
        shop.rows(f"SELECT * FROM {ORDERS}", maximum_bytes_billed=83)
    assert caught.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    assert len(shop.rows(f"SELECT * FROM {ORDERS}", maximum_bytes_billed=84)) == 3


def test_a_job_takes_its_time_and_can_be_waited_for(make):
    both = make(job_seconds=60)
    job = both.client.query("CREATE SCHEMA shop")
    assert job.state == "RUNNING"
    assert both.warehouse.read([SHOP]) == {}
    job.result()
    assert both.clock.now() - 1_700_000_000 >= 60
    assert len(both.warehouse.read([SHOP])) == 1


def test_a_job_that_is_cancelled_in_time_did_nothing(make):
    both = make(job_seconds=60)
    job = both.client.query("CREATE SCHEMA shop")
    assert job.cancel()
    both.clock.sleep(100)
    job.reload()
    assert (job.state, job.error_result["reason"]) == ("DONE", "stopped")
    assert both.warehouse.read([SHOP]) == {}


def test_a_view_of_what_there_is(shop):
    shop.rows("CREATE VIEW acme.shop.v AS SELECT 1 AS x")
    shop.rows('ALTER TABLE shop.orders SET OPTIONS (description = "it\'s")')
    found = shop.rows(
        "SELECT table_name, table_type FROM `acme`.shop.INFORMATION_SCHEMA.TABLES ORDER BY 1"
    )
    assert found == [("orders", "BASE TABLE"), ("v", "VIEW")]
    found = shop.rows(
        "SELECT column_name, data_type, is_nullable, is_partitioning_column, ordinal_position "
        "FROM `region-eu`.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'orders' ORDER BY 5"
    )
    assert found == [
        ("day", "DATE", "YES", "YES", 1),
        ("n", "INT64", "YES", "NO", 2),
        ("s", "STRING", "YES", "NO", 3),
    ]
    found = shop.rows(
        "SELECT table_name, partition_id, total_rows FROM `acme.shop.INFORMATION_SCHEMA.PARTITIONS`"
        " WHERE table_name = 'orders' ORDER BY 2"
    )
    assert found == [("orders", "20130101", 2), ("orders", "20130102", 1)]
    found = shop.rows("SELECT option_name, option_value FROM shop.INFORMATION_SCHEMA.TABLE_OPTIONS")
    assert found == [("description", '"it\'s"')]


def test_partitions_of_too_many_tables_are_refused(shop):
    for number in range(1_001):
        body = {"schema": {"fields": [{"name": "x", "type": "INT64"}]}}
        shop.warehouse.create(Ref("table", f"acme.shop.t{number}"), body)
    query = "SELECT COUNT(*) FROM shop.INFORMATION_SCHEMA.PARTITIONS"
    with pytest.raises(exceptions.BadRequest, match="attempted to read too many tables"):
        shop.rows(query)
    assert shop.rows(f"{query} WHERE table_name IN ('t1', 't2')") == [(2,)]
