"""Every case file: judged as it says, refused without force, applied with it, and then at rest."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from datoria_dagster.apply.apply import NotAdmitted, apply
from datoria_dagster.judge.judge import RULES
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import Table
from datoria_dagster.plan.document import Plan
from datoria_dagster.restore import plan_restore
from datoria_dagster.validation import validated
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Warehouse
from tests import casefile
from tests.bigquery_server import ManualClock, client

FILES = sorted((Path(__file__).parent / "cases").glob("*.case"))
FORCE = Approval(force=True)


@pytest.fixture(params=FILES, ids=lambda path: path.stem, scope="module")
def case(request):
    return casefile.read(request.param)


@pytest.fixture(scope="module")
def untouched(case):
    """The warehouse before the change, for tests that leave it so."""
    with before(case) as warehouse:
        yield warehouse


@pytest.fixture
def warehouse(case):
    """The same, to be changed."""
    with before(case) as warehouse:
        yield warehouse


@contextmanager
def before(case):
    warehouse = LocalWarehouse(None)
    if len(case.before):
        apply(plan_migration(case.before, warehouse), case.before, warehouse)
    for name, rows in case.rows.items():
        warehouse.append(Ref("table", name), rows)
    for name, rows in case.stream.items():
        warehouse.stream(Ref("table", name), rows)
    if case.hand:
        warehouse.execute(case.hand)
    yield warehouse
    warehouse.close()


def test_it_is_judged_as_the_case_says(case, untouched):
    plan = plan_migration(case.after, untouched)
    assert plan.verdict == case.verdict
    assert [
        [f.address, f.kind, str(f.severity), str(f.means), f.rule] for f in plan.findings
    ] == case.changes
    assert {f.address: list(f.breaks) for f in plan.findings if f.breaks} == case.breaks


def test_both_warehouses_find_the_sql_right_or_tell_what_is_wrong(case, untouched):
    bigquery = BigQueryWarehouse(client=client(untouched), clock=ManualClock())
    for approval in (None, FORCE):
        plan = plan_migration(case.after, untouched, approval)
        assert wrong(plan, case.after, untouched) == case.wrong
        assert wrong(plan, case.after, bigquery) == case.wrong


def test_what_is_not_compatible_is_refused_and_nothing_changes(case, untouched):
    plan = plan_migration(case.after, untouched)
    if case.verdict in ("empty", "compatible"):
        assert plan.applicable
        return
    found = everything(untouched, case.before)
    with pytest.raises(NotAdmitted):
        apply(plan, case.after, untouched)
    assert everything(untouched, case.before) == found


def test_with_force_it_is_applied_and_the_printed_command_brings_back_what_that_takes(
    case, warehouse
):
    plan = plan_migration(case.after, warehouse, FORCE)
    assert [[step.object, step.kind] for step in plan.steps] == case.steps
    if case.verdict == "impossible":
        assert not plan.applicable
        return
    kept = [step for step in plan.steps if step.kind == "snapshot"]
    found = {step.ref: contents(step.ref, warehouse) for step in kept}
    apply(plan, case.after, warehouse)
    assert plan_migration(case.after, warehouse).is_empty
    if case.query:
        assert [list(row) for row in warehouse.query(case.query).rows] == case.result
    for step in kept:
        columns, rows = found[step.ref]
        names = [field["name"] for field in columns]
        assert contents(Ref("table", step.copy_id), warehouse, names) == (columns, rows)
        if isinstance(case.after.objects.get(step.object), Table | None):
            apply(plan_restore(step.copy_id, case.after, warehouse), case.after, warehouse)
            assert contents(step.ref, warehouse, names) == (columns, rows)


def test_every_rule_fires_in_a_case_file():
    fired = {change[4] for path in FILES for change in casefile.read(path).changes}
    assert {rule.id for rule in RULES} - fired == set()


def test_case_files_are_parsed_strictly(tmp_path):
    file = tmp_path / "broken.case"
    file.write_text("-- before --\n-- afterwards --\n-- verdict --\n")
    with pytest.raises(
        ValueError, match="unknown section 'afterwards'; section 'after' is missing"
    ):
        casefile.read(file)


def wrong(plan: Plan, platform: Platform, warehouse: Warehouse) -> list[str]:
    """The places in the SQL that the warehouse refuses."""
    try:
        validated(plan, platform, warehouse)
    except DeclarationError as error:
        return re.findall(r"^  --> (\S+)$", str(error), re.MULTILINE)
    return []


def contents(ref: Ref, warehouse: Warehouse, names: list[str] | None = None) -> object:
    """The columns of a table, or those with these names, and what the rows hold in them."""
    fields = {field["name"]: field for field in warehouse.read([ref])[ref].body["schema"]["fields"]}
    shown = sorted(fields if names is None else names)
    rows = ({name: row[name] for name in shown} for row in warehouse.rows(ref))
    return [fields[name] for name in shown], sorted(json.dumps(row) for row in rows)


def everything(warehouse: Warehouse, platform: Platform) -> object:
    return warehouse.read([codec.ref(found) for found in platform.managed.values()])
