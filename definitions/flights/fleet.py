"""Which planes fly where, and which makes are late? A view on a view."""

from datoria_dagster import BOOL, DATE, FLOAT64, INT64, STRING, Field, View, sql
from definitions.flights.datasets import reporting
from definitions.flights.delays import is_delayed
from definitions.flights.sources import airlines, airports, flights, planes

departures = View(
    dataset=reporting,
    name="departures",
    description="Every flight with its codes spelled out.",
    schema=(
        Field("flight_date", DATE),
        Field("airline", STRING),
        Field("origin", STRING, description="FAA code."),
        Field("destination", STRING, description="The airport's name, or its code."),
        Field("manufacturer", STRING, description="NULL when the plane is not registered."),
        Field("seats", INT64),
        Field("delayed", BOOL, description="15 minutes or more; NULL when cancelled."),
    ),
    query=sql(
        """
        SELECT
          f.flight_date,
          a.name AS airline,
          f.origin,
          COALESCE(d.name, f.dest) AS destination,
          p.manufacturer,
          p.seats,
          {is_delayed}(f.dep_delay) AS delayed
        FROM {flights} AS f
        JOIN {airlines} AS a ON a.carrier = f.carrier
        LEFT JOIN {airports} AS d ON d.faa = f.dest
        LEFT JOIN {planes} AS p ON p.tailnum = f.tailnum
        """,
        is_delayed=is_delayed,
        flights=flights,
        airlines=airlines,
        airports=airports,
        planes=planes,
    ),
)

manufacturers = View(
    dataset=reporting,
    name="manufacturers",
    description="How often planes of each make left, and how late.",
    schema=(
        Field("manufacturer", STRING),
        Field("flights", INT64),
        Field("seats", INT64, description="Offered on all these flights together."),
        Field("delayed_share", FLOAT64, description="Of the flights that left, 0 to 1."),
    ),
    query=sql(
        """
        SELECT
          manufacturer,
          COUNT(*) AS flights,
          SUM(seats) AS seats,
          SAFE_DIVIDE(COUNTIF(delayed), COUNT(delayed)) AS delayed_share
        FROM {departures}
        WHERE manufacturer IS NOT NULL
        GROUP BY manufacturer
        """,
        departures=departures,
    ),
)
