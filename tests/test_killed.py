"""Killed at any moment, a migration is told as cut off, the next goes on, and no row is lost."""

import pytest

from datoria_dagster.apply.apply import apply
from datoria_dagster.ledger.lease import LockHeld
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse.port import Ref
from tests import killing
from tests.killing import DATES, FILLED, FILLING, Killer
from tests.trials import Trial, check_rows, state

pytest_plugins = "tests.trial_fixtures"

KILLS = 25


@pytest.fixture(scope="module")
def untroubled(base):
    """What a migration brings about, and how many requests it takes."""
    with pytest.MonkeyPatch.context() as monkeypatch, Trial(base, monkeypatch) as trial:
        assert not Killer(trial.server, -1, acts=False).run(killing.migrate)
        return state(trial), len(trial.server.log)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_migration_that_was_killed(trial, untroubled, faults, number):
    wanted, count = untroubled
    killer = Killer(trial.server, number * count // KILLS, acts=bool(number % 2))
    faults.tried([number])
    assert killer.run(killing.migrate)
    check_rows(trial)
    began = len(trial.history().migrations) > 1
    if began:
        last = trial.history().migrations[-1]
        assert (last.status, last.ended) == ("cut off", None)
        assert isinstance(trial.migrate(), LockHeld)
    trial.end(wanted)
    assert [found.status for found in trial.history().migrations] == (
        ["done", "cut off", "done"] if began else ["done", "done"]
    )
    faults.survived([number])


@pytest.fixture
def filled(trial):
    """Old rows in every partition."""
    warehouse = trial.warehouse
    apply(plan_migration(FILLING, warehouse), FILLING, warehouse)
    rows = [{"day": date, "n": 9} for date in DATES]
    warehouse.append(Ref("table", FILLED.id), rows)
    return trial


@pytest.mark.parametrize("at", [2, 5, 8, 11, 14, 17])
def test_a_run_that_was_killed_leaves_each_partition_old_or_new(filled, faults, at):
    killer = Killer(filled.server, at, acts=bool(at % 2))
    faults.tried([at])
    assert killer.run(killing.fill)
    found = partitions(filled)
    assert set(found) == set(DATES)
    assert {tuple(rows) for rows in found.values()} <= {(9,), (1, 2, 3)}
    assert not Killer(filled.server, -1, acts=False).run(killing.fill)
    assert set(map(tuple, partitions(filled).values())) == {(1, 2, 3)}
    faults.survived([at])


def partitions(trial):
    found = {}
    for row in trial.local.rows(Ref("table", FILLED.id)):
        found.setdefault(str(row["day"]), []).append(row["n"])
    return {partition: sorted(rows) for partition, rows in found.items()}
