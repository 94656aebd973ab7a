"""The commands that look after the ledger, and ^C, as a person uses them."""

import io
import json

import pytest

from datoria_dagster.ledger.lease import Lease
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.conftest import filled, migrated, refused

HOME = Ref("dataset", "acme.datoria")
HELD = {
    "lease-holder": "abc",
    "lease-user": "anna",
    "lease-host": "laptop",
    "lease-process": "4711",
    "lease-since": "1700000000",
}
LIVE, OVER = "99999999999", "1700000060"


def hold(project, until):
    warehouse = LocalWarehouse(project.folder / ".datoria" / "warehouse.duckdb")
    warehouse.patch(HOME, {"labels": {**HELD, "lease-until": until}}, None)
    warehouse.close()


def forced(project):
    filled(project)
    project.edit('        Field("amount", INT64),\n', "")
    project.edit(' Field("total", INT64)', "")
    project.edit("SELECT customer, SUM(amount) AS total FROM", "SELECT customer FROM")
    project.edit(", 7 AS amount", "")
    assert project.datoria("migrate", "--force").code == 0


def test_one_migration_in_full(project, monkeypatch):
    monkeypatch.setenv("DATORIA_GIT_COMMIT", "0a723bd")
    forced(project)
    ran = project.datoria("history", "2")
    assert ran.code == 0
    assert "Migration 2: done, 3 steps.\n" in ran.out
    assert "commit       0a723bd\n" in ran.out
    assert "approved     every incompatible change (--force)\n" in ran.out
    assert "acme.shop.orders      amount   destructive    COLUMN_STAYS" in ran.out
    assert "snapshot   acme.shop.orders      done" in ran.out
    assert ran.out.endswith("until it expires:\n  datoria restore acme.shop.orders__before_2\n")


def test_json_has_all_of_it(project):
    forced(project)
    (second, first) = json.loads(project.datoria("history", "--format", "json").out)
    assert json.loads(project.datoria("history", "2", "--format", "json").out) == second
    assert (first["migration"], first["status"], first["steps"], first["done"]) == (1, "done", 3, 3)
    assert second["approval"] == {"force": True, "allow": [], "backup_days": 7}
    assert [change["rule"] for change in second["changes"]] == [
        "VIEW_QUERY",
        "VIEW_COLUMN_STAYS",
        "COLUMN_STAYS",
    ]
    assert second["outcomes"][1]["backup"] == "acme.shop.orders__before_2"
    assert second["outcomes"][2]["statement"] == (
        "ALTER TABLE `acme.shop.orders` DROP COLUMN IF EXISTS `amount`"
    )


def test_a_migration_that_there_was_not(project):
    migrated(project)
    assert "There is no migration 7 of this platform." in refused(project, "history", "7")
    assert "is not a valid integer" in refused(project, "history", "last")


@pytest.mark.parametrize("prepare", [lambda _: None, migrated])
def test_nobody_holds_the_lease(project, prepare):
    prepare(project)
    assert project.datoria("lock", "show").out == "Nobody holds the lease of acme.datoria.\n"
    ran = project.datoria("lock", "release")
    assert (ran.code, ran.out) == (
        0,
        "Nobody holds the lease of acme.datoria: nothing to release.\n",
    )


def test_who_holds_the_lease_and_until_when(project):
    migrated(project)
    hold(project, LIVE)
    who = "anna on laptop (process 4711)"
    assert project.datoria("lock", "show").out == (
        f"{who} holds the lease of acme.datoria since 2023-11-14 22:13:20 UTC.\n"
        "It lasts until 5138-11-16 09:46:39 UTC, and longer while its holder is alive.\n"
    )
    project.edit('Field("amount", INT64)', 'Field("amount", INT64), Field("note", STRING)')
    ran = project.datoria("migrate")
    assert ran.code == 1
    assert f"Another migration is running: {who} holds the lease of acme.datoria" in ran.err
    ran = project.datoria("lock", "release", "--yes")
    assert ran.out == f"Released: {who} no longer holds the lease of acme.datoria.\n"
    assert project.datoria("migrate").code == 0


def test_one_that_ran_out_is_taken_over(project):
    migrated(project)
    hold(project, OVER)
    assert project.datoria("lock", "show").out.endswith(
        "It ran out at 2023-11-14 22:14:20 UTC: the next migration takes it over.\n"
    )
    project.edit('Field("amount", INT64)', 'Field("amount", INT64), Field("note", STRING)')
    assert project.datoria("migrate").code == 0
    assert project.datoria("lock", "show").out == "Nobody holds the lease of acme.datoria.\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_live_lease_is_not_taken_away_without_a_yes(project, monkeypatch):
    migrated(project)
    hold(project, LIVE)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    ran = project.datoria("lock", "release")
    assert ran.code == 1
    assert "anna on laptop (process 4711) may be migrating. Take the lease away?" in ran.err
    assert "anna" in project.datoria("lock", "show").out


def test_wrong_words_for_the_lock(project):
    assert "No such command 'steal'" in refused(project, "lock", "steal")
    assert "No such option '--force'" in refused(project, "lock", "release", "--force")


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_interrupted_migration_says_what_was_done_and_gives_the_lease_back(project, monkeypatch):
    create = LocalWarehouse.create

    def until_the_view(self, ref, body):
        return interrupt() if "view" in body else create(self, ref, body)

    with monkeypatch.context() as patched:
        patched.setattr(LocalWarehouse, "create", until_the_view)
        ran = project.datoria("migrate")
    assert ran.code == 130
    assert ran.err.strip() == (
        "error: Interrupted after 2 of 3 steps; the rest was not done. "
        "Migrate again to go on from here."
    )
    assert project.datoria("lock", "show").out == "Nobody holds the lease of acme.datoria.\n"
    (found,) = json.loads(project.datoria("history", "--format", "json").out)
    assert [outcome["status"] for outcome in found["outcomes"]] == ["done", "done", "failed"]
    assert found["outcomes"][2]["error"] == "It was interrupted."
    assert project.datoria("migrate").code == 0


def test_an_interrupted_run_says_what_was_done(project, monkeypatch):
    migrated(project)
    with monkeypatch.context() as patched:
        patched.setattr(LocalWarehouse, "write", interrupt)
        ran = project.datoria("run")
    assert ran.code == 130
    assert ran.err.strip() == (
        "error: Interrupted after 0 of 3 executions; the rest was not done. "
        "Run again to go on from here."
    )
    assert project.datoria("run").code == 0


def test_an_interrupt_before_anything_begins(project, monkeypatch):
    monkeypatch.setattr(Lease, "take", interrupt)
    ran = project.datoria("migrate")
    assert (ran.code, ran.err.strip()) == (130, "error: Interrupted; nothing more was done.")
