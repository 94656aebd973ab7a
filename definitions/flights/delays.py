"""How late do the airlines leave? Per day, and from the days per month."""

from datoria_dagster import (
    BOOL,
    DATE,
    FLOAT64,
    INT64,
    STRING,
    Argument,
    ExecutionDate,
    Field,
    Job,
    MaterializedView,
    Partitioning,
    ScalarFunction,
    Table,
    View,
    day,
    month,
    sql,
)
from definitions.flights.datasets import analytics, reporting
from definitions.flights.sources import airlines, flights

FIGURES = (
    Field("carrier", STRING, required=True),
    Field("flights", INT64, required=True, description="Scheduled, the cancelled ones included."),
    Field("cancelled_flights", INT64, required=True),
    Field("delayed_flights", INT64, required=True, description="Left 15 minutes late or later."),
    Field("mean_delay_minutes", FLOAT64, description="Of those that left. Early is negative."),
)

is_delayed = ScalarFunction(
    dataset=analytics,
    name="is_delayed",
    description="Whether a departure counts as delayed: 15 minutes or more. NULL when cancelled.",
    arguments=(Argument("minutes", INT64),),
    returns=BOOL,
    body=sql("minutes >= 15"),
)

daily_delays = Table(
    dataset=analytics,
    name="daily_delays",
    description="Departure delays per airline and day.",
    partitioning=Partitioning.day("flight_date"),
    clustering=("carrier",),
    labels={"domain": "delays"},
    schema=(Field("flight_date", DATE, required=True), *FIGURES),
)

daily_delays_job = Job(
    name="daily_delays",
    destination=daily_delays,
    start=day(2013, 1, 1),
    end=day(2013, 3, 31),
    query=sql(
        """
        SELECT
          flight_date,
          carrier,
          COUNT(*) AS flights,
          COUNTIF(dep_time IS NULL) AS cancelled_flights,
          COUNTIF({is_delayed}(dep_delay)) AS delayed_flights,
          AVG(dep_delay) AS mean_delay_minutes
        FROM {flights}
        GROUP BY flight_date, carrier
        """,
        is_delayed=is_delayed,
        flights=flights.at_execution_date().invalidated_by_changes(),
    ),
)

monthly_delays = Table(
    dataset=analytics,
    name="monthly_delays",
    description="Departure delays per airline and month.",
    partitioning=Partitioning.month("month"),
    clustering=("carrier",),
    labels={"domain": "delays"},
    schema=(Field("month", DATE, required=True, description="Its first day."), *FIGURES),
)

monthly_delays_job = Job(
    name="monthly_delays",
    destination=monthly_delays,
    start=month(2013, 1),
    end=month(2013, 3),
    query=sql(
        """
        SELECT
          {month} AS month,
          carrier,
          SUM(flights) AS flights,
          SUM(cancelled_flights) AS cancelled_flights,
          SUM(delayed_flights) AS delayed_flights,
          SAFE_DIVIDE(
            SUM(mean_delay_minutes * (flights - cancelled_flights)),
            SUM(flights - cancelled_flights)
          ) AS mean_delay_minutes
        FROM {daily_delays}
        GROUP BY carrier
        """,
        month=ExecutionDate,
        daily_delays=daily_delays.at_execution_date().invalidated_by_changes(),
    ),
)

carrier_totals = MaterializedView(
    dataset=reporting,
    name="carrier_totals",
    description="Departure delays per airline, all days together.",
    clustering=("carrier",),
    refresh_interval_minutes=60,
    schema=(
        Field("carrier", STRING),
        Field("flights", INT64),
        Field("cancelled_flights", INT64),
        Field("delayed_flights", INT64),
    ),
    query=sql(
        """
        SELECT
          carrier,
          SUM(flights) AS flights,
          SUM(cancelled_flights) AS cancelled_flights,
          SUM(delayed_flights) AS delayed_flights
        FROM {daily_delays}
        GROUP BY carrier
        """,
        daily_delays=daily_delays,
    ),
)

punctuality = View(
    dataset=reporting,
    name="punctuality",
    description="How punctual each airline was in each month.",
    schema=(
        Field("month", DATE),
        Field("airline", STRING),
        Field("flights", INT64),
        Field("delayed_share", FLOAT64, description="Of the flights that left, 0 to 1."),
        Field("mean_delay_minutes", FLOAT64),
    ),
    query=sql(
        """
        SELECT
          month,
          name AS airline,
          flights,
          SAFE_DIVIDE(delayed_flights, flights - cancelled_flights) AS delayed_share,
          mean_delay_minutes
        FROM {monthly_delays}
        JOIN {airlines} USING (carrier)
        """,
        monthly_delays=monthly_delays,
        airlines=airlines,
    ),
)
