"""External tables on the embedded warehouse, through the port."""

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import NotSupportedLocally, Ref, Refused

FILES = Ref("table", "acme.shop.files")
STAMPS = ("kind", "id", "etag", "creationTime", "lastModifiedTime", "tableReference", "location")


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    found.create(Ref("dataset", "acme.shop"), {"location": "EU"})
    yield found
    found.close()


def column(name, kind, mode="NULLABLE", **more):
    return {"name": name, "type": kind, "mode": mode, **more}


FIELDS = [
    column("item", "STRING"),
    column("price", "NUMERIC"),
    column("tags", "STRING", "REPEATED"),
]


def said(warehouse):
    body = warehouse.read([FILES])[FILES].body
    return {key: value for key, value in body.items() if key not in STAMPS}


def files(warehouse, config=None, **more):
    source = {"sourceFormat": "CSV", "sourceUris": ["gs://bucket/*.csv"], **(config or {})}
    body = {"schema": {"fields": FIELDS}, "externalDataConfiguration": source, **more}
    return warehouse.create(FILES, body)


def refused(warehouse, act, message, error=Refused):
    before = (warehouse.list("acme.shop"), warehouse.read([FILES]))
    with pytest.raises(error) as caught:
        act()
    assert message in str(caught.value)
    assert (warehouse.list("acme.shop"), warehouse.read([FILES])) == before


def test_ddl_and_rest_make_the_same_external_table(warehouse):
    config = {
        "compression": "GZIP",
        "csvOptions": {"skipLeadingRows": 1, "fieldDelimiter": ";"},
        "maxBadRecords": 3,
        "ignoreUnknownValues": True,
        "connectionId": "projects/acme/locations/eu/connections/lake",
    }
    files(warehouse, config, description="As they come.", labels={"team": "sales"})
    by_rest = said(warehouse)
    assert by_rest == {
        "type": "EXTERNAL",
        "schema": {"fields": FIELDS},
        "description": "As they come.",
        "labels": {"team": "sales"},
        "externalDataConfiguration": {
            "sourceFormat": "CSV",
            "sourceUris": ["gs://bucket/*.csv"],
            "compression": "GZIP",
            "csvOptions": {"skipLeadingRows": "1", "fieldDelimiter": ";"},
            "maxBadRecords": 3,
            "ignoreUnknownValues": True,
            "connectionId": "acme.eu.lake",
        },
    }
    warehouse.delete(FILES, None)
    warehouse.execute(
        "CREATE EXTERNAL TABLE `acme.shop.files` (item STRING, price NUMERIC, tags ARRAY<STRING>) "
        "WITH CONNECTION `acme.eu.lake` OPTIONS (format = 'CSV', uris = ['gs://bucket/*.csv'], "
        "compression = 'GZIP', skip_leading_rows = 1, field_delimiter = ';', "
        "max_bad_records = 3, ignore_unknown_values = TRUE, description = 'As they come.', "
        "labels = [('team', 'sales')])"
    )
    assert said(warehouse) == by_rest


def test_columns_inside_the_configuration_are_answered_at_the_top(warehouse):
    source = {"sourceFormat": "PARQUET", "sourceUris": ["gs://bucket/x"]}
    inside = {**source, "schema": {"fields": [{"name": "item", "type": "STRING"}]}}
    warehouse.create(FILES, {"externalDataConfiguration": inside})
    assert said(warehouse)["schema"] == {"fields": [column("item", "STRING")]}
    assert said(warehouse)["externalDataConfiguration"] == source


def test_the_keys_of_its_partitions_are_columns(warehouse):
    warehouse.execute(
        "CREATE EXTERNAL TABLE `acme.shop.files` (item STRING) WITH PARTITION COLUMNS (day DATE) "
        "OPTIONS (format = 'PARQUET', uris = ['gs://bucket/x/*'], "
        "hive_partition_uri_prefix = 'gs://bucket/x', require_hive_partition_filter = TRUE)"
    )
    assert said(warehouse)["schema"] == {
        "fields": [column("item", "STRING"), column("day", "DATE")]
    }
    assert said(warehouse)["externalDataConfiguration"]["hivePartitioningOptions"] == {
        "mode": "CUSTOM",
        "sourceUriPrefix": "gs://bucket/x/{day:DATE}",
        "requirePartitionFilter": True,
    }


def test_the_rows_skipped_in_a_sheet_are_said_in_the_options_of_sheets(warehouse):
    warehouse.execute(
        "CREATE EXTERNAL TABLE `acme.shop.files` (item STRING) OPTIONS (format = 'GOOGLE_SHEETS', "
        "uris = ['https://docs.google.com/spreadsheets/d/x'], skip_leading_rows = 2, "
        "sheet_range = 'a!A1:B')"
    )
    config = said(warehouse)["externalDataConfiguration"]
    assert config["googleSheetsOptions"] == {"skipLeadingRows": "2", "range": "a!A1:B"}
    assert "csvOptions" not in config


@pytest.mark.parametrize(
    ("config", "more", "message"),
    [
        ({"sourceFormat": "XML"}, {}, "sourceFormat must be one of"),
        ({"sourceUris": []}, {}, "at least one source URI"),
        ({"sourceUris": ["s3://bucket/x"]}, {}, "invalid source URI 's3://bucket/x'"),
        ({"sourceUris": ["gs://bucket/*/*.csv"]}, {}, "at most one *"),
        ({"sourceUris": ["gs://buck*/x"]}, {}, "after the bucket"),
        ({"compression": "ZIP"}, {}, "GZIP or NONE"),
        ({"parquetOptions": {"enumAsString": True}}, {}, "parquetOptions are for PARQUET"),
        ({}, {"clustering": {"fields": ["item"]}}, "which has no clustering"),
        ({}, {"timePartitioning": {"type": "DAY"}}, "which has no timePartitioning"),
        ({}, {"schema": {"fields": [column("größe", "STRING")]}}, "letters, digits"),
        (
            {},
            {"schema": {"fields": [column("x", "STRING", defaultValueExpression="'a'")]}},
            "can't have a default value",
        ),
    ],
)
def test_an_external_table_is_refused(warehouse, config, more, message):
    refused(warehouse, lambda: files(warehouse, config, **more), message)


@pytest.mark.parametrize(
    ("config", "more", "message"),
    [
        ({"autodetect": True}, {"schema": {"fields": []}}, "Declare its schema"),
        ({"bigtableOptions": {"x": 1}}, {}, "bigtableOptions of an external table"),
    ],
)
def test_what_only_bigquery_can_keep_of_it_is_said(warehouse, config, more, message):
    act = lambda: files(warehouse, config, **more)  # noqa: E731
    refused(warehouse, act, message, NotSupportedLocally)


def test_any_column_of_it_may_change_by_patch(warehouse):
    files(warehouse, description="Old.", labels={"a": "b"})
    fields = [column("price", "STRING"), column("size", "INTEGER", "REQUIRED")]
    patch = {
        "schema": {"fields": fields},
        "externalDataConfiguration": {
            "sourceUris": ["gs://other/x"],
            "csvOptions": {"skipLeadingRows": "2"},
            "schema": {"fields": [column("ignored", "STRING")]},
        },
        "description": None,
        "labels": {"c": "d"},
    }
    warehouse.patch(FILES, patch, None)
    assert said(warehouse) == {
        "type": "EXTERNAL",
        "schema": {"fields": fields},
        "labels": {"a": "b", "c": "d"},
        "externalDataConfiguration": {
            "sourceFormat": "CSV",
            "sourceUris": ["gs://other/x"],
            "csvOptions": {"skipLeadingRows": "2"},
        },
    }
    none = {"externalDataConfiguration": None}
    refused(warehouse, lambda: warehouse.patch(FILES, none, None), "can't be turned into a table")
    refused(
        warehouse,
        lambda: warehouse.patch(FILES, {"externalDataConfiguration": {"sourceUris": None}}, None),
        "at least one source URI",
    )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE `acme.shop.files` ADD COLUMN x INT64", "currently a EXTERNAL"),
        ("ALTER TABLE `acme.shop.files` DROP COLUMN item", "currently a EXTERNAL"),
        ("ALTER TABLE `acme.shop.files` RENAME COLUMN item TO x", "currently a EXTERNAL"),
        ("ALTER TABLE `acme.shop.files` RENAME TO x", "currently a EXTERNAL"),
        ("ALTER TABLE `acme.shop.files` SET OPTIONS (description = 'x')", "currently a EXTERNAL"),
        ("CREATE OR REPLACE TABLE `acme.shop.files` (x INT64)", "currently a EXTERNAL"),
        ("CREATE TABLE `acme.shop.x` CLONE `acme.shop.files`", "which can't be cloned"),
        ("CREATE SNAPSHOT TABLE `acme.shop.x` CLONE `acme.shop.files`", "can't be cloned"),
        ("INSERT INTO `acme.shop.files` (item) SELECT 'x'", "is an external table"),
        ("DROP TABLE `acme.shop.files`", "currently a EXTERNAL"),
        ("DROP VIEW `acme.shop.files`", "currently a EXTERNAL"),
    ],
)
def test_what_a_table_allows_an_external_one_refuses(warehouse, statement, message):
    files(warehouse)
    refused(warehouse, lambda: warehouse.execute(statement), message)


def test_it_is_replaced_and_dropped_as_an_external_table(warehouse):
    files(warehouse, description="Old.")
    warehouse.execute(
        "CREATE OR REPLACE EXTERNAL TABLE `acme.shop.files` (x INT64) "
        "OPTIONS (format = 'JSON', uris = ['gs://bucket/x'])"
    )
    assert "description" not in said(warehouse)
    assert said(warehouse)["externalDataConfiguration"] == {
        "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "sourceUris": ["gs://bucket/x"],
    }
    warehouse.execute("DROP EXTERNAL TABLE `acme.shop.files`")
    warehouse.execute("DROP EXTERNAL TABLE IF EXISTS `acme.shop.files`")
    assert warehouse.list("acme.shop") == ()


def test_queries_of_it_are_checked_but_not_run(warehouse):
    files(warehouse)
    query = "SELECT item, AVG(price) AS mean FROM `acme.shop.files`, UNNEST(tags) GROUP BY item"
    assert warehouse.dry_run(query).fields == (column("item", "STRING"), column("mean", "NUMERIC"))
    with pytest.raises(Refused, match="nope"):
        warehouse.dry_run("SELECT nope FROM `acme.shop.files`")
    message = r"acme\.shop\.files is an external table, whose files only BigQuery reads"
    with pytest.raises(NotSupportedLocally, match=message):
        warehouse.query(query)


def test_what_reads_it_can_be_made_but_not_read(warehouse):
    files(warehouse)
    warehouse.execute(
        "CREATE VIEW `acme.shop.items` AS SELECT item, MAX(price) AS price "
        "FROM `acme.shop.files` GROUP BY item"
    )
    view = Ref("table", "acme.shop.items")
    assert warehouse.read([view])[view].body["schema"]["fields"] == FIELDS[:2]
    warehouse.execute(
        "CREATE FUNCTION `acme.shop.highest`() RETURNS NUMERIC AS "
        "((SELECT MAX(price) FROM `acme.shop.items`))"
    )
    assert warehouse.dry_run("SELECT `acme.shop.highest`() AS p").fields == (
        column("p", "NUMERIC"),
    )
    for query in ("SELECT * FROM `acme.shop.items`", "SELECT `acme.shop.highest`() AS p"):
        with pytest.raises(NotSupportedLocally, match=r"acme\.shop\.files is an external table"):
            warehouse.query(query)


def test_it_has_no_rows_here_and_takes_none(warehouse):
    files(warehouse)
    for act in (
        lambda: warehouse.count(FILES),
        lambda: warehouse.rows(FILES),
        lambda: warehouse.append(FILES, [{"item": "x"}]),
        lambda: warehouse.write("SELECT 'x' AS item", FILES, None),
    ):
        refused(warehouse, act, "external table")
