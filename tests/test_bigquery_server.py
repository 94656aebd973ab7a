"""The official client against the test server, in process and over HTTP: resources and rows."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField as Field

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_shop import ORDERS, PATH, contents, error_of

pytest_plugins = "tests.bigquery_fixtures"


def test_a_dataset_is_created_read_listed_patched_and_deleted(both):
    home = bigquery.Dataset("acme.shop")
    home.location = "EU"
    home.labels = {"team": "sales"}
    created = both.client.create_dataset(home)
    created.description = "Everything we sell"
    created.labels = {"team": None, "tier": "gold"}
    both.client.update_dataset(created, ["description", "labels"])
    found = both.client.get_dataset("acme.shop")
    assert (found.location, found.description, found.labels) == (
        "EU",
        "Everything we sell",
        {"tier": "gold"},
    )
    assert [item.dataset_id for item in both.client.list_datasets()] == ["shop"]
    both.client.delete_dataset("acme.shop")
    assert list(both.client.list_datasets()) == []


def test_a_dataset_that_is_put_has_only_what_was_given(shop):
    shop.raw("PATCH", PATH, {"description": "Old", "labels": {"a": "b"}})
    shop.raw("PUT", PATH, {"friendlyName": "Shop"})
    body = shop.raw("GET", PATH)
    assert body["friendlyName"] == "Shop"
    assert "description" not in body
    assert "labels" not in body
    assert body["location"] == "EU"


def test_a_dataset_in_use_is_not_deleted_without_saying_so(shop):
    with pytest.raises(exceptions.BadRequest, match="Dataset acme:shop is still in use") as caught:
        shop.client.delete_dataset("acme.shop")
    assert error_of(caught) == (400, "resourceInUse")
    shop.client.delete_dataset("acme.shop", delete_contents=True)
    assert shop.warehouse.list("acme.shop") == ()


def test_a_table_is_read_in_each_view(shop):
    table = shop.client.get_table(ORDERS)
    assert (table.num_rows, table.table_type, table.location) == (3, "TABLE", "EU")
    assert [field.field_type for field in table.schema] == ["DATE", "INTEGER", "STRING"]
    basic = shop.raw("GET", f"{PATH}/tables/orders", view="BASIC")
    assert basic["etag"] == table.etag
    assert not {"numRows", "lastModifiedTime"} & basic.keys()
    some = shop.raw("GET", f"{PATH}/tables/orders", fields="etag,schema/fields(name,type)")
    assert some["schema"]["fields"][0] == {"name": "day", "type": "DATE"}
    assert some.keys() == {"etag", "schema"}


def test_tables_are_listed_page_by_page_without_schema_or_etag(shop):
    for name in ("a", "b", "c"):
        shop.client.create_table(bigquery.Table(f"acme.shop.{name}", [Field("x", "INT64")]))
    shop.client.query_and_wait("CREATE VIEW acme.shop.v AS SELECT 1 AS x")
    listed = list(shop.client.list_tables("acme.shop", page_size=2))
    assert [item.table_id for item in listed] == ["a", "b", "c", "orders", "v"]
    assert shop.names().count("tables.list") == 3
    item = next(item for item in listed if item.table_id == "orders")
    assert item.time_partitioning.field == "day"
    assert not {"schema", "etag"} & item._properties.keys()


def test_a_patch_needs_the_current_etag(shop):
    first, second = (shop.client.get_table(ORDERS) for _ in range(2))
    first.description = "Mine"
    shop.client.update_table(first, ["description"])
    second.description = "Yours"
    with pytest.raises(exceptions.PreconditionFailed) as caught:
        shop.client.update_table(second, ["description"])
    assert error_of(caught) == (412, "conditionNotMet")
    assert shop.client.get_table(ORDERS).description == "Mine"


def test_a_table_that_is_put_keeps_only_what_was_given(shop):
    body = shop.raw("PATCH", f"{PATH}/tables/orders", {"description": "Old", "labels": {"a": "b"}})
    kept = {key: body[key] for key in ("schema", "timePartitioning", "labels")}
    shop.raw("PUT", f"{PATH}/tables/orders", kept)
    table = shop.client.get_table(ORDERS)
    assert (table.description, table.labels, table.num_rows) == (None, {"a": "b"}, 3)


def test_what_does_not_exist_or_exists_already_is_said_in_bigquery_s_words(shop):
    with pytest.raises(exceptions.NotFound, match=r"Not found: Table acme:shop\.nope") as caught:
        shop.client.get_table("acme.shop.nope")
    assert error_of(caught) == (404, "notFound")
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset acme:none"):
        shop.client.get_table("acme.none.nope")
    with pytest.raises(
        exceptions.Conflict, match=r"Already Exists: Table acme:shop\.orders"
    ) as caught:
        shop.client.create_table(bigquery.Table(ORDERS, [Field("x", "INT64")]))
    assert error_of(caught) == (409, "duplicate")


def test_rest_and_statements_end_in_the_same_change(shop):
    table = shop.client.get_table(ORDERS)
    table.schema = [*table.schema, Field("added", "FLOAT64")]
    shop.client.update_table(table, ["schema"])
    shop.rows(f"ALTER TABLE {ORDERS} DROP COLUMN s")
    shop.rows(f"ALTER TABLE {ORDERS} SET OPTIONS (description = 'By DDL')")
    after = shop.client.get_table(ORDERS)
    assert [field.name for field in after.schema] == ["day", "n", "added"]
    assert after.description == "By DDL"
    assert shop.rows(f"SELECT added FROM {ORDERS} LIMIT 1") == [(None,)]


def test_reads_see_every_change_whoever_made_it(shop):
    def described():
        return shop.client.get_table(ORDERS).description

    ref = Ref("table", ORDERS)
    assert [described() for _ in range(40)] == [None] * 40
    shop.warehouse.patch(ref, {"description": "Directly"}, None)
    assert [described() for _ in range(40)] == ["Directly"] * 40
    shop.rows(f"ALTER TABLE {ORDERS} SET OPTIONS (description = 'By DDL')")
    assert described() == "By DDL"
    shop.warehouse.delete(ref, None)
    with pytest.raises(exceptions.NotFound):
        described()


def test_names_and_values_with_special_characters_are_data(shop):
    text = 'it\'s "quoted" `so` \\ -- /* ; */ \n @x ? é 漢 \t\x01'
    table = bigquery.Table("acme.shop.naïve name–1", [Field("x", "STRING", description=text)])
    table.description = text
    shop.client.create_table(table)
    found = shop.client.get_table("acme.shop.naïve name–1")
    assert (found.description, found.schema[0].description) == (text, text)
    given = [bigquery.ScalarQueryParameter("x", "STRING", text)]
    assert shop.rows("SELECT @x AS x, '@x' AS y", query_parameters=given) == [(text, "@x")]


def routine(body):
    number = bigquery.StandardSqlDataType(type_kind=bigquery.StandardSqlTypeNames.INT64)
    return bigquery.Routine(
        "acme.shop.plus",
        type_="SCALAR_FUNCTION",
        language="SQL",
        body=body,
        arguments=[bigquery.RoutineArgument(name="x", data_type=number)],
    )


def test_routines_are_listed_with_bodies_only_when_asked(shop):
    shop.client.create_routine(routine("x + 1"))
    (plain,) = shop.client.list_routines("acme.shop")
    assert (plain.routine_id, plain.body) == ("plus", None)
    masked = shop.raw("GET", f"{PATH}/routines", readMask="definitionBody,arguments")
    assert masked["routines"][0]["definitionBody"] == "x + 1"
    assert "etag" not in masked["routines"][0]
    assert shop.rows("SELECT acme.shop.plus(1)") == [(2,)]


def test_a_routine_is_replaced_as_a_whole_and_deleted(shop):
    shop.client.create_routine(routine("x + 1"))
    live = shop.client.get_routine("acme.shop.plus")
    live.body = "x + 10"
    shop.client.update_routine(live, ["body", "arguments", "type_", "language"])
    assert shop.rows("SELECT acme.shop.plus(1)") == [(11,)]
    live.body = "x + 100"
    with pytest.raises(exceptions.PreconditionFailed):
        shop.client._call_api(
            None,
            method="PUT",
            path=f"{PATH}/routines/plus",
            data=live.to_api_repr(),
            headers={"If-Match": "old"},
        )
    shop.client.delete_routine("acme.shop.plus")
    assert list(shop.client.list_routines("acme.shop")) == []


def test_row_access_policies_are_listed(shop):
    grant = "GRANT TO ('user:a@b.c') FILTER USING (n > 1)"
    shop.rows(f"CREATE ROW ACCESS POLICY big ON {ORDERS} {grant}")
    listed = shop.raw("GET", f"{PATH}/tables/orders/rowAccessPolicies")["rowAccessPolicies"]
    assert [policy["rowAccessPolicyReference"]["policyId"] for policy in listed] == ["big"]
    assert listed[0]["filterPredicate"] == "n > 1"


def test_streamed_rows_are_there_once_and_not_yet_counted(shop):
    row = {"day": "2013-01-03", "n": 4, "s": "d"}
    assert shop.client.insert_rows_json(ORDERS, [row], row_ids=["one"]) == []
    assert shop.client.insert_rows_json(ORDERS, [row], row_ids=["one"]) == []
    assert len(contents(shop)) == 4
    table = shop.client.get_table(ORDERS)
    assert (table.num_rows, table.streaming_buffer.estimated_rows) == (3, 1)


def test_a_row_that_does_not_fit_stops_the_others_unless_it_is_skipped(shop):
    rows = [{"n": 4}, {"n": "four"}, {"none": 1}]
    errors = shop.client.insert_rows_json(ORDERS, rows, row_ids=[None, None, None])
    assert [error["errors"][0]["reason"] for error in errors] == ["stopped", "invalid", "invalid"]
    assert len(contents(shop)) == 3
    errors = shop.client.insert_rows_json(
        ORDERS, rows, row_ids=[None, None, None], skip_invalid_rows=True
    )
    assert [error["index"] for error in errors] == [1, 2]
    assert len(contents(shop)) == 4


def test_partitions_are_listed_and_deleted_by_their_decorator(shop):
    assert shop.client.list_partitions(ORDERS) == ["20130101", "20130102"]
    shop.client.delete_table(f"{ORDERS}$20130101")
    assert contents(shop) == [(date(2013, 1, 2), 3, "c")]


TYPED = {
    "INT64": ("9007199254740993", 9007199254740993),
    "FLOAT64": ("1.5", 1.5),
    "BOOL": ("TRUE", True),
    "STRING": ("'é'", "é"),
    "BYTES": ("b'\\x00\\xff'", b"\x00\xff"),
    "DATE": ("DATE '2013-01-02'", date(2013, 1, 2)),
    "TIME": ("TIME '01:02:03.000004'", time(1, 2, 3, 4)),
    "DATETIME": ("DATETIME '2013-01-02 03:04:05'", datetime(2013, 1, 2, 3, 4, 5)),  # noqa: DTZ001
    "TIMESTAMP": (
        "TIMESTAMP '2013-01-02 03:04:05.000006+00:00'",
        datetime(2013, 1, 2, 3, 4, 5, 6, UTC),
    ),
    "NUMERIC": ("NUMERIC '1.50'", Decimal("1.5")),
    "JSON": ("JSON '{\"a\": 1}'", {"a": 1}),
}


@pytest.mark.parametrize("kind", TYPED)
def test_values_of_every_type_come_back(shop, kind):
    text, value = TYPED[kind]
    struct = f"STRUCT({text} AS a, [{text}] AS b)"
    wanted = [(value, [value], None, {"a": value, "b": [value]})]
    query = f"SELECT {text} AS x, [{text}] AS xs, CAST(NULL AS {kind}) AS none, {struct} AS s"
    assert shop.rows(query) == wanted
    assert [tuple(row.values()) for row in shop.client.query_and_wait(query)] == wanted
    if kind != "JSON":
        shop.rows(f"CREATE TABLE acme.shop.typed AS {query}")
        assert contents(shop, "acme.shop.typed") == wanted


def test_timestamps_are_microseconds_only_when_asked(shop):
    body = {"query": "SELECT TIMESTAMP '1970-01-01 00:00:01.5+00' AS t", "useLegacySql": False}
    plain = shop.raw("POST", "/projects/acme/queries", body)
    assert plain["rows"] == [{"f": [{"v": "1.5"}]}]
    asked = {**body, "formatOptions": {"useInt64Timestamp": True}}
    assert shop.raw("POST", "/projects/acme/queries", asked)["rows"] == [{"f": [{"v": "1500000"}]}]


def test_results_come_page_by_page(shop):
    query = f"SELECT n FROM {ORDERS} ORDER BY n"
    rows = shop.client.query(query).result(page_size=2)
    assert [[row.n for row in page] for page in rows.pages] == [[1, 2], [3]]
    rows = shop.client.query_and_wait(query, page_size=1)
    assert [row.n for row in rows] == [1, 2, 3]
    assert [row.n for row in shop.client.query(query).result(start_index=2)] == [3]


def test_selected_fields_of_a_table_are_listed(shop):
    fields = [Field("s", "STRING")]
    rows = shop.client.list_rows(ORDERS, selected_fields=fields, max_results=2)
    assert len({row.s for row in rows}) == 2
    shop.rows("CREATE VIEW acme.shop.v AS SELECT 1 AS x")
    with pytest.raises(exceptions.BadRequest, match="Cannot list a table of type VIEW"):
        list(shop.client.list_rows("acme.shop.v"))


def test_the_anonymous_table_of_a_query_can_be_read(shop):
    job = shop.client.query("SELECT 1 AS x")
    job.result()
    assert [row.x for row in shop.client.list_rows(job.destination)] == [1]
