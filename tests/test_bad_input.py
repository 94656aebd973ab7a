"""Wrong input: one clear message, exit code 1 or 2, no traceback, nothing changed."""

import json

import pytest

from tests.conftest import PROJECT, SHOP, refused

ORDERS = '    name="orders",\n'
QUERY = "SELECT customer, SUM(amount) AS total FROM {orders} GROUP BY customer"


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'Field("amount", INT64)',
            'Field("amount", INT64, renamed_from="customer")',
            "'amount' is renamed_from 'customer', which is declared too.",
        ),
        (
            'Field("amount", INT64)',
            'Field("amount", INT64, renamed_from="n"), Field("m", INT64, renamed_from="N")',
            "'amount' and 'm' are both renamed_from 'N'. Keep one of the hints.",
        ),
        (
            'Field("amount", INT64)',
            'Field("amount", INT64, renamed_from="amount")',
            "it is renamed_from its own name; leave the hint out.",
        ),
        (
            ORDERS,
            ORDERS + '    foreign_keys=(ForeignKey("buyer", references="acme.shop.buyers"),),\n',
            "ForeignKey 'buyer': references must be a Table, not 'acme.shop.buyers'.",
        ),
        (
            ORDERS,
            ORDERS + '    primary_key=("nothing",),\n',
            "the primary key names 'nothing', which is not a column.",
        ),
    ],
)
def test_a_hint_or_a_key_that_leads_nowhere_names_the_place_and_the_mistake(
    project, old, new, message
):
    project.edit(old, new)
    error = refused(project, "migrate")
    assert "shop.py:" in error
    assert message in error


BUYERS = """
buyers = Table(dataset=shop, name="buyers", schema=(Field("id", STRING),))
sold = Table(
    dataset=shop,
    name="sold",
    schema=(Field("buyer", STRING),),
    foreign_keys=(ForeignKey("buyer", references=buyers),),
)
"""


def test_a_foreign_key_to_a_table_without_a_key_or_outside_the_platform_is_refused(project):
    keyed = BUYERS.replace("STRING),))", 'STRING),), primary_key=("id",))', 1)
    for declared, objects, message in (
        (BUYERS, "buyers, sold", "acme.shop.buyers"),
        (keyed, "sold", "acme.shop.buyers, which is not"),
    ):
        project.write("shop.py", SHOP)
        project.edit("platform = ", declared + "platform = ")
        project.edit("customers, fill)", f"customers, fill, {objects})")
        error = refused(project, "migrate")
        assert "shop.py:" in error
        assert message in error
        assert not (project.folder / ".datoria").exists()


def test_a_hint_to_a_column_that_the_live_table_lacks_is_refused(project):
    project.datoria("migrate")
    project.edit('Field("amount", INT64)', 'Field("sum", INT64, renamed_from="amuont")')
    project.edit("SUM(amount)", "SUM(`sum`)")
    project.edit("7 AS amount", "7 AS `sum`")
    before = history(project)
    error = refused(project, "migrate", "--force")
    assert "acme.shop.orders.sum is renamed_from 'amuont', but the live table has neither" in error
    assert "it has day, customer, amount" in error
    assert history(project) == before


def history(project):
    return project.datoria("history", "--format", "json").out


RECURSIVE = """
again = ScalarFunction(
    dataset=shop,
    name="again",
    arguments=(Argument("n", INT64),),
    returns=INT64,
    body=sql("IF(n = 0, 0, `acme.shop.again`(n - 1))"),
)
"""


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_a_function_that_calls_itself_is_refused(project, command):
    project.edit("platform = ", RECURSIVE + "platform = ")
    project.edit("customers, fill)", "customers, fill, again)")
    error = refused(project, command)
    assert "acme.shop.again" in error
    assert "itself" in error
    assert not (project.folder / ".datoria").exists()


def test_a_saved_plan_of_another_format_or_declaration_is_refused(project):
    project.datoria("migrate", "--plan", "--out", "plan.json")
    text = (project.folder / "plan.json").read_text()
    older = json.loads(text)
    older["datoria_plan"] = 0
    older["plan"]["findings"] = [{"object": "acme.shop.orders"}]
    project.write("older.json", json.dumps(older))
    error = refused(project, "migrate", "--plan-file", "older.json")
    assert "older.json: made by another version of datoria." in error
    project.edit('Field("amount", INT64)', 'Field("amount", INT64), Field("note", STRING)')
    error = refused(project, "migrate", "--plan-file", "plan.json")
    assert "plan.json: the plan is stale: the declaration has changed since." in error
    assert not (project.folder / ".datoria").exists()


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        ("acme.shop.orders", "acme.shop.orders is not the name of a snapshot"),
        ("orders__before_1", "they are called project.dataset.table__before_N"),
        ("acme.shop.orders__before_x", "is not the name of a snapshot"),
        ("acme.shop.orders__before_9", "acme.shop.orders__before_9 does not exist: it has expired"),
        ("acme.shop.nothing__before_1", "acme.shop.nothing__before_1 does not exist"),
        ("acme.shop.customers__before_1", "acme.shop.customers is declared as a view"),
    ],
)
def test_restoring_what_is_no_snapshot_is_refused_and_changes_nothing(project, snapshot, message):
    project.datoria("migrate")
    before = history(project)
    assert message in refused(project, "restore", snapshot, "--yes")
    assert history(project) == before


NAMED_LIKE_ONE = """
copy = Table(dataset=shop, name="orders__before_1", schema=(Field("n", INT64),))
"""


def test_a_table_with_the_name_of_a_snapshot_is_none(project):
    project.edit("platform = ", NAMED_LIKE_ONE + "platform = ")
    project.edit("customers, fill)", "customers, fill, copy)")
    project.datoria("migrate")
    error = refused(project, "restore", "acme.shop.orders__before_1", "--yes")
    assert "acme.shop.orders__before_1 is not a snapshot but a table." in error
    assert project.datoria("migrate").out.startswith("Nothing to migrate")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--no-backup", "--backup-days", "3"], "leave --backup-days out"),
        (["--backup-days", "0"], "--backup-days is at least 1"),
        (["--backup-days", "x"], "'x' is not a valid integer"),
        (["--plan-file", "plan.json", "--no-backup"], "use it alone"),
        (["--plan-file", "plan.json", "--backup-days", "3"], "use it alone"),
    ],
)
def test_options_that_contradict_each_other_are_refused(project, words, message):
    assert message in refused(project, "migrate", *words)
    assert not (project.folder / ".datoria").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("backup-days = 0", "backup-days is 0; it must be a number of days, at least 1."),
        ('backup-days = "x"', "backup-days is 'x'; it must be a number of days"),
        ("backup_days = 3", "[tool.datoria] has no 'backup_days'; it has platform, warehouse"),
    ],
)
def test_a_wrong_setting_names_the_file_and_what_it_must_be(project, line, message):
    project.write("pyproject.toml", f"{PROJECT}{line}\n")
    error = refused(project, "migrate")
    assert "pyproject.toml" in error
    assert message in error
    assert not (project.folder / ".datoria").exists()
