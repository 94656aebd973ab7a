"""`datoria check` knows routines of every kind, and what may be called where."""

import pytest

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    TIMESTAMP,
    AggregateFunction,
    Argument,
    Dataset,
    Field,
    JavaScript,
    MaterializedView,
    Platform,
    Procedure,
    ScalarFunction,
    SourceTable,
    Table,
    TableFunction,
    View,
)
from datoria_dagster.model.template import raw
from datoria_dagster.sql.check import problems

D = Dataset(project="p", name="d")
T = Table(dataset=D, name="t", schema=(Field("a", INT64), Field("name", STRING)))
EVENTS = SourceTable(dataset=D, name="events_1", schema=(Field("id", INT64),))
SCALAR = ScalarFunction(
    dataset=D, name="scalar", returns=INT64, body=raw("x + LENGTH(y)"),
    arguments=(Argument("x", INT64), Argument("y", STRING)),
)  # fmt: skip
TOTAL = AggregateFunction(
    dataset=D, name="total", arguments=(Argument("x", FLOAT64),), returns=FLOAT64,
    body=raw("SUM(x) / COUNT(*)"),
)  # fmt: skip
ROWS = TableFunction(
    dataset=D, name="rows", arguments=(Argument("least", INT64),),
    returns=(Field("a", INT64), Field("name", STRING)),
    body=raw("SELECT a, name FROM `p.d.t` WHERE a > least"),
)  # fmt: skip
SCRIPT = Procedure(dataset=D, name="script", body=raw("SELECT 1"))
SINCE = ScalarFunction(
    dataset=D, name="since", arguments=(Argument("at", TIMESTAMP),), returns=INT64,
    body=JavaScript("return 1;"),
)  # fmt: skip
ALL = (T, EVENTS, SCALAR, TOTAL, ROWS, SCRIPT, SINCE)


def view(query, *fields, name="v"):
    return View(dataset=D, name=name, schema=fields or (Field("a", INT64),), query=raw(query))


def found(*objects):
    return problems(Platform.of(*objects))


def first_lines(query, *fields):
    return [problem.split("\n")[0] for problem in found(*ALL, view(query, *fields))]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT `p.d.scalar`(1) AS a",
         "p.d.scalar takes 2 arguments, not 1: (x INT64, y STRING)."),
        ("SELECT p.d.scalar(a, name, a) AS a FROM `p.d.t`",
         "p.d.scalar takes 2 arguments, not 3: (x INT64, y STRING)."),
        ("SELECT CAST(SAFE.p.d.total() AS INT64) AS a FROM `p.d.t`",
         "p.d.total takes 1 argument, not 0: (x FLOAT64)."),
        ("SELECT a FROM `p.d.rows`()", "p.d.rows takes 1 argument, not 0: (least INT64)."),
        ("SELECT p.d.scalar(name, name) AS a FROM `p.d.t`",
         "p.d.scalar takes x as INT64, but this is STRING. CAST it."),
        ("SELECT p.d.scalar(1, CAST(a AS BYTES)) AS a FROM `p.d.t`",
         "p.d.scalar takes y as STRING, but this is BYTES. CAST it."),
        ("SELECT p.d.rows(1) AS a", "p.d.rows is a table function; it stands in FROM."),
        ("SELECT a FROM p.d.scalar(1, 'x')",
         "p.d.scalar is a scalar function; it can't stand in FROM."),
        ("SELECT p.d.script() AS a", "p.d.script is a procedure; only CALL runs it."),
        ("SELECT a FROM `p.d.rows`", "p.d.rows is a routine; call it, p.d.rows(…)."),
        ("SELECT a FROM `p.d.v`", "It reads itself."),
        # Missing columns, wherever the columns are known.
        ("SELECT a FROM `p.d.t` WHERE nam = 'x'", "There is no column nam. Did you mean name?"),
        ("SELECT nam AS a FROM `p.d.rows`(1)", "There is no column nam. Did you mean name?"),
        ("SELECT ids AS a FROM `p.d.events_*`", "There is no column ids. Did you mean id?"),
        ("SELECT r.a FROM `p.d.rows`(1) AS r JOIN `p.d.t` AS t ON r.a = t.b",
         "There is no column t.b."),
    ],
)  # fmt: skip
def test_a_query_is_wrong(query, sentence):
    assert first_lines(query) == [f"p.d.v: {sentence}"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT p.d.scalar(1, 'x') AS a",
        "SELECT p.d.scalar(NULL, @name) AS a",
        "SELECT CAST(p.d.total(a) AS INT64) AS a FROM `p.d.t`",
        "SELECT CAST(p.d.total(DISTINCT a) AS INT64) AS a FROM `p.d.t`",
        "SELECT p.d.since('2013-01-01') AS a",
        "SELECT p.d.since(day) AS a FROM (SELECT CURRENT_DATE() AS day)",
        "SELECT a FROM `p.d.rows`((SELECT MAX(a) FROM `p.d.t`))",
        "SELECT id AS a FROM `p.d.events_*` WHERE _TABLE_SUFFIX > '1'",
        "SELECT e.id AS a FROM `p.d.events_*` AS e WHERE e._table_suffix > '1'",
        "SELECT ordinal_position AS a FROM `p.d`.INFORMATION_SCHEMA.COLUMNS",
        "SELECT a FROM EXTERNAL_QUERY('p.eu.c', 'SELECT a FROM t')",
        "SELECT a FROM ML.PREDICT(MODEL `p.d.model`, TABLE `p.d.t`)",
        "SELECT bqutil.fn.theirs(1, 2, 3) AS a",
        "SELECT a FROM `p.d.t` UNPIVOT (v FOR n IN (name))",
    ],
)
def test_a_query_is_right(query):
    assert first_lines(query) == []


def test_what_a_view_over_a_table_function_returns_is_compared_by_name():
    assert first_lines("SELECT name FROM `p.d.rows`(1)", Field("nam", STRING)) == [
        "p.d.v: column nam is declared, but the query does not return it. It returns name.",
        "p.d.v: the query returns column name, which the schema does not declare. Add it.",
    ]


def test_a_function_that_calls_itself_is_shown_where_it_does():
    again = ScalarFunction(
        dataset=D, name="again", arguments=(Argument("x", INT64),), returns=INT64,
        body=raw("IF(x < 1, 0,\n  p.d.again(x - 1))"),
    )  # fmt: skip
    assert found(again) == (
        (
            "p.d.again: It calls itself, and BigQuery has no recursive functions.\n"
            "  --> p.d.again:2:7\n"
            "   |\n"
            " 2 |   p.d.again(x - 1))\n"
            "   |       ^^^^^"
        ),
    )


def test_a_procedure_may_call_itself():
    again = Procedure(
        dataset=D, name="again", body=raw("IF RAND() < 0.5 THEN CALL p.d.again(); END IF")
    )
    assert found(again) == ()


def test_a_table_function_returns_what_it_declares():
    def function(name, body):
        return TableFunction(
            dataset=D, name=name, body=raw(body), returns=(Field("a", INT64), Field("n", STRING)),
            arguments=(Argument("x", INT64), Argument("day", DATE)),
        )  # fmt: skip

    told = found(
        T,
        function("right", "SELECT a + x AS a, name AS n FROM `p.d.t` WHERE CURRENT_DATE() > day"),
        function("handed_on", "SELECT x AS a, CAST(day AS STRING) AS n"),
        function("missing", "SELECT a FROM `p.d.t`"),
        function("mistyped", "SELECT a, day AS n FROM `p.d.t`"),
        function("more", "SELECT a, name AS n, x FROM `p.d.t`"),
        function("unknown", "SELECT a, name AS n\nFROM `p.d.t` WHERE y > x"),
    )
    assert [problem.split("\n")[0] for problem in told] == [
        "p.d.missing: column n is declared, but the query does not return it. It returns a.",
        (
            "p.d.mistyped: column n is declared STRING, but the query returns DATE. "
            "Change the declaration, or CAST in the query."
        ),
        "p.d.more: the query returns column x, which returns=… does not declare. Add it.",
        "p.d.unknown: There is no column y.",
    ]
    assert "  --> p.d.unknown:2:20\n" in told[-1]


def test_an_aggregate_function_returns_what_it_declares():
    def function(name, body):
        return AggregateFunction(
            dataset=D, name=name, arguments=(Argument("x", INT64),), returns=INT64, body=raw(body)
        )

    assert found(
        function("right", "SUM(x) + COUNT(*)"),
        function("wrong", "CAST(SUM(x) AS STRING)"),
    ) == ("p.d.wrong: it returns INT64, but its body is STRING. CAST it, or change returns=…",)


def test_a_strict_procedure_names_what_exists():
    body = raw(
        "DECLARE n INT64;\n"
        "CREATE TEMP TABLE kept AS SELECT a FROM `p.d.t`;\n"
        "CREATE TABLE `p.d.made` AS SELECT a FROM kept;\n"
        "IF n > 1 THEN\n"
        "  SELECT a FROM `p.d.nowhere`;\n"
        "END IF;\n"
        "SELECT a FROM `p.d.made`;\n"
        "CALL `p.d.script`(n);"
    )
    told = found(T, SCRIPT, Procedure(dataset=D, name="strict", body=body))
    assert [problem.split("\n")[:2] for problem in told] == [
        [
            (
                "p.d.strict: p.d.nowhere is not part of the platform. "
                "If others own it, declare a SourceTable."
            ),
            "  --> p.d.strict:5:17",
        ],
        ["p.d.strict: p.d.script takes 0 arguments, not 1: ().", "  --> p.d.strict:8:6"],
    ]
    assert found(T, SCRIPT, Procedure(dataset=D, name="lax", body=body, strict_mode=False)) == ()


def test_a_materialized_view_reads_tables():
    made = MaterializedView(
        dataset=D, name="made", schema=(Field("a", INT64),), query=raw("SELECT a FROM `p.d.v`")
    )
    assert found(T, view("SELECT a FROM `p.d.t`"), made) == (
        "p.d.made: it reads the view p.d.v, but a materialized view reads tables. Read those.",
    )
