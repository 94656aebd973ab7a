"""The commands, as a person uses them: what they print, and how they exit."""

import json
import re

from datoria_dagster.warehouse.local import LocalWarehouse
from tests.conftest import filled, migrated


def test_a_plan_lists_what_would_be_created_and_creates_nothing(project):
    ran = project.datoria("migrate", "--plan")
    assert ran.code == 0
    assert ran.out == (
        "3 changes, backwards compatible.\n\n"
        "acme.shop\n"
        "├── + shop (dataset)    created in EU\n"
        "├── + customers (view)  created\n"
        "└── + orders (table)    created, by day of day\n"
    )
    assert ran.err == "\nNothing was applied. Apply it with: datoria migrate\n"
    assert not (project.folder / ".datoria").exists()


def test_a_second_migration_has_nothing_to_do(project):
    migrated(project)
    ran = project.datoria("migrate")
    assert (ran.code, ran.out) == (0, "Nothing to migrate: the warehouse is as declared.\n")


def test_a_compatible_change_is_planned_and_applied(project):
    migrated(project)
    project.edit('Field("amount", INT64)', 'Field("amount", INT64), Field("note", STRING)')
    assert "└── + note  added, STRING" in project.datoria("migrate", "--plan").out
    assert project.datoria("migrate").code == 0
    assert project.datoria("query", "SELECT note FROM `acme.shop.orders`").code == 0


def test_an_incompatible_change_stops_and_says_who_breaks_and_what_to_do(project):
    filled(project)
    project.edit('        Field("amount", INT64),\n', "")
    project.edit(' Field("total", INT64)', "")
    project.edit("SELECT customer, SUM(amount) AS total FROM", "SELECT customer FROM")
    project.edit(", 7 AS amount", "")
    for words in (["migrate", "--plan"], ["migrate"]):
        ran = project.datoria(*words)
        assert ran.code == 3
        assert ran.out.startswith("Stopped: 2 of 3 changes are not backwards compatible.\n")
        assert "- amount  destructive  dropped with its values, INT64" in ran.out
        assert "instead  keep it declared" in ran.out
        assert "rule     COLUMN_STAYS" in ran.out
        # What loses data comes before what breaks somebody, and that before the rest.
        tree = ran.out.index("orders (table)"), ran.out.index("customers (view)")
        assert tree == tuple(sorted(tree))
    assert project.datoria("query", "SELECT SUM(amount) AS n FROM `acme.shop.orders`").code == 0


def test_the_json_of_a_plan_has_the_promised_shape(project):
    document = json.loads(project.datoria("migrate", "--plan", "--format", "json").out)
    assert list(document) == ["verdict", "changes", "steps", "unvalidated", "fingerprint"]
    assert document["verdict"] == "compatible"
    assert document["changes"][2] == {
        "id": document["changes"][2]["id"],
        "object": "acme.shop.orders",
        "object_kind": "table",
        "path": "",
        "kind": "object_added",
        "severity": "safe",
        "means": "statement",
        "rule": "TABLE_IS_NEW",
        "says": "created, by day of day",
        "instead": "",
        "breaks": [],
        "admitted": True,
    }
    assert re.fullmatch(r"acme\.shop\.orders@[0-9a-f]{8}", document["changes"][2]["id"])
    assert [step["kind"] for step in document["steps"]] == ["create", "create", "create"]
    assert document["steps"][1]["statement"] == (
        "CREATE TABLE `acme.shop.orders` (\n"
        "  `day` DATE NOT NULL,\n"
        "  `customer` STRING,\n"
        "  `amount` INT64\n"
        ")\n"
        "PARTITION BY `day`"
    )


def test_markdown_escapes_what_would_break_its_table(project):
    project.edit('name="orders",\n', 'name="orders",\n    description="a | b",\n')
    migrated(project)
    project.edit("a | b", "c | d")
    out = project.datoria("migrate", "--plan", "--format", "markdown").out
    assert "| safe | `acme.shop.orders` | description: 'c \\| d' |" in out


def test_a_saved_plan_is_applied_as_it_was_made(project):
    assert project.datoria("migrate", "--plan", "--out", "plan.json").code == 0
    ran = project.datoria("migrate", "--plan-file", "plan.json")
    assert ran.code == 0
    assert project.datoria("migrate").out.startswith("Nothing to migrate")


def test_a_saved_plan_is_refused_when_the_warehouse_has_moved(project):
    project.datoria("migrate", "--plan", "--out", "plan.json")
    migrated(project)
    ran = project.datoria("migrate", "--plan-file", "plan.json")
    assert ran.code == 1
    assert "The plan is stale: acme.shop exists by now;" in ran.err


def test_the_run_is_planned_run_and_then_at_rest(project):
    migrated(project)
    plan = project.datoria("run", "--plan")
    assert plan.out.startswith("3 executions to run.\n")
    assert "fill_orders            3   20130101 … 20130103   never run" in plan.out
    assert project.datoria("run").code == 0
    assert project.datoria("run").out == "Nothing to run: every partition is up to date.\n"


def test_one_partition_runs_when_it_is_asked_for(project):
    filled(project)
    ran = project.datoria(
        "run", "--job", "fill_orders", "--partition", "20130102", "--format", "json"
    )
    assert json.loads(ran.out)[0]["partitions"] == "20130102"


def test_a_range_of_partitions_runs_when_it_is_asked_for(project):
    migrated(project)
    words = ["run", "--job", "fill_orders", "--from", "2013-01-02", "--to", "2013-01-03"]
    assert project.datoria(*words).code == 0
    plan = json.loads(project.datoria("run", "--plan", "--format", "json").out)
    assert plan == {
        "executions": [{"job": "fill_orders", "partition": "20130101", "reason": "never run"}]
    }


def test_a_run_is_refused_while_the_migration_is_pending(project):
    ran = project.datoria("run")
    assert ran.code == 1
    assert "datoria migrate" in ran.err


def test_history_lists_migrations_the_newest_first(project):
    migrated(project)
    project.edit('Field("amount", INT64)', 'Field("amount", INT64), Field("note", STRING)')
    project.datoria("migrate")
    rows = json.loads(project.datoria("history", "--format", "json").out)
    assert [(row["migration"], row["status"], row["steps"]) for row in rows] == [
        (2, "done", 2),
        (1, "done", 3),
    ]


def test_check_finds_no_problem(project):
    assert project.datoria("check").out == "4 objects, no problem found.\n"


def test_a_staging_copy_lives_in_its_own_dataset(project):
    assert project.datoria("migrate", "--dataset", "acme.staging").code == 0
    assert project.datoria("run", "--dataset", "acme.staging").code == 0
    ran = project.datoria("query", "SELECT total FROM `acme.staging.customers`", "--format", "json")
    assert json.loads(ran.out) == [{"total": 21}]
    assert "3 changes" in project.datoria("migrate", "--plan").out


def test_query_refuses_to_write(project):
    migrated(project)
    ran = project.datoria("query", "DELETE FROM `acme.shop.orders` WHERE TRUE")
    assert ran.code == 1
    assert ran.out == ""


def test_two_schema_files_are_judged(project):
    project.write("old.json", '[{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "STRING"}]')
    project.write("new.json", '[{"name": "A", "type": "INT64", "mode": "NULLABLE"}]')
    ran = project.datoria("diff", "old.json", "new.json")
    assert ran.code == 3
    assert "- b  destructive  dropped with its values, STRING" in ran.out
    document = json.loads(project.datoria("diff", "old.json", "new.json", "--format", "json").out)
    assert list(document) == ["verdict", "changes", "fingerprint"]
    assert project.datoria("diff", "old.json", "old.json").code == 0


def test_a_run_that_a_change_overtakes_says_so(project, monkeypatch):
    migrated(project)
    write = LocalWarehouse.write

    def overtaken(self, query, destination, partition):
        rows = write(self, query, destination, partition)
        self.execute("ALTER TABLE `acme.shop.orders` ADD COLUMN IF NOT EXISTS extra INT64")
        return rows

    monkeypatch.setattr(LocalWarehouse, "write", overtaken)
    ran = project.datoria("run")
    assert ran.code == 1
    assert (
        "error: What job fill_orders touches was changed while it ran, and what was written may be "
        "of both states: a migration is pending.\n  acme.shop.orders.extra: "
    ) in ran.err
