"""Changes that hurt somebody: stopped, admitted by force or one by one, kept, brought back."""

import json
import re

from tests.conftest import PROJECT, SHOP, filled, migrated


def test_a_view_that_still_reads_a_dropped_column_is_named_and_with_force_left_broken(project):
    filled(project)
    project.edit('        Field("amount", INT64),\n', "")
    ran = project.datoria("migrate", "--plan")
    assert ran.code == 3
    assert "breaks   acme.shop.customers, job:fill_orders\n" in ran.out
    assert project.datoria("migrate", "--force").code == 0
    assert project.datoria("query", "SELECT day FROM `acme.shop.orders`").code == 0
    assert project.datoria("query", "SELECT total FROM `acme.shop.customers`").code == 1
    assert "amount" in project.datoria("check").err


def test_force_is_shown_then_applied_and_the_other_rows_survive(project):
    filled(project)
    project.edit('        Field("customer", STRING),\n', "")
    project.edit('Field("customer", STRING), Field("total", INT64)', 'Field("total", INT64),')
    project.edit("customer, SUM(amount) AS total FROM", "SUM(amount) AS total FROM")
    project.edit(" GROUP BY customer", "")
    project.edit(", 'ann' AS customer", "")
    plan = project.datoria("migrate", "--plan", "--force")
    assert plan.code == 0
    assert "destructive (forced)" in plan.out
    assert project.datoria("migrate", "--force").code == 0
    rows = project.datoria(
        "query", "SELECT SUM(amount) AS n FROM `acme.shop.orders`", "--format", "json"
    )
    assert json.loads(rows.out) == [{"n": 21}]
    kept = "SELECT COUNT(customer) AS n FROM `acme.shop.orders__before_2`"
    assert json.loads(project.datoria("query", kept, "--format", "json").out) == [{"n": 3}]
    assert project.datoria("migrate").out.startswith("Nothing to migrate")


def test_allow_admits_just_the_change_that_it_names(project):
    migrated(project)
    project.edit('Field("customer", STRING),\n', 'Field("customer", BYTES),\n')
    project.edit('Field("customer", STRING), ', 'Field("customer", BYTES), ')
    project.edit("'ann' AS", "b'ann' AS")
    ran = project.datoria("migrate", "--plan", "--allow", "acme.shop.orders.customer")
    assert ran.code == 3
    assert "Stopped: 1 of 2 changes is not backwards compatible." in ran.out


def test_an_allowance_that_matches_nothing_is_an_error(project):
    migrated(project)
    ran = project.datoria("migrate", "--allow", "acme.shop.orders.nothing")
    assert ran.code == 1
    assert "Allowing acme.shop.orders.nothing matches no change." in ran.err


def test_an_impossible_change_stops_with_code_4_even_with_force(project):
    migrated(project)
    project.edit(
        'Field("amount", INT64)', 'Field("amount", INT64), Field("must", DATE, required=True)'
    )
    project.edit("7 AS amount", "7 AS amount, {date} AS must")
    ran = project.datoria("migrate", "--force")
    assert ran.code == 4
    assert ran.out.startswith("Stopped: 1 of 1 change can't be made.\n")


def without_amount(project):
    project.edit('        Field("amount", INT64),\n', "")
    project.edit("SELECT customer, SUM(amount) AS total FROM", "SELECT customer, 0 AS total FROM")
    project.edit(", 7 AS amount", "")


def rows(project, query):
    return json.loads(project.datoria("query", query, "--format", "json").out)


def advised(out):
    """What the last lines of a stopped plan say to type, as words."""
    block = out[out.index("  datoria migrate") :]
    command = block[: block.index("\n  datoria migrate --force")]
    return command.replace("\\\n", " ").split()[1:]


def test_a_stopped_plan_says_how_to_admit_exactly_what_it_shows(project):
    filled(project)
    without_amount(project)
    out = project.datoria("migrate").out
    words = advised(out)
    assert words[:2] == ["migrate", "--allow"]
    assert re.fullmatch(r"acme\.shop\.orders\.amount@[0-9a-f]{8}", words[2])
    assert len(words) == 3
    assert project.datoria(*words).code == 0
    assert project.datoria("migrate").out.startswith("Nothing to migrate")


def test_an_id_admits_the_change_only_in_the_state_that_was_looked_at(project):
    filled(project)
    without_amount(project)
    words = advised(project.datoria("migrate").out)
    project.datoria("run", "--job", "fill_orders", "--partition", "20130102")
    project.edit('Field("customer", STRING),\n', 'Field("customer", STRING),Field("x", DATE),\n')
    project.datoria("migrate", "--allow", "shop.orders.amount", "--plan")
    other = project.datoria("migrate", *words[1:-1], words[-1][:-8] + "00000000")
    assert other.code == 1
    assert "is stale" in other.err
    assert words[-1] in other.err
    assert rows(project, "SELECT SUM(amount) AS n FROM `acme.shop.orders`") == [{"n": 21}]


def test_an_address_may_leave_the_project_out(project):
    filled(project)
    without_amount(project)
    ran = project.datoria("migrate", "--allow", "shop.orders.amount")
    assert ran.code == 0
    assert "- amount  destructive (forced)  dropped with its values, INT64" in ran.out


def test_what_is_destroyed_is_kept_and_the_command_that_brings_it_back_is_the_last_word(project):
    filled(project)
    without_amount(project)
    ran = project.datoria("migrate", "--force", "--backup-days", "3")
    assert "The rows will be kept in acme.shop.orders__before_2 for 3 days." in ran.out
    assert ran.err.endswith(
        "To bring back what was there before, within 3 days:\n"
        "  datoria restore acme.shop.orders__before_2\n"
    )


def test_without_backup_it_is_said_that_the_rows_are_lost(project):
    filled(project)
    without_amount(project)
    for words in (["--plan"], []):
        ran = project.datoria("migrate", "--force", "--no-backup", *words)
        assert ran.code == 0
        assert "No snapshot of acme.shop.orders is taken: its rows are lost for good." in ran.out
        assert "restore" not in ran.err
    assert project.datoria("query", "SELECT * FROM `acme.shop.orders__before_2`").code == 1


def test_how_long_it_is_kept_can_be_set_for_the_project(project):
    project.write("pyproject.toml", PROJECT + "backup-days = 30\n")
    filled(project)
    without_amount(project)
    assert "for 30 days." in project.datoria("migrate", "--plan", "--force").out
    out = project.datoria("migrate", "--plan", "--force", "--backup-days", "1").out
    assert "for 1 day." in out


def test_a_forced_migration_is_undone_by_the_command_that_it_printed(project):
    filled(project)
    without_amount(project)
    ran = project.datoria("migrate", "--force")
    command = ran.err.split("\n")[-2].split()
    back = project.datoria(*command[1:], "--yes")
    assert back.code == 0
    assert back.out == (
        "acme.shop.orders will be as it was in acme.shop.orders__before_2.\n"
        "What it is now will be kept in acme.shop.orders__before_3 for 7 days.\n"
    )
    assert "datoria restore acme.shop.orders__before_3" in back.err
    assert rows(project, "SELECT SUM(amount) AS n FROM `acme.shop.orders`") == [{"n": 21}]
    # The declaration still lacks the column: the next plan asks again.
    assert project.datoria("migrate").code == 3


def test_a_dropped_table_comes_back(project):
    filled(project)
    project.edit("Platform.of(orders, customers, fill)", "Platform.of(Dataset(**vars(shop)))")
    assert project.datoria("migrate", "--force").code == 0
    project.write("shop.py", SHOP)
    assert project.datoria("restore", "acme.shop.orders__before_2", "--yes").code == 0
    assert rows(project, "SELECT SUM(amount) AS n FROM `acme.shop.orders`") == [{"n": 21}]
    plan = project.datoria("migrate", "--plan").out
    assert "+ customers (view)  created" in plan
    assert "orders" not in plan.replace("customers", "")


def test_of_many_changes_that_stop_a_plan_the_first_are_shown_with_how_to_find_the_rest(project):
    filled(project)
    project.edit('Field("amount", INT64)', 'Field("amount", INT64, required=True)')
    project.edit('Field("customer", STRING),\n', 'Field("customer", BYTES),\n')
    project.edit('Field("customer", STRING), Field("total", INT64)', 'Field("customer", BYTES),')
    project.edit("SELECT customer, SUM(amount) AS total FROM", "SELECT customer FROM")
    project.edit("'ann' AS", "b'ann' AS")
    out = project.datoria("migrate").out
    assert out.startswith("Stopped: 4 of 5 changes are not backwards compatible.\n")
    assert out.count("--allow") == 3
    assert out.endswith("\nand 1 more: --format json has their ids\n")


def test_in_markdown_what_is_no_statement_is_a_comment_and_the_advice_can_be_copied(project):
    migrated(project)
    project.edit('name="orders",\n', 'name="orders",\n    description="All orders.",\n')
    out = project.datoria("migrate", "--plan", "--format", "markdown").out
    assert "```sql\n-- tables.patch acme.shop.orders: description\n```\n" in out
    without_amount(project)
    out = project.datoria("migrate", "--plan", "--format", "markdown").out
    assert re.search(
        r"```\ndatoria migrate --allow \S+@[0-9a-f]{8}\ndatoria migrate --force\n```", out
    )


def test_what_a_plan_says_to_type_next_holds_what_was_typed_for_it(project):
    filled(project)
    without_amount(project)
    ran = project.datoria("migrate", "--plan", "--allow", "shop.orders.amount", "--no-backup")
    command = ran.err.rpartition("Apply it with: ")[2].split()
    assert command == ["datoria", "migrate", "--allow", "shop.orders.amount", "--no-backup"]
    assert project.datoria(*command[1:]).code == 0


def test_a_saved_plan_keeps_what_it_said_for_as_long_as_it_said(project):
    filled(project)
    without_amount(project)
    plan = project.datoria(
        "migrate", "--plan", "--force", "--backup-days", "2", "--out", "plan.json"
    )
    assert plan.err == "Saved to plan.json. Apply it with: datoria migrate --plan-file plan.json\n"
    ran = project.datoria("migrate", "--plan-file", "plan.json")
    assert "To bring back what was there before, within 2 days:" in ran.err


def test_a_staging_copy_is_restored_by_the_command_that_was_printed(project):
    staging = ("--dataset", "acme.staging")
    project.datoria("migrate", *staging)
    without_amount(project)
    ran = project.datoria("migrate", "--force", *staging)
    command = ran.err.split("\n")[-2].split()
    assert command[2:] == ["acme.staging.orders__before_2", *staging]
    assert project.datoria(*command[1:], "--yes").code == 0
    assert project.datoria("query", "SELECT amount FROM `acme.staging.orders`").code == 0


def test_a_rename_by_hint_shows_both_names_and_keeps_the_values(project):
    filled(project)
    hinted = 'Field("sum", INT64, renamed_from="amount")'
    project.edit('Field("amount", INT64)', hinted)
    project.edit("SUM(amount)", "SUM(`sum`)")
    project.edit("7 AS amount", "7 AS `sum`")
    ran = project.datoria("migrate")
    assert ran.code == 3
    assert "~ amount → sum  incompatible  renamed to sum, with its values" in ran.out
    assert project.datoria("migrate", "--allow", "shop.orders.amount").code == 0
    assert rows(project, "SELECT SUM(`sum`) AS n FROM `acme.shop.orders`") == [{"n": 21}]
    assert project.datoria("migrate").out.startswith("Nothing to migrate")
    project.edit(hinted, 'Field("sum", INT64)')
    assert project.datoria("migrate").out.startswith("Nothing to migrate")


def test_a_rewritten_table_is_said_to_be_and_keeps_its_rows(project):
    filled(project)
    project.edit('Field("customer", STRING),\n', 'Field("customer", STRING(3)),\n')
    ran = project.datoria("migrate", "--force")
    assert (
        "acme.shop.orders will be rewritten: its rows are copied into a new table as declared, and "
        "counted, before that takes its place.\n"
    ) in ran.out
    assert rows(project, "SELECT COUNT(customer) AS n FROM `acme.shop.orders`") == [{"n": 3}]


def test_a_value_that_does_not_fit_stops_the_rewrite_and_leaves_the_table_as_it_was(project):
    filled(project)
    project.edit('Field("customer", STRING),\n', 'Field("customer", STRING(2)),\n')
    ran = project.datoria("migrate", "--force")
    assert ran.code == 1
    assert "acme.shop.orders" in ran.err
    assert "Stopped after" in ran.err
    assert rows(project, "SELECT MIN(customer) AS n FROM `acme.shop.orders`") == [{"n": "ann"}]
