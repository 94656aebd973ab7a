"""Materialized views on the embedded warehouse, through the port."""

from datetime import date

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    Ref,
    Refused,
)

SALES = Ref("table", "acme.shop.sales")
TOTALS = Ref("table", "acme.shop.totals")
QUERY = "SELECT day, item, SUM(amount) AS amount FROM `acme.shop.sales` GROUP BY day, item"
STAMPS = ("kind", "id", "etag", "creationTime", "lastModifiedTime", "tableReference", "location")


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    found.create(Ref("dataset", "acme.shop"), {"location": "EU"})
    found.execute(
        "CREATE TABLE `acme.shop.sales` (day DATE, item STRING, amount INT64, price NUMERIC) "
        "PARTITION BY day"
    )
    rows = [("2013-01-01", "a", 1, "1.5"), ("2013-01-01", "a", 3, "2"), ("2013-01-02", "b", 5, "4")]
    names = ("day", "item", "amount", "price")
    found.append(SALES, [dict(zip(names, row, strict=True)) for row in rows])
    yield found
    found.close()


def column(name, kind, mode="NULLABLE", **more):
    return {"name": name, "type": kind, "mode": mode, **more}


def said(warehouse, ref):
    body = warehouse.read([ref])[ref].body
    return {key: value for key, value in body.items() if key not in STAMPS}


def totals(warehouse, **more):
    return warehouse.create(TOTALS, {"materializedView": {"query": QUERY}, **more})


def refused(warehouse, act, message, error=Refused):
    before = (warehouse.list("acme.shop"), warehouse.read([SALES, TOTALS]))
    with pytest.raises(error) as caught:
        act()
    assert message in str(caught.value)
    assert (warehouse.list("acme.shop"), warehouse.read([SALES, TOTALS])) == before


FIELDS = [column("day", "DATE"), column("item", "STRING"), column("amount", "INTEGER")]


def test_a_materialized_view_has_its_query_columns_and_the_defaults_of_the_server(warehouse):
    totals(warehouse)
    assert said(warehouse, TOTALS) == {
        "type": "MATERIALIZED_VIEW",
        "schema": {"fields": FIELDS},
        "materializedView": {
            "query": QUERY,
            "enableRefresh": True,
            "refreshIntervalMs": "1800000",
        },
    }


def test_ddl_and_rest_make_the_same_materialized_view(warehouse):
    body = {
        "materializedView": {
            "query": QUERY,
            "enableRefresh": False,
            "refreshIntervalMs": 3_600_000,
            "allowNonIncrementalDefinition": True,
        },
        "timePartitioning": {"type": "DAY", "field": "day"},
        "clustering": {"fields": ["item"]},
        "maxStaleness": "0-0 0 4:0:0",
        "description": "Per day.",
        "friendlyName": "Totals",
        "labels": {"team": "sales"},
    }
    warehouse.create(TOTALS, body)
    by_rest = said(warehouse, TOTALS)
    warehouse.delete(TOTALS, None)
    warehouse.execute(
        "CREATE MATERIALIZED VIEW `acme.shop.totals` PARTITION BY day CLUSTER BY item OPTIONS ("
        "enable_refresh = FALSE, refresh_interval_minutes = 60, description = 'Per day.', "
        "max_staleness = INTERVAL '4:0:0' HOUR TO SECOND, friendly_name = 'Totals', "
        "allow_non_incremental_definition = TRUE, labels = [('team', 'sales')]) "
        f"AS {QUERY}"
    )
    assert said(warehouse, TOTALS) == by_rest
    assert by_rest["materializedView"]["refreshIntervalMs"] == "3600000"


def test_a_materialized_view_is_always_fresh_and_serves_views_and_jobs(warehouse):
    totals(warehouse)
    warehouse.execute(
        "CREATE VIEW `acme.shop.best` AS "
        "SELECT item, amount FROM `acme.shop.totals` WHERE amount > 4"
    )
    assert warehouse.query("SELECT * FROM `acme.shop.best`").rows == (("b", 5),)
    warehouse.append(SALES, [{"day": "2013-01-01", "item": "a", "amount": 4}])
    best = warehouse.query("SELECT * FROM `acme.shop.best` ORDER BY item").rows
    assert best == (("a", 8), ("b", 5))
    copy = Ref("table", "acme.shop.copy")
    warehouse.execute("CREATE TABLE `acme.shop.copy` (day DATE, item STRING, amount INT64)")
    assert warehouse.write("SELECT * FROM `acme.shop.totals`", copy, None) == 2
    assert warehouse.rows(copy)[0] == {"day": "2013-01-01", "item": "a", "amount": 8}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"schema": {"fields": FIELDS}}, "Schema field shouldn't be used"),
        ({"clustering": {"fields": ["nope"]}}, "cannot be found in the schema: nope"),
        ({"timePartitioning": {"type": "MONTH", "field": "day"}}, "as its base table is"),
        ({"materializedView": {"query": "SELECT 1 AS x"}}, "reads no table"),
        (
            {"materializedView": {"query": QUERY, "refreshIntervalMs": "1000"}},
            "between 1 minute and 7 days",
        ),
        (
            {"materializedView": {"query": QUERY, "allowNonIncrementalDefinition": True}},
            "must come with max_staleness",
        ),
        (
            {"materializedView": {"query": "SELECT RAND() AS r FROM `acme.shop.sales`"}},
            "the non-deterministic function RAND",
        ),
        (
            {"materializedView": {"query": "SELECT SUM(1) OVER () AS r FROM `acme.shop.sales`"}},
            "a window function",
        ),
    ],
)
def test_a_materialized_view_is_refused(warehouse, body, message):
    refused(warehouse, lambda: totals(warehouse, **body), message)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("CREATE VIEW `acme.shop.base` AS SELECT item FROM `acme.shop.sales`", "a view"),
        ("CREATE SNAPSHOT TABLE `acme.shop.base` CLONE `acme.shop.sales`", "a snapshot"),
        (
            (
                "CREATE EXTERNAL TABLE `acme.shop.base` (item STRING) "
                "OPTIONS (format = 'PARQUET', uris = ['gs://bucket/x'])"
            ),
            "an external table",
        ),
        (
            "CREATE MATERIALIZED VIEW `acme.shop.base` AS SELECT item FROM `acme.shop.sales`",
            "a materialized view",
        ),
    ],
)
def test_a_materialized_view_reads_tables_only(warehouse, statement, kind):
    warehouse.execute(statement)
    query = {"materializedView": {"query": "SELECT item FROM `acme.shop.base`"}}
    refused(warehouse, lambda: warehouse.create(TOTALS, query), f"acme.shop.base, which is {kind}")


def test_the_options_of_a_materialized_view_change_by_patch_and_by_ddl(warehouse):
    totals(warehouse, description="Old.", labels={"a": "b"})
    change = {"materializedView": {"enableRefresh": False}, "labels": {"c": "d"}}
    warehouse.patch(TOTALS, {**change, "maxStaleness": "0-0 0 1:0:0"}, None)
    patched = said(warehouse, TOTALS)
    assert patched["materializedView"]["enableRefresh"] is False
    assert patched["materializedView"]["query"] == QUERY
    assert (patched["labels"], patched["maxStaleness"]) == ({"a": "b", "c": "d"}, "0-0 0 1:0:0")
    warehouse.execute(
        "ALTER MATERIALIZED VIEW `acme.shop.totals` SET OPTIONS (enable_refresh = NULL, "
        "refresh_interval_minutes = 1, max_staleness = NULL, labels = [('e', 'f')])"
    )
    altered = said(warehouse, TOTALS)
    assert altered["materializedView"] == {
        "query": QUERY,
        "enableRefresh": True,
        "refreshIntervalMs": "60000",
    }
    assert (altered["labels"], altered["description"]) == ({"e": "f"}, "Old.")
    assert "maxStaleness" not in altered


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"materializedView": {"query": "SELECT item FROM `acme.shop.sales`"}}, "The query of"),
        ({"materializedView": {"allowNonIncrementalDefinition": True}}, "can't be updated"),
        ({"materializedView": {"refreshIntervalMs": "604800001"}}, "between 1 minute and 7 days"),
        ({"materializedView": None}, "can't be turned into a table"),
        (
            {"schema": {"fields": [{**FIELDS[0], "description": "The day."}, *FIELDS[1:]]}},
            "Schema update for materialized views is not supported.",
        ),
        ({"clustering": {"fields": ["item"]}}, "clustering of a materialized view"),
        ({"timePartitioning": {"type": "DAY", "field": "day"}}, "timePartitioning of a"),
        ({"view": {"query": QUERY, "useLegacySql": False}}, "can't be turned into"),
    ],
)
def test_what_a_materialized_view_is_made_of_can_not_be_patched(warehouse, patch, message):
    totals(warehouse)
    refused(warehouse, lambda: warehouse.patch(TOTALS, patch, None), message)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP VIEW `acme.shop.totals`", "it is currently a MATERIALIZED_VIEW"),
        ("DROP TABLE `acme.shop.totals`", "it is currently a MATERIALIZED_VIEW"),
        ("ALTER TABLE `acme.shop.totals` ADD COLUMN x INT64", "currently a MATERIALIZED_VIEW"),
        ("ALTER TABLE `acme.shop.totals` RENAME TO x", "currently a MATERIALIZED_VIEW"),
        ("CREATE OR REPLACE VIEW `acme.shop.totals` AS SELECT 1 AS x", "a MATERIALIZED_VIEW"),
        (
            f"CREATE OR REPLACE MATERIALIZED VIEW `acme.shop.sales` AS {QUERY}",
            "currently a TABLE",
        ),
        ("CREATE TABLE `acme.shop.x` CLONE `acme.shop.totals`", "a materialized view, which"),
        ("CREATE SNAPSHOT TABLE `acme.shop.x` CLONE `acme.shop.totals`", "can't be cloned"),
    ],
)
def test_a_materialized_view_is_neither_a_table_nor_a_view(warehouse, statement, message):
    totals(warehouse)
    refused(warehouse, lambda: warehouse.execute(statement), message)


def test_a_materialized_view_has_no_rows_of_its_own(warehouse):
    totals(warehouse)
    for act in (
        lambda: warehouse.count(TOTALS),
        lambda: warehouse.rows(TOTALS),
        lambda: warehouse.append(TOTALS, [{"item": "x"}]),
        lambda: warehouse.write("SELECT 'x' AS item", TOTALS, None),
    ):
        refused(warehouse, act, "materialized view")


def test_a_materialized_view_is_replaced_as_a_whole_and_dropped(warehouse):
    totals(warehouse, description="Old.")
    again = f"CREATE MATERIALIZED VIEW `acme.shop.totals` AS {QUERY}"
    refused(warehouse, lambda: warehouse.execute(again), "Already Exists", AlreadyExists)
    before = warehouse.read([TOTALS])
    warehouse.execute(again.replace("VIEW", "VIEW IF NOT EXISTS", 1))
    assert warehouse.read([TOTALS]) == before
    warehouse.execute(
        "CREATE OR REPLACE MATERIALIZED VIEW `acme.shop.totals` AS "
        "SELECT item FROM `acme.shop.sales` GROUP BY item"
    )
    assert "description" not in said(warehouse, TOTALS)
    assert said(warehouse, TOTALS)["schema"] == {"fields": [column("item", "STRING")]}
    with pytest.raises(PreconditionFailed):
        warehouse.patch(TOTALS, {"description": "x"}, before[TOTALS].etag)
    warehouse.execute("DROP MATERIALIZED VIEW `acme.shop.totals`")
    warehouse.execute("DROP MATERIALIZED VIEW IF EXISTS `acme.shop.totals`")
    assert warehouse.list("acme.shop") == (SALES,)


def test_a_materialized_view_outlives_its_base_table_but_is_invalid_then(warehouse):
    totals(warehouse)
    read = "SELECT * FROM `acme.shop.totals`"
    warehouse.execute("DROP TABLE `acme.shop.sales`")
    with pytest.raises(NotFound, match=r"read by materialized view acme\.shop\.totals"):
        warehouse.query(read)
    warehouse.execute("CREATE TABLE `acme.shop.sales` (day DATE, item STRING, amount INT64)")
    with pytest.raises(Refused, match=r"base table acme\.shop\.sales was recreated"):
        warehouse.query(read)
    warehouse.execute(f"CREATE OR REPLACE MATERIALIZED VIEW `acme.shop.totals` AS {QUERY}")
    assert warehouse.query(read).rows == ()


def test_a_column_that_a_materialized_view_reads_breaks_it_when_it_goes(warehouse):
    totals(warehouse)
    warehouse.execute("ALTER TABLE `acme.shop.sales` DROP COLUMN amount")
    with pytest.raises(Refused, match="amount"):
        warehouse.query("SELECT item FROM `acme.shop.totals`")
    assert said(warehouse, TOTALS)["schema"] == {"fields": FIELDS}


def test_the_query_of_a_materialized_view_is_checked_when_it_is_made(warehouse):
    missing = {"materializedView": {"query": "SELECT nope FROM `acme.shop.sales`"}}
    refused(warehouse, lambda: warehouse.create(TOTALS, missing), "nope")
    gone = {"materializedView": {"query": "SELECT x FROM `acme.shop.gone`"}}
    refused(warehouse, lambda: warehouse.create(TOTALS, gone), "acme:shop.gone", NotFound)
    days = {"materializedView": {"query": "SELECT day FROM `acme.shop.sales`"}}
    warehouse.create(TOTALS, days)
    first = warehouse.query("SELECT MIN(day) AS d FROM `acme.shop.totals`").rows
    assert first == ((date(2013, 1, 1),),)
