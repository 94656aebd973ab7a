"""Two versions of a platform, between which a plan of forty steps lies, of every kind; its rows."""

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
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    ScalarFunction,
    SourceTable,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref

ID = Field("id", INT64, required=True)
DAY = Field("day", DATE, required=True)
CUSTOMER = Field("customer", INT64)
DAYS = ("2024-02-28", "2024-02-29", "2024-03-01")
# Partitions that were written before, and stay as they are.
ROWS = {
    "customers": [{"id": n, "name": name} for n, name in enumerate(("ann", "bob", "cyd"), 1)],
    "orders": [
        {"id": n, "day": day, "customer": n, "amount": 10 * n, "note": f"n{n}", "spare": f"s{n}"}
        for n, day in enumerate(DAYS, 1)
    ],
    "prices": [{"id": n, "price": n, "old name": f"p{n}", "unused": 7} for n in (1, 2, 3)],
    "addresses": [{"id": n, "at": {"city": f"c{n}", "zip": f"z{n}"}} for n in (1, 2, 3)],
    "payments": [{"id": n, "day": day} for n, day in enumerate(DAYS, 1)],
    "invoices": [{"id": n, "total": n} for n in (1, 2, 3, 4)],
    "retired": [{"id": n} for n in (1, 2)],
    "shared": [{"id": n} for n in (5, 6)],
    "by_hand": [{"id": n} for n in (7, 8, 9)],
}


def _shop(description="", **labels):
    return Dataset(
        project="acme", name="shop", location="EU", description=description, labels=labels
    )


def _table(home, name, *fields, **options):
    return Table(dataset=home, name=name, schema=(ID, *fields), **options)


def _view(home, name, text, *fields, **names):
    return View(dataset=home, name=name, schema=fields, query=sql(text, **names))


def _function(home, name, body, **names):
    return ScalarFunction(
        dataset=home,
        name=name,
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql(body, **names),
    )


def _sum(home, name, body):
    return AggregateFunction(
        dataset=home,
        name=name,
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql(body),
    )


def _above(home, name, orders, than):
    return TableFunction(
        dataset=home,
        name=name,
        arguments=(Argument("x", INT64),),
        returns=(Field("id", INT64),),
        body=sql(f"SELECT id FROM {{orders}} WHERE id {than} x", orders=orders),
    )


def _clear(home, name, orders, than):
    body = sql(f"DELETE FROM {{orders}} WHERE id {than} 0;", orders=orders)
    return Procedure(dataset=home, name=name, body=body)


def _totals(home, name, orders, what, **options):
    return MaterializedView(
        dataset=home,
        name=name,
        schema=(CUSTOMER, Field("n", INT64)),
        query=sql(f"SELECT customer, {what} AS n FROM {{orders}} GROUP BY customer", orders=orders),
        **options,
    )


def _files(home, name, *uris):
    return ExternalTable(
        dataset=home, name=name, schema=(Field("n", INT64),), format="CSV", uris=uris
    )


def before() -> Platform:
    """The platform that was migrated to and filled."""
    home = _shop()
    customers = _table(home, "customers", Field("name", STRING(20)), primary_key=("id",))
    orders = _table(
        home,
        "orders",
        DAY,
        CUSTOMER,
        Field("amount", INT64, required=True),
        Field("note", STRING),
        Field("spare", STRING),
        partitioning=Partitioning.day("day"),
        foreign_keys=(ForeignKey("customer", references=customers, name="buyer"),),
    )
    prices = _table(
        home,
        "prices",
        Field("price", INT64),
        Field("old name", STRING),
        Field("unused", INT64),
    )
    return Platform.of(
        customers,
        orders,
        prices,
        _table(home, "addresses", Field("at", STRUCT(Field("city", STRING), Field("zip", STRING)))),
        _table(home, "payments", DAY),
        _table(home, "invoices", Field("total", INT64)),
        _table(home, "retired"),
        _table(home, "shared"),
        _files(home, "files", "gs://acme/a.csv"),
        _files(home, "old_files", "gs://acme/o.csv"),
        _function(home, "twice", "2 * x"),
        _function(home, "old_function", "x"),
        _sum(home, "total", "SUM(x)"),
        _above(home, "above", orders, ">"),
        _clear(home, "clear", orders, ">"),
        _clear(home, "old_procedure", orders, ">"),
        _view(home, "named", "SELECT name FROM {t}", Field("name", STRING), t=customers),
        _view(home, "old_view", "SELECT id FROM {t}", Field("id", INT64), t=customers),
        _totals(home, "totals", orders, "COUNT(*)"),
        _totals(home, "refreshed", orders, "COUNT(*)"),
        _totals(home, "old_totals", orders, "COUNT(*)"),
    )


def after() -> Platform:
    """The next version of it."""
    home = _shop("What we sell.", team="shop")
    fresh = Dataset(project="acme", name="fresh", location="EU")
    customers = _table(
        home,
        "customers",
        Field("name", STRING(40)),
        Field("email", STRING, default="'none'"),
        clustering=("name",),
    )
    orders = _table(
        home,
        "orders",
        DAY,
        CUSTOMER,
        Field("amount", NUMERIC, description="In cents."),
        Field("note", STRING, default="'new'"),
        partitioning=Partitioning.day("day"),
        primary_key=("id",),
    )
    prices = _table(
        home,
        "prices",
        Field("price", FLOAT64),
        Field("name", STRING, renamed_from="old name"),
        foreign_keys=(ForeignKey("id", references=orders, name="of_order"),),
    )
    city = STRUCT(Field("city", STRING))
    twice = _function(home, "twice", "x + x")
    return Platform.of(
        customers,
        orders,
        prices,
        _table(home, "addresses", Field("at", city)),
        _table(home, "payments", DAY, partitioning=Partitioning.day("day")),
        _table(home, "bills", Field("total", INT64), renamed_from="invoices"),
        SourceTable(dataset=home, name="shared", schema=(ID,)),
        _table(home, "by_hand"),
        _table(fresh, "made", Field("name", STRING)),
        _files(home, "files", "gs://acme/a.csv", "gs://acme/b.csv"),
        _files(fresh, "new_files", "gs://acme/n.csv"),
        twice,
        _function(fresh, "four_times", "{f}({f}(x))", f=twice),
        _sum(home, "total", "SUM(x) + 0"),
        _sum(fresh, "most", "MAX(x)"),
        _above(home, "above", orders, ">="),
        _above(fresh, "below", orders, "<"),
        _clear(home, "clear", orders, ">="),
        _clear(fresh, "wipe", orders, ">"),
        _view(
            home,
            "named",
            "SELECT name, email FROM {t}",
            Field("name", STRING, description="Called."),
            Field("email", STRING),
            t=customers,
        ),
        _view(
            fresh, "doubled", "SELECT {f}(id) AS n FROM {t}", Field("n", INT64), f=twice, t=orders
        ),
        _totals(home, "totals", orders, "COUNT(note)"),
        _totals(home, "refreshed", orders, "COUNT(*)", enable_refresh=False),
        _totals(fresh, "new_totals", orders, "COUNT(*)"),
    )


def fill(warehouse) -> None:
    """Put rows into the tables of the first version, and make one by hand that the second has."""
    by_hand = _table(_shop(), "by_hand")
    warehouse.create(codec.ref(by_hand), codec.resource(by_hand))
    for name, rows in ROWS.items():
        warehouse.append(Ref("table", f"acme.shop.{name}"), rows)
