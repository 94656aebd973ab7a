"""The rules: documented, sourced, and each of a sound severity and means."""

import re
from pathlib import Path

import pytest

from datoria_dagster.diff import change as c
from datoria_dagster.judge import scope
from datoria_dagster.judge.judge import RULES, SECTIONS
from datoria_dagster.judge.rule import Consumer, Means, Severity
from datoria_dagster.report import rules
from datoria_dagster.warehouse.codec.options import OPTIONS

KINDS = {
    *("dataset", "table", "view", "materialized_view", "external_table"),
    *("scalar_function", "aggregate_function", "table_function", "procedure"),
}
CHANGES = set(c.Change.__args__)
COMPATIBLE = (Severity.SAFE, Severity.CAUTION)


def test_the_page_of_rules_is_up_to_date():
    page = Path(__file__).parents[1] / "docs" / "rules.md"
    assert page.read_text() == rules.render()


def test_the_page_names_every_rule_once_under_its_kind_of_object():
    page = rules.render()
    for heading, found in SECTIONS:
        section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [rule.id for rule in found]


def test_the_page_says_what_is_out_of_scope_and_why():
    section = rules.render().partition("## Out of scope\n")[2]
    for found in (*scope.NO_CHANGE, *scope.NOT_DECLARED, *scope.LEFT_TO_THE_SERVER):
        assert f"| {found.what} | {found.why} |" in section
        assert found.why.endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_sound(rule):
    assert rule.source.startswith("https://docs.cloud.google.com/bigquery/")
    assert set(rule.types) <= CHANGES
    assert set(rule.kinds) <= KINDS
    assert not rule.options or set(rule.types) == {c.OptionChanged}
    stops = rule.severity not in COMPATIBLE or rule.means is Means.IMPOSSIBLE
    assert bool(rule.instead) == stops
    assert set(rule.hurts) <= set(Consumer)
    if rule.hurts:
        assert rule.severity not in COMPATIBLE
    if rule.severity not in COMPATIBLE and c.ObjectKindChanged not in rule.types:
        assert rule.hurts or rule.means is Means.IMPOSSIBLE
    for sentence in (rule.says, rule.instead):
        assert not sentence.endswith(".")
    assert not rule.unverified or rule.unverified.endswith(".")


def test_no_two_rules_have_one_name():
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_kind_of_change_has_a_rule():
    assert {change for rule in RULES for change in rule.types} == CHANGES


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_option_has_a_rule(kind):
    ruled = {
        option for rule in RULES for option in rule.options if rule.is_for(c.OptionChanged, kind)
    }
    assert {option.name for option in OPTIONS[kind]} <= ruled
