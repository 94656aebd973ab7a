"""Requests of a migration of forty steps fail in every way: it converges, and loses no row."""

from random import Random

import pytest

from datoria_dagster.warehouse.port import Ref
from tests.dice import shards
from tests.trials import (
    A_MINUTE,
    CHANGES,
    PASSING,
    STOPPING,
    Trial,
    check_end,
    check_forced_again,
    check_stop,
    number,
    state,
)

pytest_plugins = "tests.trial_fixtures"

# `make laws` tries more of what is drawn, and each kind at each change.
MANY = len(shards()) > 1
PARTS = 5
LASTING = ("unavailable", "reset_before", "reset_after", "rate_limited", "access_denied", "slow")


@pytest.fixture(scope="module")
def untroubled(base):
    """What a migration without faults brings about, and how many requests it takes."""
    with pytest.MonkeyPatch.context() as monkeypatch, Trial(base, monkeypatch) as trial:
        storm = trial.storm(lambda *_: "")
        assert trial.migrate() is None
        return state(trial), storm.asked


@pytest.fixture(scope="module")
def wanted(untroubled):
    return untroubled[0]


class March:
    """Stops one migration after the other, each at a change that was never hindered."""

    def __init__(self, offset, concerns):
        self._offset, self._concerns = offset, concerns
        self.met = {}

    def storm(self, trial):
        storm = trial.storm(lambda key, time: self._choose(storm, key))
        return storm

    def _choose(self, storm, key):
        if storm.hits:
            return self.met[key] if storm.hits[0][0] == key else ""
        if key in self.met or not CHANGES.match(key) or not self._concerns(key):
            return ""
        kinds = STOPPING if key.startswith("jobs.") else STOPPING[:-1]
        self.met[key] = kinds[(number(key) + self._offset) % len(kinds)]
        return self.met[key]


def stopped_again_and_again(trial, faults, march, act):
    """Act until no more fault is met: each try is stopped a request later than the one before."""
    for _ in range(50):
        storm = march.storm(trial)
        error = act()
        faults.tried(storm.hits[:1])
        if not storm.hits:
            break
        faults.survived(storm.hits[:1])
        trial.clock.sleep(A_MINUTE)
    assert error is None
    assert len(march.met) >= 5


def test_the_plan_has_steps_of_every_kind(trial):
    steps = []
    assert trial.migrate(lambda plan: steps.extend(plan.steps)) is None
    assert len(steps) >= 40
    assert {step.kind for step in steps} == {
        "create",
        "patch",
        "replace",
        "execute",
        "rename",
        "snapshot",
        "rebuild",
        "drop",
        "adopt",
        "release",
    }


@pytest.mark.parametrize("offset", range(len(PASSING)))
def test_what_fails_once_is_got_over(trial, wanted, faults, offset):
    """Each request meets a fault when it is sent first; in all of these tests, each fault."""

    def choose(key, time):
        return "" if time % 2 else PASSING[(number(key) + offset) % len(PASSING)]

    storm = trial.storm(choose)
    assert trial.migrate() is None
    faults.tried(storm.hits)
    trial.end(wanted)
    assert len(trial.history().migrations) == 2
    faults.survived(storm.hits)


@pytest.mark.parametrize("offset", range(len(STOPPING) if MANY else 1))
@pytest.mark.parametrize("part", range(PARTS))
def test_what_stops_a_migration_is_told_and_the_next_goes_on(trial, wanted, faults, offset, part):
    """One migration after the other is stopped, at a change that was never hindered."""
    march, error = March(offset, lambda key: number(key) % PARTS == part), None

    def look(plan):
        if error is not None:
            check_stop(trial, error, plan)
        if error is not None and part == 0:
            check_forced_again(trial, plan)

    stopped_again_and_again(trial, faults, march, lambda: trial.migrate(look))
    check_end(trial, wanted)


@pytest.mark.parametrize("seed", range(200 if MANY else 6))
def test_an_outage_is_told_and_the_next_migration_goes_on(trial, untroubled, faults, seed):
    """From some request on, none gets through: neither the ledger's nor the lease's."""
    wanted, count = untroubled
    first, kind = Random(seed).randrange(count), LASTING[seed % len(LASTING)]
    asked = iter(range(10_000))
    storm = trial.storm(lambda *_: kind if next(asked) >= first else "")
    error = trial.migrate()
    faults.tried(storm.hits)
    trial.server.faults.clear()
    if error is None:
        # All was done; only the lease was not given back, and runs out.
        assert {key.partition(" ")[2] for key, _ in storm.hits} == {"acme.datoria"}
        assert state(trial) == wanted
    else:
        check_after(trial, error)
        trial.end(wanted)
    faults.survived(storm.hits)


@pytest.mark.parametrize("seed", range(300 if MANY else 6))
def test_two_faults_in_one_migration(trial, untroubled, faults, seed):
    wanted, count = untroubled
    dice = Random(seed)
    chosen = {at: dice.choice(STOPPING + PASSING) for at in dice.sample(range(count), 2)}
    asked = iter(range(10_000))
    storm = trial.storm(lambda *_: chosen.get(next(asked), ""))
    error = trial.migrate()
    faults.tried(storm.hits)
    trial.server.faults.clear()
    if error is not None:
        check_after(trial, error)
    trial.end(wanted)
    faults.survived(storm.hits)


SNAPSHOT = "acme.shop.prices__before_2"


def check_restored(trial):
    """The table is what it was before its column was dropped; what it was after that is kept."""
    rows = sorted(trial.local.rows(Ref("table", "acme.shop.prices")), key=lambda row: row["id"])
    assert rows == [{"id": n, "price": n, "name": f"p{n}", "unused": 7} for n in (1, 2, 3)]
    kept = [ref for ref in trial.resources() if ref.id.startswith("acme.shop.prices__before_")]
    live = [set(trial.local.rows(ref)[0]) for ref in kept if ref.id != SNAPSHOT]
    assert {"id", "price", "name"} in live


@pytest.mark.parametrize("offset", range(0, len(PASSING), 1 if MANY else 6))
def test_restoring_gets_over_what_fails_once(trial, faults, offset):
    assert trial.migrate() is None

    def choose(key, time):
        return "" if time % 2 else PASSING[(number(key) + offset) % len(PASSING)]

    storm = trial.storm(choose)
    assert trial.restore(SNAPSHOT) is None
    faults.tried(storm.hits)
    check_restored(trial)
    faults.survived(storm.hits)


def test_restoring_that_is_stopped_goes_on(trial, faults):
    assert trial.migrate() is None
    march = March(0, lambda key: True)
    stopped_again_and_again(trial, faults, march, lambda: trial.restore(SNAPSHOT))
    check_restored(trial)


def check_after(trial, error):
    """Check a stop, unless it came before the migration began."""
    if len(trial.history().migrations) > 1:
        trial.clock.sleep(A_MINUTE)
        check_stop(trial, error, trial.plan())
