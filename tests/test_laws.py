"""The laws of a migration, over drawn platforms. A counterexample becomes a case file."""

import json
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datoria_dagster import Platform, Table
from datoria_dagster.apply import ApplyError, StalePlan, apply
from datoria_dagster.diff.compare import compare
from datoria_dagster.diff.replay import replay
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval, verdict
from datoria_dagster.migration import object_fingerprint, plan_migration, platform_fingerprint
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.plan.order import references_of
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Resource
from tests.platforms import evolutions, platforms

FORCE = Approval(force=True)
VERDICTS = ("empty", "compatible", "incompatible", "impossible")
law = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


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
def test_after_apply_the_next_plan_is_empty_and_the_rows_survive(pair):
    before, after = pair
    with migrated(before) as warehouse:
        rows = insert(before, warehouse)
        plan = plan_migration(after, warehouse, FORCE)
        if not plan.applicable:
            return
        try:
            apply(plan, after, warehouse)
        except ApplyError as error:
            assert_is_about_values(error)
            return
        assert plan_migration(after, warehouse).is_empty
        for table in after.of_type(Table):
            if table.id in rows:
                assert ids(warehouse, table) == rows[table.id]


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


@law
@given(evolutions())
def test_a_plan_whose_precondition_no_longer_holds_changes_nothing(pair):
    before, after = pair
    with migrated(before) as warehouse:
        plan = plan_migration(after, warehouse, FORCE)
        expected = [step.ref for step in plan.steps if step.expects not in (None, "absent")]
        tables = [ref for ref in expected if ref.kind == "table"]
        if not plan.applicable or not tables:
            return
        warehouse.patch(tables[-1], {"labels": {"touched": "by-hand"}}, None)
        live = everything(warehouse, before)
        with pytest.raises(StalePlan, match="has changed since"):
            apply(plan, after, warehouse)
        assert everything(warehouse, before) == live


@law
@given(evolutions(), st.integers(0, 12))
def test_an_interrupted_migration_goes_on_from_where_it_stopped(pair, steps):
    before, after = pair
    with migrated(before) as warehouse:
        plan = plan_migration(after, warehouse, FORCE)
        if not plan.applicable:
            return
        with pytest.raises(Interrupted) if steps < len(plan.steps) else memory():
            apply(plan, after, warehouse, interrupt_after(steps))
        apply(plan_migration(after, warehouse, FORCE), after, warehouse)
        assert plan_migration(after, warehouse).is_empty


class Interrupted(Exception):
    pass


def interrupt_after(steps):
    done = []

    def count(outcome):
        done.append(outcome)
        if len(done) > steps:
            raise Interrupted

    return count


class memory:  # noqa: N801
    """An embedded warehouse for the time of a block."""

    def __enter__(self):
        self.warehouse = LocalWarehouse(None)
        return self.warehouse

    def __exit__(self, *_):
        self.warehouse.close()


class migrated(memory):  # noqa: N801
    def __init__(self, platform):
        self.platform = platform

    def __enter__(self):
        warehouse = super().__enter__()
        apply(plan_migration(self.platform, warehouse), self.platform, warehouse)
        return warehouse


def insert(platform, warehouse) -> dict[str, list[int]]:
    """Give every table three rows that hold nothing but what they must."""
    rows = {}
    for table in platform.of_type(Table):
        if not any(field.required for field in table.fields[1:]):
            warehouse.append(Ref("table", table.id), [{"id": n} for n in (1, 2, 3)])
            rows[table.id] = [1, 2, 3]
    return rows


def ids(warehouse, table) -> list[int]:
    result = warehouse.query(f"SELECT id FROM `{table.id}` ORDER BY id")
    return [row[0] for row in result.rows]


def assert_is_about_values(error: ApplyError):
    """The only steps that may fail are those that cast or tighten the rows that are there."""
    failed = next(outcome for outcome in error.outcomes if outcome.status == "failed")
    assert failed.step.kind == "rebuild", failed


def everything(warehouse, platform) -> dict[Ref, Resource]:
    return dict(warehouse.read([codec.ref(found) for found in platform.managed.values()]))


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
