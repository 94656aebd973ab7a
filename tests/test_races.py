"""Several at work at once: migrations, executions, people. One proceeds, and no row is lost."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datoria_dagster import INT64, STRING, Dataset, Field, Partitioning, Platform, Table
from datoria_dagster.apply.apply import ApplyError, StalePlan, apply
from datoria_dagster.ledger.lease import LockHeld
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.plan.document import from_json, to_json
from datoria_dagster.run.execute import run_all
from datoria_dagster.run.executions import Execution
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import Server, client
from tests.conftest import migrated
from tests.killing import DATES, DAYS, FILL, FILLED, FILLING
from tests.trials import A_MINUTE, CHANGES, FORCE, Storm, Trial, check_rows, state

pytest_plugins = "tests.trial_fixtures"

ROUNDS = 20


def connected(local):
    """A BigQuery of one's own over what others use too."""
    server = Server(local)
    return server, BigQueryWarehouse(client=client(local, server=server))


class Meanwhile(Storm):
    """A script without faults: before the request with a number, something else happens.

    Only requests that `counts` tells are counted. `rest` are the keys of those that came later.
    """

    def __init__(self, at, act, counts=lambda key: True):
        super().__init__(lambda *_: "")
        self._left, self._act, self._counts = at, act, counts
        self.happened = False
        self.rest = []

    def take(self, call):
        key = self._key(call)
        if self.happened:
            self.rest.append(key)
        elif self._counts(key):
            self._left -= 1
            if self._left < 0:
                self.happened = True
                self._act()
        return ""


def changes(key):
    """Whether a request changes something, other than the ledger."""
    return bool(CHANGES.match(key)) and not re.search(r"^jobs.insert SELECT|acme.datoria", key)


HOME = Dataset(project="acme", name="shop", location="EU")
ORDERS = Table(dataset=HOME, name="orders", schema=(Field("id", INT64),))


def described(text):
    made = Table(dataset=HOME, name="lines", schema=(Field("id", INT64),))
    return Platform.of(ORDERS.model_copy(update={"description": text}), made)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_two_migrations_that_start_at_once_one_proceeds(number):
    local = LocalWarehouse()
    before = Platform.of(ORDERS)
    apply(plan_migration(before, local), before, local)
    # The same migration twice, or two of them.
    platforms = [described("One."), described("Two." if number % 2 else "One.")]
    warehouses = [connected(local)[1] for _ in platforms]
    plans = [plan_migration(*pair) for pair in zip(platforms, warehouses, strict=True)]
    start = threading.Barrier(2)

    def migrate(which):
        start.wait()
        try:
            apply(plans[which], platforms[which], warehouses[which])
        except DatoriaError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(migrate, range(2)))
    winner = errors.index(None)
    loser = errors[1 - winner]
    assert isinstance(loser, LockHeld | StalePlan)
    assert re.search("holds the lease|took the lease of acme.datoria|The plan is stale", str(loser))
    assert plan_migration(platforms[winner], local).is_empty
    history = Ledger(local, before).read()
    assert [found.status for found in history.migrations] == ["done", "done"]


OWN_COPIES = {f"tables.delete acme.shop.{name}__rebuild" for name in ("addresses", "payments")}


@pytest.fixture(scope="module")
def wanted(base):
    with pytest.MonkeyPatch.context() as monkeypatch, Trial(base, monkeypatch) as trial:
        assert trial.migrate() is None
        return state(trial)


@pytest.mark.parametrize("at", [number * 55 // ROUNDS for number in range(ROUNDS)])
def test_who_lost_the_lease_does_nothing_more(trial, wanted, monkeypatch, at):
    """A request hangs for a minute; meanwhile another migration is carried out to its end."""
    monkeypatch.setattr(BigQueryWarehouse, "threads", 1)

    def take_over():
        trial.clock.sleep(A_MINUTE)
        plan = plan_migration(trial.after, trial.local, FORCE)
        apply(plan, trial.after, trial.local)

    hanging = trial.server.faults = Meanwhile(at, take_over, changes)
    error = trial.migrate()
    assert hanging.happened
    assert isinstance(error, ApplyError)
    # It may tidy up the copy that it was making.
    assert {key for key in hanging.rest if changes(key)} <= OWN_COPIES
    assert plan_migration(trial.after, trial.local).is_empty
    assert state(trial) == wanted
    check_rows(trial)
    statuses = [found.status for found in trial.history().migrations]
    assert statuses == ["done", "failed", "done"]


CHANGED_BY_HAND = {
    "a dataset is changed": lambda w: describe(w, "dataset", "shop"),
    "a table is changed": lambda w: describe(w, "table", "shop.orders"),
    "a view is changed": lambda w: describe(w, "table", "shop.named"),
    "a materialized view is changed": lambda w: describe(w, "table", "shop.totals"),
    "an external table is changed": lambda w: describe(w, "table", "shop.files"),
    "a function is changed": lambda w: w.execute(
        "CREATE OR REPLACE FUNCTION `acme.shop.twice`(x INT64) RETURNS INT64 AS (3 * x)"
    ),
    "a table function is changed": lambda w: w.execute(
        "CREATE OR REPLACE TABLE FUNCTION `acme.shop.above`(x INT64) RETURNS TABLE<id INT64> AS "
        "SELECT id FROM `acme.shop.orders`"
    ),
    "a procedure is changed": lambda w: w.execute(
        "CREATE OR REPLACE PROCEDURE `acme.shop.clear`() BEGIN SELECT 1; END"
    ),
    "a dataset is created": lambda w: w.create(
        Ref("dataset", "acme.fresh"), codec.resource(HOME.model_copy(update={"name": "fresh"}))
    ),
    "a table is created": lambda w: w.execute("CREATE TABLE `acme.shop.bills` (id INT64)"),
    "a table is dropped": lambda w: w.delete(Ref("table", "acme.shop.prices"), None),
    "a view is dropped": lambda w: w.delete(Ref("table", "acme.shop.named"), None),
    "a materialized view is dropped": lambda w: w.delete(Ref("table", "acme.shop.totals"), None),
    "an external table is dropped": lambda w: w.delete(Ref("table", "acme.shop.files"), None),
    "a function is dropped": lambda w: w.delete(Ref("routine", "acme.shop.total"), None),
    "a procedure is dropped": lambda w: w.delete(Ref("routine", "acme.shop.clear"), None),
    "a table is renamed": lambda w: w.execute("ALTER TABLE `acme.shop.payments` RENAME TO `paid`"),
    "a table is renamed as planned": lambda w: w.execute(
        "ALTER TABLE `acme.shop.invoices` RENAME TO `bills`"
    ),
    "a column is renamed": lambda w: w.execute(
        "ALTER TABLE `acme.shop.prices` RENAME COLUMN `old name` TO `other`"
    ),
}


def describe(warehouse, kind, name):
    warehouse.patch(Ref(kind, f"acme.{name}"), {"description": "By hand."}, None)


@pytest.mark.parametrize("saved", [False, True], ids=["in one process", "from a file"])
@pytest.mark.parametrize("what", CHANGED_BY_HAND)
def test_what_changes_by_hand_between_plan_and_apply_makes_the_plan_stale(trial, what, saved):
    plan = plan_migration(trial.after, trial.warehouse, FORCE)
    CHANGED_BY_HAND[what](trial.local)
    live = trial.resources()
    given = from_json(to_json(plan), "plan.json") if saved else plan
    with pytest.raises(StalePlan, match=r"stale: .*Nothing was applied\. Make a new plan\."):
        apply(given, trial.after, trial.warehouse)
    assert trial.resources() == live
    assert len(trial.history().migrations) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE `acme.shop.orders` ADD COLUMN other INT64",
        "ALTER TABLE `acme.shop.orders` RENAME TO `sold`",
        "DROP TABLE `acme.shop.orders`",
    ],
)
def test_a_plan_file_that_is_stale_is_refused(project, statement):
    migrated(project)
    project.edit('Field("amount", INT64),', 'Field("amount", INT64), Field("note", STRING),')
    assert project.datoria("migrate", "--plan", "--out", "plan.json").code == 0
    warehouse = LocalWarehouse(project.folder / ".datoria" / "warehouse.duckdb")
    warehouse.execute(statement)
    live = dict(warehouse.resources())
    ran = project.datoria("migrate", "--plan-file", "plan.json")
    assert ran.code == 1
    assert "The plan is stale: acme.shop.orders" in ran.err
    assert "Nothing was applied. Make a new plan." in ran.err
    assert dict(warehouse.resources()) == live


NESTED = FILLED.model_copy(
    update={"cut": Partitioning.month("day"), "fields": (*FILLED.fields, Field("note", STRING))}
)
REBUILT = Platform.of(NESTED)
EXECUTIONS = tuple(Execution(FILL, partition, "asked for") for partition in DAYS[:3])


@pytest.fixture
def filled():
    local = LocalWarehouse()
    apply(plan_migration(FILLING, local), FILLING, local)
    local.append(Ref("table", FILLED.id), [{"day": date, "n": 9} for date in DATES])
    yield local
    local.close()


def rows_by_day(local):
    found = {}
    for row in local.rows(Ref("table", FILLED.id)):
        found.setdefault(str(row["day"]), []).append(row["n"])
    return {date: sorted(rows) for date, rows in sorted(found.items())}


def is_looked_after(key):
    """Whether rows that are written before a request are noticed.

    Between the last look and the drop only an etag could tell, and that BigQuery's changes with
    rows is unverified.
    """
    last_look = key.startswith("jobs.getQueryResults") and "INFORMATION_SCHEMA.PARTITIONS" in key
    return not last_look and key != f"tables.delete {FILLED.id}"


@pytest.mark.parametrize("at", [number * 30 // ROUNDS for number in range(ROUNDS)])
def test_executions_while_a_table_is_rebuilt(filled, at, monkeypatch):
    """All executions run between two requests of a migration."""
    monkeypatch.setattr(BigQueryWarehouse, "threads", 1)
    server, warehouse = connected(filled)
    done = []

    def run():
        outcome(lambda: run_all(EXECUTIONS, FILLING, connected(filled)[1], done.append))

    plan = plan_migration(REBUILT, warehouse, FORCE)
    server.faults = Meanwhile(at, run, is_looked_after)
    stopped = outcome(lambda: apply(plan, REBUILT, warehouse))
    assert server.faults.happened
    new = {each.execution.partition for each in done if each.status == "done"}
    wanted = {date: [1, 2, 3] if day in new else [9] for date, day in zip(DATES, DAYS, strict=True)}
    assert rows_by_day(filled) == wanted
    if stopped is not None:
        apply(plan_migration(REBUILT, warehouse, FORCE), REBUILT, warehouse)
        assert rows_by_day(filled) == wanted
    assert plan_migration(REBUILT, warehouse).is_empty


def outcome(act):
    try:
        act()
    except DatoriaError as error:
        return error
    return None
