"""REST resources and declarations: each becomes the other, whatever BigQuery's spelling."""

from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    NUMERIC,
    STRING,
    STRUCT,
    AggregateFunction,
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
    Table,
    TableFunction,
    sql,
)
from datoria_dagster.diff.compare import compare
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref

SHOP = Dataset(project="acme", name="shop", location="EU")
TAG = "projects/acme/locations/eu/taxonomies/1/policyTags/2"
KEY = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
CUSTOMERS = Table(dataset=SHOP, name="customers", schema=(Field("id", INT64),), primary_key=("id",))
ORDERS = Table(
    dataset=SHOP,
    name="orders",
    friendly_name="Orders",
    schema=(
        Field("day", DATE, required=True),
        Field("customer", INT64),
        Field("status", STRING(20), collation="und:ci", policy_tag=TAG),
        Field("price", NUMERIC(10, 2), rounding_mode="ROUND_HALF_EVEN"),
        Field("lines", STRUCT(Field("sku", STRING, required=True)), repeated=True),
    ),
    partitioning=Partitioning.day("day"),
    partition_expiration_days=30,
    require_partition_filter=True,
    expiration_timestamp=datetime(2030, 1, 1, tzinfo=UTC),
    foreign_keys=(ForeignKey("customer", references=CUSTOMERS),),
    max_staleness=timedelta(hours=4),
    default_collation="und:ci",
    default_rounding_mode="ROUND_HALF_EVEN",
    kms_key_name="projects/p/locations/eu/keyRings/r/cryptoKeys/k",
)


def test_a_table_is_written_as_rest_writes_it():
    body = codec.resource(ORDERS)
    assert body["timePartitioning"] == {"type": "DAY", "field": "day", "expirationMs": "2592000000"}
    assert body["expirationTime"] == "1893456000000"
    assert body["requirePartitionFilter"] is True
    assert body["maxStaleness"] == "0-0 0 4:0:0"
    assert body["encryptionConfiguration"] == {
        "kmsKeyName": "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
    }
    assert body["tableConstraints"] == {
        "foreignKeys": [
            {
                "name": "fk_customer",
                "referencedTable": {
                    "projectId": "acme",
                    "datasetId": "shop",
                    "tableId": "customers",
                },
                "columnReferences": [{"referencingColumn": "customer", "referencedColumn": "id"}],
            }
        ]
    }
    assert body["schema"]["fields"][2] == {
        "name": "status",
        "type": "STRING",
        "mode": "NULLABLE",
        "maxLength": "20",
        "collation": "und:ci",
        "policyTags": {"names": [TAG]},
    }
    assert body["schema"]["fields"][3]["roundingMode"] == "ROUND_HALF_EVEN"


VIEW = MaterializedView(
    dataset=SHOP,
    name="totals",
    schema=(Field("day", DATE), Field("n", INT64)),
    query=sql("SELECT day, COUNT(*) AS n FROM `acme.shop.orders` GROUP BY day"),
    partitioning=Partitioning.day("day"),
    clustering=("day",),
    refresh_interval_minutes=60,
    enable_refresh=False,
    max_staleness=timedelta(hours=30, minutes=5),
)
FILES = ExternalTable(
    dataset=SHOP,
    name="files",
    schema=(Field("n", INT64),),
    format="CSV",
    uris=("gs://acme/*.csv",),
    skip_leading_rows=1,
    connection="acme.eu.lake",
    labels={"team": "sales"},
)
X = (Argument("x", FLOAT64),)
ROUTINES = [
    ScalarFunction(dataset=SHOP, name="f", arguments=X, returns=FLOAT64, body=sql("x + 1")),
    ScalarFunction(
        dataset=SHOP,
        name="f",
        arguments=X,
        returns=FLOAT64,
        body=JavaScript("return x;", libraries=("gs://a/b.js",), deterministic=True),
    ),
    ScalarFunction(
        dataset=SHOP,
        name="f",
        arguments=X,
        returns=FLOAT64,
        body=Remote(
            connection="acme.eu.run",
            endpoint="https://run.example/f",
            max_batching_rows=10,
            user_defined_context={"mode": "fast"},
        ),
    ),
    AggregateFunction(
        dataset=SHOP,
        name="f",
        arguments=(*X, Argument("by", FLOAT64, aggregate=False)),
        returns=FLOAT64,
        body=sql("SUM(x) / by"),
    ),
    TableFunction(
        dataset=SHOP,
        name="f",
        arguments=X,
        returns=(Field("a", STRING, repeated=True), Field("s", STRUCT(Field("b", INT64)))),
        body=sql("SELECT ['a'] AS a, STRUCT(1 AS b) AS s"),
    ),
    Procedure(
        dataset=SHOP,
        name="f",
        arguments=(Argument("x", FLOAT64, mode="INOUT"),),
        body=sql("SET x = x + 1;"),
        strict_mode=False,
        description="Counts.",
    ),
]


@pytest.mark.parametrize("found", [ORDERS, VIEW, FILES, *ROUTINES], ids=lambda found: found.kind)
def test_what_bigquery_answers_is_no_change(found):
    live = codec.decode(codec.ref(found), codec.full_resource(found))
    assert type(live) is type(found)
    assert compare(_platform(live), _platform(found)) == ()


def _platform(found):
    return Platform({found.id: found})


def live(**body):
    return _platform(codec.decode(Ref("table", "acme.shop.t"), body))


def columns(*fields):
    return {"schema": {"fields": list(fields)}}


DAY = {"name": "day", "type": "DATE"}


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (columns({"name": "N", "type": "BIGINT"}), {"schema": (Field("n", INT64),)}),
        (columns({"name": "n", "type": "float", "mode": ""}), {"schema": (Field("n", FLOAT64),)}),
        (
            columns({"name": "n", "type": "DECIMAL", "precision": 10, "scale": "2"}),
            {"schema": (Field("n", NUMERIC(10, 2)),)},
        ),
        (
            columns({"name": "n", "type": "NUMERIC", "precision": "10", "scale": "0"}),
            {"schema": (Field("n", NUMERIC(10)),)},
        ),
        (
            columns({"name": "n", "type": "STRING", "policyTags": {"names": [TAG]}}),
            {"schema": (Field("n", STRING),)},
        ),
        (
            columns({"name": "n", "type": "STRING", "policyTags": {"names": []}}),
            {"schema": (Field("n", STRING, policy_tag=""),)},
        ),
        (
            columns({"name": "n", "type": "STRING", "collation": "und:ci"}),
            {"schema": (Field("n", STRING),)},
        ),
        (
            columns({"name": "n", "type": "NUMERIC", "roundingMode": "ROUNDING_MODE_UNSPECIFIED"}),
            {"schema": (Field("n", NUMERIC),)},
        ),
        (
            {**columns(DAY), "timePartitioning": {"type": "DAY", "field": "DAY"}},
            {"schema": (Field("day", DATE),), "partitioning": Partitioning.day("day")},
        ),
        (
            {
                **columns(DAY),
                "timePartitioning": {"type": "DAY", "field": "day", "requirePartitionFilter": True},
            },
            {
                "schema": (Field("day", DATE),),
                "partitioning": Partitioning.day("day"),
                "require_partition_filter": True,
            },
        ),
        (
            {
                **columns({"name": "n", "type": "INTEGER"}),
                "encryptionConfiguration": {"kmsKeyName": f"{KEY}/cryptoKeyVersions/3"},
            },
            {"schema": (Field("n", INT64),), "kms_key_name": KEY},
        ),
        (
            {**columns({"name": "n", "type": "INTEGER"}), "encryptionConfiguration": {}},
            {"schema": (Field("n", INT64),)},
        ),
        (
            {**columns({"name": "n", "type": "INTEGER"}), "maxStaleness": "0-0 1 0:0:0"},
            {"schema": (Field("n", INT64),), "max_staleness": timedelta(days=1)},
        ),
    ],
)
def test_other_spellings_are_no_change(body, declared):
    found = Table(dataset=SHOP, name="t", **declared)
    assert compare(live(**body), _platform(found)) == ()
