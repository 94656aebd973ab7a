"""What is no change: two spellings of one thing, and what a declaration leaves to the server."""

from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster import (
    BOOL,
    INT64,
    NUMERIC,
    STRING,
    STRUCT,
    TIMESTAMP,
    Argument,
    Dataset,
    ExternalTable,
    Field,
    ForeignKey,
    JavaScript,
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    Remote,
    ScalarFunction,
    SourceTable,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.diff.compare import compare
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref

SHOP = Dataset(project="acme", name="shop", location="EU")
EXPIRING = SHOP.model_copy(
    update={"default_table_expiration_days": 7.0, "default_partition_expiration_days": 3.0}
)
ID, AT = Field("id", INT64), Field("at", TIMESTAMP)
TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
KEY = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
CUSTOMERS = Table(dataset=SHOP, name="customers", schema=(ID,), primary_key=("id",))


def table(*fields, dataset=SHOP, **options):
    return Table(dataset=dataset, name="x", schema=(ID, AT, *fields), **options)


def live(kind="table", **body):
    return codec.decode(Ref(kind, "acme.shop.x"), body)


def live_table(*fields, **body):
    known = [{"name": "ID", "type": "INTEGER"}, {"name": "at", "type": "timestamp"}]
    return live(type="TABLE", schema={"fields": [*known, *fields]}, **body)


def live_view(query, **body):
    fields = [{"name": "a", "type": "INTEGER", "mode": "NULLABLE"}]
    return live(type="VIEW", view={"query": query}, schema={"fields": fields}, **body)


def live_routine(kind, body, **more):
    return live("routine", routineType=kind, definitionBody=body, **more)


def view(text):
    return View(dataset=SHOP, name="x", schema=(Field("a", INT64),), query=sql(text))


def scalar(body, **options):
    return ScalarFunction(dataset=SHOP, name="x", returns=INT64, body=body, **options)


def differ(before, after):
    changes = compare(Platform({before.id: before}), Platform({after.id: after}))
    return [(change.path, change.fact) for change in changes]


SAME = {
    "names in another case, types in legacy spelling": (live_table(), table()),
    "columns in another order": (
        live_table({"name": "b", "type": "STRING"}, {"name": "a", "type": "BOOL"}),
        table().with_fields((Field("a", BOOL), AT, Field("b", STRING), ID)),
    ),
    "descriptions that are missing and empty": (
        live_table({"name": "a", "type": "STRING", "description": ""}, description=""),
        table(Field("a", STRING)),
    ),
    "a policy tag that is not declared": (
        live_table({"name": "a", "type": "STRING", "policyTags": {"names": [TAG]}}),
        table(Field("a", STRING)),
    ),
    "a policy tag that is declared as none": (
        live_table({"name": "a", "type": "STRING", "policyTags": {"names": []}}),
        table(Field("a", STRING, policy_tag="")),
    ),
    "a collation that is not declared": (
        live_table({"name": "a", "type": "STRING", "collation": "und:ci"}),
        table(Field("a", STRING)),
    ),
    "a collation that is declared as none": (
        live_table({"name": "a", "type": "STRING"}),
        table(Field("a", STRING, collation="")),
    ),
    "a rounding mode that is the one by default": (
        live_table({"name": "a", "type": "NUMERIC"}),
        table(Field("a", NUMERIC, rounding_mode="ROUND_HALF_AWAY_FROM_ZERO")),
    ),
    "a scale that is missing and zero": (
        live_table({"name": "a", "type": "DECIMAL", "precision": "10"}),
        table(Field("a", NUMERIC(10, 0))),
    ),
    "a field of a struct in another case": (
        live_table({"name": "s", "type": "RECORD", "fields": [{"name": "ZIP", "type": "STRING"}]}),
        table(Field("s", STRUCT(Field("zip", STRING)))),
    ),
    "a partitioning column in another case": (
        live_table(timePartitioning={"type": "DAY", "field": "AT"}),
        table(partitioning=Partitioning.day("at")),
    ),
    "a partition filter in the place that is deprecated": (
        live_table(timePartitioning={"type": "DAY", "field": "at", "requirePartitionFilter": True}),
        table(partitioning=Partitioning.day("at"), require_partition_filter=True),
    ),
    "a clustering column in another case": (
        live_table(clustering={"fields": ["Id"]}),
        table(clustering=("id",)),
    ),
    "labels in another order": (
        live_table(labels={"b": "1", "a": "2"}),
        table(labels={"a": "2", "b": "1"}),
    ),
    "the version of a KMS key": (
        live_table(encryptionConfiguration={"kmsKeyName": f"{KEY}/cryptoKeyVersions/4"}),
        table(kms_key_name=KEY),
    ),
    "a KMS key that is not declared": (
        live_table(encryptionConfiguration={"kmsKeyName": f"{KEY}/cryptoKeyVersions/4"}),
        table(),
    ),
    "a default collation that is not declared": (live_table(defaultCollation="und:ci"), table()),
    "a default rounding mode that is not declared": (
        live_table(defaultRoundingMode="ROUND_HALF_EVEN"),
        table(),
    ),
    "a primary key in another case": (
        live_table(tableConstraints={"primaryKey": {"columns": ["ID"]}}),
        table(primary_key=("id",)),
    ),
    "a foreign key in another case": (
        live_table(
            tableConstraints={
                "foreignKeys": [
                    {
                        "name": "FK_id",
                        "referencedTable": {
                            "projectId": "acme",
                            "datasetId": "shop",
                            "tableId": "customers",
                        },
                        "columnReferences": [{"referencingColumn": "Id", "referencedColumn": "ID"}],
                    }
                ]
            }
        ),
        table(foreign_keys=(ForeignKey("id", references=CUSTOMERS),)),
    ),
    "an expiration that the dataset's default filled in": (
        live_table(expirationTime="1900000000000"),
        table(dataset=EXPIRING),
    ),
    "an expiration of partitions that the dataset's default filled in": (
        live_table(timePartitioning={"type": "DAY", "field": "at", "expirationMs": "259200000"}),
        table(dataset=EXPIRING, partitioning=Partitioning.day("at")),
    ),
    "an interval in another spelling": (
        live_table(maxStaleness="0-0 0 4:0:0"),
        table(max_staleness=timedelta(hours=4)),
    ),
    "an expiration as text": (
        live_table(expirationTime="1893456000000"),
        table(expiration_timestamp=datetime(2030, 1, 1, tzinfo=UTC)),
    ),
    "a view in another layout": (
        live_view("select 1 as a -- one\n;"),
        view("SELECT 1 AS a"),
    ),
    "a refresh interval by default": (
        live(
            type="MATERIALIZED_VIEW",
            materializedView={
                "query": "SELECT 1 AS a",
                "enableRefresh": True,
                "refreshIntervalMs": "1800000",
            },
            schema={"fields": [{"name": "a", "type": "INTEGER"}]},
        ),
        MaterializedView(
            dataset=SHOP, name="x", schema=(Field("a", INT64),), query=sql("SELECT 1 AS a")
        ),
    ),
    "options of files that the server chose": (
        live(
            type="EXTERNAL",
            externalDataConfiguration={
                "sourceFormat": "CSV",
                "sourceUris": ["gs://b/x"],
                "compression": "",
                "maxBadRecords": 3,
                "csvOptions": {"skipLeadingRows": "1", "fieldDelimiter": ","},
            },
            schema={"fields": [{"name": "a", "type": "INTEGER"}]},
        ),
        ExternalTable(
            dataset=SHOP, name="x", schema=(Field("a", INT64),), format="CSV", uris=("gs://b/x",)
        ),
    ),
    "keys of a hive layout that the server added": (
        live(
            type="EXTERNAL",
            externalDataConfiguration={
                "sourceFormat": "CSV",
                "sourceUris": ["gs://b/x/*"],
                "hivePartitioningOptions": {"sourceUriPrefix": "gs://b/x"},
            },
            schema={"fields": [{"name": "a", "type": "INTEGER"}, {"name": "dt", "type": "DATE"}]},
        ),
        ExternalTable(
            dataset=SHOP,
            name="x",
            schema=(Field("a", INT64),),
            format="CSV",
            uris=("gs://b/x/*",),
            hive_partition_uri_prefix="gs://b/x",
        ),
    ),
    "a function in another layout, its argument in another case": (
        live_routine(
            "SCALAR_FUNCTION",
            "N+1 -- next",
            arguments=[{"name": "N", "dataType": {"typeKind": "INT64"}}],
            returnType={"typeKind": "INT64"},
        ),
        scalar(sql("n + 1"), arguments=(Argument("n", INT64),)),
    ),
    "an argument's length, which BigQuery doesn't keep": (
        live_routine(
            "SCALAR_FUNCTION",
            "1",
            arguments=[{"name": "s", "dataType": {"typeKind": "STRING"}}],
            returnType={"typeKind": "INT64"},
        ),
        scalar(sql("1"), arguments=(Argument("s", STRING(20)),)),
    ),
    "what the server takes JavaScript for": (
        live_routine(
            "SCALAR_FUNCTION",
            "\n  return 1;\n",
            language="JAVASCRIPT",
            determinismLevel="DETERMINISTIC",
            returnType={"typeKind": "INT64"},
        ),
        scalar(JavaScript("return 1;")),
    ),
    "the size of a remote function's batches that the server chose": (
        live_routine(
            "SCALAR_FUNCTION",
            "",
            returnType={"typeKind": "INT64"},
            remoteFunctionOptions={
                "endpoint": "https://e",
                "connection": "projects/p/locations/eu/connections/c",
                "maxBatchingRows": "50",
            },
        ),
        scalar(Remote(connection="p.eu.c", endpoint="https://e")),
    ),
    "a table function in another layout": (
        live_routine(
            "TABLE_VALUED_FUNCTION",
            "select 1 as a",
            returnTableType={"columns": [{"name": "A", "type": {"typeKind": "INT64"}}]},
        ),
        TableFunction(
            dataset=SHOP, name="x", returns=(Field("a", INT64),), body=sql("SELECT 1 AS a")
        ),
    ),
    "a procedure in its block": (
        live_routine("PROCEDURE", "BEGIN\nSELECT 1;\nEND"),
        Procedure(dataset=SHOP, name="x", body=sql("SELECT 1;")),
    ),
}
DIFFERENT = {
    "JavaScript with another comment": (
        live_routine(
            "SCALAR_FUNCTION",
            "return 1; // one",
            language="JAVASCRIPT",
            returnType={"typeKind": "INT64"},
        ),
        scalar(JavaScript("return 1;")),
        [("", "body_changed")],
    ),
    "an expiration that nothing declares": (
        live_table(expirationTime="1900000000000"),
        table(),
        [("", "expiration_timestamp_changed")],
    ),
    "labels that nothing declares": (
        live_table(labels={"a": "1"}),
        table(),
        [("", "labels_changed")],
    ),
    "a policy tag that is declared as none": (
        live_table({"name": "a", "type": "STRING", "policyTags": {"names": [TAG]}}),
        table(Field("a", STRING, policy_tag="")),
        [("a", "policy_tag_changed")],
    ),
    "a primary key in another order": (
        live_table(tableConstraints={"primaryKey": {"columns": ["at", "id"]}}),
        table(primary_key=("id", "at")),
        [("", "primary_key_changed")],
    ),
    "a table where a view is": (live_view("SELECT 1 AS a"), table(), [("", "object_kind_changed")]),
}


@pytest.mark.parametrize("name", SAME)
def test_no_change_is(name):
    before, after = SAME[name]
    assert differ(before, after) == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_change_is(name):
    before, after, expected = DIFFERENT[name]
    assert differ(before, after) == expected


def test_a_source_table_is_never_removed():
    source = SourceTable(dataset=SHOP, name="x", schema=(ID,))
    assert compare(Platform({"acme.shop.x": table()}), Platform.of(source)) == ()
