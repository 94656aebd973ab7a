"""What any warehouse must do. Expected values are BigQuery's, written by hand.

Another implementation joins by a line in `WAREHOUSES`. A real project joins when
DATORIA_TEST_PROJECT names one:

    DATORIA_TEST_PROJECT=acme-sandbox .venv/bin/pytest -n 8 --dist load \\
        tests/test_warehouse_contract.py -k real

Without it that target is absent: a skip of each test would hide the two that say something.
It costs less than $0.10, and nothing within the free 1 TiB of a month: DDL is free, what is
stored is a few rows for seconds, and about 400 queries and INSERTs bill 10 MB for each table that
they read (https://cloud.google.com/bigquery/pricing). None may bill more than 100 MB.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    Ref,
    Refused,
)
from tests import real_project
from tests.bigquery_server import ManualClock, client


@contextmanager
def in_memory(folder):
    yield LocalWarehouse(None)


@contextmanager
def on_file(folder):
    warehouse = LocalWarehouse(folder / "warehouse.duckdb")
    with warehouse.session():
        yield warehouse


@contextmanager
def over_the_test_server(folder):
    yield BigQueryWarehouse(client=client(LocalWarehouse(None)), clock=ManualClock())


WAREHOUSES = {"memory": in_memory, "file": on_file, "bigquery": over_the_test_server}
if real_project.PROJECT:
    WAREHOUSES["real"] = real_project.in_a_real_project
# Why a test can't be asked of a real project.
NOT_IN_A_REAL_PROJECT = {
    "test_policy_tags_stay_until_they_are_cleared": "It needs a taxonomy with a policy tag.",
    "test_row_access_policies_are_told_and_block_drops": (
        "Rows that policies filter can't be listed; tests/probe asks what policies block."
    ),
}
DATASET = Ref("dataset", "acme.shop")
ORDERS = Ref("table", "acme.shop.orders")
VIEW = Ref("table", "acme.shop.big_orders")
DOUBLE = Ref("routine", "acme.shop.double")


@pytest.fixture(params=WAREHOUSES)
def warehouse(request, tmp_path):
    if request.param == "real" and (why := NOT_IN_A_REAL_PROJECT.get(request.function.__name__)):
        pytest.skip(why)
    with WAREHOUSES[request.param](tmp_path) as found:
        found.create(DATASET, {"location": "EU"})
        yield found
        found.close()


def column(name, kind, mode="NULLABLE", **more):
    return {"name": name, "type": kind, "mode": mode, **more}


def orders(**more):
    fields = [
        column("day", "DATE", "REQUIRED"),
        column("amount", "INTEGER", description="In cents."),
        column(
            "lines",
            "RECORD",
            "REPEATED",
            fields=[column("sku", "STRING", "REQUIRED"), column("tags", "STRING", "REPEATED")],
        ),
    ]
    cut = {"timePartitioning": {"type": "DAY", "field": "day"}}
    return {"schema": {"fields": fields}, **cut, **more}


def filled(warehouse):
    warehouse.create(ORDERS, orders())
    lines = [{"sku": "a'\"\\\n", "tags": ["x"]}, {"sku": "b", "tags": []}]
    warehouse.append(ORDERS, [{"day": "2013-01-30", "amount": 5, "lines": lines}])
    warehouse.append(ORDERS, [{"day": "2013-01-31", "amount": 7}])


def patched(warehouse, change):
    found = warehouse.read([ORDERS])[ORDERS]
    fields = change(found.body["schema"]["fields"])
    return warehouse.patch(ORDERS, {"schema": {"fields": fields}}, found.etag)


def unchanged(warehouse, act, error, message):
    before = (warehouse.read([DATASET, ORDERS, VIEW, DOUBLE]), warehouse.list(DATASET.id))
    rows, facts = warehouse.rows(ORDERS), warehouse.partitions([ORDERS])
    with pytest.raises(error) as caught:
        act()
    assert message in str(caught.value)
    after = (warehouse.read([DATASET, ORDERS, VIEW, DOUBLE]), warehouse.list(DATASET.id))
    assert after == before
    assert (warehouse.rows(ORDERS), warehouse.partitions([ORDERS])) == (rows, facts)


def test_nothing_is_there_at_first(warehouse):
    assert warehouse.read([ORDERS, DOUBLE]) == {}
    assert warehouse.list("acme.nowhere") == ()
    assert warehouse.rows(ORDERS) == ()
    assert warehouse.partitions([ORDERS]) == {}
    with pytest.raises(NotFound, match=r"Not found: Table acme:shop\.orders"):
        warehouse.count(ORDERS)


def test_a_created_table_is_read_as_rest_returns_it(warehouse):
    fields = [
        column("id", "INT64", "REQUIRED"),
        {"name": "price", "type": "NUMERIC", "precision": 10, "scale": 2},
        column("at", "STRUCT", fields=[{"name": "ok", "type": "BOOL"}]),
    ]
    ranges = {"field": "id", "range": {"start": 0, "end": 100, "interval": 10}}
    body = {"schema": {"fields": fields}, "rangePartitioning": ranges, "labels": {}}
    created = warehouse.create(ORDERS, body)
    assert warehouse.read([ORDERS]) == {ORDERS: created}
    found = created.body
    assert found["schema"]["fields"] == [
        {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
        {"name": "price", "type": "NUMERIC", "mode": "NULLABLE", "precision": "10", "scale": "2"},
        {
            "name": "at",
            "type": "RECORD",
            "mode": "NULLABLE",
            "fields": [{"name": "ok", "type": "BOOLEAN", "mode": "NULLABLE"}],
        },
    ]
    assert found["rangePartitioning"]["range"] == {"start": "0", "end": "100", "interval": "10"}
    assert (found["type"], found["location"], found["etag"]) == ("TABLE", "EU", created.etag)
    assert "labels" not in found


def test_a_name_is_taken_once_and_needs_its_dataset(warehouse):
    warehouse.create(ORDERS, orders())
    unchanged(
        warehouse, lambda: warehouse.create(ORDERS, orders()), AlreadyExists, "Already Exists"
    )
    elsewhere = Ref("table", "acme.nowhere.t")
    unchanged(
        warehouse,
        lambda: warehouse.create(elsewhere, orders()),
        NotFound,
        "Not found: Dataset acme:nowhere",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": {"fields": [column("a", "STRING"), column("A", "DATE")]}}, "already exists"),
        ({"schema": {"fields": [column("_PARTITION_x", "DATE")]}}, "Invalid field name"),
        ({"schema": {"fields": [column("a", "STRINGS")]}}, "STRINGS"),
        ({"schema": {"fields": [column("a.b", "STRING")]}}, "Invalid field name"),
        ({"timePartitioning": {"type": "DAY", "field": "amount"}}, "must be a top-level DATE"),
        ({"timePartitioning": {"type": "HOUR", "field": "day"}}, "TIMESTAMP or DATETIME"),
        ({"clustering": {"fields": ["lines"]}}, "not supported for clustering"),
        ({"clustering": {"fields": ["nope"]}}, "cannot be found"),
        ({"clustering": {"fields": ["day", "amount", "day", "amount", "day"]}}, "at most 4"),
        ({"labels": {"Key": "v"}}, "Label key"),
    ],
)
def test_a_bad_table_is_refused(warehouse, change, message):
    unchanged(warehouse, lambda: warehouse.create(ORDERS, orders(**change)), Refused, message)


def test_a_patch_adds_and_relaxes_and_keeps_the_rows(warehouse):
    filled(warehouse)

    def change(fields):
        fields[0]["mode"] = "NULLABLE"
        fields[1]["description"] = "In øre."
        fields[2]["fields"].append(column("count", "INTEGER"))
        return [*fields, column("notes", "STRING", "REPEATED")]

    before = warehouse.read([ORDERS])[ORDERS]
    after = patched(warehouse, change)
    assert after.etag != before.etag
    assert [field["mode"] for field in after.body["schema"]["fields"]] == [
        "NULLABLE",
        "NULLABLE",
        "REPEATED",
        "REPEATED",
    ]
    assert warehouse.rows(ORDERS) == (
        {
            "day": "2013-01-30",
            "amount": 5,
            "lines": [
                {"sku": "a'\"\\\n", "tags": ["x"], "count": None},
                {"sku": "b", "tags": [], "count": None},
            ],
            "notes": [],
        },
        {"day": "2013-01-31", "amount": 7, "lines": [], "notes": []},
    )


def swapped(fields):
    return [{**fields[0], "type": "STRING"}, *fields[1:]]


REFUSED_PATCHES = [
    (lambda fields: fields[1:], "Field day is missing in new schema"),
    (swapped, "Field day has changed type from DATE to STRING"),
    (lambda f: [f[0], {**f[1], "mode": "REQUIRED"}, f[2]], "from NULLABLE to REQUIRED"),
    (lambda f: [f[0], {**f[1], "mode": "REPEATED"}, f[2]], "from NULLABLE to REPEATED"),
    (lambda f: [*f, column("x", "DATE", "REQUIRED")], "Cannot add required fields"),
    (lambda f: [column("x", "DATE"), *f], "Precondition Failed"),
    (lambda f: [f[0], {**f[1], "name": "AMOUNT"}, f[2]], "AMOUNT already exists in schema"),
    (
        lambda f: [*f, column("x", "STRING", defaultValueExpression="'a'")],
        "Add field with default value to an existing table schema is not supported",
    ),
    (lambda f: [*f[:2], {**f[2], "fields": f[2]["fields"][:1]}], "Field lines.tags is missing"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED_PATCHES)
def test_a_patch_that_bigquery_refuses_changes_nothing(warehouse, change, message):
    filled(warehouse)
    unchanged(warehouse, lambda: patched(warehouse, change), Refused, message)


def test_a_patch_can_not_change_partitioning(warehouse):
    filled(warehouse)
    month = {"timePartitioning": {"type": "MONTH", "field": "day"}}
    unchanged(warehouse, lambda: warehouse.patch(ORDERS, month, None), Refused, "partitioning")
    none = {"timePartitioning": None}
    unchanged(warehouse, lambda: warehouse.patch(ORDERS, none, None), Refused, "partitioning")


def test_type_parameters_in_a_patch_are_silently_ignored(warehouse):
    # https://github.com/hashicorp/terraform-provider-google/issues/12095
    warehouse.create(ORDERS, {"schema": {"fields": [column("a", "STRING", maxLength="5")]}})
    after = patched(warehouse, lambda fields: [{**fields[0], "maxLength": "9"}])
    assert after.body["schema"]["fields"][0]["maxLength"] == "5"


def test_a_patch_merges_labels_and_null_removes(warehouse):
    warehouse.create(ORDERS, orders(labels={"a": "1", "b": "2"}, description="old"))
    warehouse.patch(ORDERS, {"labels": {"a": None, "c": "3"}, "description": None}, None)
    body = warehouse.read([ORDERS])[ORDERS].body
    assert body["labels"] == {"b": "2", "c": "3"}
    assert "description" not in body
    warehouse.patch(ORDERS, {"clustering": {"fields": ["amount"]}}, None)
    assert warehouse.read([ORDERS])[ORDERS].body["clustering"] == {"fields": ["amount"]}
    warehouse.patch(ORDERS, {"clustering": None}, None)
    assert "clustering" not in warehouse.read([ORDERS])[ORDERS].body


def test_a_stale_etag_is_refused(warehouse):
    first = warehouse.create(ORDERS, orders()).etag
    warehouse.patch(ORDERS, {"description": "new"}, first)
    patch = {"description": "newer"}
    unchanged(
        warehouse, lambda: warehouse.patch(ORDERS, patch, first), PreconditionFailed, "changed"
    )
    unchanged(warehouse, lambda: warehouse.delete(ORDERS, first), PreconditionFailed, "changed")


def test_a_dataset_is_deleted_only_when_empty_and_stays_where_it_is(warehouse):
    warehouse.create(ORDERS, orders())
    unchanged(warehouse, lambda: warehouse.delete(DATASET, None), Refused, "still in use")
    move = {"location": "US"}
    unchanged(warehouse, lambda: warehouse.patch(DATASET, move, None), Refused, "location")
    assert warehouse.list(DATASET.id) == (ORDERS,)
    warehouse.delete(ORDERS, None)
    warehouse.delete(DATASET, None)
    assert warehouse.read([DATASET]) == {}
    with pytest.raises(NotFound):
        warehouse.delete(DATASET, None)


def big_orders(query="SELECT day, amount * 2 AS twice, lines FROM `acme.shop.orders`"):
    return {"view": {"query": query, "useLegacySql": False}}


def test_a_view_has_the_columns_of_its_query(warehouse):
    filled(warehouse)
    fields = warehouse.create(VIEW, big_orders()).body["schema"]["fields"]
    assert [(f["name"], f["type"], f["mode"]) for f in fields] == [
        ("day", "DATE", "NULLABLE"),
        ("twice", "INTEGER", "NULLABLE"),
        ("lines", "RECORD", "REPEATED"),
    ]
    found = warehouse.query("SELECT twice FROM `acme.shop.big_orders` ORDER BY day")
    assert found.rows == ((10,), (14,))


def test_a_view_is_refused_without_its_inputs_or_with_a_schema(warehouse):
    unchanged(
        warehouse,
        lambda: warehouse.create(VIEW, big_orders()),
        NotFound,
        "Not found: Table acme:shop.orders was not found in location EU",
    )
    warehouse.create(ORDERS, orders())
    given = {**big_orders(), "schema": {"fields": [column("day", "DATE")]}}
    unchanged(warehouse, lambda: warehouse.create(VIEW, given), Refused, "Schema field")
    wrong = big_orders("SELECT nope FROM `acme.shop.orders`")
    unchanged(warehouse, lambda: warehouse.create(VIEW, wrong), Refused, "nope")


def test_a_views_schema_goes_stale_until_it_is_issued_again(warehouse):
    # https://docs.cloud.google.com/bigquery/docs/views-intro
    filled(warehouse)
    star = big_orders("SELECT * FROM `acme.shop.orders`")
    warehouse.create(VIEW, star)
    patched(warehouse, lambda fields: [*fields, column("late", "BOOLEAN")])
    assert len(warehouse.read([VIEW])[VIEW].body["schema"]["fields"]) == 3
    assert len(warehouse.query("SELECT * FROM `acme.shop.big_orders`").fields) == 4
    warehouse.patch(VIEW, star, None)
    assert len(warehouse.read([VIEW])[VIEW].body["schema"]["fields"]) == 4


def test_a_views_columns_can_be_described_and_nothing_else(warehouse):
    filled(warehouse)
    fields = warehouse.create(VIEW, big_orders()).body["schema"]["fields"]
    fields[1]["description"] = "Twice the amount."
    warehouse.patch(VIEW, {"schema": {"fields": fields}}, None)
    assert warehouse.read([VIEW])[VIEW].body["schema"]["fields"] == fields
    required = [{**fields[0], "mode": "REQUIRED"}, *fields[1:]]
    unchanged(
        warehouse,
        lambda: warehouse.patch(VIEW, {"schema": {"fields": required}}, None),
        Refused,
        "Field day has changed mode from NULLABLE to REQUIRED",
    )


def double(body="x * 2", returns="INT64"):
    return {
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "arguments": [{"name": "x", "dataType": {"typeKind": "INT64"}}],
        "returnType": {"typeKind": returns},
        "definitionBody": body,
    }


def test_a_function_is_called_and_replaced_as_a_whole(warehouse):
    created = warehouse.create(DOUBLE, {**double(), "description": "Twice."})
    assert warehouse.query("SELECT `acme.shop.double`(21) AS x").rows == ((42,),)
    warehouse.replace(DOUBLE, double("x * 2.5", "FLOAT64"), created.etag)
    result = warehouse.query("SELECT `acme.shop.double`(2) AS x")
    assert result.rows == ((5.0,),)
    assert result.fields == (column("x", "FLOAT"),)
    found = warehouse.read([DOUBLE])[DOUBLE].body
    assert "description" not in found
    assert found["definitionBody"] == "x * 2.5"
    wrong = double("x * missing")
    unchanged(warehouse, lambda: warehouse.replace(DOUBLE, wrong, None), Refused, "missing")
    warehouse.delete(DOUBLE, None)
    with pytest.raises(NotFound, match="Function not found"):
        warehouse.query("SELECT `acme.shop.double`(21)")


def test_partition_facts_follow_the_rows(warehouse):
    filled(warehouse)
    facts = warehouse.partitions([ORDERS])[ORDERS]
    assert [(found.id, found.rows) for found in facts] == [("20130130", 1), ("20130131", 1)]
    assert all(found.modified.tzinfo is not None for found in facts)
    count = warehouse.write(
        "SELECT DATE '2013-01-31' AS day, amount FROM `acme.shop.orders`", ORDERS, "20130131"
    )
    assert count == 2
    later = warehouse.partitions([ORDERS])[ORDERS]
    assert [(found.id, found.rows) for found in later] == [("20130130", 1), ("20130131", 2)]
    assert later[0] == facts[0]
    assert later[1].modified > facts[1].modified
    none = "SELECT DATE '2013-01-31' AS day FROM UNNEST([1]) AS x WHERE FALSE"
    assert warehouse.write(none, ORDERS, "20130131") == 0
    assert [found.id for found in warehouse.partitions([ORDERS])[ORDERS]] == ["20130130"]
    assert warehouse.count(ORDERS) == 1


REFUSED_WRITES = [
    ("SELECT DATE '2013-02-01' AS day", "20130131", "Some rows belong to different partitions"),
    ("SELECT DATE '2013-01-31' AS day, 1 AS other", "20130131", "Cannot add fields (field: other)"),
    ("SELECT 1 AS amount", "20130131", "day is missing"),
    ("SELECT '2013-01-31' AS day", "20130131", "changed type from DATE to STRING"),
    ("SELECT DATE '2013-01-31' AS day, 1.5 AS amount", "20130131", "from INTEGER to FLOAT"),
    ("SELECT CAST(NULL AS DATE) AS day", None, "Required field day cannot be null"),
    ("SELECT DATE '2013-01-31' AS day", "2013", "partition"),
    ("SELECT nope FROM `acme.shop.orders`", "20130131", "nope"),
    ("DELETE FROM `acme.shop.orders` WHERE TRUE", "20130131", "only reads"),
]


@pytest.mark.parametrize(("query", "partition", "message"), REFUSED_WRITES)
def test_a_query_that_does_not_fit_is_refused(warehouse, query, partition, message):
    filled(warehouse)
    unchanged(warehouse, lambda: warehouse.write(query, ORDERS, partition), Refused, message)


def test_left_out_columns_get_their_default(warehouse):
    fields = [column("a", "INTEGER"), column("b", "STRING", defaultValueExpression="'x'")]
    warehouse.create(ORDERS, {"schema": {"fields": fields}})
    warehouse.write("SELECT 1 AS A", ORDERS, None)
    warehouse.append(ORDERS, [{"a": 2}, {"a": 3, "b": None}])
    rows = ({"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 3, "b": None})
    assert warehouse.rows(ORDERS) == rows
    assert [(facts.id, facts.rows) for facts in warehouse.partitions([ORDERS])[ORDERS]] == [("", 3)]


def test_partitions_are_written_in_parallel(warehouse):
    warehouse.create(ORDERS, orders())

    def write(day):
        query = f"SELECT DATE '2013-01-{day:02}' AS day, {day} AS amount"
        return warehouse.write(query, ORDERS, f"201301{day:02}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(1, 25))) == [1] * 24
    assert len(warehouse.partitions([ORDERS])[ORDERS]) == 24
    assert warehouse.query("SELECT SUM(amount) AS s FROM `acme.shop.orders`").rows == ((300,),)


def test_json_rows_come_back_as_they_went_in(warehouse):
    fields = [
        column("s", "STRING"),
        column("i", "INTEGER"),
        column("f", "FLOAT"),
        column("b", "BOOLEAN"),
        column("n", "NUMERIC"),
        column("y", "BYTES"),
        column("d", "DATE"),
        column("t", "TIME"),
        column("w", "DATETIME"),
        column("z", "TIMESTAMP"),
        column("r", "RECORD", fields=[column("l", "TIMESTAMP", "REPEATED")]),
    ]
    warehouse.create(ORDERS, {"schema": {"fields": fields}})
    row = {
        "s": "it's \"q\"\\ \n`x` {y} ' -- ø",
        "i": 9223372036854775807,
        "f": 0.1,
        "b": True,
        "n": "1.5",
        "y": "AP8=",
        "d": "2013-01-31",
        "t": "01:02:03",
        "w": "2013-01-31T01:02:03",
        "z": "2013-01-31T01:02:03.000004Z",
        "r": {"l": ["2013-01-31T01:02:03Z"]},
    }
    warehouse.append(ORDERS, [row, dict.fromkeys(row)])
    empty = {**dict.fromkeys(row), "r": None}
    assert warehouse.rows(ORDERS) == (row, empty)
    found = warehouse.query("SELECT s, n, y, d, w, z, r FROM `acme.shop.orders` WHERE i > 0").rows
    assert found == (
        (
            row["s"],
            Decimal("1.5"),
            b"\x00\xff",
            date(2013, 1, 31),
            datetime(2013, 1, 31, 1, 2, 3),  # noqa: DTZ001  # a DATETIME has no time zone
            datetime(2013, 1, 31, 1, 2, 3, 4, tzinfo=UTC),
            {"l": [datetime(2013, 1, 31, 1, 2, 3, tzinfo=UTC)]},
        ),
    )
    wrong = {"i": "many"}
    unchanged(warehouse, lambda: warehouse.append(ORDERS, [row, wrong]), Refused, "value")
    wrong = {"nope": 1}
    unchanged(warehouse, lambda: warehouse.append(ORDERS, [wrong]), Refused, "no such field: nope")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("JSON", '{"a":[1,"é"]}'),
        ("INTERVAL", "1 month 2 days"),
        ("GEOGRAPHY", "POINT(1 2)"),
        ("RANGE", "[2013-01-01, UNBOUNDED)"),
    ],
)
def test_json_rows_of_special_types_come_back_as_they_went_in(warehouse, kind, value):
    more = {"rangeElementType": {"type": "DATE"}} if kind == "RANGE" else {}
    warehouse.create(ORDERS, {"schema": {"fields": [column("x", kind, **more)]}})
    warehouse.append(ORDERS, [{"x": value}, {"x": None}])
    assert warehouse.rows(ORDERS) == ({"x": value}, {"x": None})


def test_a_dry_run_tells_the_columns_and_writes_nothing(warehouse):
    filled(warehouse)
    query = (
        "SELECT COUNT(*) AS n, SUM(amount) AS s, AVG(amount) AS a, MAX(day) FROM `acme.shop.orders`"
    )
    found = [(field["name"], field["type"]) for field in warehouse.dry_run(query).fields]
    assert found == [("n", "INTEGER"), ("s", "INTEGER"), ("a", "FLOAT"), ("f0_", "DATE")]
    for bad in ("SELECT 1; SELECT 2", "DROP TABLE `acme.shop.orders`", "SELEC", "SELECT 1 a, 2 A"):
        unchanged(warehouse, lambda bad=bad: warehouse.dry_run(bad), Refused, "")
        unchanged(warehouse, lambda bad=bad: warehouse.query(bad), Refused, "")


def test_a_dry_run_tells_how_many_bytes_would_be_read(warehouse):
    filled(warehouse)
    size = warehouse.dry_run("SELECT amount FROM `acme.shop.orders`").bytes
    if warehouse.name == "local":
        assert size is None  # it can't tell
    else:
        assert size > 0
        assert warehouse.dry_run("SELECT 1 AS n").bytes == 0


def test_a_statement_is_validated_without_being_carried_out(warehouse):
    filled(warehouse)
    add = "ALTER TABLE `acme.shop.orders` ADD COLUMN"
    double = "CREATE OR REPLACE FUNCTION `acme.shop.double`(x INT64) RETURNS INT64 AS (x * 2)"
    before = (warehouse.read([ORDERS, DOUBLE]), warehouse.rows(ORDERS))
    warehouse.validate(f"{add} city STRING")
    warehouse.validate(double)
    assert (warehouse.read([ORDERS, DOUBLE]), warehouse.rows(ORDERS)) == before
    unchanged(warehouse, lambda: warehouse.validate(f"{add} amount STRING"), Refused, "amount")
    wrong = double.replace("x * 2", "y * 2")
    unchanged(warehouse, lambda: warehouse.validate(wrong), Refused, "y")


def test_columns_are_added_dropped_widened_and_renamed_by_statements(warehouse):
    filled(warehouse)
    alter = "ALTER TABLE `acme.shop.orders` "
    warehouse.execute(alter + "ADD COLUMN `note` STRING(5) OPTIONS (description = 'it\\'s')")
    warehouse.execute(alter + "ALTER COLUMN amount SET DATA TYPE NUMERIC")
    warehouse.execute(alter + "ALTER COLUMN note SET DATA TYPE STRING(9)")
    warehouse.execute(alter + "ALTER COLUMN note SET DEFAULT 'none'")
    warehouse.execute(alter + "ALTER COLUMN day DROP NOT NULL")
    warehouse.execute(alter + "DROP COLUMN IF EXISTS `nope`, DROP COLUMN `lines`")
    warehouse.execute(alter + "RENAME COLUMN amount TO cents")
    assert warehouse.read([ORDERS])[ORDERS].body["schema"]["fields"] == [
        column("day", "DATE"),
        column("cents", "NUMERIC", description="In cents."),
        column(
            "note",
            "STRING",
            maxLength="9",
            description="it's",
            defaultValueExpression="'none'",
        ),
    ]
    assert warehouse.query("SELECT cents FROM `acme.shop.orders` ORDER BY 1").rows == (
        (Decimal(5),),
        (Decimal(7),),
    )
    assert [facts.rows for facts in warehouse.partitions([ORDERS])[ORDERS]] == [1, 1]


REFUSED_ALTERATIONS = [
    ("DROP COLUMN day", "partitioning column"),
    ("DROP COLUMN nope", "nope"),
    ("RENAME COLUMN amount TO DAY", "already exists"),
    ("ADD COLUMN amount STRING", "already exists"),
    ("ADD COLUMN x STRING NOT NULL", "Cannot add required fields"),
    ("ADD COLUMN x STRING DEFAULT 'a'", "default value"),
    ("ALTER COLUMN amount SET DATA TYPE STRING", "(INT64) is assignable to the new type (STRING)"),
    ("ALTER COLUMN amount DROP NOT NULL", "NOT NULL"),
    ("ALTER COLUMN amount DROP DEFAULT", "default"),
    ("ALTER COLUMN lines SET DATA TYPE ARRAY<STRUCT<sku INT64, tags ARRAY<STRING>>>", "REPEATED"),
    ("RENAME TO `acme.other.orders`", "dataset"),
]


@pytest.mark.parametrize(("action", "message"), REFUSED_ALTERATIONS)
def test_an_alteration_that_bigquery_refuses_changes_nothing(warehouse, action, message):
    filled(warehouse)
    statement = f"ALTER TABLE `acme.shop.orders` {action}"
    unchanged(warehouse, lambda: warehouse.execute(statement), (Refused, NotFound), message)


def test_a_struct_is_widened_as_a_whole(warehouse):
    fields = [column("s", "RECORD", fields=[column("a", "INTEGER"), column("b", "STRING")])]
    warehouse.create(ORDERS, {"schema": {"fields": fields}})
    warehouse.append(ORDERS, [{"s": {"a": 1, "b": "x"}}])
    alter = "ALTER TABLE `acme.shop.orders` ALTER COLUMN s SET DATA TYPE "
    warehouse.execute(alter + "STRUCT<a FLOAT64, b STRING>")
    assert warehouse.rows(ORDERS) == ({"s": {"a": 1.0, "b": "x"}},)
    narrowed = alter + "STRUCT<a FLOAT64>"
    unchanged(warehouse, lambda: warehouse.execute(narrowed), Refused, "assignable")


REBUILD = """CREATE OR REPLACE TABLE `acme.shop.orders` (
  `day` DATE NOT NULL, `amount` STRING, `note` ARRAY<STRING>
) PARTITION BY `day` AS SELECT `day`, CAST(`amount` AS STRING), [] FROM `acme.shop.orders`"""


def test_a_table_is_rebuilt_from_itself(warehouse):
    filled(warehouse)
    warehouse.patch(ORDERS, {"labels": {"a": "b"}}, None)
    warehouse.execute(REBUILD)
    body = warehouse.read([ORDERS])[ORDERS].body
    assert "labels" not in body
    assert warehouse.rows(ORDERS) == (
        {"day": "2013-01-30", "amount": "5", "note": []},
        {"day": "2013-01-31", "amount": "7", "note": []},
    )
    assert [facts.id for facts in warehouse.partitions([ORDERS])[ORDERS]] == [
        "20130130",
        "20130131",
    ]
    other = REBUILD.replace("PARTITION BY `day`", "PARTITION BY DATE_TRUNC(`day`, MONTH)")
    unchanged(
        warehouse,
        lambda: warehouse.execute(other),
        Refused,
        "Cannot replace a table with a different partitioning spec",
    )
    empty = REBUILD.replace("SELECT `day`", "SELECT NULL")
    unchanged(warehouse, lambda: warehouse.execute(empty), Refused, "cannot be null")


def test_a_snapshot_keeps_the_rows_and_gives_them_back(warehouse):
    filled(warehouse)
    rows = warehouse.rows(ORDERS)
    warehouse.execute(
        "CREATE SNAPSHOT TABLE `acme.shop.kept` CLONE `acme.shop.orders` "
        "OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 7 DAY))"
    )
    kept = Ref("table", "acme.shop.kept")
    assert warehouse.read([kept])[kept].body["type"] == "SNAPSHOT"
    with pytest.raises(Refused):
        warehouse.append(kept, [{"day": "2013-01-01"}])
    warehouse.execute("DROP TABLE `acme.shop.orders`")
    warehouse.execute("CREATE TABLE `acme.shop.orders` CLONE `acme.shop.kept`")
    assert warehouse.rows(ORDERS) == rows
    assert warehouse.read([ORDERS])[ORDERS].body["type"] == "TABLE"
    with pytest.raises(Refused, match="SNAPSHOT"):
        warehouse.execute("DROP TABLE `acme.shop.kept`")
    warehouse.execute("DROP SNAPSHOT TABLE `acme.shop.kept`")
    warehouse.execute("DROP SNAPSHOT TABLE IF EXISTS `acme.shop.kept`")
    warehouse.execute("ALTER TABLE `acme.shop.orders` RENAME TO `renamed`")
    renamed = Ref("table", "acme.shop.renamed")
    assert warehouse.list(DATASET.id) == (renamed,)
    assert warehouse.rows(renamed) == rows
    assert len(warehouse.partitions([renamed])[renamed]) == 2


def test_ingestion_time_is_a_column_only_when_named(warehouse):
    warehouse.create(
        ORDERS,
        {"schema": {"fields": [column("a", "INTEGER")]}, "timePartitioning": {"type": "DAY"}},
    )
    assert warehouse.write("SELECT 1 AS a UNION ALL SELECT 2", ORDERS, "20130131") == 2
    assert warehouse.write("SELECT 3 AS a", ORDERS, "20130201") == 1
    assert [facts.id for facts in warehouse.partitions([ORDERS])[ORDERS]] == [
        "20130131",
        "20130201",
    ]
    assert [
        field["name"] for field in warehouse.dry_run("SELECT * FROM `acme.shop.orders`").fields
    ] == ["a"]
    pruned = (
        "SELECT * FROM (SELECT * FROM `acme.shop.orders` "
        "WHERE `_PARTITIONTIME` >= TIMESTAMP '2013-02-01 00:00:00' "
        "AND `_PARTITIONTIME` < TIMESTAMP '2013-02-02 00:00:00')"
    )
    assert warehouse.query(pruned).rows == ((3,),)
    dates = "SELECT a, _PARTITIONDATE AS d FROM `acme.shop.orders` WHERE a = 1"
    assert warehouse.query(dates).rows == ((1, date(2013, 1, 31)),)


@pytest.mark.parametrize(
    ("cut", "kind", "values", "partition"),
    [
        (
            {"type": "HOUR"},
            "TIMESTAMP",
            ("2013-01-31T05:59:59Z", "2013-01-31T06:00:00Z"),
            "2013013105",
        ),
        ({"type": "DAY"}, "DATETIME", ("2013-01-31T23:59:59", "2013-02-01T00:00:00"), "20130131"),
        ({"type": "MONTH"}, "DATE", ("2013-01-31", "2013-02-01"), "201301"),
        ({"type": "YEAR"}, "DATE", ("2013-12-31", "2014-01-01"), "2013"),
        (None, "INTEGER", (19, 20), "10"),
    ],
)
def test_rows_are_in_the_partition_of_their_value(warehouse, cut, kind, values, partition):
    value, other = values
    ranges = {"field": "k", "range": {"start": "0", "end": "100", "interval": "10"}}
    spec = {"timePartitioning": {**cut, "field": "k"}} if cut else {"rangePartitioning": ranges}
    warehouse.create(ORDERS, {"schema": {"fields": [column("k", kind)]}, **spec})
    warehouse.append(ORDERS, [{"k": value}, {"k": None}])
    facts = warehouse.partitions([ORDERS])[ORDERS]
    assert sorted(found.id for found in facts) == sorted([partition, "__NULL__"])
    literal = {"INTEGER": "INT64"}.get(kind, kind)
    query = f"SELECT CAST('{other}' AS {literal}) AS k"
    unchanged(
        warehouse,
        lambda: warehouse.write(query, ORDERS, partition),
        Refused,
        f"rather than destination partition acme:shop.orders${partition}",
    )
    assert warehouse.write(query.replace(str(other), str(value)), ORDERS, partition) == 1


PROPERTIES = {
    "friendlyName": "Orders",
    "expirationTime": "4102444800000",
    "requirePartitionFilter": True,
    "maxStaleness": "0-0 0 4:0:0",
    "defaultCollation": "und:ci",
    "defaultRoundingMode": "ROUND_HALF_EVEN",
}


def test_properties_of_a_table_are_kept_changed_and_removed(warehouse):
    warehouse.create(ORDERS, orders())
    plain = warehouse.read([ORDERS])[ORDERS].body
    warehouse.patch(ORDERS, PROPERTIES, None)
    found = warehouse.read([ORDERS])[ORDERS].body
    assert {key: found[key] for key in PROPERTIES} == PROPERTIES
    removed = {**dict.fromkeys(PROPERTIES), "requirePartitionFilter": False}
    warehouse.patch(ORDERS, {**removed, "defaultCollation": ""}, None)
    assert set(warehouse.read([ORDERS])[ORDERS].body) == set(plain)
    soon = {"maxStaleness": "soon"}
    unchanged(warehouse, lambda: warehouse.patch(ORDERS, soon, None), Refused, "soon")


def test_policy_tags_stay_until_they_are_cleared(warehouse):
    tag = {"names": ["projects/acme/locations/eu/taxonomies/1/policyTags/2"]}
    warehouse.create(ORDERS, {"schema": {"fields": [column("a", "STRING", policyTags=tag)]}})
    patched(warehouse, lambda fields: [column("a", "STRING", description="A.")])
    found = warehouse.read([ORDERS])[ORDERS].body["schema"]["fields"]
    assert found == [column("a", "STRING", description="A.", policyTags=tag)]
    patched(warehouse, lambda fields: [column("a", "STRING", policyTags={"names": []})])
    found = warehouse.read([ORDERS])[ORDERS].body["schema"]["fields"]
    assert found == [column("a", "STRING")]
    record = column("r", "RECORD", fields=[column("x", "STRING")], policyTags={"names": []})
    unchanged(
        warehouse,
        lambda: patched(warehouse, lambda fields: [*fields, record]),
        Refused,
        "Policy tags can only be attached to a leaf field.",
    )


def test_a_shorter_partition_expiration_deletes_rows_at_once(warehouse):
    filled(warehouse)
    warehouse.append(ORDERS, [{"day": datetime.now(UTC).date().isoformat(), "amount": 1}])
    cut = {"type": "DAY", "field": "day", "expirationMs": "864000000"}
    warehouse.patch(ORDERS, {"timePartitioning": cut}, None)
    assert warehouse.read([ORDERS])[ORDERS].body["timePartitioning"] == cut
    assert [row["amount"] for row in warehouse.rows(ORDERS)] == [1]
    assert [facts.rows for facts in warehouse.partitions([ORDERS])[ORDERS]] == [1]


def test_a_past_expiration_deletes_the_table_at_once(warehouse):
    filled(warehouse)
    warehouse.patch(ORDERS, {"expirationTime": "1000"}, None)
    assert warehouse.read([ORDERS]) == {}
    assert warehouse.list(DATASET.id) == ()


def test_keys_are_declared_and_hold_their_columns(warehouse):
    warehouse.create(ORDERS, {"schema": {"fields": [column("a", "INTEGER"), column("b", "DATE")]}})
    alter = "ALTER TABLE `acme.shop.orders` "
    warehouse.execute(alter + "ADD PRIMARY KEY (`a`) NOT ENFORCED")
    kept = {"primaryKey": {"columns": ["a"]}}
    assert warehouse.read([ORDERS])[ORDERS].body["tableConstraints"] == kept
    for action in ("DROP COLUMN a", "RENAME COLUMN a TO c", "RENAME TO `kept`"):
        unchanged(
            warehouse, lambda action=action: warehouse.execute(alter + action), Refused, "key"
        )
    refers = "ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES `acme.shop.nope` (a) NOT ENFORCED"
    unchanged(warehouse, lambda: warehouse.execute(alter + refers), NotFound, "nope")
    warehouse.execute(alter + "DROP PRIMARY KEY")
    assert "tableConstraints" not in warehouse.read([ORDERS])[ORDERS].body
    warehouse.execute(alter + "DROP COLUMN a")


def test_rows_are_inserted_by_a_select(warehouse):
    filled(warehouse)
    copy = Ref("table", "acme.shop.copy")
    warehouse.create(copy, orders())
    insert = "INSERT INTO `acme.shop.copy` (`amount`, `day`) SELECT amount, {} FROM {}"
    warehouse.execute(insert.format("day", "`acme.shop.orders`"))
    assert sorted(row["amount"] for row in warehouse.rows(copy)) == [5, 7]
    facts = warehouse.partitions([copy])[copy]
    assert [(found.id, found.rows) for found in facts] == [("20130130", 1), ("20130131", 1)]
    with pytest.raises(Refused, match="null"):
        warehouse.execute(insert.format("CAST(NULL AS DATE)", "`acme.shop.orders`"))
    assert warehouse.count(copy) == 2


def test_row_access_policies_are_told_and_block_drops(warehouse):
    filled(warehouse)
    before = warehouse.read([ORDERS])
    create = "CREATE ROW ACCESS POLICY {} ON `acme.shop.orders` FILTER USING (amount > 5)"
    warehouse.execute(create.format("some"))
    warehouse.execute(create.format("other"))
    assert warehouse.policies([ORDERS, VIEW]) == {ORDERS: ("other", "some")}
    assert warehouse.read([ORDERS]) == before
    drop = "ALTER TABLE `acme.shop.orders` DROP COLUMN amount"
    unchanged(warehouse, lambda: warehouse.execute(drop), Refused, "row access policies")
    warehouse.execute("DROP ALL ROW ACCESS POLICIES ON `acme.shop.orders`")
    assert warehouse.policies([ORDERS]) == {}
    warehouse.execute(drop)


def test_a_datasets_defaults_are_for_new_tables(warehouse):
    defaults = {"defaultPartitionExpirationMs": "864000000", "defaultCollation": "und:ci"}
    warehouse.create(VIEW, {"schema": {"fields": [column("a", "STRING")]}})
    warehouse.patch(DATASET, defaults, None)
    found = warehouse.read([DATASET])[DATASET].body
    assert {key: found[key] for key in defaults} == defaults
    assert found["maxTimeTravelHours"] == "168"
    warehouse.create(ORDERS, orders())
    made = warehouse.read([ORDERS])[ORDERS].body
    assert made["timePartitioning"]["expirationMs"] == "864000000"
    sku = made["schema"]["fields"][2]["fields"][0]
    assert sku == column("sku", "STRING", "REQUIRED", collation="und:ci")
    warehouse.append(ORDERS, [{"day": "2013-01-30", "amount": 1}])
    assert warehouse.count(ORDERS) == 0
    kept = warehouse.read([VIEW])[VIEW].body["schema"]["fields"]
    assert kept == [column("a", "STRING")]
    warehouse.patch(DATASET, dict.fromkeys(defaults), None)
    assert not defaults.keys() & warehouse.read([DATASET])[DATASET].body.keys()
