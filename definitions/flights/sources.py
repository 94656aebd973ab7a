"""The raw data. Somebody else fills these tables; we read them and never change them."""

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    TIMESTAMP,
    Field,
    Partitioning,
    SourceTable,
)
from definitions.flights.datasets import raw

flights = SourceTable(
    dataset=raw,
    name="flights",
    description="A scheduled departure from New York per row; a cancelled one has no dep_time.",
    partitioning=Partitioning.day("flight_date"),
    schema=(
        Field("flight_date", DATE, description="Scheduled day of departure, local time."),
        Field("scheduled_hour", TIMESTAMP, description="Scheduled departure, to the hour."),
        Field("carrier", STRING, description="Airline; see airlines."),
        Field("flight", INT64, description="Flight number."),
        Field("tailnum", STRING, description="Plane; see planes."),
        Field("origin", STRING, description="FAA code: EWR, JFK or LGA."),
        Field("dest", STRING, description="FAA code; see airports."),
        Field("sched_dep_time", INT64, description="Local time, HHMM."),
        Field("dep_time", INT64, description="Local time, HHMM."),
        Field("dep_delay", INT64, description="Minutes; negative when early."),
        Field("sched_arr_time", INT64, description="Local time, HHMM."),
        Field("arr_time", INT64, description="Local time, HHMM."),
        Field("arr_delay", INT64, description="Minutes; negative when early."),
        Field("air_time", INT64, description="Minutes in the air."),
        Field("distance", INT64, description="Miles."),
    ),
)

weather = SourceTable(
    dataset=raw,
    name="weather",
    description="An hour at one of New York's airports per row.",
    partitioning=Partitioning.day("observation_date"),
    schema=(
        Field("origin", STRING, description="FAA code: EWR, JFK or LGA."),
        Field("observation_date", DATE, description="Local day."),
        Field("hour", INT64, description="Local hour, 0 to 23."),
        Field("observed_at", TIMESTAMP),
        Field("temp", FLOAT64, description="Temperature, °F."),
        Field("dewp", FLOAT64, description="Dew point, °F."),
        Field("humid", FLOAT64, description="Relative humidity, %."),
        Field("wind_dir", INT64, description="Degrees."),
        Field("wind_speed", FLOAT64, description="Miles per hour."),
        Field("wind_gust", FLOAT64, description="Miles per hour."),
        Field("precip", FLOAT64, description="Precipitation, inches."),
        Field("pressure", FLOAT64, description="Sea level pressure, millibars."),
        Field("visib", FLOAT64, description="Visibility, miles."),
    ),
)

planes = SourceTable(
    dataset=raw,
    name="planes",
    description="The register of planes.",
    schema=(
        Field("tailnum", STRING, description="Tail number."),
        Field("year", INT64, description="Year of manufacture."),
        Field("type", STRING),
        Field("manufacturer", STRING),
        Field("model", STRING),
        Field("engines", INT64),
        Field("seats", INT64),
        Field("speed", INT64, description="Cruising speed, miles per hour."),
        Field("engine", STRING),
    ),
)

airports = SourceTable(
    dataset=raw,
    name="airports",
    description="Airports of the United States.",
    schema=(
        Field("faa", STRING, description="FAA code."),
        Field("name", STRING),
        Field("lat", FLOAT64, description="Degrees north."),
        Field("lon", FLOAT64, description="Degrees east."),
        Field("alt", INT64, description="Altitude, feet."),
        Field("tz", INT64, description="Hours from UTC."),
        Field("dst", STRING, description="Daylight saving: A as in the US, N none, U unknown."),
        Field("tzone", STRING, description="IANA time zone."),
    ),
)

airlines = SourceTable(
    dataset=raw,
    name="airlines",
    description="Airlines by carrier code.",
    schema=(Field("carrier", STRING), Field("name", STRING)),
)
