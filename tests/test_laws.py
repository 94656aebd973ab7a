"""The laws of a migration, over drawn platforms. A counterexample becomes a case file."""

import json
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from datoria_dagster import Platform
from datoria_dagster.diff.compare import compare
from datoria_dagster.diff.replay import replay
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval, verdict
from datoria_dagster.migration import object_fingerprint, plan_migration, platform_fingerprint
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.plan.order import references_of
from datoria_dagster.warehouse import codec
from tests.embedded import memory, migrated
from tests.platforms import evolutions, law, platforms

FORCE = Approval(force=True)
VERDICTS = ("empty", "compatible", "incompatible", "impossible")


@law
@given(platforms())
def test_a_platform_does_not_differ_from_itself(platform):
    assert compare(platform, platform) == ()


@law
@given(platforms(), platforms())
def test_replaying_the_changes_takes_one_platform_to_the_other(before, after):
    changes = compare(before, after)
    assert compare(reduce(replay, changes, before), after) == ()
    assert shape(reduce(replay, changes, before)) == shape(after)


@law
@given(platforms(), st.randoms())
def test_the_order_of_declaration_does_not_show(platform, random):
    shuffled = list(platform)
    random.shuffle(shuffled)
    again = Platform.of(*shuffled)
    assert platform_fingerprint(again) == platform_fingerprint(platform)
    with memory() as one, memory() as other:
        assert to_json(plan_migration(platform, one)) == to_json(plan_migration(again, other))


@law
@given(platforms())
def test_every_object_survives_the_codec(platform):
    for found in platform.managed.values():
        body = json.loads(json.dumps(codec.resource(found)))
        if found.kind == "view":
            body["type"] = "VIEW"
            body["schema"] = {"fields": [codec.field_resource(field) for field in found.fields]}
        assert (
            object_fingerprint(codec.decode(codec.ref(found), body)) == object_fingerprint(found)
            or found.kind == "dataset"
        )
        assert (
            compare(
                Platform({found.id: codec.decode(codec.ref(found), body)}),
                Platform({found.id: found}),
            )
            == ()
        )


@law
@given(evolutions())
def test_a_plan_survives_its_file(pair):
    before, after = pair
    with migrated(before) as warehouse:
        plan = plan_migration(after, warehouse, FORCE)
        assert from_json(to_json(plan), "plan.json") == plan


@law
@given(evolutions())
def test_dropping_a_change_never_worsens_the_verdict(pair):
    before, after = pair
    changes = compare(before, after)
    whole = VERDICTS.index(verdict(judge(changes, before, after, Approval())))
    for index in range(len(changes)):
        rest = changes[:index] + changes[index + 1 :]
        assert VERDICTS.index(verdict(judge(rest, before, after, Approval()))) <= whole


@law
@given(evolutions())
def test_every_step_comes_after_what_it_needs(pair):
    before, after = pair
    with migrated(before) as warehouse:
        steps = plan_migration(after, warehouse, FORCE).steps
    created = [step.object for step in steps if step.kind == "create"]
    needed = references_of(after)
    for position, name in enumerate(created):
        assert not set(needed[name]) & set(created[position + 1 :])
    dropped = [step.object for step in steps if step.kind == "drop"]
    reads = references_of(found for found in before if found.id in dropped)
    for position, name in enumerate(dropped):
        assert not set(reads[name]) & set(dropped[:position])


def shape(platform: Platform) -> dict[str, object]:
    """What a platform is, whatever the order of its columns."""
    return {name: ordered(codec.resource(found)) for name, found in platform.managed.items()}


def ordered(value):
    if isinstance(value, dict):
        return {
            key: sorted(map(ordered, item), key=str)
            if key == "fields" and item and isinstance(item[0], dict)
            else ordered(item)
            for key, item in value.items()
        }
    return value
