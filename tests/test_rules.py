"""The rules: documented, sourced, and literal where they are tables."""

from pathlib import Path

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
    STRING,
    TIME,
    TIMESTAMP,
)
from datoria_dagster.judge.judge import RULES
from datoria_dagster.judge.promotion import widens
from datoria_dagster.report import rules

SCALARS = {
    "INT64": INT64,
    "NUMERIC": NUMERIC,
    "BIGNUMERIC": BIGNUMERIC,
    "FLOAT64": FLOAT64,
    "BOOL": BOOL,
    "STRING": STRING,
    "BYTES": BYTES,
    "DATE": DATE,
    "DATETIME": DATETIME,
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
    "GEOGRAPHY": GEOGRAPHY,
    "JSON": JSON,
    "INTERVAL": INTERVAL,
}
# From → to, of types without parameters. Everything else is not a widening, but for a type itself.
WIDENED = {
    ("INT64", "NUMERIC"),
    ("INT64", "BIGNUMERIC"),
    ("INT64", "FLOAT64"),
    ("NUMERIC", "BIGNUMERIC"),
    ("NUMERIC", "FLOAT64"),
}


def test_the_page_of_rules_is_up_to_date():
    page = Path(__file__).parents[1] / "docs" / "rules.md"
    assert page.read_text() == rules.render()


def test_every_rule_has_a_source_and_says_what_to_do_when_it_stops():
    for rule in RULES:
        assert rule.source.startswith("https://docs.cloud.google.com/bigquery/"), rule.id
        assert bool(rule.instead) != rule.severity.is_compatible, rule.id
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("before", SCALARS)
def test_the_grid_of_widenings(before):
    found = {after for after in SCALARS if widens(SCALARS[before], SCALARS[after])}
    assert found == {after for after in SCALARS if after == before or (before, after) in WIDENED}


@pytest.mark.parametrize(
    ("before", "after", "widened"),
    [
        (STRING(5), STRING(5), True),
        (STRING(5), STRING(6), True),
        (STRING(5), STRING(4), False),
        (STRING(5), STRING, True),
        (STRING, STRING(5), False),
        (BYTES(5), BYTES(6), True),
        (STRING(5), BYTES(6), False),
        (NUMERIC(10, 6), NUMERIC(12, 8), True),
        (NUMERIC(10, 6), NUMERIC(12, 9), False),
        (NUMERIC(10), NUMERIC(10, 2), False),
        (NUMERIC(10), NUMERIC, True),
        (NUMERIC, NUMERIC(38, 9), True),
        (NUMERIC, BIGNUMERIC(40, 20), True),
        (NUMERIC, BIGNUMERIC(60, 30), True),
        (BIGNUMERIC(10, 2), NUMERIC, False),
        (INT64, NUMERIC(19), True),
        (INT64, NUMERIC(18), False),
        (NUMERIC(10, 2), FLOAT64, True),
        (BIGNUMERIC(10, 2), FLOAT64, False),
    ],
    ids=str,
)
def test_parameters_may_grow_and_not_shrink(before, after, widened):
    assert widens(before, after) is widened
