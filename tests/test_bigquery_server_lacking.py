"""What BigQuery has and the test server lacks: refused by name, never accepted and ignored."""

import pytest
from google.api_core import exceptions

from tests.bigquery_shop import ORDERS, contents, error_of

pytest_plugins = "tests.bigquery_fixtures"

LACKING = {
    "UPDATE acme.shop.orders SET n = 1 WHERE TRUE": "UPDATE",
    "DELETE FROM acme.shop.orders WHERE TRUE": "DELETE",
    "MERGE acme.shop.orders USING x ON FALSE WHEN NOT MATCHED THEN INSERT ROW": "MERGE",
    "TRUNCATE TABLE acme.shop.orders": "TRUNCATE TABLE",
    "CALL acme.shop.p()": "CALL",
    "EXPORT DATA OPTIONS (uri = 'gs://x') AS SELECT 1": "EXPORT DATA",
    "LOAD DATA INTO acme.shop.orders FROM FILES (uris = ['gs://x'])": "LOAD DATA",
    "GRANT `roles/x` ON SCHEMA shop TO 'user:a@b.c'": "GRANT",
    "CREATE MODEL acme.shop.m OPTIONS () AS SELECT 1": "CREATE MODEL",
    "CREATE SEARCH INDEX i ON acme.shop.orders (s)": "CREATE SEARCH INDEX",
    "CREATE TEMP TABLE x AS SELECT 1": "CREATE TEMP TABLE",
    "BEGIN TRANSACTION": "BEGIN",
    "SELECT 1; SELECT 2": "multi-statement query",
    "FROM acme.shop.orders |> SELECT n": "FROM",
    "SELECT * FROM shop.INFORMATION_SCHEMA.TABLE_STORAGE": "TABLE_STORAGE",
    "SELECT ddl FROM shop.INFORMATION_SCHEMA.TABLES": "column ddl",
    "ALTER TABLE acme.shop.orders ADD COLUMN g INT64 GENERATED ALWAYS AS (1)": "GENERATED",
}


@pytest.mark.parametrize("statement", LACKING)
def test_a_statement_that_the_server_lacks_is_refused_by_name(shop, statement):
    with pytest.raises(exceptions.MethodNotImplemented, match=LACKING[statement]) as caught:
        shop.rows(statement)
    assert error_of(caught) == (501, "notImplemented")
    assert len(contents(shop)) == 3


def test_what_is_no_statement_is_a_syntax_error(shop):
    with pytest.raises(exceptions.BadRequest, match=r"Syntax error.*SELEC") as caught:
        shop.rows("SELEC 1")
    assert error_of(caught) == (400, "invalidQuery")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"use_legacy_sql": True}, "legacy SQL"),
        ({"schema_update_options": ["ALLOW_FIELD_ADDITION"]}, "schemaUpdateOptions"),
        ({"create_session": True}, "createSession"),
    ],
)
def test_an_option_that_the_server_lacks_is_refused_by_name(shop, options, name):
    with pytest.raises(exceptions.MethodNotImplemented, match=name):
        shop.rows("SELECT 1", **options)


def test_a_query_that_is_too_long_is_refused(shop):
    with pytest.raises(exceptions.BadRequest, match="The query is too large"):
        shop.rows(f"SELECT '{'x' * 1024 * 1024}'")


def test_a_method_that_the_server_lacks_is_refused_by_name(shop):
    with pytest.raises(exceptions.MethodNotImplemented, match=r"models\.list"):
        list(shop.client.list_models("acme.shop"))
    with pytest.raises(exceptions.MethodNotImplemented, match=r"tables\.getIamPolicy"):
        shop.client.get_iam_policy(ORDERS)
    with pytest.raises(exceptions.MethodNotImplemented, match="GET /bigquery/v2/nowhere"):
        shop.raw("GET", "/nowhere")
