"""The laws of carrying a migration out. A counterexample becomes a case file.

A platform lives through several migrations, for a warehouse takes longer to fill than a law to
check; each of them is an example.
"""

import pytest
from hypothesis import given, note

from datoria_dagster import INT64, Platform, Table
from datoria_dagster.apply.apply import StalePlan, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.plan.document import Plan, from_json, to_json
from datoria_dagster.plan.order import references_of
from datoria_dagster.warehouse.port import Ref
from tests.dice import GENERATIONS, shards, share, thrown
from tests.embedded import everything, migrated
from tests.evolution import evolved
from tests.platforms import platform

FORCE = Approval(force=True)
IDS = (1, 2, 3)


@pytest.mark.parametrize("shard", shards())
@share()
@given(dice=thrown())
def test_a_forced_migration_keeps_every_law(dice, shard):
    before = platform(dice)
    with migrated(before) as warehouse:
        filled = insert(before, warehouse, {})
        for _ in range(GENERATIONS):
            after = evolved(dice, before)
            note((list(before), list(after)))
            if migrate(before, after, warehouse, dice.randint(0, 12)):
                filled = check_rows(after, warehouse, filled)
                filled = insert(after, warehouse, filled)
                before = after


def migrate(before: Platform, after: Platform, warehouse, steps: int) -> bool:
    """Go from one platform to the next, interrupted after so many steps, and check the laws."""
    plan = plan_migration(after, warehouse, FORCE)
    assert from_json(to_json(plan), "plan.json") == plan
    check_order(plan, before, after)
    if not plan.applicable:
        return False
    rest = interrupted(plan, after, warehouse, steps)
    apply(rest, after, warehouse)
    assert plan_migration(after, warehouse).is_empty
    check_stale(plan, after, warehouse)
    return True


def check_order(plan: Plan, before: Platform, after: Platform) -> None:
    """Every step comes after what it needs."""
    created = [step.object for step in plan.steps if step.kind == "create"]
    needed = references_of(after)
    for position, name in enumerate(created):
        assert not set(needed[name]) & set(created[position + 1 :])
    dropped = [step.object for step in plan.steps if step.kind == "drop"]
    dropped = [name for name in dropped if name not in created]
    reads = references_of(found for found in before if found.id in dropped)
    for position, name in enumerate(dropped):
        assert not set(reads[name]) & set(dropped[:position])


def check_stale(plan: Plan, after: Platform, warehouse) -> None:
    """A plan whose preconditions no longer hold changes nothing."""
    if not any(step.expects for step in plan.steps):
        return
    live = everything(warehouse, after)
    with pytest.raises(StalePlan, match="The plan is stale"):
        apply(plan, after, warehouse)
    assert everything(warehouse, after) == live


class Interrupted(Exception):
    pass


def interrupted(plan: Plan, after: Platform, warehouse, steps: int) -> Plan:
    """Carry out as many steps and one, stop as if the process had been killed, and plan the rest.

    A plan without so many steps is not begun.
    """
    done = []

    def count(outcome):
        done.append(outcome)
        if len(done) > steps:
            raise Interrupted

    if steps >= len(plan.steps):
        return plan
    with pytest.raises(Interrupted):
        apply(plan, after, warehouse, count)
    return plan_migration(after, warehouse, FORCE)


Filled = dict[str, dict[str, int]]


def insert(platform: Platform, warehouse, filled: Filled) -> Filled:
    """Give tables that have none three rows, with values in what holds integers; name those."""
    found = dict(filled)
    for table in platform.of_type(Table):
        rest = [field for field in table.fields if field.name not in ("id", "day")]
        if table.id in filled or any(f.required and f.type != INT64 for f in rest):
            continue
        numbers = [f.name for f in rest if f.type == INT64 and not f.repeated]
        offsets = {name: 10 * place for place, name in enumerate(numbers, 1)}
        day = {"day": "2024-02-29"} if table.name != "x" else {}
        rows = [{"id": n, **day, **{c: n + o for c, o in offsets.items()}} for n in IDS]
        warehouse.append(Ref("table", table.id), rows)
        found[table.id] = offsets
    return found


def check_rows(after: Platform, warehouse, filled: Filled) -> Filled:
    """The rows survived, and in them the values of the columns that did, under any name."""
    tables = {table.id: table for table in after.of_type(Table)}
    found = {name: moved(tables[name], filled[name]) for name in filled if name in tables}
    for name, offsets in found.items():
        single = {f.name for f in tables[name].fields if not f.repeated}
        shown = [column for column in offsets if column in single]
        columns = ", ".join(f"`{column}`" for column in ("id", *shown))
        rows = warehouse.query(f"SELECT {columns} FROM `{name}` ORDER BY id").rows
        wanted = [(n, *(n + offsets[column] for column in shown)) for n in IDS]
        assert [tuple(int(value) for value in row) for row in rows] == wanted
    return found


def moved(table: Table, offsets: dict[str, int]) -> dict[str, int]:
    """The columns that hold numbers, by the names that they have now."""
    olds = {field.name: field.renamed_from or field.name for field in table.fields}
    return {name: offsets[old] for name, old in olds.items() if old in offsets}
