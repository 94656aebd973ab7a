"""A small shop: a source, a view on a view, a function, daily, monthly and whole-table jobs."""

from datoria_dagster import (
    DATE,
    INT64,
    STRING,
    Argument,
    Dataset,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    ScalarFunction,
    SourceTable,
    Table,
    View,
    day,
    month,
    sql,
)

raw = Dataset(project="acme", name="raw")
shop = Dataset(project="acme", name="shop")

orders = SourceTable(
    dataset=raw,
    name="orders",
    partitioning=Partitioning.day("day"),
    schema=(Field("day", DATE), Field("customer", STRING), Field("amount", INT64)),
)

doubled = ScalarFunction(
    dataset=shop,
    name="doubled",
    arguments=(Argument("x", INT64),),
    returns=INT64,
    body=sql("x * 2"),
)

DAILY_FIELDS = (
    Field("day", DATE, required=True),
    Field("customer", STRING),
    Field("amount", INT64),
)
# What the warehouse has before the change that the tests leave pending.
daily_before = Table(
    dataset=shop,
    name="daily",
    partitioning=Partitioning.day("day"),
    schema=DAILY_FIELDS,
)
daily = daily_before.with_fields((*DAILY_FIELDS, Field("orders", INT64)))

daily_job = Job(
    name="daily",
    destination=daily,
    start=day(2024, 1, 30),
    end=day(2024, 2, 2),
    query=sql(
        """
        SELECT day, customer, SUM({doubled}(amount)) AS amount
        FROM {orders}
        GROUP BY day, customer
        """,
        doubled=doubled,
        orders=orders.at_execution_date().invalidated_by_changes(),
    ),
)

monthly = Table(
    dataset=shop,
    name="monthly",
    partitioning=Partitioning.month("month"),
    schema=(Field("month", DATE), Field("amount", INT64)),
)

monthly_job = Job(
    name="monthly",
    destination=monthly,
    start=month(2024, 1),
    end=month(2024, 2),
    query=sql(
        "SELECT {month} AS month, SUM(amount) AS amount FROM {daily}",
        month=ExecutionDate,
        daily=daily.at_execution_date().invalidated_by_changes(),
    ),
)

spending = View(
    dataset=shop,
    name="spending",
    schema=(Field("customer", STRING), Field("amount", INT64)),
    query=sql("SELECT customer, amount FROM {daily}", daily=daily),
)

big_spending = View(
    dataset=shop,
    name="big_spending",
    schema=(Field("customer", STRING), Field("amount", INT64)),
    query=sql("SELECT customer, amount FROM {spending} WHERE amount > 10", spending=spending),
)

customers = Table(
    dataset=shop,
    name="customers",
    schema=(Field("customer", STRING), Field("amount", INT64)),
)

customers_job = Job(
    name="customers",
    destination=customers,
    query=sql(
        "SELECT customer, SUM(amount) AS amount FROM {big_spending} GROUP BY customer",
        big_spending=big_spending.all_partitions().invalidated_by_changes(),
    ),
)

# Nothing reads or fills it.
unrelated = Table(dataset=shop, name="unrelated", schema=(Field("x", INT64),))

platform = Platform.of(
    orders,
    doubled,
    daily,
    daily_job,
    monthly,
    monthly_job,
    spending,
    big_spending,
    customers,
    customers_job,
    unrelated,
)


def _before() -> Platform:
    """Return the platform as the warehouse has it: without the jobs, and without the new column."""
    old = platform.without("job:daily").without("job:monthly").without("job:customers")
    return old.with_object(daily_before)


before = _before()
