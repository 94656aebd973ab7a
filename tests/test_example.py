"""The example platform on its real data; the numbers were counted in the Parquet files."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from datoria_dagster.apply.apply import apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.run.execute import run_all
from datoria_dagster.run.executions import stale
from datoria_dagster.warehouse.local import LocalWarehouse
from definitions import platform
from definitions.load import fill

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[LocalWarehouse]:
    warehouse = LocalWarehouse(None)
    list(fill(warehouse))
    plan = plan_migration(platform, warehouse)
    assert plan.verdict == "compatible"
    apply(plan, platform, warehouse)
    run_all(stale(platform, warehouse, NOW), platform, warehouse)
    yield warehouse
    warehouse.close()


def rows(warehouse: LocalWarehouse, query: str) -> list[tuple[object, ...]]:
    return list(warehouse.query(query).rows)


def test_the_source_tables_are_loaded_once() -> None:
    empty = LocalWarehouse(None)
    loaded = [
        "flights-demo.raw.airlines: 16 rows",
        "flights-demo.raw.airports: 1,458 rows",
        "flights-demo.raw.flights: 80,789 rows",
        "flights-demo.raw.planes: 3,322 rows",
        "flights-demo.raw.weather: 6,463 rows",
    ]
    assert list(fill(empty)) == [f"{line} loaded" for line in loaded]
    assert list(fill(empty)) == [f"{line}, already there" for line in loaded]


def test_declaring_needs_no_database_and_no_dagster() -> None:
    heavy = "{'dagster', 'duckdb', 'google', 'sqlglot'}"
    code = f"import sys, definitions; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_what_is_managed() -> None:
    assert list(platform.managed) == [
        "flights-demo.analytics",
        "flights-demo.analytics.airport_days",
        "flights-demo.analytics.daily_delays",
        "flights-demo.analytics.is_delayed",
        "flights-demo.analytics.monthly_delays",
        "flights-demo.reporting",
        "flights-demo.reporting.carrier_totals",
        "flights-demo.reporting.departures",
        "flights-demo.reporting.manufacturers",
        "flights-demo.reporting.punctuality",
    ]


def test_every_flight_is_counted(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT COUNT(*), SUM(flights), SUM(cancelled_flights), SUM(delayed_flights)
        FROM `flights-demo.analytics.daily_delays`
    """
    assert rows(warehouse, query) == [(1326, 80789, 2643, 16468)]


def test_every_month_is_the_sum_of_its_days(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT month, COUNT(*), SUM(flights), SUM(cancelled_flights), SUM(delayed_flights)
        FROM `flights-demo.analytics.monthly_delays`
        GROUP BY month
        ORDER BY month
    """
    assert rows(warehouse, query) == [
        (date(2013, 1, 1), 16, 27004, 521, 5091),
        (date(2013, 2, 1), 15, 24951, 1261, 4961),
        (date(2013, 3, 1), 15, 28834, 861, 6416),
    ]


def test_a_monthly_mean_weighs_each_day_by_its_flights(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT mean_delay_minutes
        FROM `flights-demo.analytics.monthly_delays`
        WHERE month = DATE '2013-02-01' AND carrier = 'B6'
    """
    # JetBlue: 4,103 flights in February, 153 of them cancelled.
    assert rows(warehouse, query) == [(pytest.approx(13.772911392405064),)]


def test_the_day_after_the_blizzard(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT airport, flights, delayed_flights, ARRAY_LENGTH(destinations),
          destinations[OFFSET(0)], weather.mean_temperature, weather.precipitation
        FROM `flights-demo.analytics.airport_days`
        WHERE flight_date = DATE '2013-02-09'
        ORDER BY airport
    """
    assert rows(warehouse, query) == [
        ("EWR", 231, 36, 67, "ALB", pytest.approx(28.4075), pytest.approx(0.55)),
        ("JFK", 274, 42, 56, "ATL", pytest.approx(27.5375), pytest.approx(0.18)),
        ("LGA", 179, 14, 32, "ATL", pytest.approx(29.0975), pytest.approx(0.23)),
    ]


def test_the_view_on_a_view(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT manufacturer, flights, seats, delayed_share
        FROM `flights-demo.reporting.manufacturers`
        ORDER BY flights DESC
        LIMIT 2
    """
    assert rows(warehouse, query) == [
        ("BOEING", 19983, 3422879, pytest.approx(3235 / 19757)),
        ("EMBRAER", 15932, 696430, pytest.approx(5121 / 15214)),
    ]


def test_the_materialized_view(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT carrier, flights, cancelled_flights, delayed_flights
        FROM `flights-demo.reporting.carrier_totals`
        ORDER BY flights DESC
        LIMIT 2
    """
    assert rows(warehouse, query) == [("UA", 13954, 257, 2528), ("B6", 13302, 181, 3136)]


def test_the_view_on_the_monthly_table(warehouse: LocalWarehouse) -> None:
    query = """
        SELECT airline, flights, delayed_share
        FROM `flights-demo.reporting.punctuality`
        WHERE month = DATE '2013-02-01'
        ORDER BY delayed_share
        LIMIT 1
    """
    assert rows(warehouse, query) == [("US Airways Inc.", 1552, pytest.approx(142 / 1462))]


def test_a_second_time_there_is_nothing_to_do(warehouse: LocalWarehouse) -> None:
    assert plan_migration(platform, warehouse).is_empty
    assert stale(platform, warehouse, NOW) == ()
