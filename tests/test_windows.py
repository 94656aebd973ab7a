"""Windows and offsets: what a query reads around its execution, and when that makes it stale."""

from datetime import UTC, datetime

import pytest

from datoria_dagster import (
    DATE,
    INT64,
    TIMESTAMP,
    Dataset,
    DeclarationError,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    Table,
    View,
    day,
    hour,
    month,
    sql,
    week,
    year,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.run.execute import run_all
from datoria_dagster.run.executions import Execution, stale
from datoria_dagster.run.partitions import Span, UnknownPartition, within
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse

SHOP = Dataset(project="acme", name="shop")
NOW = datetime(2100, 1, 1, tzinfo=UTC)


def table(name, partitioning):
    column = Field("d", TIMESTAMP if partitioning.granularity == "HOUR" else DATE)
    fields = (column, Field("n", INT64))
    return Table(dataset=SHOP, name=name, partitioning=partitioning, schema=fields)


DAILY = table("daily", Partitioning.day("d"))
HOURLY = table("hourly", Partitioning.hour("d"))
MONTHLY = table("monthly", Partitioning.month("d"))
YEARLY = table("yearly", Partitioning.year("d"))
SINK = table("sink", Partitioning.day("d"))


@pytest.mark.parametrize(
    ("read", "execution", "expected"),
    [
        (DAILY.at_execution_date().shifted(-1), day(2013, 3, 1), "d = DATE '2013-02-28'"),
        (DAILY.window(days=7), day(2013, 3, 1), "DATE '2013-02-23' AND DATE '2013-03-02'"),
        (DAILY.window(days=7).shifted(-1), day(2013, 3, 1),
         "DATE '2013-02-22' AND DATE '2013-03-01'"),
        (DAILY.window(months=2), month(2013, 3), "DATE '2013-02-01' AND DATE '2013-04-01'"),
        (DAILY.at_execution_date().shifted(-1), month(2013, 1),
         "DATE '2012-12-01' AND DATE '2013-01-01'"),
        (DAILY.at_execution_date(), week(2013, 2, 25), "DATE '2013-02-25' AND DATE '2013-03-04'"),
        (DAILY.window(weeks=4), week(2013, 2, 25), "DATE '2013-02-04' AND DATE '2013-03-04'"),
        (HOURLY.window(hours=3), hour(2013, 3, 1, 1),
         "TIMESTAMP '2013-02-28 23:00:00' AND TIMESTAMP '2013-03-01 02:00:00'"),
        # A window counts the job's periods, whatever the table's are.
        (HOURLY.at_execution_date().shifted(-1), day(2013, 3, 1),
         "TIMESTAMP '2013-02-28 00:00:00' AND TIMESTAMP '2013-03-01 00:00:00'"),
        (MONTHLY.window(days=2), day(2013, 3, 1), "DATE '2013-02-01' AND DATE '2013-04-01'"),
        (MONTHLY.window(years=2), year(2013), "DATE '2012-01-01' AND DATE '2014-01-01'"),
    ],
)  # fmt: skip
def test_a_query_is_pruned_to_the_window(read, execution, expected):
    first, _, last = expected.partition(" AND ")
    where = f"`d` >= {first} AND `d` < {last}" if last else f"`{first[0]}`{first[1:]}"
    assert read.render(execution).partition(" WHERE ")[2] == f"{where})"


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (DAILY.window, "acme.shop.daily is read in a window: say how long it is"),
        (lambda: DAILY.window(days=0), "by one positive number"),
        (lambda: DAILY.window(days=-7), "by one positive number"),
        (lambda: DAILY.window(days=7, months=1), "by one positive number"),
        (lambda: DAILY.all_partitions().shifted(-1), "there is nothing to shift"),
        (lambda: job(DAILY.window(months=1)),
         "acme.shop.daily in months, but runs by day. Say the window in days."),
        (lambda: Partitioning(granularity="WEEK", column="d"),
         "BigQuery has no partitions by week"),
        (lambda: week(2013, 1, 1), r"week\(2013, 1, 1\) is no Monday.* 20121231"),
        (lambda: job(DAILY.at_execution_date(), MONTHLY, start=week(2013, 1, 7)),
         "20130107 is a partition by week, but acme.shop.monthly is partitioned by month"),
        (lambda: job(DAILY.at_execution_date(), start=week(2013, 1, 7), end=day(2013, 1, 8)),
         "20130108 is a partition by day"),
    ],
)  # fmt: skip
def test_a_window_that_can_not_be_is_refused(declare, message):
    with pytest.raises(DeclarationError, match=message):
        declare()


def job(read, destination=SINK, **bounds):
    query = sql("SELECT {day} AS d, SUM(n) AS n FROM {read}", day=ExecutionDate, read=read)
    bounds = bounds or {"start": day(2013, 1, 3), "end": day(2013, 1, 8)}
    return Job(name="sink", destination=destination, query=query, **bounds)


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    yield found
    found.close()


def filled(warehouse, *declared):
    """Return the platform, migrated, with a row on each of the first fourteen days."""
    platform = Platform.of(DAILY, *declared)
    apply(plan_migration(platform, warehouse), platform, warehouse)
    rows = [{"d": f"2013-01-{number:02}", "n": 1} for number in range(1, 15)]
    warehouse.append(codec.ref(DAILY), rows)
    return platform


def run(platform, warehouse):
    return run_all(stale(platform, warehouse, NOW), platform, warehouse)


def amounts(warehouse):
    rows = warehouse.query(f"SELECT d, n FROM `{SINK.id}` ORDER BY d").rows
    return [(f"{moment}", amount) for moment, amount in rows]


def test_a_change_makes_the_executions_stale_whose_window_it_is_in(warehouse):
    platform = filled(warehouse, SINK, job(DAILY.window(days=3).invalidated_by_changes()))
    run(platform, warehouse)
    assert [n for _, n in amounts(warehouse)] == [3] * 6
    rows = [{"d": "2013-01-05", "n": 10}]
    warehouse.append(codec.ref(DAILY), rows)
    found = stale(platform, warehouse, NOW)
    assert [e.id for e in found] == ["sink$20130105", "sink$20130106", "sink$20130107"]
    run(platform, warehouse)
    assert [n for _, n in amounts(warehouse)] == [3, 3, 13, 13, 13, 3]
    assert stale(platform, warehouse, NOW) == ()


def test_what_runs_upstream_makes_only_its_window_stale(warehouse):
    source = table("source", Partitioning.day("d"))
    bounds = {"start": day(2013, 1, 1), "end": day(2013, 1, 3)}
    copy = sql("SELECT d, n FROM {source}", source=source.at_execution_date().ignoring_changes())
    upstream = Job(name="copied", destination=DAILY, query=copy, **bounds)
    downstream = job(
        DAILY.at_execution_date().shifted(-1).invalidated_by_changes(),
        start=day(2013, 1, 2),
        end=day(2013, 1, 9),
    )
    platform = Platform.of(source, DAILY, SINK, upstream, downstream)
    apply(plan_migration(platform, warehouse), platform, warehouse)
    ran = [Execution(downstream, day(2013, 1, number), "") for number in range(2, 10)]
    run_all(ran, platform, warehouse)
    assert [(e.id, e.reason) for e in stale(platform, warehouse, NOW)] == [
        ("copied$20130101", "never run"),
        ("copied$20130102", "never run"),
        ("copied$20130103", "never run"),
        ("sink$20130102", "acme.shop.daily runs before it"),
        ("sink$20130103", "acme.shop.daily runs before it"),
        ("sink$20130104", "acme.shop.daily runs before it"),
    ]


def test_a_job_by_week_fills_the_partition_of_the_monday(warehouse):
    weekly = job(DAILY.at_execution_date().invalidated_by_changes(), start=week(2012, 12, 31),
                 end=week(2013, 1, 7))  # fmt: skip
    platform = filled(warehouse, SINK, weekly)
    run(platform, warehouse)
    assert amounts(warehouse) == [("2012-12-31", 6), ("2013-01-07", 7)]
    assert stale(platform, warehouse, NOW) == ()
    warehouse.append(codec.ref(DAILY), [{"d": "2013-01-13", "n": 5}])
    assert [e.id for e in stale(platform, warehouse, NOW)] == ["sink$20130107"]


def test_a_week_runs_when_its_sunday_is_over(warehouse):
    weekly = job(DAILY.at_execution_date(), start=week(2013, 1, 7))
    platform = filled(warehouse, SINK, weekly)
    sunday = datetime(2013, 1, 20, 23, 59, tzinfo=UTC)
    assert [e.id for e in stale(platform, warehouse, sunday)] == ["sink$20130107"]
    monday = datetime(2013, 1, 21, tzinfo=UTC)
    found = [e.id for e in stale(platform, warehouse, monday)]
    assert found == ["sink$20130107", "sink$20130114"]


def test_a_week_is_asked_for_by_its_monday():
    weekly = job(DAILY.at_execution_date(), start=week(2013, 1, 7))
    assert [p.id for p in within(weekly, Span("2013-01-07", "2013-01-14"), NOW)] == [
        "20130107",
        "20130114",
    ]
    with pytest.raises(UnknownPartition, match="'20130108' is not a partition"):
        within(weekly, Span("20130108", "20130114"), NOW)


def test_a_view_has_no_window():
    with pytest.raises(DeclarationError, match=r"acme\.shop\.daily is read at the execution date"):
        View(
            dataset=SHOP,
            name="v",
            schema=(Field("d", DATE), Field("n", INT64)),
            query=sql("SELECT d, n FROM {t}", t=DAILY.window(days=7)),
        )
