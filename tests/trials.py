"""Migrations of a BigQuery whose requests fail, and whether what they leave behind is true."""

import re
import time
from collections import Counter
from threading import Lock
from types import SimpleNamespace
from zlib import crc32

import duckdb

from datoria_dagster.apply.apply import ApplyError, apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.ledger import lease
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.restore import plan_restore
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests import forty_steps
from tests.bigquery_server import KINDS, ManualClock, Server, client

FORCE = Approval(force=True)
A_MINUTE = 61
# After these nobody can go on: what was asked for was refused, or broke in BigQuery itself.
STOPPING = ("precondition_failed", "quota_exceeded", "access_denied", "api_disabled", "job_failed")
PASSING = tuple(kind for kind in KINDS if kind not in STOPPING)
CHANGES = re.compile(r"\w+\.(insert|patch|update|delete) ")
# What an error tells to do next.
ADVICE = re.compile(
    r"again|Ask for a role|Enable it|Plan again|Make a new plan|Check the network|Mend", re.DOTALL
)
# A step that failed, and may have been carried out all the same, says so.
UNSURE = re.compile(r"may or may not|gave no answer")
_VOLATILE = ("etag", "creationTime", "lastModifiedTime", "expirationTime", "snapshotDefinition")


class Storm:
    """A script of faults: `choose(key, time)` says what a request meets, or nothing.

    `key` is the method with its address, or the SQL of its job, `time` how often it came before.
    `hits` are the faults that were met.
    """

    def __init__(self, choose):
        self._choose = choose
        self._times, self._sql = Counter(), {}
        self._mutex = Lock()
        self.hits = []

    def take(self, call):
        with self._mutex:
            key = self._key(call)
            kind = self._choose(key, self._times[key])
            self._times[key] += 1
            if kind == "job_failed" and not key.startswith("jobs.insert "):
                return ""  # only jobs can fail after they were accepted
            if kind:
                self.hits.append((key, kind))
            return kind

    def clear(self):
        self._choose = lambda *_: ""

    @property
    def asked(self):
        """How many requests came."""
        return self._times.total()

    def _key(self, call):
        if not call.name.startswith("jobs."):
            return f"{call.name} {unnumbered(call.address)}"
        body = call.body if isinstance(call.body, dict) else {}
        configuration = body.get("configuration") or {}
        if sql := (configuration.get("query") or {}).get("query"):
            self._sql[(body.get("jobReference") or {}).get("jobId")] = sql
        else:
            sql = self._sql[call.parts["job"]]
        name = "jobs.dryRun" if configuration.get("dryRun") else call.name
        return f"{name} {unnumbered(sql)}"


def number(key):
    """Return a number that is always the same for a key, in whatever order requests come."""
    return crc32(key.encode())


class Trial:
    """The platform before, filled, on a server of its own."""

    def __init__(self, base, monkeypatch):
        self.clock = ManualClock(time.time())
        # The lease of who was cut off ends by the same clock.
        monkeypatch.setattr(lease, "time", SimpleNamespace(time=self.clock.now))
        self.local = base.copy()
        self.server = Server(self.local, clock=self.clock)
        self.warehouse = BigQueryWarehouse(
            client=client(self.local, server=self.server), clock=self.clock
        )
        self.after = forty_steps.after()
        self.faults = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.warehouse.close()
        self.local.close()

    def storm(self, choose):
        self.server.faults = Storm(choose)
        return self.server.faults

    def plan(self):
        return plan_migration(self.after, self.local, FORCE)

    def migrate(self, look=lambda plan: None):
        """Return the error that stopped the migration, or None. `look` is shown its plan."""
        return self._carried_out(lambda: plan_migration(self.after, self.warehouse, FORCE), look)

    def restore(self, snapshot):
        """Return the error that stopped the restoring, or None."""
        return self._carried_out(lambda: plan_restore(snapshot, self.after, self.warehouse))

    def _carried_out(self, make, look=lambda plan: None):
        try:
            plan = make()
            look(plan)
            apply(plan, self.after, self.warehouse)
        except DatoriaError as stopped:
            error = stopped
        else:
            return None
        assert ADVICE.search(str(error)), str(error)
        return error

    def history(self):
        return Ledger(self.local, self.after).read()

    def resources(self):
        return self.server.warehouse.resources()

    def end(self, wanted):
        """Migrate without faults, after the lease of who was stopped: nothing is left to do."""
        self.server.faults.clear()
        self.clock.sleep(A_MINUTE)
        assert self.migrate() is None
        assert plan_migration(self.after, self.warehouse).is_empty
        check_end(self, wanted)


class Base:
    """A warehouse that was migrated to the platform before and filled; copies cost 20 ms."""

    def __init__(self, folder):
        self._path = folder / "base.duckdb"
        platform = forty_steps.before()
        local = LocalWarehouse()
        apply(plan_migration(platform, local), platform, local)
        forty_steps.fill(local)
        connection = local._store._database._connection
        connection.execute(f"ATTACH '{self._path}' AS base")
        connection.execute("COPY FROM DATABASE memory TO base")
        connection.execute("DETACH base")
        local.close()

    def copy(self):
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{self._path}' AS base (READ_ONLY)")
        connection.execute("COPY FROM DATABASE base TO memory")
        connection.execute("DETACH base")
        local = LocalWarehouse()
        local._store._database._connection = connection
        return local


def state(trial):
    """What exists, without what differs from time to time, without snapshots and the ledger."""
    return {
        (ref.kind, ref.id): {k: v for k, v in found.body.items() if k not in _VOLATILE}
        for ref, found in trial.resources().items()
        if not ref.id.startswith("acme.datoria") and "__before_" not in ref.id
    }


def check_end(trial, wanted):
    """After a migration to its end: the platform is `wanted`, and the ledger says so."""
    assert state(trial) == wanted
    check_rows(trial)
    lease = trial.resources()[Ref("dataset", "acme.datoria")]
    assert not lease.body.get("labels")
    history = trial.history()
    assert history.applied.fingerprint == platform_fingerprint(trial.after)
    assert history.migrations[-1].status == "done"
    assert {ref.id for ref in history.owned} == OWNED


OWNED = {
    f"acme.{name}"
    for name in (
        "fresh.below",
        "fresh.doubled",
        "fresh.four_times",
        "fresh.made",
        "fresh.most",
        "fresh.new_files",
        "fresh.new_totals",
        "fresh.wipe",
        "shop.above",
        "shop.addresses",
        "shop.bills",
        "shop.by_hand",
        "shop.clear",
        "shop.customers",
        "shop.files",
        "shop.named",
        "shop.orders",
        "shop.payments",
        "shop.prices",
        "shop.refreshed",
        "shop.total",
        "shop.totals",
        "shop.twice",
    )
}


def check_rows(trial):
    """Every value that was there is: in its table or copy; what was destroyed, in a snapshot."""
    found = sorted(ref.id for ref in trial.resources() if ref.kind == "table")
    for name, rows in forty_steps.ROWS.items():
        table = f"acme.shop.{name}"
        places = [table, "acme.shop.bills"] if name == "invoices" else [table]
        places = [id_ for id_ in found if id_ in places or id_.startswith(f"{table}__rebuild_")]
        kept, lost = _COLUMNS.get(name, ((), ("id",)))
        if kept:
            assert _picked(trial.local.rows(Ref("table", places[0])), kept) == _picked(rows, kept)
        if lost:
            places += [id_ for id_ in found if id_.startswith(f"{table}__before_")]
            copies = [trial.local.rows(Ref("table", id_)) for id_ in places]
            assert _picked(rows, lost) in [_picked(copy, lost) for copy in copies], name


# Columns that stay, by any name; columns that are destroyed, beside what tells the row.
_COLUMNS = {
    "customers": (("id", "name"), ()),
    "orders": (("id", "day", "customer", "amount", "note"), ("id", "spare")),
    "prices": (("id", "price", "name|old name"), ("id", "unused")),
    "addresses": (("id", "at.city"), ("id", "at.city", "at.zip")),
    "payments": (("id", "day"), ()),
    "invoices": (("id", "total"), ()),
    "shared": (("id",), ()),
    "by_hand": (("id",), ()),
}


def _picked(rows, columns):
    return sorted([_value(row, column) for column in columns] for row in rows)


def _value(row, column):
    for name in column.split("|"):
        outer, _, inner = name.partition(".")
        value = row.get(outer)
        if outer in row and (not inner or inner in value):
            return _text(value[inner] if inner else value)
    return "gone"


def _text(value):
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def check_stop(trial, error, plan):
    """After a stop no row is lost, and what the ledger calls done is not in the next plan."""
    check_rows(trial)
    last = trial.history().migrations[-1]
    open_ = {(step.object, step.kind, unnumbered(step.statement)) for step in plan.steps}
    for event in last.events:
        order = (event.object, event.step, unnumbered(event.statement))
        if event.status == "done" and event.step != "snapshot":
            assert order not in open_, (event, str(error))
        # A rebuild that was cut off after its drop goes on with a rename.
        named = {name for name, *_ in open_}
        if event.status == "failed" and event.object not in named and not _is_reissue(event):
            assert UNSURE.search(event.error), event
    if isinstance(error, ApplyError) and last.status != "cut off":
        told = [(each.step.object, each.status) for each in error.outcomes]
        assert [(event.object, event.status) for event in last.events] == told


def _is_reissue(event):
    """Whether it sends what is there already, to be on the safe side."""
    return event.statement.startswith("CREATE OR REPLACE")


def check_forced_again(trial, plan):
    """What needed force and is left needs it again."""
    if any(step.kind in ("snapshot", "rebuild") for step in plan.steps):
        assert not plan_migration(trial.after, trial.local).applicable


def unnumbered(text):
    """Return a text without the number of the migration in the names of copies."""
    return re.sub(r"__(before|rebuild)_\d+", r"__\1", text)
