"""Which types lead to which: against a table written by hand from Google's two pages.

In place: "ALTER COLUMN SET DATA TYPE". By a cast: "Conversion rules" and "CAST". All that is not
named here leads nowhere.
"""

import pytest

from datoria_dagster import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    GEOGRAPHY,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    RANGE,
    STRING,
    STRUCT,
    TIME,
    TIMESTAMP,
    Field,
)
from datoria_dagster.judge.promotion import GRID, TYPES, casts, promotion, widens

SCALARS = {
    "BIGNUMERIC": BIGNUMERIC,
    "BOOL": BOOL,
    "BYTES": BYTES,
    "DATE": DATE,
    "DATETIME": DATETIME,
    "FLOAT64": FLOAT64,
    "GEOGRAPHY": GEOGRAPHY,
    "INT64": INT64,
    "INTERVAL": INTERVAL,
    "JSON": JSON,
    "NUMERIC": NUMERIC,
    "RANGE": RANGE(DATE),
    "STRING": STRING,
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
}
IN_PLACE = """
INT64: NUMERIC BIGNUMERIC FLOAT64
NUMERIC: BIGNUMERIC FLOAT64
"""
BY_CAST = """
INT64: BOOL STRING
FLOAT64: INT64 NUMERIC BIGNUMERIC STRING
NUMERIC: INT64 STRING
BIGNUMERIC: INT64 NUMERIC FLOAT64 STRING
BOOL: INT64 STRING
STRING: BOOL INT64 FLOAT64 NUMERIC BIGNUMERIC BYTES DATE DATETIME TIME TIMESTAMP INTERVAL RANGE
BYTES: STRING
DATE: STRING DATETIME TIMESTAMP
DATETIME: STRING DATE TIME TIMESTAMP
TIME: STRING
TIMESTAMP: STRING DATE DATETIME TIME
INTERVAL: STRING
RANGE: STRING
GEOGRAPHY:
JSON:
"""


def pairs(text: str) -> set[tuple[str, str]]:
    lines = (line.split(":") for line in text.strip().splitlines())
    return {(before, after) for before, others in lines for after in others.split()}


def expected(before: str, after: str) -> str:
    if before == after:
        return "same"
    if (before, after) in pairs(IN_PLACE):
        return "in place"
    return "cast" if (before, after) in pairs(BY_CAST) else "never"


def test_the_grid_holds_every_pair():
    assert set(TYPES) == set(GRID) == set(SCALARS)
    assert all(len(row) == len(SCALARS) for row in GRID.values())


@pytest.mark.parametrize("before", SCALARS)
def test_a_row_of_the_grid(before):
    found = {after: promotion(SCALARS[before], SCALARS[after]).value for after in SCALARS}
    assert found == {after: expected(before, after) for after in SCALARS}


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (STRING(5), STRING(5), "same"),
        (STRING(5), STRING(6), "in place"),
        (STRING(5), STRING, "in place"),
        (STRING(5), STRING(4), "cast"),
        (STRING, STRING(5), "cast"),
        (STRING(5), INT64, "cast"),
        (INT64, STRING(5), "cast"),
        (STRING(5), JSON, "never"),
        (BYTES(5), BYTES(6), "in place"),
        (BYTES(5), BYTES, "in place"),
        (BYTES, BYTES(5), "cast"),
        (BYTES(6), BYTES(5), "cast"),
        (STRING(5), BYTES(6), "cast"),
        (BYTES(6), STRING(9), "cast"),
        (NUMERIC(10, 6), NUMERIC(12, 8), "in place"),
        (NUMERIC(10, 6), NUMERIC(12, 9), "cast"),
        (NUMERIC(12, 8), NUMERIC(10, 6), "cast"),
        (NUMERIC(10), NUMERIC(10, 2), "cast"),
        (NUMERIC(10), NUMERIC(12, 2), "in place"),
        (NUMERIC(10), NUMERIC, "in place"),
        (NUMERIC, NUMERIC(38, 9), "in place"),
        (NUMERIC, NUMERIC(10, 2), "cast"),
        (NUMERIC, BIGNUMERIC(40, 20), "in place"),
        (NUMERIC, BIGNUMERIC(60, 30), "in place"),
        (NUMERIC, BIGNUMERIC(37, 20), "cast"),
        (NUMERIC(10, 2), BIGNUMERIC(10, 2), "in place"),
        (NUMERIC(10, 2), BIGNUMERIC(10, 3), "cast"),
        (NUMERIC(10, 2), BIGNUMERIC, "in place"),
        (BIGNUMERIC(10, 2), BIGNUMERIC(40, 10), "in place"),
        (BIGNUMERIC, BIGNUMERIC(40, 10), "cast"),
        (BIGNUMERIC(10, 2), NUMERIC, "cast"),
        (INT64, NUMERIC(19), "in place"),
        (INT64, NUMERIC(18), "cast"),
        (INT64, NUMERIC(28, 9), "in place"),
        (INT64, NUMERIC(20, 9), "cast"),
        (INT64, BIGNUMERIC(19), "in place"),
        (NUMERIC(10, 2), FLOAT64, "in place"),
        (BIGNUMERIC(10, 2), FLOAT64, "cast"),
        (FLOAT64, NUMERIC(10, 2), "cast"),
        (RANGE(DATE), RANGE(DATETIME), "never"),
        (RANGE(DATE), RANGE(DATE), "same"),
        (STRING, STRUCT(Field("a", STRING)), "never"),
        (STRUCT(Field("a", STRING)), STRING, "never"),
    ],
    ids=str,
)
def test_parameters_may_grow_and_not_shrink(before, after, how):
    assert promotion(before, after).value == how
    assert widens(before, after) is (how in ("same", "in place"))
    assert casts(before, after) is (how != "never")
