"""Step 2: which executions are stale, and what running them does."""

from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster import (
    DATE,
    INT64,
    TIMESTAMP,
    Dataset,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    SourceTable,
    Table,
    View,
    day,
    hour,
    integer,
    month,
    sql,
    year,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.run.execute import RunFailed, run_all
from datoria_dagster.run.executions import stale
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Refused

SHOP = Dataset(project="acme", name="shop")
RAW = Dataset(project="acme", name="raw")
COLUMNS = (Field("day", DATE), Field("amount", INT64))
SALES = SourceTable(dataset=RAW, name="sales", schema=COLUMNS, partitioning=Partitioning.day("day"))
DAILY = Table(dataset=SHOP, name="daily", schema=COLUMNS, partitioning=Partitioning.day("day"))
MONTHLY = Table(
    dataset=SHOP, name="monthly", schema=COLUMNS, partitioning=Partitioning.month("day")
)


def daily(sales):
    return Job(
        name="daily",
        destination=DAILY,
        start=day(2013, 1, 30),
        end=day(2013, 2, 2),
        query=sql("SELECT day, SUM(amount) AS amount FROM {sales} GROUP BY day", sales=sales),
    )


def monthly(source):
    return Job(
        name="monthly",
        destination=MONTHLY,
        start=month(2013, 1),
        end=month(2013, 2),
        query=sql("SELECT {d} AS day, SUM(amount) AS amount FROM {s}", d=ExecutionDate, s=source),
    )


@pytest.fixture
def warehouse():
    warehouse = LocalWarehouse(None)
    warehouse.create(codec.ref(RAW), codec.resource(RAW))
    warehouse.create(codec.ref(SALES), codec.resource(SALES))
    for number, moment in enumerate(["2013-01-30", "2013-01-31", "2013-02-01", "2013-02-02"]):
        sell(warehouse, moment, 10**number)
    yield warehouse
    warehouse.close()


def sell(warehouse, moment, amount):
    warehouse.append(codec.ref(SALES), [{"day": moment, "amount": amount}])


def migrated(warehouse, *jobs):
    found = {job.destination.id: job.destination for job in jobs}
    platform = Platform.of(SALES, *found.values(), *jobs)
    apply(plan_migration(platform, warehouse), platform, warehouse)
    return platform


def now():
    return datetime.now(UTC)


def listed(platform, warehouse, at=None):
    return [(e.id, e.reason) for e in stale(platform, warehouse, at or now())]


def run(platform, warehouse):
    return run_all(stale(platform, warehouse, now()), platform, warehouse)


def amounts(warehouse, table):
    rows = warehouse.query(f"SELECT amount FROM `{table.id}` ORDER BY day").rows
    return [amount for (amount,) in rows]


def test_what_never_ran_is_stale_upstream_first(warehouse):
    jobs = (
        monthly(DAILY.at_execution_date().invalidated_by_changes()),
        daily(SALES.at_execution_date().invalidated_by_changes()),
    )
    platform = migrated(warehouse, *jobs)
    assert listed(platform, warehouse) == [
        ("daily$20130130", "never run"),
        ("daily$20130131", "never run"),
        ("daily$20130201", "never run"),
        ("daily$20130202", "never run"),
        ("monthly$201301", "never run"),
        ("monthly$201302", "never run"),
    ]
    run(platform, warehouse)
    assert amounts(warehouse, DAILY) == [1, 10, 100, 1000]
    assert amounts(warehouse, MONTHLY) == [11, 1100]
    assert listed(platform, warehouse) == []


def test_only_the_partitions_whose_upstream_changed_run_again(warehouse):
    jobs = (
        monthly(DAILY.at_execution_date().invalidated_by_changes()),
        daily(SALES.at_execution_date().invalidated_by_changes()),
    )
    platform = migrated(warehouse, *jobs)
    run(platform, warehouse)
    sell(warehouse, "2013-02-01", 5)
    assert listed(platform, warehouse) == [
        ("daily$20130201", "acme.raw.sales changed"),
        ("monthly$201302", "acme.shop.daily runs before it"),
    ]
    run(platform, warehouse)
    assert amounts(warehouse, DAILY) == [1, 10, 105, 1000]
    assert amounts(warehouse, MONTHLY) == [11, 1105]


def test_a_dependency_ignores_changes_unless_it_says_otherwise(warehouse):
    platform = migrated(warehouse, daily(SALES.at_execution_date()))
    run(platform, warehouse)
    sell(warehouse, "2013-02-01", 5)
    assert listed(platform, warehouse) == []


def test_a_cooldown_waits_until_upstream_has_been_quiet(warehouse):
    calm = SALES.at_execution_date().invalidated_by_changes(cooldown=timedelta(hours=2))
    platform = migrated(warehouse, daily(calm))
    run(platform, warehouse)
    sell(warehouse, "2013-02-01", 5)
    assert listed(platform, warehouse) == []
    assert listed(platform, warehouse, now() + timedelta(hours=1, minutes=59)) == []
    assert listed(platform, warehouse, now() + timedelta(hours=2)) == [
        ("daily$20130201", "acme.raw.sales changed")
    ]


def test_all_partitions_means_that_any_change_invalidates(warehouse):
    platform = migrated(warehouse, monthly(SALES.all_partitions().invalidated_by_changes()))
    run(platform, warehouse)
    sell(warehouse, "2013-01-30", 5)
    assert [name for name, _ in listed(platform, warehouse)] == ["monthly$201301", "monthly$201302"]


def test_changes_are_seen_through_a_view(warehouse):
    view = View(
        dataset=SHOP,
        name="shown",
        schema=COLUMNS,
        query=sql("SELECT day, amount FROM {sales}", sales=SALES),
    )
    job = monthly(view.all_partitions().invalidated_by_changes())
    platform = Platform.of(SALES, view, MONTHLY, job)
    apply(plan_migration(platform, warehouse), platform, warehouse)
    run(platform, warehouse)
    assert listed(platform, warehouse) == []
    sell(warehouse, "2013-01-30", 5)
    assert len(listed(platform, warehouse)) == 2


def test_an_execution_that_left_no_rows_does_not_run_again(warehouse):
    empty = daily(SALES.at_execution_date().invalidated_by_changes())
    nothing = empty.model_copy(
        update={
            "query": sql(
                "SELECT day, amount FROM {sales} WHERE amount < 0",
                sales=SALES.at_execution_date().invalidated_by_changes(),
            )
        }
    )
    platform = migrated(warehouse, nothing)
    assert [done.rows for done in run(platform, warehouse)] == [0, 0, 0, 0]
    assert listed(platform, warehouse) == []
    sell(warehouse, "2013-02-01", 5)
    assert listed(platform, warehouse) == [("daily$20130201", "acme.raw.sales changed")]


def test_a_job_without_partitions_has_one_execution(warehouse):
    total = Table(dataset=SHOP, name="total", schema=(Field("amount", INT64),))
    query = sql(
        "SELECT SUM(amount) AS amount FROM {sales}",
        sales=SALES.all_partitions().invalidated_by_changes(),
    )
    platform = migrated(warehouse, Job(name="total", destination=total, query=query))
    assert listed(platform, warehouse) == [("total", "never run")]
    run(platform, warehouse)
    sell(warehouse, "2013-02-01", 5)
    assert listed(platform, warehouse) == [("total", "acme.raw.sales changed")]
    run(platform, warehouse)
    assert warehouse.query(f"SELECT amount FROM `{total.id}`").rows == ((1116,),)


HOURLY = Table(
    dataset=SHOP,
    name="hourly",
    partitioning=Partitioning.hour("at"),
    schema=(Field("at", TIMESTAMP), Field("n", INT64)),
)
YEARLY = Table(
    dataset=SHOP,
    name="yearly",
    partitioning=Partitioning.year("day"),
    schema=(Field("day", DATE), Field("n", INT64)),
)
RANGED = Table(
    dataset=SHOP,
    name="ranged",
    partitioning=Partitioning.integer_range("n", 0, 30, 10),
    schema=(Field("n", INT64),),
)
ARRIVED = Table(
    dataset=SHOP,
    name="arrived",
    partitioning=Partitioning.ingestion_time("DAY"),
    schema=(Field("n", INT64),),
)


@pytest.mark.parametrize(
    ("job", "partitions"),
    [
        (
            Job(
                name="hourly",
                destination=HOURLY,
                start=hour(2013, 1, 31, 23),
                end=hour(2013, 2, 1, 0),
                query=sql("SELECT {d} AS at, 1 AS n", d=ExecutionDate),
            ),
            ["2013013123", "2013020100"],
        ),
        (
            Job(
                name="yearly",
                destination=YEARLY,
                start=year(2012),
                end=year(2013),
                query=sql("SELECT {d} AS day, 1 AS n", d=ExecutionDate),
            ),
            ["2012", "2013"],
        ),
        (
            Job(
                name="ranged",
                destination=RANGED,
                start=integer(10),
                query=sql("SELECT {d} + 3 AS n", d=ExecutionDate),
            ),
            ["10", "20"],
        ),
        (
            Job(
                name="arrived",
                destination=ARRIVED,
                start=day(2013, 1, 1),
                end=day(2013, 1, 2),
                query=sql("SELECT 1 AS n"),
            ),
            ["20130101", "20130102"],
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_every_partitioning_can_be_filled(warehouse, job, partitions):
    platform = migrated(warehouse, job)
    run(platform, warehouse)
    ref = codec.ref(job.destination)
    facts = warehouse.partitions([ref])[ref]
    assert [(fact.id, fact.rows) for fact in facts] == [(name, 1) for name in partitions]
    assert listed(platform, warehouse) == []


def test_without_an_end_a_job_runs_to_the_last_complete_partition(warehouse):
    job = daily(SALES.at_execution_date()).model_copy(update={"end": None})
    platform = migrated(warehouse, job)
    at = datetime(2013, 2, 1, 12, tzinfo=UTC)
    assert [name for name, _ in listed(platform, warehouse, at)] == [
        "daily$20130130",
        "daily$20130131",
    ]


def test_a_failure_stops_what_depends_on_it_and_says_what_was_done(warehouse):
    broken = daily(SALES.at_execution_date()).model_copy(
        update={
            "query": sql(
                "SELECT day, DIV(1, SUM(amount) - 100) AS amount FROM {sales} GROUP BY day",
                sales=SALES.at_execution_date(),
            )
        }
    )
    platform = migrated(warehouse, broken, monthly(DAILY.at_execution_date()))
    with pytest.raises(RunFailed) as failed:
        run(platform, warehouse)
    status = {done.execution.id: done.status for done in failed.value.results}
    assert status["daily$20130201"] == "failed"
    assert status["monthly$201301"] == "skipped"
    assert "daily$20130201" in str(failed.value)


def test_a_job_cant_change_a_schema(warehouse):
    wider = daily(SALES.at_execution_date()).model_copy(
        update={
            "query": sql(
                "SELECT day, amount, 'x' AS note FROM {sales}", sales=SALES.at_execution_date()
            )
        }
    )
    platform = migrated(warehouse, wider)
    before = warehouse.read([codec.ref(DAILY)])
    with pytest.raises(RunFailed, match="note"):
        run(platform, warehouse)
    assert warehouse.read([codec.ref(DAILY)]) == before
    with pytest.raises(Refused):
        warehouse.write("SELECT 'x' AS note", codec.ref(DAILY), "20130101")
    assert amounts(warehouse, DAILY) == []


def test_a_job_that_names_a_table_in_its_sql_runs_after_the_job_that_fills_it(warehouse):
    written_out = Job(
        name="a_first_by_name",
        destination=MONTHLY,
        start=month(2013, 1),
        end=month(2013, 1),
        query=sql(
            "SELECT {d} AS day, SUM(amount) AS amount FROM `acme.shop.daily`", d=ExecutionDate
        ),
    )
    platform = migrated(warehouse, written_out, daily(SALES.at_execution_date()))
    assert listed(platform, warehouse)[-1] == ("a_first_by_name$201301", "never run")
    run(platform, warehouse)
    assert amounts(warehouse, MONTHLY) == [1111]
