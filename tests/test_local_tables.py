"""What BigQuery keeps and refuses of columns, tables, views and datasets.

Expected values are BigQuery's, written by hand.
"""

from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import AlreadyExists, NotFound, Ref
from tests.local_shop import (
    COPY,
    DATASET,
    DAY_MS,
    KEY,
    OTHER,
    TAG,
    VIEW,
    T,
    alter,
    body,
    column,
    cut,
    day,
    execute_refused,
    fields,
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


# Columns


def test_a_column_keeps_collation_rounding_and_policy_tags(warehouse):
    given = [
        column("a", collation="und:ci"),
        column("b", collation=""),
        column("n", "NUMERIC", roundingMode="ROUND_HALF_EVEN"),
        column("c", policyTags={"names": [TAG]}),
        column("s", "RECORD", fields=[column("x", policyTags={"names": [TAG]})]),
        column("e", policyTags={"names": []}),
        column("u", "NUMERIC", roundingMode="ROUNDING_MODE_UNSPECIFIED"),
    ]
    warehouse.create(T, table(*given))
    assert fields(warehouse) == [
        column("a", collation="und:ci"),
        column("b"),
        column("n", "NUMERIC", roundingMode="ROUND_HALF_EVEN"),
        column("c", policyTags={"names": [TAG]}),
        column("s", "RECORD", fields=[column("x", policyTags={"names": [TAG]})]),
        column("e"),
        column("u", "NUMERIC"),
    ]


BAD_COLUMNS = [
    (column("a", "INTEGER", collation="und:ci"), "Collation can be set on STRING only"),
    (column("a", collation="de"), "Invalid collation 'de'"),
    (column("a", roundingMode="ROUND_HALF_EVEN"), "NUMERIC and BIGNUMERIC only"),
    (column("a", "NUMERIC", roundingMode="DOWN"), "Invalid rounding mode 'DOWN'"),
    (column("a", policyTags={"names": [TAG, TAG + "0"]}), "more than one policy tag"),
    (
        column("a", "RECORD", fields=[column("x")], policyTags={"names": [TAG]}),
        "Policy tags can only be attached to a leaf field.",
    ),
    (
        column("a", "RECORD", fields=[column("x")], policyTags={"names": []}),
        "Policy tags can only be attached to a leaf field.",
    ),
]


@pytest.mark.parametrize(("field", "message"), BAD_COLUMNS)
def test_a_bad_column_is_refused_in_an_insert_and_in_a_patch(warehouse, field, message):
    refused(warehouse, lambda: warehouse.create(T, table(field)), message)
    warehouse.create(T, table(column("z")))
    patch_refused(warehouse, table(column("z"), field), message)


def test_a_patch_keeps_policy_tags_that_it_omits_and_clears_them_by_an_empty_list(warehouse):
    warehouse.create(T, table(column("a", policyTags={"names": [TAG]})))
    warehouse.patch(T, table(column("a", description="A.")), None)
    assert fields(warehouse) == [column("a", description="A.", policyTags={"names": [TAG]})]
    warehouse.patch(T, table(column("a", policyTags={"names": [TAG + "0"]})), None)
    assert fields(warehouse) == [column("a", policyTags={"names": [TAG + "0"]})]
    warehouse.patch(T, table(column("a", policyTags={"names": []})), None)
    assert fields(warehouse) == [column("a")]


def test_the_collation_of_a_column_stays(warehouse):
    warehouse.create(T, table(column("a", collation="und:ci"), column("b")))
    message = "cannot update an existing collation"
    patch_refused(warehouse, table(column("a", collation=""), column("b")), message)
    patch_refused(warehouse, table(column("a"), column("b", collation="und:ci")), message)
    warehouse.patch(T, table(column("a", description="A."), column("b", collation="")), None)
    assert fields(warehouse) == [
        column("a", collation="und:ci", description="A."),
        column("b"),
    ]


def test_a_rounding_mode_is_set_and_removed(warehouse):
    warehouse.create(T, table(column("n", "NUMERIC")))
    warehouse.execute(alter("ALTER COLUMN n SET OPTIONS (rounding_mode = 'ROUND_HALF_EVEN')"))
    assert fields(warehouse) == [column("n", "NUMERIC", roundingMode="ROUND_HALF_EVEN")]
    warehouse.execute(alter("ALTER COLUMN n SET DATA TYPE BIGNUMERIC"))
    assert fields(warehouse) == [column("n", "BIGNUMERIC", roundingMode="ROUND_HALF_EVEN")]
    warehouse.patch(T, table(column("n", "BIGNUMERIC")), None)
    assert fields(warehouse) == [column("n", "BIGNUMERIC")]
    bad = alter("ALTER COLUMN n SET OPTIONS (rounding_mode = 'UP')")
    execute_refused(warehouse, bad, "Invalid rounding mode 'UP'")


def test_new_columns_inherit_what_their_table_and_dataset_say(warehouse):
    warehouse.patch(DATASET, {"defaultCollation": "und:ci"}, None)
    inner = [column("x"), column("n", "NUMERIC")]
    given = [column("a"), column("b", collation=""), column("s", "RECORD", fields=inner)]
    warehouse.create(T, table(*given, defaultRoundingMode="ROUND_HALF_EVEN"))
    found = body(warehouse)
    assert (found["defaultCollation"], found["defaultRoundingMode"]) == (
        "und:ci",
        "ROUND_HALF_EVEN",
    )
    nested = [
        column("x", collation="und:ci"),
        column("n", "NUMERIC", roundingMode="ROUND_HALF_EVEN"),
    ]
    before = [
        column("a", collation="und:ci"),
        column("b"),
        column("s", "RECORD", fields=nested),
    ]
    assert fields(warehouse) == before
    warehouse.execute(alter("SET DEFAULT COLLATE ''"))
    assert "defaultCollation" not in body(warehouse)
    warehouse.execute(alter("ADD COLUMN late STRING, ADD COLUMN ci STRING COLLATE 'und:ci'"))
    assert fields(warehouse) == [*before, column("late"), column("ci", collation="und:ci")]
    warehouse.patch(T, {"defaultCollation": "und:ci"}, None)
    warehouse.patch(T, table(*fields(warehouse), column("last")), None)
    warehouse.execute(alter("ADD COLUMN added NUMERIC, ADD COLUMN text STRING"))
    assert fields(warehouse)[-3:] == [
        column("last", collation="und:ci"),
        column("added", "NUMERIC", roundingMode="ROUND_HALF_EVEN"),
        column("text", collation="und:ci"),
    ]
    assert fields(warehouse)[1] == column("b")


def test_columns_say_all_of_it_in_a_statement_too(warehouse):
    warehouse.execute(
        "CREATE TABLE `acme.shop.t` (a STRING COLLATE 'und:ci' NOT NULL, b STRING COLLATE '', "
        "n NUMERIC(5, 2) DEFAULT 1 OPTIONS (rounding_mode = 'ROUND_HALF_EVEN', description = 'N'), "
        "l ARRAY<STRING COLLATE 'und:ci'>, s STRUCT<x STRING COLLATE 'und:ci', y STRING>)"
    )
    number = column("n", "NUMERIC", precision="5", scale="2", description="N")
    assert fields(warehouse) == [
        column("a", mode="REQUIRED", collation="und:ci"),
        column("b"),
        {**number, "defaultValueExpression": "1", "roundingMode": "ROUND_HALF_EVEN"},
        column("l", mode="REPEATED", collation="und:ci"),
        column("s", "RECORD", fields=[column("x", collation="und:ci"), column("y")]),
    ]


def test_a_collated_column_compares_without_case(warehouse):
    warehouse.create(T, table(column("a", collation="und:ci"), column("b")))
    warehouse.execute(alter("ADD COLUMN c STRING COLLATE 'und:ci'"))
    rows = [{"a": "X", "b": "X", "c": "X"}, {"a": "x", "b": "x", "c": "x"}]
    warehouse.append(T, rows)
    counts = "COUNTIF(a = 'x'), COUNTIF(b = 'x'), COUNTIF(c = 'x'), COUNT(DISTINCT a)"
    query = f"SELECT {counts} FROM `acme.shop.{{}}`"
    assert warehouse.query(query.format("t")).rows == ((2, 1, 2, 1),)
    warehouse.execute("CREATE TABLE `acme.shop.copy` CLONE `acme.shop.t`")
    assert warehouse.query(query.format("copy")).rows == ((2, 1, 2, 1),)
    assert warehouse.rows(T) == tuple(rows)


def test_a_collated_column_can_not_cluster(warehouse):
    clustered = {"clustering": {"fields": ["a"]}}
    collated = table(column("a", collation="und:ci"), **clustered)
    refused(warehouse, lambda: warehouse.create(T, collated), "not supported for clustering")
    inherited = table(column("a"), defaultCollation="und:ci", **clustered)
    refused(warehouse, lambda: warehouse.create(T, inherited), "not supported for clustering")


def test_a_name_that_differs_in_case_is_taken_and_a_dropped_one_is_free(warehouse):
    warehouse.create(T, table(column("a"), column("b")))
    execute_refused(warehouse, alter("RENAME COLUMN a TO A"), "already exists")
    execute_refused(warehouse, alter("RENAME COLUMN a TO B"), "already exists")
    warehouse.execute(alter("DROP COLUMN b"))
    warehouse.execute(alter("ADD COLUMN b INT64"))
    assert fields(warehouse) == [column("a"), column("b", "INTEGER")]


def test_columns_are_renamed_one_after_the_other(warehouse):
    warehouse.create(T, table(column("a"), column("b", "INTEGER")))
    warehouse.append(T, [{"a": "x", "b": 1}])
    chain = "RENAME COLUMN a TO c, RENAME COLUMN b TO a, RENAME COLUMN c TO b"
    warehouse.execute(alter(chain))
    assert fields(warehouse) == [column("b"), column("a", "INTEGER")]
    assert warehouse.rows(T) == ({"b": "x", "a": 1},)


# Properties of tables


def test_a_table_keeps_its_properties_by_insert_and_by_statement_alike(warehouse):
    given = table(
        column("day", "DATE"),
        friendlyName="Orders",
        expirationTime=4_102_444_800_000,
        timePartitioning={
            "type": "DAY",
            "field": "day",
            "expirationMs": 5 * DAY_MS,
            "requirePartitionFilter": True,
        },
        encryptionConfiguration={"kmsKeyName": KEY},
        maxStaleness="0-0 0 04:00:00",
        defaultRoundingMode="ROUND_HALF_EVEN",
    )
    warehouse.create(T, given)
    warehouse.execute(
        "CREATE TABLE `acme.shop.other` (day DATE) DEFAULT COLLATE '' PARTITION BY day OPTIONS ("
        "friendly_name = 'Orders', expiration_timestamp = TIMESTAMP '2100-01-01 00:00:00 UTC', "
        "partition_expiration_days = 5, require_partition_filter = TRUE, "
        f"kms_key_name = '{KEY}', max_staleness = INTERVAL 4 HOUR, "
        "default_rounding_mode = 'ROUND_HALF_EVEN')"
    )
    for ref in (T, OTHER):
        found = body(warehouse, ref)
        assert found["friendlyName"] == "Orders"
        assert found["expirationTime"] == "4102444800000"
        assert found["timePartitioning"] == {
            "type": "DAY",
            "field": "day",
            "expirationMs": "432000000",
        }
        assert found["requirePartitionFilter"] is True
        assert found["encryptionConfiguration"] == {"kmsKeyName": KEY + "/cryptoKeyVersions/1"}
        assert found["maxStaleness"] == "0-0 0 4:0:0"
        assert found["defaultRoundingMode"] == "ROUND_HALF_EVEN"


def test_properties_are_changed_and_removed_by_patch_and_by_statement_alike(warehouse):
    warehouse.create(T, table(column("a")))
    warehouse.create(OTHER, table(column("a")))
    plain = {key for key in body(warehouse) if key not in ("etag", "lastModifiedTime")}
    later = "TIMESTAMP '2100-01-01 00:00:00 UTC'"
    warehouse.patch(
        T,
        {
            "friendlyName": "T",
            "description": "All.",
            "labels": {"a": "1"},
            "expirationTime": "4102444800000",
            "maxStaleness": "0-0 1 0:0:0",
            "defaultCollation": "und:ci",
        },
        None,
    )
    warehouse.execute(
        alter(
            "SET OPTIONS (friendly_name = 'T', description = 'All.', labels = [('a', '1')], "
            f"expiration_timestamp = {later}, max_staleness = INTERVAL 1 DAY)",
            "other",
        )
    )
    warehouse.execute(alter("SET DEFAULT COLLATE 'und:ci'", "other"))
    unlike = ("etag", "id", "tableReference", "lastModifiedTime", "creationTime")
    both = [{k: v for k, v in body(warehouse, r).items() if k not in unlike} for r in (T, OTHER)]
    assert both[0] == both[1]
    names = ("friendlyName", "description", "labels", "expirationTime", "maxStaleness")
    warehouse.patch(T, {**dict.fromkeys(names), "defaultCollation": ""}, None)
    options = ("friendly_name", "description", "expiration_timestamp", "max_staleness")
    removed = ", ".join(f"{name} = NULL" for name in options)
    warehouse.execute(alter(f"SET OPTIONS ({removed}, labels = [])", "other"))
    warehouse.execute(alter("SET DEFAULT COLLATE ''", "other"))
    for ref in (T, OTHER):
        assert set(body(warehouse, ref)) - {"etag", "lastModifiedTime"} == plain


BAD_PROPERTIES = [
    ({"expirationTime": "1000"}, "must be in the future"),
    ({"expirationTime": "soon"}, "must be milliseconds"),
    ({"maxStaleness": "4 hours"}, "'4 hours' is no INTERVAL"),
    ({"defaultCollation": "de"}, "Invalid collation"),
    ({"defaultRoundingMode": "UP"}, "Invalid rounding mode"),
    ({"requirePartitionFilter": True}, "partitioned tables only"),
    (
        {"timePartitioning": {"type": "DAY", "field": "day", "expirationMs": "0"}},
        "expirationMs must be greater than 0",
    ),
]


@pytest.mark.parametrize(("properties", "message"), BAD_PROPERTIES)
def test_bad_properties_are_refused(warehouse, properties, message):
    given = table(column("day", "DATE"), **properties)
    refused(warehouse, lambda: warehouse.create(T, given), message)


BAD_OPTIONS = [
    ("expiration_timestamp = 'soon'", "a text is no timestamp"),
    ("require_partition_filter = 1", "TRUE or FALSE"),
    ("require_partition_filter = TRUE", "partitioned tables only"),
    ("partition_expiration_days = 3", "partitioned by time only"),
    ("max_staleness = '4'", "INTERVAL literal"),
    ("friendly_name = 4", "string literal"),
]


@pytest.mark.parametrize(("option", "message"), BAD_OPTIONS)
def test_bad_options_are_refused(warehouse, option, message):
    warehouse.create(T, table(column("a")))
    execute_refused(warehouse, alter(f"SET OPTIONS ({option})"), message)


def test_a_table_or_view_whose_time_is_up_is_gone_at_once(warehouse):
    warehouse.create(T, table(column("a")))
    warehouse.append(T, [{"a": "x"}])
    view = {"view": {"query": "SELECT a FROM `acme.shop.t`", "useLegacySql": False}}
    warehouse.create(VIEW, view)
    warehouse.patch(VIEW, {"expirationTime": "1000"}, None)
    warehouse.execute(alter("SET OPTIONS (expiration_timestamp = TIMESTAMP '2001-01-01')"))
    assert warehouse.list(DATASET.id) == ()
    assert warehouse.partitions([T]) == {}
    warehouse.create(T, table(column("a", "INTEGER")))
    assert warehouse.rows(T) == ()


def test_a_partition_filter_given_in_its_old_place_is_kept_in_the_new_one(warehouse):
    spec = {"type": "DAY", "field": "day"}
    warehouse.create(T, table(column("day", "DATE"), timePartitioning=spec))
    warehouse.patch(T, {"timePartitioning": {**spec, "requirePartitionFilter": True}}, None)
    assert body(warehouse)["requirePartitionFilter"] is True
    assert body(warehouse)["timePartitioning"] == spec
    warehouse.patch(T, {"timePartitioning": {**spec, "requirePartitionFilter": False}}, None)
    assert "requirePartitionFilter" not in body(warehouse)


def test_a_key_is_replaced_by_another_key_only(warehouse):
    warehouse.create(T, table(column("a"), encryptionConfiguration={"kmsKeyName": KEY}))
    warehouse.create(OTHER, table(column("a")))
    warehouse.execute(alter(f"SET OPTIONS (kms_key_name = '{KEY}2')"))
    kept = {"kmsKeyName": KEY + "2/cryptoKeyVersions/1"}
    assert body(warehouse)["encryptionConfiguration"] == kept
    warehouse.patch(T, {"encryptionConfiguration": kept}, None)
    assert body(warehouse)["encryptionConfiguration"] == kept
    message = "Cannot change the encryption"
    patch_refused(warehouse, {"encryptionConfiguration": None}, message)
    execute_refused(warehouse, alter("SET OPTIONS (kms_key_name = NULL)"), message)
    patch_refused(warehouse, {"encryptionConfiguration": {"kmsKeyName": KEY}}, message, OTHER)


# Views


def test_a_view_keeps_its_properties(warehouse):
    warehouse.create(T, table(column("a")))
    given = {"view": {"query": "SELECT a FROM `acme.shop.t`", "useLegacySql": False}}
    more = {"friendlyName": "V", "description": "All.", "labels": {"a": "1"}}
    warehouse.create(VIEW, {**given, **more, "expirationTime": "4102444800000"})
    first = {key: body(warehouse, VIEW)[key] for key in (*more, "expirationTime")}
    assert first == {**more, "expirationTime": "4102444800000"}
    warehouse.execute(
        "ALTER VIEW `acme.shop.v` SET OPTIONS (friendly_name = 'W', labels = [('b', '2')], "
        "expiration_timestamp = NULL)"
    )
    found = body(warehouse, VIEW)
    assert (found["friendlyName"], found["labels"]) == ("W", {"b": "2"})
    assert "expirationTime" not in found
    patch_refused(warehouse, {"requirePartitionFilter": True}, "partitioned tables only", VIEW)
    tagged = [column("a", policyTags={"names": [TAG]})]
    patch_refused(warehouse, table(*tagged), "column a can't have policyTags", VIEW)


# Datasets


def test_a_dataset_keeps_its_properties(warehouse):
    assert body(warehouse, DATASET)["maxTimeTravelHours"] == "168"
    given = {
        "defaultTableExpirationMs": "3600000",
        "defaultPartitionExpirationMs": "86400000",
        "maxTimeTravelHours": "48",
        "defaultCollation": "und:ci",
        "defaultRoundingMode": "ROUND_HALF_EVEN",
        "friendlyName": "Shop",
        "storageBillingModel": "PHYSICAL",
        "defaultEncryptionConfiguration": {"kmsKeyName": KEY},
    }
    warehouse.patch(DATASET, given, None)
    found = body(warehouse, DATASET)
    assert {key: found[key] for key in given} == given
    warehouse.patch(DATASET, dict.fromkeys(given), None)
    found = body(warehouse, DATASET)
    assert [key for key in given if key in found] == ["maxTimeTravelHours"]
    assert found["maxTimeTravelHours"] == "168"


BAD_DATASETS = [
    ({"defaultTableExpirationMs": "1000"}, "at least one hour"),
    ({"defaultPartitionExpirationMs": "0"}, "greater than 0"),
    ({"maxTimeTravelHours": "24"}, "48 to 168"),
    ({"storageBillingModel": "FREE"}, "storageBillingModel"),
    ({"defaultCollation": "de"}, "Invalid collation"),
    ({"defaultRoundingMode": "UP"}, "Invalid rounding mode"),
    ({"isCaseInsensitive": True}, "case-insensitive"),
]


@pytest.mark.parametrize(("patch", "message"), BAD_DATASETS)
def test_a_bad_change_of_a_dataset_is_refused(warehouse, patch, message):
    patch_refused(warehouse, patch, message, DATASET)


def test_new_tables_take_the_expiration_and_the_key_of_their_dataset(warehouse):
    warehouse.create(COPY, table(column("a")))
    defaults = {
        "defaultTableExpirationMs": str(7 * DAY_MS),
        "defaultEncryptionConfiguration": {"kmsKeyName": KEY},
    }
    warehouse.patch(DATASET, defaults, None)
    warehouse.create(T, table(column("day", "DATE"), **cut("DAY")))
    warehouse.create(OTHER, table(column("a"), expirationTime="4102444800000"))
    week = datetime.now(UTC) + timedelta(days=7)
    given = datetime.fromtimestamp(int(body(warehouse)["expirationTime"]) / 1000, UTC)
    assert abs(given - week) < timedelta(hours=1)
    assert body(warehouse)["encryptionConfiguration"] == {
        "kmsKeyName": KEY + "/cryptoKeyVersions/1"
    }
    assert body(warehouse, OTHER)["expirationTime"] == "4102444800000"
    assert "expirationTime" not in body(warehouse, COPY)
    warehouse.execute("CREATE TABLE `acme.shop.made` AS SELECT 1 AS a")
    assert "expirationTime" in body(warehouse, Ref("table", "acme.shop.made"))


def test_new_partitioned_tables_take_the_expiration_of_partitions_instead(warehouse):
    defaults = {
        "defaultTableExpirationMs": str(7 * DAY_MS),
        "defaultPartitionExpirationMs": str(3 * DAY_MS),
    }
    warehouse.patch(DATASET, defaults, None)
    warehouse.create(T, table(column("day", "DATE"), column("n", "INTEGER"), **cut("DAY")))
    assert body(warehouse)["timePartitioning"]["expirationMs"] == str(3 * DAY_MS)
    assert "expirationTime" not in body(warehouse)
    warehouse.append(T, [{"day": day(ago).isoformat(), "n": ago} for ago in (1, 5)])
    assert kept_days(warehouse) == [1]
    own = cut("DAY", expirationMs=str(99 * DAY_MS))
    warehouse.create(OTHER, table(column("day", "DATE"), **own))
    assert body(warehouse, OTHER)["timePartitioning"] == own["timePartitioning"]
    ranges = {"field": "n", "range": {"start": "0", "end": "9", "interval": "1"}}
    warehouse.create(COPY, table(column("n", "INTEGER"), rangePartitioning=ranges))
    assert "expirationTime" in body(warehouse, COPY)


def test_datasets_are_made_changed_and_dropped_by_statements_too(warehouse):
    far = Ref("dataset", "acme.far")
    create = (
        "CREATE SCHEMA `acme.far` DEFAULT COLLATE 'und:ci' OPTIONS (location = 'US', "
        "default_table_expiration_days = 1.5, labels = [('a', '1')], max_time_travel_hours = 48)"
    )
    warehouse.execute(create)
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS acme.far")
    execute_refused(warehouse, create, "Already Exists: Dataset acme:far", AlreadyExists)
    made = body(warehouse, far)
    assert (made["location"], made["defaultCollation"]) == ("US", "und:ci")
    assert (made["defaultTableExpirationMs"], made["maxTimeTravelHours"]) == ("129600000", "48")
    change = "ALTER SCHEMA acme.far SET OPTIONS (labels = [('b', '2')], friendly_name = 'Far', "
    warehouse.execute(change + "default_table_expiration_days = NULL)")
    warehouse.execute("ALTER SCHEMA acme.far SET DEFAULT COLLATE ''")
    found = body(warehouse, far)
    assert (found["labels"], found["friendlyName"]) == ({"b": "2"}, "Far")
    assert "defaultTableExpirationMs" not in found
    assert "defaultCollation" not in found
    warehouse.execute("CREATE TABLE acme.far.t AS SELECT 1 AS a")
    execute_refused(warehouse, "DROP SCHEMA acme.far", "still in use")
    warehouse.execute("DROP SCHEMA acme.far CASCADE")
    warehouse.execute("DROP SCHEMA IF EXISTS acme.far")
    assert warehouse.read([far]) == {}
    gone = "ALTER SCHEMA acme.far SET OPTIONS (friendly_name = 'x')"
    execute_refused(warehouse, gone, "Not found: Dataset acme:far", NotFound)
