"""The laws of carrying a migration out. A counterexample becomes a case file.

One journey per drawn pair of platforms, for a warehouse takes longer to fill than a law to check.
"""

import pytest
from hypothesis import given, note

from datoria_dagster import INT64, Platform, Table
from datoria_dagster.apply import StalePlan, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.plan.document import Plan, from_json, to_json
from datoria_dagster.plan.order import references_of
from datoria_dagster.warehouse.port import Ref
from tests.dice import shards, share, thrown
from tests.embedded import everything, migrated
from tests.evolution import evolution

FORCE = Approval(force=True)
IDS = (1, 2, 3)


@pytest.mark.parametrize("shard", shards())
@share()
@given(dice=thrown())
def test_a_forced_migration_keeps_every_law(dice, shard):
    before, after = evolution(dice)
    note((list(before), list(after)))
    with migrated(before) as warehouse:
        filled = insert(before, warehouse)
        plan = plan_migration(after, warehouse, FORCE)
        assert from_json(to_json(plan), "plan.json") == plan
        check_order(plan, before, after)
        if not plan.applicable:
            return
        check_stale(plan, before, after, warehouse)
        plan = plan_migration(after, warehouse, FORCE)
        interrupt(plan, after, warehouse, dice.randint(0, 12))
        apply(plan_migration(after, warehouse, FORCE), after, warehouse)
        assert plan_migration(after, warehouse).is_empty
        for table in after.of_type(Table):
            if table.id in filled:
                check_rows(warehouse, table, filled[table.id])


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


def check_stale(plan: Plan, before: Platform, after: Platform, warehouse) -> None:
    """A plan whose precondition no longer holds changes nothing."""
    expected = [step.ref for step in plan.steps if step.expects not in (None, "absent")]
    tables = [ref for ref in expected if ref.kind == "table" and Ref("table", ref.id) in expected]
    if not tables:
        return
    warehouse.patch(tables[-1], {"friendlyName": "touched by hand"}, None)
    live = everything(warehouse, before)
    with pytest.raises(StalePlan, match="has changed since"):
        apply(plan, after, warehouse)
    assert everything(warehouse, before) == live


class Interrupted(Exception):
    pass


def interrupt(plan: Plan, after: Platform, warehouse, steps: int) -> None:
    """Carry out as many steps and one, and stop as if the process had been killed."""
    done = []

    def count(outcome):
        done.append(outcome)
        if len(done) > steps:
            raise Interrupted

    if steps < len(plan.steps):
        with pytest.raises(Interrupted):
            apply(plan, after, warehouse, count)


def insert(platform: Platform, warehouse) -> dict[str, dict[str, int]]:
    """Give every table three rows, with values in what holds integers; name those columns."""
    filled = {}
    for table in platform.of_type(Table):
        rest = [field for field in table.fields if field.name not in ("id", "day")]
        if any(field.required and field.type != INT64 for field in rest):
            continue
        numbers = [f.name for f in rest if f.type == INT64 and not f.repeated]
        offsets = {name: 10 * place for place, name in enumerate(numbers, 1)}
        day = {"day": "2024-02-29"} if table.name != "x" else {}
        rows = [{"id": n, **day, **{c: n + o for c, o in offsets.items()}} for n in IDS]
        warehouse.append(Ref("table", table.id), rows)
        filled[table.id] = offsets
    return filled


def check_rows(warehouse, table: Table, offsets: dict[str, int]) -> None:
    """The rows survived, and in them the values of the columns that did, under any name."""
    names = {f.name: f.renamed_from or f.name for f in table.fields if not f.repeated}
    shown = ["id", *(name for name, old in names.items() if old in offsets)]
    columns = ", ".join(f"`{name}`" for name in shown)
    rows = warehouse.query(f"SELECT {columns} FROM `{table.id}` ORDER BY id").rows
    wanted = [(n, *(n + offsets[names[name]] for name in shown[1:])) for n in IDS]
    assert [tuple(int(value) for value in row) for row in rows] == wanted
