"""What was the weather on the days when little left?"""

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    STRUCT,
    Field,
    Job,
    Partitioning,
    Table,
    day,
    sql,
)
from definitions.flights.datasets import analytics
from definitions.flights.delays import is_delayed
from definitions.flights.sources import flights, weather

airport_days = Table(
    dataset=analytics,
    name="airport_days",
    description="Departures and weather per airport and day.",
    partitioning=Partitioning.day("flight_date"),
    labels={"domain": "weather"},
    schema=(
        Field("flight_date", DATE, required=True),
        Field("airport", STRING, required=True, description="FAA code: EWR, JFK or LGA."),
        Field("flights", INT64, required=True, description="Scheduled."),
        Field("delayed_flights", INT64, required=True, description="15 minutes late or later."),
        Field("destinations", STRING, repeated=True, description="FAA codes, sorted."),
        Field(
            "weather",
            STRUCT(
                Field("mean_temperature", FLOAT64, description="°F."),
                Field("strongest_wind", FLOAT64, description="Miles per hour."),
                Field("precipitation", FLOAT64, description="Inches in the whole day."),
                Field("lowest_visibility", FLOAT64, description="Miles."),
            ),
        ),
    ),
)

airport_days_job = Job(
    name="airport_days",
    destination=airport_days,
    start=day(2013, 1, 1),
    end=day(2013, 3, 31),
    query=sql(
        """
        WITH departures AS (
          SELECT
            flight_date,
            origin,
            COUNT(*) AS flights,
            COUNTIF({is_delayed}(dep_delay)) AS delayed_flights,
            ARRAY_AGG(DISTINCT dest ORDER BY dest) AS destinations
          FROM {flights}
          GROUP BY flight_date, origin
        ),
        observations AS (
          SELECT
            origin,
            AVG(temp) AS mean_temperature,
            MAX(wind_speed) AS strongest_wind,
            SUM(precip) AS precipitation,
            MIN(visib) AS lowest_visibility
          FROM {weather}
          GROUP BY origin
        )
        SELECT
          d.flight_date,
          d.origin AS airport,
          d.flights,
          d.delayed_flights,
          d.destinations,
          STRUCT(
            o.mean_temperature AS mean_temperature,
            o.strongest_wind AS strongest_wind,
            o.precipitation AS precipitation,
            o.lowest_visibility AS lowest_visibility
          ) AS weather
        FROM departures AS d
        LEFT JOIN observations AS o ON o.origin = d.origin
        """,
        is_delayed=is_delayed,
        flights=flights.at_execution_date().invalidated_by_changes(),
        weather=weather.at_execution_date().invalidated_by_changes(),
    ),
)
