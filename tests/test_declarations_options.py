"""Options, keys, hints and the kinds of relations and routines: what is refused when it is made."""

from datetime import UTC, datetime

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
    DeclarationError,
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
    View,
    sql,
)
from datoria_dagster.model.environment import in_dataset

SHOP = Dataset(project="acme", name="shop")
TAG = "projects/acme/locations/eu/taxonomies/1/policyTags/2"


def table(*fields, name="orders", **rest):
    return Table(dataset=SHOP, name=name, schema=fields, **rest)


def materialized(*fields, **rest):
    rest.setdefault("query", sql("SELECT 1 AS n"))
    return MaterializedView(dataset=SHOP, name="totals", schema=fields, **rest)


def external(**rest):
    given = {"format": "CSV", "uris": ("gs://acme/a.csv",), **rest}
    return ExternalTable(dataset=SHOP, name="files", schema=(Field("n", INT64),), **given)


ID = Field("id", INT64)
CUSTOMERS = table(ID, name="customers", primary_key=("id",))
ELSEWHERE = CUSTOMERS.model_copy(update={"dataset": Dataset(project="acme", name="crm")})


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (
            lambda: Field("address", STRUCT(ID), policy_tag=TAG),
            "Field 'address': a policy tag belongs to a leaf field, not to a STRUCT.",
        ),
        (
            lambda: Field("name", STRING, policy_tag="secret"),
            "policy tag 'secret' must be projects/P/locations/L/taxonomies/T/policyTags/N.",
        ),
        (
            lambda: Field("n", INT64, collation="und:ci"),
            "Field 'n': collation is for STRING columns; this one is INT64.",
        ),
        (lambda: Field("s", STRING, collation="de"), "collation input should be '' or 'und:ci'."),
        (
            lambda: Field("n", INT64, rounding_mode="ROUND_HALF_EVEN"),
            "a rounding mode is for NUMERIC columns; this one is INT64.",
        ),
        (lambda: Field("a", INT64, renamed_from="A"), "it is renamed_from its own name"),
        (
            lambda: table(Field("a", INT64, renamed_from="b"), Field("b", INT64)),
            "'a' is renamed_from 'b', which is declared too. Remove that column, or the hint.",
        ),
        (
            lambda: STRUCT(
                Field("a", INT64, renamed_from="x"), Field("b", INT64, renamed_from="X")
            ),
            "'a' and 'b' are both renamed_from 'X'. Keep one of the hints.",
        ),
        (
            lambda: table(ID, partition_expiration_days=7),
            "partition_expiration_days is for tables partitioned by time; it is not partitioned.",
        ),
        (
            lambda: table(ID, require_partition_filter=True),
            "require_partition_filter is for partitioned tables; it is not one.",
        ),
        (
            lambda: table(ID, expiration_timestamp=datetime(2030, 1, 1)),  # noqa: DTZ001
            "expiration_timestamp needs a time zone: datetime(…, tzinfo=UTC).",
        ),
        (lambda: table(ID, primary_key=("nr",)), "the primary key names 'nr', which is not a"),
        (
            lambda: table(Field("id", INT64, default=1), primary_key=("id",)),
            "the primary key names 'id', which is a column with a default.",
        ),
        (
            lambda: ForeignKey("customer", references=table(ID)),
            "it has 1 columns and refers to 0 of acme.shop.orders. Give that table a primary_key",
        ),
        (
            lambda: table(ID, foreign_keys=(ForeignKey("customer", references=CUSTOMERS),)),
            "foreign key 'fk_customer' names 'customer', which is not a column.",
        ),
        (
            lambda: table(
                ID, name="customers", foreign_keys=(ForeignKey("id", references=CUSTOMERS),)
            ),
            "foreign key 'fk_id' refers to the table that it is in.",
        ),
        (
            lambda: table(Field("s", STRING, collation="und:ci"), clustering=("s",)),
            "clustering by 's': a column with collation can't cluster.",
        ),
        (
            lambda: View(
                dataset=SHOP, name="v", schema=(Field("a", STRING, policy_tag=TAG),), query=sql("x")
            ),
            "column 'a' of a view has a name, a type and a description, nothing else.",
        ),
        (
            lambda: materialized(Field("n", INT64, description="Number.")),
            "column 'n' has a description, but a materialized view's columns can't.",
        ),
        (
            lambda: materialized(Field("n", INT64), refresh_interval_minutes=0),
            "refresh_interval_minutes input should be greater than or equal to 1.",
        ),
        (lambda: external(uris=()), "an external table needs at least one URI"),
        (
            lambda: external(format="PARQUET", skip_leading_rows=1),
            "skip_leading_rows and field_delimiter are for CSV, not PARQUET.",
        ),
        (
            lambda: ScalarFunction(
                dataset=SHOP,
                name="f",
                arguments=(Argument("x", INT64, mode="OUT"),),
                returns=INT64,
                body=sql("x"),
            ),
            "argument 'x' is OUT: not a procedure.",
        ),
        (
            lambda: ScalarFunction(
                dataset=SHOP,
                name="f",
                arguments=(Argument("x", INT64),),
                returns=INT64,
                body=JavaScript("return x;"),
            ),
            "argument 'x' is INT64, which JavaScript doesn't have in BigQuery. Take FLOAT64",
        ),
        (
            lambda: table(ID, foreign_keys=(ForeignKey("id", references=ELSEWHERE),)),
            "refers to acme.crm.customers, which is in another dataset; BigQuery has keys within",
        ),
        (
            lambda: TableFunction(
                dataset=SHOP, name="f", returns=(Field("x", NUMERIC(5, 2)),), body=sql("SELECT 1")
            ),
            "column 'x' has a name and a bare type, nothing else.",
        ),
        (
            lambda: Remote(connection="acme.c", endpoint="https://x"),
            "connection 'acme.c' must be project.location.name.",
        ),
        (
            lambda: Remote(connection="acme.eu.c", endpoint="http://x"),
            "endpoint 'http://x' must be an https:// address.",
        ),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(declare, message):
    with pytest.raises(DeclarationError) as refused:
        declare()
    assert message in str(refused.value)


ORDERS = table(
    ID, Field("customer", INT64), foreign_keys=(ForeignKey("customer", references=CUSTOMERS),)
)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (
            (ORDERS,),
            "foreign key 'fk_customer' refers to acme.shop.customers, which is not a table of the",
        ),
        (
            (ORDERS, table(ID, name="customers")),
            "which is not its primary key (it has none). Give it primary_key=(…,), or refer to",
        ),
        (
            (ORDERS, table(Field("id", STRING), name="customers", primary_key=("id",))),
            "does not fit: customer is INT64, but acme.shop.customers.id STRING. Give both one",
        ),
        (
            (table(ID, name="new", renamed_from="orders"), table(ID)),
            "acme.shop.new is renamed_from acme.shop.orders, which is declared too. Remove that",
        ),
        (
            (table(ID, name="a", renamed_from="old"), table(ID, name="b", renamed_from="old")),
            "acme.shop.a and acme.shop.b are both renamed_from acme.shop.old. Keep one of the",
        ),
    ],
)
def test_keys_and_hints_must_fit_the_platform(objects, message):
    with pytest.raises(DeclarationError) as refused:
        Platform.of(*objects)
    assert message in str(refused.value)


def test_every_kind_of_object_moves_to_a_staging_dataset_with_what_it_refers_to():
    view = materialized(ID, query=sql("SELECT id FROM {orders}", orders=ORDERS))
    rows = TableFunction(
        dataset=SHOP, name="rows_of", returns=(ID,), body=sql("SELECT id FROM {t}", t=ORDERS)
    )
    total = AggregateFunction(
        dataset=SHOP,
        name="total",
        arguments=(Argument("x", FLOAT64),),
        returns=FLOAT64,
        body=sql("SUM(x)"),
    )
    script = ScalarFunction(dataset=SHOP, name="js", returns=INT64, body=JavaScript("return 1;"))
    fill = Procedure(dataset=SHOP, name="fill", body=sql("DELETE FROM {t} WHERE TRUE", t=ORDERS))
    moved = in_dataset(
        Platform.of(CUSTOMERS, ORDERS, view, rows, total, script, fill, external()), "lab.stage"
    )
    assert all(name.startswith("lab.stage") for name in moved.objects)
    assert moved.objects["lab.stage.orders"].foreign_keys[0].table == "lab.stage.customers"
    assert moved.objects["lab.stage.totals"].query.render() == "SELECT id FROM `lab.stage.orders`"
    assert moved.objects["lab.stage.rows_of"].text == "SELECT id FROM `lab.stage.orders`"
    assert moved.objects["lab.stage.fill"].text == "DELETE FROM `lab.stage.orders` WHERE TRUE"
    assert moved.objects["lab.stage.js"].text == "return 1;"


def test_an_expiration_is_kept_to_the_millisecond_that_bigquery_keeps():
    declared = table(ID, expiration_timestamp=datetime(2030, 1, 1, 0, 0, 0, 123_456, UTC))
    assert declared.expiration_timestamp == datetime(2030, 1, 1, 0, 0, 0, 123_000, UTC)


def test_a_table_partitioned_by_time_takes_its_partition_options():
    declared = table(
        Field("day", DATE),
        partitioning=Partitioning.day("day"),
        partition_expiration_days=1.5,
        require_partition_filter=True,
    )
    assert (declared.partition_expiration_days, declared.require_partition_filter) == (1.5, True)
