"""Migrations of BigQuery whose requests fail: they converge, and lose no row."""

from random import Random
from types import SimpleNamespace

import pytest

from datoria_dagster.apply.apply import apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger import lease
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.bigquery_server import KINDS, Fault, ManualClock, Quotas, Server, client
from tests.evolution import evolution
from tests.test_laws_of_apply import check_rows, insert

FORCE = Approval(force=True)
SEED = 172  # it creates, patches, executes, snapshots, rebuilds and drops
A_MINUTE = 61
# Which requests of a migration fail.
PLACES = (4, 30, 55, 90, 140)
JOBS = (2, 3, 5, 8)


class Migration:
    """A platform that was migrated and filled, and the next version of it."""

    def __init__(self, monkeypatch):
        self.clock = ManualClock()
        # The lease of who was cut off ends by the same clock.
        monkeypatch.setattr(lease, "time", SimpleNamespace(time=self.clock.now))
        before, self.after = evolution(Random(SEED))
        local = LocalWarehouse()
        self.server = Server(local, clock=self.clock, quotas=Quotas())
        self.warehouse = BigQueryWarehouse(
            client=client(local, server=self.server), clock=self.clock
        )
        apply(plan_migration(before, self.warehouse), before, self.warehouse)
        self.filled = insert(before, self.warehouse, {})
        self.asked = len(self.server.log)

    def migrate(self):
        plan = plan_migration(self.after, self.warehouse, FORCE)
        return apply(plan, self.after, self.warehouse) if plan.steps else ()

    def check(self):
        assert plan_migration(self.after, self.warehouse).is_empty
        assert check_rows(self.after, self.warehouse, self.filled)


def test_a_migration_keeps_to_the_quotas(monkeypatch):
    migration = Migration(monkeypatch)
    outcomes = migration.migrate()
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len(outcomes) >= 15
    assert [each for each in migration.server.log if each.status == 403] == []
    migration.check()


# After these nobody can go on: what was asked for was refused, or broke in BigQuery itself.
STOPPING = ("precondition_failed", "quota_exceeded", "access_denied", "api_disabled", "job_failed")


@pytest.mark.parametrize("kind", KINDS)
def test_a_migration_converges_whatever_fails(monkeypatch, kind):
    migration = Migration(monkeypatch)
    # Only jobs can fail after they were accepted.
    match, places = ("jobs.insert *", JOBS) if kind == "job_failed" else ("*", PLACES)
    for skip in places:
        migration.server.faults.add(Fault(match, kind, 1, skip))
    stops = 0
    while not migrated(migration):
        stops += 1
        migration.clock.sleep(A_MINUTE)
    assert stops <= len(PLACES)
    assert (stops > 0) == (kind in STOPPING)
    migration.server.faults.clear()
    migration.check()


def migrated(migration):
    """Whether a migration was carried out to its end."""
    try:
        migration.migrate()
    except DatoriaError:
        return False
    return True
