"""Partitions in Dagster: keys, which upstream partitions each reads, ranges and backfills."""

import dagster as dg
import pytest

from datoria_dagster import (
    DATE,
    INT64,
    TIMESTAMP,
    Dataset,
    DeclarationError,
    Field,
    Job,
    Partitioning,
    Platform,
    SourceTable,
    Table,
    day,
    hour,
    integer,
    month,
    sql,
    week,
    year,
)
from datoria_dagster.orchestration import build_definitions
from tests.dagster_platform import platform

shop = Dataset(project="acme", name="shop")
DEFINITIONS = build_definitions(platform)
GRAPH = DEFINITIONS.resolve_asset_graph()
LAST = {"HOUR": "2024020100", "DAY": "20240131", "MONTH": "202402"}
CONSTANT = sql("SELECT DATE '2024-01-01' AS d, 1 AS n")


def node(key):
    return GRAPH.get(dg.AssetKey.from_user_string(key))


def keys(definitions, key):
    cut = definitions.resolve_asset_graph().get(dg.AssetKey.from_user_string(key)).partitions_def
    return list(cut.get_partition_keys())


def upstream(definitions, downstream, of, key):
    """Return the upstream partitions that a partition of the downstream asset reads."""
    graph = definitions.resolve_asset_graph()
    child = graph.get(dg.AssetKey.from_user_string(downstream))
    parent = graph.get(dg.AssetKey.from_user_string(of))
    mapping = graph.get_partition_mapping(child.key, parent.key)
    mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
        downstream_partitions_subset=(
            child.partitions_def.subset_with_partition_keys([key]) if child.partitions_def else None
        ),
        downstream_partitions_def=child.partitions_def,
        upstream_partitions_def=parent.partitions_def,
    )
    return sorted(mapped.partitions_subset.get_partition_keys())


def table(name, partitioning=None):
    return Table(
        dataset=shop,
        name=name,
        partitioning=partitioning or Partitioning.none(),
        schema=(Field("d", DATE), Field("n", INT64)),
    )


def job(destination, query, **bounds):
    return Job(name=destination.name, destination=destination, query=query, **bounds)


def test_partition_keys_are_partition_ids_and_the_end_is_included():
    assert keys(DEFINITIONS, "shop/daily") == ["20240130", "20240131", "20240201", "20240202"]
    assert keys(DEFINITIONS, "shop/monthly") == ["202401", "202402"]
    assert node("shop/customers").partitions_def is None
    assert node("raw/orders").partitions_def is None


@pytest.mark.parametrize(
    ("partitioning", "start", "end", "expected"),
    [
        (
            Partitioning.ingestion_time("HOUR"),
            hour(2024, 2, 28, 23),
            hour(2024, 2, 29, 1),
            ["2024022823", "2024022900", "2024022901"],
        ),
        (Partitioning.year("d"), year(2022), year(2023), ["2022", "2023"]),
        (Partitioning.integer_range("n", 0, 100, 25), integer(25), integer(50), ["25", "50"]),
        (Partitioning.integer_range("n", 0, 90, 25), integer(50), None, ["50", "75"]),
    ],
)
def test_every_partitioning_has_its_keys(partitioning, start, end, expected):
    sink = table("sink", partitioning)
    filling = job(sink, CONSTANT, start=start, end=end)
    assert keys(build_definitions(Platform.of(sink, filling)), "shop/sink") == expected


def test_a_job_without_an_end_has_no_partition_that_is_not_complete():
    sink = table("sink", Partitioning.year("d"))
    filling = job(sink, CONSTANT, start=year(2020))
    found = keys(build_definitions(Platform.of(sink, filling)), "shop/sink")
    assert found[:2] == ["2020", "2021"]
    this_year = dg.TimeWindowPartitionsDefinition(
        start="2020", fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1
    ).get_last_partition_key()
    assert this_year not in found


def test_a_month_reads_the_days_of_the_month_that_there_are():
    assert upstream(DEFINITIONS, "shop/monthly", "shop/daily", "202401") == ["20240130", "20240131"]
    assert upstream(DEFINITIONS, "shop/monthly", "shop/daily", "202402") == ["20240201", "20240202"]


def test_what_a_view_reads_is_read_whole():
    mapping = GRAPH.get_partition_mapping(
        dg.AssetKey(["shop", "customers"]), dg.AssetKey(["shop", "daily"])
    )
    assert mapping == dg.AllPartitionMapping()


def test_a_day_reads_the_day_or_all_days():
    first = table("first", Partitioning.day("d"))
    same, every = table("same", Partitioning.day("d")), table("every", Partitioning.day("d"))
    bounds = {"start": day(2024, 1, 1), "end": day(2024, 1, 2)}
    same_query = sql("SELECT d, n FROM {first}", first=first.at_execution_date())
    every_query = sql("SELECT d, n FROM {first}", first=first.all_partitions())
    jobs = (
        job(first, CONSTANT, **bounds),
        job(same, same_query, **bounds),
        job(every, every_query, **bounds),
    )
    definitions = build_definitions(Platform.of(first, same, every, *jobs))
    assert upstream(definitions, "shop/same", "shop/first", "20240102") == ["20240102"]
    assert upstream(definitions, "shop/every", "shop/first", "20240102") == ["20240101", "20240102"]


def test_what_is_read_twice_counts_with_the_wider_of_the_two():
    first, sink = table("first", Partitioning.day("d")), table("sink", Partitioning.day("d"))
    bounds = {"start": day(2024, 1, 1), "end": day(2024, 1, 2)}
    both = sql(
        "SELECT a.d, a.n FROM {today} AS a CROSS JOIN {ever} AS b",
        today=first.at_execution_date(),
        ever=first.all_partitions(),
    )
    jobs = (
        job(first, CONSTANT, **bounds),
        job(sink, both, **bounds),
    )
    definitions = build_definitions(Platform.of(first, sink, *jobs))
    assert upstream(definitions, "shop/sink", "shop/first", "20240101") == ["20240101", "20240102"]


def test_a_range_of_integers_reads_the_same_range():
    first = table("first", Partitioning.integer_range("n", 0, 100, 25))
    sink = table("sink", Partitioning.integer_range("n", 50, 200, 25))
    jobs = (
        job(first, CONSTANT, start=integer(0)),
        job(sink, sql("SELECT * FROM {n}", n=first.at_execution_date()), start=integer(50)),
    )
    definitions = build_definitions(Platform.of(first, sink, *jobs))
    assert upstream(definitions, "shop/sink", "shop/first", "75") == ["75"]


def test_a_partitioned_source_with_known_bounds_has_partitions():
    source = SourceTable(
        dataset=shop,
        name="source",
        partitioning=Partitioning.integer_range("n", 0, 30, 10),
        schema=(Field("n", INT64),),
    )
    assert keys(build_definitions(Platform.of(source)), "shop/source") == ["0", "10", "20"]


def reading(read, **partitioned):
    """Return the definitions of a job that reads `first`, itself filled by day."""
    first, sink = table("first", Partitioning.day("d")), table("sink", Partitioning.day("d"))
    sink = partitioned.pop("sink", sink)
    bounds = partitioned or {"start": day(2024, 1, 1), "end": day(2024, 3, 31)}
    jobs = (
        job(first, CONSTANT, start=day(2024, 1, 1), end=day(2024, 3, 31)),
        job(sink, sql("SELECT d, n FROM {first}", first=read(first)), **bounds),
    )
    return build_definitions(Platform.of(first, sink, *jobs))


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda first: first.at_execution_date().shifted(-1), ["20240229"]),
        (lambda first: first.at_execution_date().shifted(2), ["20240303"]),
        (lambda first: first.window(days=3), ["20240228", "20240229", "20240301"]),
        (lambda first: first.window(days=2).shifted(-1), ["20240228", "20240229"]),
    ],
)
def test_a_day_reads_a_window_of_days(read, expected):
    assert upstream(reading(read), "shop/sink", "shop/first", "20240301") == expected


def test_the_first_days_read_what_there_is_of_their_window():
    definitions = reading(lambda first: first.window(days=3))
    assert upstream(definitions, "shop/sink", "shop/first", "20240101") == ["20240101"]
    assert upstream(definitions, "shop/sink", "shop/first", "20240102") == ["20240101", "20240102"]


def test_a_month_reads_a_window_of_months():
    definitions = reading(
        lambda first: first.window(months=2),
        sink=table("sink", Partitioning.month("d")),
        start=month(2024, 1),
        end=month(2024, 3),
    )
    found = upstream(definitions, "shop/sink", "shop/first", "202403")
    assert (found[0], found[-1], len(found)) == ("20240201", "20240331", 29 + 31)


def test_a_job_by_week_has_the_mondays_and_reads_their_weeks():
    definitions = reading(
        lambda first: first.at_execution_date(), start=week(2024, 1, 1), end=week(2024, 1, 22)
    )
    assert keys(definitions, "shop/sink") == ["20240101", "20240108", "20240115", "20240122"]
    assert upstream(definitions, "shop/sink", "shop/first", "20240108") == [
        f"202401{number:02}" for number in range(8, 15)
    ]


def test_windows_of_one_table_count_together():
    first, sink = table("first", Partitioning.day("d")), table("sink", Partitioning.day("d"))
    bounds = {"start": day(2024, 1, 1), "end": day(2024, 1, 9)}
    both = sql(
        "SELECT a.d, a.n FROM {today} AS a JOIN {before} AS b USING (n)",
        today=first.at_execution_date(),
        before=first.at_execution_date().shifted(-2),
    )
    definitions = build_definitions(
        Platform.of(first, sink, job(first, CONSTANT, **bounds), job(sink, both, **bounds))
    )
    found = upstream(definitions, "shop/sink", "shop/first", "20240105")
    assert found == ["20240103", "20240104", "20240105"]


@pytest.mark.parametrize(
    ("backfill", "expected"),
    [
        ("single_run", dg.BackfillPolicy.single_run()),
        ("multi_run", dg.BackfillPolicy.multi_run()),
        (7, dg.BackfillPolicy.multi_run(7)),
    ],
)
def test_a_job_says_how_it_is_backfilled(backfill, expected):
    sink = table("sink", Partitioning.day("d"))
    declared = job(sink, CONSTANT, start=day(2024, 1, 1), backfill=backfill)
    graph = build_definitions(Platform.of(sink, declared)).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["shop", "sink"])).backfill_policy == expected


@pytest.mark.parametrize("backfill", ["often", 0, 2.5])
def test_a_job_is_not_backfilled_in_another_way(backfill):
    sink = table("sink", Partitioning.day("d"))
    with pytest.raises(DeclarationError, match="Job 'sink': backfill"):
        job(sink, CONSTANT, start=day(2024, 1, 1), backfill=backfill)


@pytest.mark.parametrize(
    ("source", "start", "sink", "execution", "expected"),
    [
        (
            Partitioning.hour("at"),
            hour(2024, 1, 31, 22),
            Partitioning.day("d"),
            day(2024, 1, 31),
            ["2024013122", "2024013123"],
        ),
        (
            Partitioning.day("d"),
            day(2024, 1, 1),
            Partitioning.hour("at"),
            hour(2024, 1, 31, 5),
            ["20240131"],
        ),
        (
            Partitioning.month("d"),
            month(2023, 11),
            Partitioning.day("d"),
            day(2024, 1, 31),
            ["202401"],
        ),
        (
            Partitioning.month("d"),
            month(2022, 11),
            Partitioning.year("d"),
            year(2022),
            ["202211", "202212"],
        ),
        (Partitioning.day("d"), day(2024, 1, 1), Partitioning.none(), None, 31),
    ],
)
def test_partitions_of_another_length_are_those_that_overlap(
    source, start, sink, execution, expected
):
    fields = (Field("d", DATE), Field("at", TIMESTAMP), Field("n", INT64))
    first, second = (
        Table(dataset=shop, name=name, partitioning=cut, schema=fields)
        for name, cut in (("first", source), ("second", sink))
    )
    read = first.at_execution_date() if execution else first.all_partitions()
    jobs = (
        job(
            first,
            sql("SELECT 1 AS n"),
            start=start,
            end=first.partitioning.parse(LAST[start.granularity]),
        ),
        job(second, sql("SELECT n FROM {read}", read=read), start=execution, end=execution),
    )
    definitions = build_definitions(Platform.of(first, second, *jobs))
    found = upstream(definitions, "shop/second", "shop/first", execution and execution.id)
    assert (found if execution else len(found)) == expected
