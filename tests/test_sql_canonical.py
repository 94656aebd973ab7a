"""Whether two texts say the same."""

import pytest

from datoria_dagster.sql.canonical import same_expression, same_query, same_script


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
        ("SELECT 1;", "SELECT 1 ; ;"),
        ("SELECT a x, b AS y FROM p.d.t u", "SELECT a AS x, b y FROM p.d.t AS u"),
        (
            "SELECT o FROM UNNEST(a) AS x WITH OFFSET AS o",
            "SELECT o FROM UNNEST(a) x WITH OFFSET o",
        ),
        ("SELECT a FROM (SELECT 1 AS a) AS s", "SELECT a FROM (SELECT 1 a) s"),
        ("SELECT a FROM `p`.`d`.`t`", "SELECT a FROM `p.d`.t"),
        (
            "SELECT 1 FROM p.d.t INNER JOIN p.d.u USING (a)",
            "SELECT 1 FROM p.d.t JOIN p.d.u USING (a)",
        ),
        (
            "SELECT a FROM p.d.t LEFT OUTER JOIN p.d.u USING (a)",
            "SELECT a FROM p.d.t LEFT JOIN p.d.u USING (a)",
        ),
        ("SELECT a FROM p.d.t ORDER BY a ASC, b DESC", "SELECT a FROM p.d.t ORDER BY a, b DESC"),
        ("SELECT a, b, FROM p.d.t", "SELECT a, b FROM p.d.t"),
        ("SELECT a FROM p.d.t WHERE a <> 1", "SELECT a FROM p.d.t WHERE a != 1"),
        ("SELECT 1e3, 0xFF, TRUE, null", "SELECT 1E3, 0XfF, true, NULL"),
        (
            "SELECT CAST(a AS INTEGER), CAST(b AS DECIMAL)",
            "SELECT CAST(a AS INT64), CAST(b AS numeric)",
        ),
        ("SELECT BOOLEAN 'x'", "SELECT BOOL 'x'"),
        ("SELECT DATE '2013-01-01'", 'SELECT date "2013-01-01"'),
        ("SELECT CURRENT_DATE", "SELECT current_date()"),
        (r"SELECT 'a\n'", 'SELECT """a\n"""'),
        (r"SELECT r'\d'", r"SELECT '\\d'"),
        (r"SELECT 'it\'s'", 'SELECT "it\'s"'),
        (r"SELECT '\x41\101'", "SELECT 'AA'"),
        ("SELECT b'a'", 'SELECT B"a"'),
        # Parentheses around a whole expression.
        ("(SELECT a FROM p.d.t)", "SELECT a FROM p.d.t"),
        ("SELECT a FROM p.d.t WHERE (a > 1)", "SELECT a FROM p.d.t WHERE a > 1"),
        ("SELECT (a + b) AS c, (d) FROM p.d.t", "SELECT a + b AS c, d FROM p.d.t"),
        ("SELECT f(((a)))", "SELECT f(a)"),
        (
            "SELECT 1 FROM p.d.t JOIN p.d.u ON (t.a = u.a)",
            "SELECT 1 FROM p.d.t JOIN p.d.u ON t.a = u.a",
        ),
        ("SELECT CASE WHEN (a) THEN (b) ELSE (c) END", "SELECT CASE WHEN a THEN b ELSE c END"),
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
        ("SELECT (a + b) * c", "SELECT a + b * c"),
        ("SELECT a FROM p.d.t WHERE (a OR b) AND c", "SELECT a FROM p.d.t WHERE a OR b AND c"),
        ("SELECT (a, b)", "SELECT a, b"),
        ("SELECT a IN ((1, 2))", "SELECT a IN (1, 2)"),
        ("SELECT ARRAY((SELECT a))", "SELECT ARRAY(SELECT a)"),
        ("SELECT f((SELECT 1))", "SELECT f(1)"),
        ("SELECT -(a - b)", "SELECT -a - b"),
        ("SELECT 1 FROM p.d.t LEFT JOIN p.d.u USING (a)",
         "SELECT 1 FROM p.d.t JOIN p.d.u USING (a)"),
        ("SELECT a FROM p.d.t ORDER BY a DESC", "SELECT a FROM p.d.t ORDER BY a"),
        ("SELECT CURRENT_DATE('UTC')", "SELECT CURRENT_DATE()"),
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT 'a'", "SELECT ' a'"),
        ("SELECT NUMERIC '1'", "SELECT '1'"),
        ("SELECT NUMERIC '1'", "SELECT BIGNUMERIC '1'"),
        ("SELECT 'TRUE'", "SELECT TRUE"),
        ("SELECT a x FROM p.d.t", "SELECT a, x FROM p.d.t"),
        ("SELECT x.a FROM p.d.t AS x", "SELECT x.a FROM p.d.t AS y"),
        ("SELECT 1 UNION ALL SELECT 2", "SELECT 1 UNION DISTINCT SELECT 2"),
        ("SELECT a FROM p.d.t", "SELECT a FROM p.d.t LIMIT 1"),
    ],
)  # fmt: skip
def test_queries_that_differ_are_never_called_the_same(a, b):
    assert not same_query(a, b)
    assert not same_query(b, a)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("SELECT FROM (", "SELECT\n  FROM (", True),
        ("SELECT FROM (", "select from ( -- open", True),
        ("SELECT FROM (", "SELECT FROM ((", False),
        ("SELECT FROM ( 'a  b'", "SELECT FROM ( 'a b'", False),
        ("SELECT FROM ( x", "SELECT FROM ( X", False),
        ("SELECT 'a", "SELECT  'a", True),
        ("SELECT 1", "SELECT 1 )", False),
        ("", " ", True),
    ],
)
def test_what_does_not_parse_is_compared_word_by_word(a, b, same):
    assert same_query(a, b) is same
    assert same_expression(a, b) is same


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("x +  1 -- one", "X + 1", True),
        ("(x + 1)", "x + 1", True),
        ("CURRENT_TIMESTAMP()", "current_timestamp ( )", True),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()", True),
        ("'x'", '"x"', True),
        ("NUMERIC '1'", 'numeric "1"', True),
        ("NUMERIC '1'", "DECIMAL '1'", True),
        ("TRUE", "true", True),
        ("NULL", "null", True),
        ("[1, 2]", "[ 1,2 ]", True),
        ("1", "'1'", False),
        ("NUMERIC '1'", "NUMERIC '1.0'", False),
        ("x + 1", "x + 2", False),
        ("'x'", "x", False),
        ("'x'", "'X'", False),
        ("CURRENT_TIMESTAMP", "CURRENT_DATE", False),
        ("(x + 1) * 2", "x + 1 * 2", False),
    ],
)
def test_bodies_and_defaults_are_compared_alike(a, b, same):
    assert same_expression(a, b) is same
    assert same_expression(b, a) is same


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("SELECT 1; SELECT 2;", "select 1 ;\n\nselect 2 -- two", True),
        ("DECLARE x INT64;\nSET x = 1;", "declare x int64; set x = 1", True),
        ("IF TRUE THEN SELECT 1; END IF;", "if true then\n  select 1;\nend if;", True),
        ("CALL `p.d.f`(1);", "call `p.d.f`( 1 )", True),
        ("INSERT INTO `p.d.t` (a) SELECT a FROM `p.d.u`",
         "insert into `p.d.t`(a) select a from `p.d.u`;", True),
        ("EXECUTE IMMEDIATE 'SELECT 1'", 'execute immediate "SELECT 1"', True),
        ("EXECUTE IMMEDIATE 'SELECT 1'", "EXECUTE IMMEDIATE 'select 1'", False),
        ("SELECT 1; SELECT 2", "SELECT 2; SELECT 1", False),
        ("SELECT 1; SELECT 2", "SELECT 1", False),
        ("IF a THEN SELECT 1; END IF", "IF b THEN SELECT 1; END IF", False),
        ("SELECT ';'", "SELECT ''; SELECT ''", False),
        ("UPDATE p.d.t SET a = 1 WHERE TRUE", "UPDATE p.d.t SET a = 2 WHERE TRUE", False),
    ],
)  # fmt: skip
def test_scripts_are_compared_statement_by_statement(a, b, same):
    assert same_script(a, b) is same
    assert same_script(b, a) is same
