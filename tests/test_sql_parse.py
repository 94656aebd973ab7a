"""A SQL text that is wrong is shown where it is wrong."""

import subprocess
import sys

import pytest

from datoria_dagster.sql.parse import SqlError, parse, parse_expression


def test_an_error_shows_the_line_with_a_caret_under_the_token():
    with pytest.raises(SqlError) as caught:
        parse("SELECT a\nFROM `p.d.t` t\nWHERE (a = 1 ORDER BY a", "p.d.daily")
    assert str(caught.value) == (
        "`)` is missing near `ORDER BY`.\n"
        "  --> p.d.daily:3:14\n"
        "   |\n"
        " 3 | WHERE (a = 1 ORDER BY a\n"
        "   |              ^^^^^^^^"
    )
    assert (caught.value.line, caught.value.column) == (3, 14)


def test_a_line_number_of_two_digits_widens_the_gutter():
    with pytest.raises(SqlError) as caught:
        parse("\n" * 11 + "SELECT 1 )")
    assert str(caught.value) == (
        "`)` is not expected here.\n  --> 12:10\n    |\n 12 | SELECT 1 )\n    |          ^"
    )


@pytest.mark.parametrize(
    ("text", "sentence", "place"),
    [
        ("", "There is no SQL here.", (1, 1)),
        ("-- only a comment", "There is no SQL here.", (1, 1)),
        ("SELECT 1; SELECT 2", "There is a second statement; keep one query.", (1, 11)),
        ("DECLARE x INT64; SELECT x", "This is not a query.", (1, 1)),
        ("CREATE TABLE `p.d.t` (a INT64)", "This is not a query.", (1, 1)),
        ("CALL p.d.x()", "This is not a query.", (1, 1)),
        ("a + 1", "This is not a query.", (1, 1)),
        ("SELECT a b c", "`c` is not expected here.", (1, 12)),
        (
            "SELECT TIMESTAMP_SUB(a INTERVAL 1 DAY)",
            "This SQL can't be read; something is missing.",
            (1, 1),
        ),
        ("SELECT a FROM t WHERE", "Something is missing after `WHERE`.", (1, 17)),
        (
            "SELECT 'it\\'s', -- don't\n  'open",
            "A string, quoted name or comment is opened here and never closed.",
            (2, 3),
        ),
        (
            "SELECT a FROM `p.d.t",
            "A string, quoted name or comment is opened here and never closed.",
            (1, 15),
        ),
    ],
)
def test_what_is_not_one_query_is_refused_with_its_place(text, sentence, place):
    with pytest.raises(SqlError) as caught:
        parse(text)
    assert str(caught.value).split("\n")[0] == sentence
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("text", ["SELECT 1;", "SELECT 1 ; ; -- done", "(SELECT 1)", "\n SELECT 1"])
def test_one_query_may_end_in_semicolons_and_comments(text):
    parse(text)


@pytest.mark.parametrize("text", ["SELECT 1", "x AS y", "x, y", "1) + (2", "x y", "", "x; y"])
def test_what_is_not_one_expression_is_refused(text):
    with pytest.raises(SqlError):
        parse_expression(text)


@pytest.mark.parametrize("text", ["x + 1", "IF(x > 1, 'a', NULL)", "(SELECT MAX(a) FROM `p.d.t`)"])
def test_an_expression_parses(text):
    parse_expression(text)


def test_a_long_line_is_cut_around_the_error():
    with pytest.raises(SqlError) as caught:
        parse("SELECT " + "aaaaaaaaa, " * 100 + ") FROM `p.d.t`")
    shown, carets = str(caught.value).split("\n")[-2:]
    assert len(shown) < 120
    assert shown[carets.index("^")] == ")"


def test_what_sqlglot_logs_does_not_reach_the_user():
    code = (
        "from datoria_dagster.sql.parse import SqlError, parse\n"
        "try: parse('CALL p.d.x()')\n"
        "except SqlError: print('refused')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("refused\n", "")


def test_sqlglot_is_not_imported_before_a_function_needs_it():
    code = (
        "import sys\n"
        "from datoria_dagster.sql import canonical, check, lineage, parse, references, typecheck\n"
        "assert canonical.same_query('SELECT 1', 'SELECT 1')\n"
        "print('sqlglot' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
