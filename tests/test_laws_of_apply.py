"""The laws of carrying a migration out. A counterexample becomes a case file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datoria_dagster import Table
from datoria_dagster.apply import StalePlan, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse.port import Ref
from tests.embedded import everything, memory, migrated
from tests.platforms import evolutions, law

FORCE = Approval(force=True)


@law
@given(evolutions())
def test_after_apply_the_next_plan_is_empty_and_the_rows_survive(pair):
    before, after = pair
    with migrated(before) as warehouse:
        rows = insert(before, warehouse)
        plan = plan_migration(after, warehouse, FORCE)
        if not plan.applicable:
            return
        apply(plan, after, warehouse)
        assert plan_migration(after, warehouse).is_empty
        for table in after.of_type(Table):
            if table.id in rows:
                assert ids(warehouse, table) == rows[table.id]


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
