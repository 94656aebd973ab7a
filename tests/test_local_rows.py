"""Rows that go by themselves, that need a filter, that are inserted, guarded and streamed."""

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.local.rows import contents
from datoria_dagster.warehouse.port import AlreadyExists, NotFound
from tests.local_shop import (
    ALL,
    COPY,
    DATASET,
    DAY_MS,
    OTHER,
    VIEW,
    T,
    alter,
    body,
    column,
    dated,
    day,
    execute_refused,
    kept_days,
    patch_refused,
    refused,
    table,
)


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    found.create(DATASET, {"location": "EU"})
    yield found
    found.close()


# Expiring partitions


def test_partitions_older_than_a_new_expiration_are_deleted_at_once(warehouse):
    dated(warehouse, 1, 5, 9)
    spec = {"type": "DAY", "field": "day"}
    warehouse.patch(T, {"timePartitioning": {**spec, "expirationMs": str(8 * DAY_MS)}}, None)
    assert kept_days(warehouse) == [1, 5]
    warehouse.execute(alter("SET OPTIONS (partition_expiration_days = 3.5)"))
    assert body(warehouse)["timePartitioning"]["expirationMs"] == "302400000"
    assert kept_days(warehouse) == [1]
    warehouse.append(T, [{"day": day(30).isoformat(), "n": 30}])
    assert kept_days(warehouse) == [1]
    query = f"SELECT DATE '{day(40)}' AS day, 40 AS n UNION ALL SELECT DATE '{day(0)}', 0"
    warehouse.write(query, T, None)
    assert kept_days(warehouse) == [0]
    warehouse.execute(alter("SET OPTIONS (partition_expiration_days = NULL)"))
    assert body(warehouse)["timePartitioning"] == spec
    warehouse.append(T, [{"day": day(30).isoformat(), "n": 30}, {"n": 7}])
    assert warehouse.count(T) == 3


def test_a_table_filled_aside_loses_what_the_datasets_default_expires(warehouse):
    dated(warehouse, 1, 9)
    default = {"defaultPartitionExpirationMs": str(3 * DAY_MS)}
    warehouse.patch(DATASET, default, None)
    assert kept_days(warehouse) == [1, 9]
    select = "AS SELECT * FROM `acme.shop.t`"
    warehouse.execute(f"CREATE TABLE `acme.shop.copy` PARTITION BY day {select}")
    assert [row["n"] for row in warehouse.rows(COPY)] == [1]
    explicit = "OPTIONS (partition_expiration_days = 99)"
    warehouse.execute(f"CREATE TABLE `acme.shop.other` PARTITION BY day {explicit} {select}")
    assert sorted(row["n"] for row in warehouse.rows(OTHER)) == [1, 9]


def test_a_partition_without_a_time_does_not_expire(warehouse):
    dated(warehouse, 9)
    warehouse.append(T, [{"n": 1}])
    warehouse.execute(alter("SET OPTIONS (partition_expiration_days = 1)"))
    assert warehouse.rows(T) == ({"day": None, "n": 1},)


def test_partitions_of_ingestion_time_expire_too(warehouse):
    warehouse.create(T, table(column("a", "INTEGER"), timePartitioning={"type": "DAY"}))
    warehouse.write("SELECT 1 AS a", T, "20130131")
    warehouse.append(T, [{"a": 2}])
    patch = {"timePartitioning": {"type": "DAY", "expirationMs": str(DAY_MS)}}
    warehouse.patch(T, patch, None)
    assert warehouse.rows(T) == ({"a": 2},)
    assert len(warehouse.partitions([T])[T]) == 1


def test_a_refused_patch_deletes_no_partition(warehouse):
    dated(warehouse, 1, 9)
    spec = {"type": "DAY", "field": "day", "expirationMs": str(DAY_MS)}
    both = {"timePartitioning": spec, **table(column("n", "INTEGER"))}
    patch_refused(warehouse, both, "Field day is missing")
    month = {"timePartitioning": {**spec, "type": "MONTH"}}
    patch_refused(warehouse, month, "partitioning")


# Partition filters


NUMBERED = "SELECT *, ROW_NUMBER() OVER (ORDER BY n) AS r FROM `acme.shop.t`"
TWICE = "`acme.shop.t` AS a JOIN `acme.shop.t` AS b ON a.n = b.n"
FILTERED = [
    ("SELECT n FROM `acme.shop.t` WHERE day = '2020-01-01'", True),
    ("SELECT n FROM `acme.shop.t` AS x WHERE x.day > '2020-01-01' AND n = 1", True),
    ("SELECT n FROM `acme.shop.t` WHERE day IS NULL OR day IS NOT NULL", True),
    ("SELECT n FROM `acme.shop.t` WHERE day > '2020-01-01' OR n = 1", False),
    ("SELECT n FROM `acme.shop.t`", False),
    ("SELECT day FROM `acme.shop.t` WHERE n = 1", False),
    ("SELECT n FROM `acme.shop.v` WHERE at = '2020-01-01'", True),
    ("SELECT n FROM `acme.shop.v` WHERE n = 1", False),
    ("WITH c AS (SELECT * FROM `acme.shop.t`) SELECT n FROM c WHERE day > '2020-01-01'", True),
    ("WITH c AS (SELECT * FROM `acme.shop.t`) SELECT n FROM c", False),
    ("SELECT n FROM (SELECT * EXCEPT (day) FROM `acme.shop.t`) WHERE n = 1", False),
    (f"SELECT n FROM ({NUMBERED}) WHERE day = '2020-01-01'", False),
    (f"SELECT a.n FROM {TWICE} WHERE a.day = '2020-01-01'", False),
    (f"SELECT a.n FROM {TWICE} AND a.day = '2020-01-01' AND b.day = '2020-01-01'", True),
]


@pytest.mark.parametrize(("query", "runs"), FILTERED)
def test_a_table_that_requires_a_filter_is_read_with_one_only(warehouse, query, runs):
    dated(warehouse)
    warehouse.execute(alter("SET OPTIONS (require_partition_filter = TRUE)"))
    view = {"view": {"query": "SELECT day AS at, n FROM `acme.shop.t`", "useLegacySql": False}}
    warehouse.create(VIEW, view)
    warehouse.create(OTHER, table(column("n", "INTEGER"), column("day", "DATE")))
    if runs:
        assert warehouse.query(query).rows == ()
        warehouse.dry_run(query)
        return
    message = (
        "Cannot query over table 'acme.shop.t' without a filter over column(s) 'day' that can be "
        "used for partition elimination"
    )
    refused(warehouse, lambda: warehouse.query(query), message)
    refused(warehouse, lambda: warehouse.dry_run(query), message)
    refused(warehouse, lambda: warehouse.write(query, OTHER, None), message)
    execute_refused(warehouse, f"CREATE TABLE `acme.shop.copy` AS {query}", message)
    warehouse.patch(T, {"requirePartitionFilter": False}, None)
    assert "requirePartitionFilter" not in body(warehouse)
    assert warehouse.query(query).rows == ()


def test_a_filter_over_ingestion_time_is_one_too(warehouse):
    spec = {"timePartitioning": {"type": "DAY"}, "requirePartitionFilter": True}
    warehouse.create(T, table(column("a", "INTEGER"), **spec))
    warehouse.write("SELECT 1 AS a", T, "20130131")
    query = "SELECT a FROM `acme.shop.t`"
    refused(warehouse, lambda: warehouse.query(query), "'_PARTITIONDATE', '_PARTITIONTIME'")
    found = warehouse.query(query + " WHERE _PARTITIONDATE = '2013-01-31'")
    assert found.rows == ((1,),)


# INSERT


def test_rows_of_a_select_are_inserted_by_position(warehouse):
    columns = [
        column("a", "INTEGER", "REQUIRED"),
        column("b", "FLOAT"),
        column("c", defaultValueExpression="'none'"),
        column("l", mode="REPEATED"),
    ]
    warehouse.create(T, table(*columns))
    warehouse.execute("INSERT INTO `acme.shop.t` (b, `a`) SELECT 1 AS x, 2 AS y")
    warehouse.execute("INSERT `acme.shop.t` SELECT 3, 0.5, NULL, ['x']")
    rows = sorted(warehouse.rows(T), key=lambda row: row["a"])
    assert rows == [
        {"a": 2, "b": 1.0, "c": "none", "l": []},
        {"a": 3, "b": 0.5, "c": None, "l": ["x"]},
    ]
    assert [facts.rows for facts in warehouse.partitions([T])[T]] == [2]
    warehouse.execute("INSERT INTO `acme.shop.t` (a, c) VALUES (4, ')'), (5, CONCAT('a', 'b'))")
    added = [(row["a"], row["c"]) for row in warehouse.rows(T) if row["a"] > 3]
    assert sorted(added) == [(4, ")"), (5, "ab")]


BAD_INSERTS = [
    ("(a) VALUES (1), (NULL)", "Required field a cannot be null"),
    ("(a) VALUES (1) (2)", "Syntax error"),
    ("(a) SELECT CAST(NULL AS INT64)", "Required field a cannot be null"),
    ("(b) SELECT 1.5", "Field a is missing"),
    ("(a) SELECT 'x'", "column a has type INT64, but the query's column f0_ has type STRING"),
    ("(a, b) SELECT 1", "does not match"),
    ("(a, nope) SELECT 1, 2", "nope"),
    ("(a, A) SELECT 1, 2", "twice"),
    ("(a) SELECT x FROM UNNEST([1, NULL]) AS x", "Required field a cannot be null"),
    ("(a, _PARTITIONTIME) SELECT 1, CURRENT_TIMESTAMP()", "_PARTITIONTIME"),
]


@pytest.mark.parametrize(("rest", "message"), BAD_INSERTS)
def test_a_bad_insert_writes_nothing(warehouse, rest, message):
    warehouse.create(T, table(column("a", "INTEGER", "REQUIRED"), column("b", "FLOAT")))
    execute_refused(warehouse, f"INSERT INTO `acme.shop.t` {rest}", message)


def test_an_insert_says_when_rows_arrived_and_reads_it(warehouse):
    hidden = {"timePartitioning": {"type": "DAY"}}
    warehouse.create(T, table(column("a", "INTEGER"), **hidden))
    warehouse.create(OTHER, table(column("a", "INTEGER"), **hidden))
    warehouse.write("SELECT 1 AS a", T, "20130131")
    warehouse.write("SELECT 2 AS a", T, "20130201")
    warehouse.execute(
        "INSERT INTO `acme.shop.other` (a, _PARTITIONTIME) "
        "SELECT a, _PARTITIONTIME FROM `acme.shop.t`"
    )
    facts = warehouse.partitions([OTHER])[OTHER]
    assert [(found.id, found.rows) for found in facts] == [("20130131", 1), ("20130201", 1)]
    found = warehouse.query("SELECT a FROM `acme.shop.other` WHERE _PARTITIONDATE = '2013-02-01'")
    assert found.rows == ((2,),)


def test_a_job_writes_only_so_many_partitions(warehouse, monkeypatch):
    assert contents.MAX_PARTITIONS_PER_JOB == 4000
    monkeypatch.setattr(contents, "MAX_PARTITIONS_PER_JOB", 2)
    dated(warehouse)
    query = "SELECT day, 1 AS n FROM UNNEST(GENERATE_DATE_ARRAY('2020-01-01', '2020-01-{}')) AS day"
    few, many = query.format("02"), query.format("03")
    message = "Too many partitions produced by query, allowed 2"
    execute_refused(warehouse, f"INSERT INTO `acme.shop.t` {many}", message)
    refused(warehouse, lambda: warehouse.write(many, T, None), message)
    create = f"CREATE TABLE `acme.shop.copy` PARTITION BY day AS {many}"
    execute_refused(warehouse, create, message)
    warehouse.execute(f"INSERT INTO `acme.shop.t` {few}")
    assert warehouse.count(T) == 2


def test_decimals_are_rounded_as_their_column_says(warehouse):
    parameters = {"precision": "5", "scale": "1"}
    columns = [
        column("up", "NUMERIC", **parameters),
        column("even", "NUMERIC", **parameters, roundingMode="ROUND_HALF_EVEN"),
    ]
    warehouse.create(T, table(*columns))
    warehouse.append(T, [{"up": "1.25", "even": "1.25"}])
    warehouse.write("SELECT NUMERIC '1.25' AS up, NUMERIC '1.25' AS even", T, None)
    warehouse.append(T, [{"up": "-1.45", "even": "-1.45"}])
    warehouse.execute("INSERT INTO `acme.shop.t` SELECT NUMERIC '2.65', NUMERIC '2.65'")
    assert sorted(warehouse.rows(T), key=lambda row: row["up"]) == [
        {"up": "-1.5", "even": "-1.4"},
        {"up": "1.3", "even": "1.2"},
        {"up": "2.7", "even": "2.6"},
    ]


# Row access policies


def policy(name, condition="a = 'x'", ref="t", how="CREATE"):
    return (
        f"{how} ROW ACCESS POLICY {name} ON `acme.shop.{ref}` "
        f"GRANT TO ('user:ann@acme.com') FILTER USING ({condition})"
    )


def test_row_access_policies_are_kept_beside_the_table(warehouse):
    warehouse.create(T, table(column("a")))
    before = warehouse.read([T])[T]
    assert warehouse.policies([T, OTHER]) == {}
    warehouse.execute(policy("second"))
    warehouse.execute("CREATE ROW ACCESS POLICY first ON `acme.shop.t` FILTER USING (TRUE)")
    warehouse.execute(policy("first", how="CREATE OR REPLACE"))
    warehouse.execute(
        "CREATE ROW ACCESS POLICY IF NOT EXISTS first ON `acme.shop.t` FILTER USING (FALSE)"
    )
    session = policy("who", "SESSION_USER() = a")
    warehouse.execute(session)
    assert warehouse.policies([T, OTHER]) == {T: ("first", "second", "who")}
    assert warehouse.read([T])[T] == before
    assert warehouse.list(DATASET.id) == (T,)
    execute_refused(warehouse, policy("first"), "Already Exists", AlreadyExists)
    execute_refused(warehouse, policy("bad", "nope = 1"), "nope")
    execute_refused(warehouse, policy("bad", ref="nope"), "Not found: Table", NotFound)
    warehouse.execute("DROP ROW ACCESS POLICY who ON `acme.shop.t`")
    warehouse.execute("DROP ROW ACCESS POLICY IF EXISTS who ON `acme.shop.t`")
    missing = "DROP ROW ACCESS POLICY who ON `acme.shop.t`"
    execute_refused(warehouse, missing, "Not found: Row access policy who", NotFound)
    warehouse.execute("DROP ROW ACCESS POLICY first ON `acme.shop.t`")
    last = "DROP ROW ACCESS POLICY second ON `acme.shop.t`"
    execute_refused(warehouse, last, "DROP ALL ROW ACCESS POLICIES")
    warehouse.execute("DROP ALL ROW ACCESS POLICIES ON `acme.shop.t`")
    assert warehouse.policies([T]) == {}


def test_row_access_policies_block_drops_and_renames_of_columns(warehouse):
    warehouse.create(T, table(column("a"), column("b")))
    warehouse.execute(policy("mine"))
    for action in ("DROP COLUMN b", "RENAME COLUMN b TO c"):
        execute_refused(warehouse, alter(action), "has row access policies (mine)")
    warehouse.execute(alter("ADD COLUMN c INT64"))
    warehouse.execute(alter("ALTER COLUMN c SET DATA TYPE FLOAT64"))
    warehouse.execute("DROP ALL ROW ACCESS POLICIES ON `acme.shop.t`")
    warehouse.execute(alter("DROP COLUMN b"))


def test_row_access_policies_go_with_the_table_and_follow_its_name(warehouse):
    warehouse.create(T, table(column("a")))
    warehouse.execute(policy("mine"))
    warehouse.execute("CREATE TABLE `acme.shop.copy` CLONE `acme.shop.t`")
    warehouse.execute(alter("RENAME TO other"))
    assert warehouse.policies(ALL) == {OTHER: ("mine",), COPY: ("mine",)}
    warehouse.execute("CREATE OR REPLACE TABLE `acme.shop.other` (a STRING)")
    assert warehouse.policies(ALL) == {COPY: ("mine",)}
    warehouse.execute("DROP TABLE `acme.shop.copy`")
    assert warehouse.policies(ALL) == {}
    warehouse.create(COPY, table(column("a")))
    assert warehouse.policies(ALL) == {}


# The streaming buffer


def test_streamed_rows_are_in_a_buffer_until_it_is_flushed(warehouse):
    warehouse.create(T, table(column("a"), column("n", "INTEGER")))
    etag = warehouse.read([T])[T].etag
    warehouse.stream(T, [{"a": "x", "n": 1}, {"a": "y"}])
    warehouse.stream(T, [{"a": "z"}])
    buffer = body(warehouse)["streamingBuffer"]
    assert buffer["estimatedRows"] == "3"
    assert buffer["oldestEntryTime"].isdigit()
    assert warehouse.read([T])[T].etag == etag
    assert warehouse.count(T) == 3
    execute_refused(warehouse, alter("RENAME TO u"), "streaming buffer")
    retype = alter("ALTER COLUMN n SET DATA TYPE NUMERIC")
    execute_refused(warehouse, retype, "streaming buffer")
    warehouse.execute(alter("RENAME COLUMN a TO b"))
    warehouse.execute(alter("DROP COLUMN b"))
    warehouse.patch(T, {"description": "Streamed.", "streamingBuffer": None}, None)
    assert body(warehouse)["streamingBuffer"] == buffer
    warehouse.flush(T)
    assert "streamingBuffer" not in body(warehouse)
    warehouse.execute(retype)
    warehouse.execute(alter("RENAME TO other"))
    assert warehouse.count(OTHER) == 3
