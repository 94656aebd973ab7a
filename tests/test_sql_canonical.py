"""Whether two texts say the same."""

import pytest

from datoria_dagster.sql.canonical import same_expression, same_query


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("SELECT a FROM `p.d.t`", "select  a\n\tFROM p.d.t -- it's a comment\n;"),
        ("SELECT a /* ' */ FROM `p.d.t`", 'SELECT a FROM `p.d.t` # " `'),
        ("SELECT `a`, t.`b` FROM p.d.t AS t", "SELECT A, T.B FROM `p`.`d`.`t` AS `T`"),
        ("SELECT COUNT(*) AS n FROM my-p.d.t", "SELECT count(*) as N FROM `my-p.d.t`"),
        ("SELECT date FROM p.d.t GROUP  BY date", "SELECT `DATE` FROM p.d.t group by `date`"),
        ("SELECT p.d.f(a)", "SELECT `p.d.f`(a)"),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "with X as (select 1 as A) select A from X"),
        ("SELECT 'a'", 'SELECT "a"'),
        ("SELECT DATE_TRUNC(d, MONTH)", "SELECT date_trunc(d, month)"),
        ("SELECT CAST(a AS INT64)", "SELECT cast(a as int64)"),
        ("SELECT SUM(a) OVER (PARTITION BY b)", "SELECT sum(a) over(partition by B)"),
    ],
)
def test_how_a_query_is_written_makes_no_difference(a, b):
    assert same_query(a, b)
    assert same_query(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("SELECT a FROM `p.d.t`", "SELECT a FROM `p.d.T`"),
        ("SELECT a FROM `p.d.t`", "SELECT a FROM `P.d.t`"),
        ("SELECT p.d.f(a)", "SELECT p.d.F(a)"),
        ("SELECT 'a'", "SELECT 'A'"),
        ("SELECT '-- a'", "SELECT '-- b'"),
        ("SELECT '/*', '*/'", "SELECT '/*, */'"),
        ("SELECT r'\\n'", "SELECT '\\n'"),
        ("SELECT b'a'", "SELECT 'a'"),
        ("SELECT '\\\\n'", "SELECT '\\n'"),
        ("SELECT 1.0", "SELECT 1"),
        ("SELECT a, b FROM `p.d.t`", "SELECT b, a FROM `p.d.t`"),
        ("SELECT a FROM `p.d.t`", "SELECT DISTINCT a FROM `p.d.t`"),
        ("SELECT a FROM `p.d.t`", "SELECT a AS b FROM `p.d.t`"),
        ("SELECT a - b FROM `p.d.t`", "SELECT `a-b` FROM `p.d.t`"),
        ("SELECT CURRENT_DATE", "SELECT `CURRENT_DATE`"),
        ("SELECT a -- FROM x\nFROM `p.d.t`", "SELECT a FROM x FROM `p.d.t`"),
        ("SELECT json.Key FROM `p.d.t`", "SELECT json.key FROM `p.d.t`"),
        ("SELECT doc.Key FROM `p.d.t`", "SELECT doc.key FROM `p.d.t`"),
        ("SELECT x.Key FROM UNNEST(docs) AS x", "SELECT x.key FROM UNNEST(docs) AS x"),
        ("SELECT TO_JSON(STRUCT(1 AS A))", "SELECT TO_JSON(STRUCT(1 AS a))"),
        ("SELECT TO_JSON_STRING(t) FROM (SELECT 1 AS A) AS t",
         "SELECT TO_JSON_STRING(t) FROM (SELECT 1 AS a) AS t"),
        ("SELECT JSON_VALUE(a, '$.x')", "SELECT JSON_EXTRACT_SCALAR(a, '$.x')"),
        ("SELECT a WHERE b AND (c OR d)", "SELECT a WHERE (b AND c) OR d"),
        ("SELECT TO_JSON(STRUCT(Day))", "SELECT TO_JSON(STRUCT(day))"),
        ("SELECT STRUCT<a INT64, Day INT64>(1, 2)", "SELECT STRUCT<a INT64, day INT64>(1, 2)"),
        ("SELECT 1 FROM `p.d.t` AS t, `t.items`", "SELECT 1 FROM `p.d.t` AS t, t.items"),
        ("SELECT @Name", "SELECT @name"),
    ],
)  # fmt: skip
def test_queries_that_differ_are_never_called_the_same(a, b):
    assert not same_query(a, b)
    assert not same_query(b, a)


def test_what_does_not_parse_is_compared_as_text():
    assert same_query("SELECT FROM (", "SELECT FROM (")
    assert not same_query("SELECT FROM (", "SELECT  FROM (")
    assert not same_query("SELECT 1", "SELECT 1 )")


def test_bodies_and_defaults_are_compared_alike():
    assert same_expression("x +  1 -- one", "X + 1")
    assert same_expression("CURRENT_TIMESTAMP()", "current_timestamp ( )")
    assert not same_expression("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()")
    assert not same_expression("x + 1", "x + 2")
    assert not same_expression("'x'", "x")
