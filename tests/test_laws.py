"""The laws of a diff and its verdict. A counterexample becomes a case file."""

import json
from functools import reduce

from hypothesis import given, note

from datoria_dagster import Platform
from datoria_dagster.diff.compare import compare
from datoria_dagster.diff.replay import replay
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval, verdict
from datoria_dagster.migration import object_fingerprint, plan_migration, platform_fingerprint
from datoria_dagster.plan.document import to_json
from datoria_dagster.warehouse import codec
from tests.dice import thrown
from tests.embedded import memory
from tests.evolution import evolution
from tests.platforms import platform

VERDICTS = ("empty", "compatible", "incompatible", "impossible")


@given(thrown())
def test_a_platform_does_not_differ_from_itself(dice):
    for found in evolution(dice):
        assert compare(found, found) == ()


@given(thrown())
def test_replaying_the_changes_takes_one_platform_to_the_next(dice):
    before, after = evolution(dice)
    check_replay(before, after)


@given(thrown())
def test_replaying_the_changes_takes_any_platform_to_any_other(dice):
    check_replay(platform(dice), platform(dice))


def check_replay(before: Platform, after: Platform) -> None:
    note((list(before), list(after)))
    replayed = reduce(replay, compare(before, after), before)
    assert compare(replayed, after) == ()
    assert shape(replayed) == shape(after)


@given(thrown())
def test_the_order_of_declaration_does_not_show(dice):
    one = platform(dice)
    shuffled = list(one)
    dice.shuffle(shuffled)
    again = Platform.of(*shuffled)
    assert platform_fingerprint(again) == platform_fingerprint(one)
    with memory() as warehouse:
        assert to_json(plan_migration(one, warehouse)) == to_json(plan_migration(again, warehouse))


@given(thrown())
def test_every_object_survives_the_codec(dice):
    for found in platform(dice).managed.values():
        body = json.loads(json.dumps(codec.full_resource(found)))
        decoded = codec.decode(codec.ref(found), body)
        assert object_fingerprint(decoded) == object_fingerprint(found)
        assert compare(Platform({found.id: decoded}), Platform({found.id: found})) == ()


@given(thrown())
def test_dropping_a_change_never_worsens_the_verdict(dice):
    before, after = evolution(dice)
    note((list(before), list(after)))
    changes = compare(before, after)
    whole = rank(changes, before, after)
    for index in dice.sample(range(len(changes)), min(5, len(changes))):
        assert rank(changes[:index] + changes[index + 1 :], before, after) <= whole


def rank(changes, before, after) -> int:
    return VERDICTS.index(verdict(judge(changes, before, after, Approval())))


# What a declaration may leave to the server, and where a hint leaves no trace.
SILENT = {
    "policyTags",
    "collation",
    "roundingMode",
    "encryptionConfiguration",
    "maxTimeTravelHours",
}
SILENT |= {"defaultRoundingMode", "expirationMs", "csvOptions", "determinismLevel"}


def shape(found: Platform) -> dict[str, object]:
    """What a platform is, whatever the order of its columns."""
    return {name: ordered(codec.full_resource(item)) for name, item in found.managed.items()}


def ordered(value):
    match value:
        case dict():
            items = {key: ordered(item) for key, item in value.items() if key not in SILENT}
            return {key: item for key, item in items.items() if item != {}}
        case [{"name": _}, *_]:
            return sorted(map(ordered, value), key=str)
        case _:
            return value
