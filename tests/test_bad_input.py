"""Wrong input: one clear message, exit code 1 or 2, no traceback, nothing changed."""

import json

import pytest

from tests.conftest import SHOP

ORDERS = '    name="orders",\n'
QUERY = "SELECT customer, SUM(amount) AS total FROM {orders} GROUP BY customer"


def refused(project, *words: str) -> str:
    ran = project.datoria(*words)
    assert ran.code in (1, 2), ran
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"amount", INT64', '"amount", INT46', "NameError: name 'INT46' is not defined"),
        (
            '"amount", INT64',
            '"amount", "INT64"',
            "Field 'amount': type must be a Type, not 'INT64'.",
        ),
        ("required=True", "requierd=True", "requierd is not an argument; check its spelling."),
        (ORDERS, '    name="or`ders",\n', "'or`ders' is not a table name"),
        ('"amount", INT64', '"_table_x", INT64', "begins with _TABLE_, which BigQuery reserves"),
        ('day("day")', 'hour("day")', "the column is DATE, it must be TIMESTAMP or DATETIME"),
        ("{orders} GROUP", "{orders GROUP", "a brace is left open or closed alone"),
        (", orders=orders\n", "\n", "{orders} has no value. Pass orders=… to sql()"),
        ("orders, customers, fill)", "customers)", "refers to acme.shop.orders, which is not part"),
        ("import *", "import *\n1 +", "shop.py:3: SyntaxError: invalid syntax"),
    ],
)
def test_a_wrong_declaration_names_the_place_and_the_mistake(project, old, new, message):
    project.edit(old, new)
    error = refused(project, "migrate")
    assert "shop.py:" in error
    assert message in error
    assert not (project.folder / ".datoria").exists()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT customer, FROM WHERE {orders}", "customers"),
        ("SELECT customer, nothing AS total FROM {orders}", "nothing"),
        ("SELECT customer, 1 AS total FROM `acme.shop.missing`, {orders}", "acme.shop.missing"),
        ("SELECT customer FROM {orders}", "total"),
        ("SELECT customer, 'x' AS total FROM {orders}", "total"),
    ],
)
@pytest.mark.parametrize("command", ["check", "migrate"])
def test_wrong_sql_is_shown_where_it_is_wrong(project, query, message, command):
    project.edit(QUERY, query)
    error = refused(project, command)
    assert "acme.shop.customers" in error
    assert "shop.py:" in error
    assert message in error
    assert not (project.folder / ".datoria").exists()


def test_a_cycle_is_reported_with_its_path(project):
    project.edit("platform = ", TWO_JOBS + "platform = ")
    project.edit("customers, fill)", "customers, one, two, there, back)")
    for command in (["check"], ["migrate"], ["run"], ["run", "--plan"]):
        error = refused(project, *command)
        assert "circle" in error
        assert "job:there" in error
        assert "job:back" in error


TWO_JOBS = """
one = Table(dataset=shop, name="one", schema=(Field("n", INT64),))
two = Table(dataset=shop, name="two", schema=(Field("n", INT64),))
there = Job(name="there", destination=two, query=sql("SELECT n FROM {one}", one=one))
back = Job(name="back", destination=one, query=sql("SELECT n FROM {two}", two=two))
"""


def test_a_plan_file_that_is_none_is_refused(project):
    project.write("plan.json", "{")
    assert "plan.json: this is not a saved plan" in refused(
        project, "migrate", "--plan-file", "plan.json"
    )
    assert "missing.json: cannot read the plan" in refused(
        project, "migrate", "--plan-file", "missing.json"
    )


def test_a_plan_file_edited_by_hand_is_refused(project):
    project.datoria("migrate", "--plan", "--out", "plan.json")
    text = (project.folder / "plan.json").read_text()
    project.write("plan.json", text.replace("acme.shop.orders", "acme.shop.others"))
    assert "the plan was changed after it was made" in refused(
        project, "migrate", "--plan-file", "plan.json"
    )


def test_a_warehouse_file_that_is_none_is_refused_and_left_as_it_is(project):
    (project.folder / ".datoria").mkdir()
    file = project.write(".datoria/warehouse.duckdb", "This is not a database.")
    for command in (["migrate"], ["run"], ["query", "SELECT 1"], ["history"]):
        assert "warehouse.duckdb" in refused(project, *command)
    assert file.read_text() == "This is not a database."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--job", "nothing"], "There is no job 'nothing'. The platform has: fill_orders."),
        (
            ["run", "--job", "fill_orders", "--partition", "20140101"],
            "job:fill_orders has no partition 20140101; it has 20130101 to 20130103.",
        ),
        (
            ["run", "--job", "fill_orders", "--partition", "201301"],
            "'201301' is not a partition by day of day; write it as 20130131.",
        ),
        (["run", "--partition", "20130101"], "Say which job's partitions: --job NAME."),
        (["run", "--job", "fill_orders", "--from", "20130101"], "--from and --to go together."),
        (["migrate", "--platform", "nothing:platform"], "There is no module 'nothing'"),
        (["migrate", "--platform", "shop"], "'shop' does not say which attribute is the platform"),
        (["migrate", "--platform", "shop:orders"], "'orders' is a Table; it must be a Platform"),
        (["migrate", "--out", "plan.json"], "--out saves a plan: use it with --plan."),
        (["migrate", "--warehouse", "oracle"], "'oracle' is not one of 'local', 'bigquery'"),
        (["migrate", "--dataset", "staging"], "'staging' is not a dataset; write project.dataset."),
        (["query", "SELECT FROM"], "error:"),
        (["query", "SELECT x FROM `acme.shop.orders`"], "x"),
        (["diff", "shop.py", "shop.py"], "shop.py: this is not JSON"),
        (["diff", "missing.json", "shop.py"], "missing.json: cannot read it"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(project, words, message):
    project.datoria("migrate")
    assert message in refused(project, *words)


@pytest.mark.parametrize("text", ["[1]", '[{"type": "STRING"}]', '{"rows": []}', "7"])
def test_a_file_that_is_no_schema_is_refused(project, text):
    project.write("old.json", text)
    assert "old.json" in refused(project, "diff", "old.json", "old.json")


STRINGS = [
    "it's",
    'say "hi"',
    "`tick`",
    "back\\slash",
    "new\nline",
    "semi; colon -- dash /* star */ # hash",
    "{brace}",
    "''' triple \"\"\"",
    "\\' OR 1=1 --",
    "snow ☃ and \t tab",
]


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_value_comes_through_as_it_is(project, text):
    project.write(
        "shop.py",
        SHOP.replace("'ann' AS customer", "{name} AS customer")
        .replace("date=ExecutionDate", f"date=ExecutionDate, name={text!r}")
        .replace('name="orders",', f'name="orders",\n    description={text!r},'),
    )
    assert project.datoria("migrate").code == 0
    assert project.datoria("run").code == 0
    assert project.datoria("migrate").out.startswith("Nothing to migrate")
    rows = project.datoria(
        "query", "SELECT customer FROM `acme.shop.customers`", "--format", "json"
    )
    assert json.loads(rows.out) == [{"customer": text}]
