"""Which relations and routines a text names."""

import pytest

from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.references import incomplete, references, routines
from datoria_dagster.sql.script import names, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM `p.d.t`", ("p.d.t",)),
        ("SELECT 1 FROM `p`.`d`.`t`", ("p.d.t",)),
        ("SELECT 1 FROM p.d.t", ("p.d.t",)),
        ("SELECT 1 FROM my-project-2.d.t JOIN `other-1.d`.t USING (a)",
         ("my-project-2.d.t", "other-1.d.t")),
        ("SELECT 1 FROM `p.d.t$20130101`", ("p.d.t",)),
        ("SELECT 1 FROM `p.d.b` AS x, `p.d.a` AS y, `p.d.b` AS z", ("p.d.a", "p.d.b")),
        ("SELECT 'FROM p.d.no', \"`p.d.no`\" FROM `p.d.t` -- FROM p.d.no\n /* JOIN `p.d.no` ' */",
         ("p.d.t",)),
        ("SELECT (SELECT MAX(a) FROM `p.d.u`) FROM `p.d.t` WHERE a IN (SELECT b FROM `p.d.v`)",
         ("p.d.t", "p.d.u", "p.d.v")),
        ("SELECT * FROM `p.d.a` UNION ALL (SELECT * FROM `p.d.b` EXCEPT DISTINCT SELECT 1)",
         ("p.d.a", "p.d.b")),
        ("SELECT * FROM (`p.d.a` JOIN `p.d.b` USING (k)) JOIN (SELECT * FROM `p.d.c`) USING (k)",
         ("p.d.a", "p.d.b", "p.d.c")),
        ("SELECT 1 FROM p.d.INFORMATION_SCHEMA.TABLES", ()),
        ("SELECT * FROM `p.d.function`(1)", ()),
        ("SELECT * FROM ML.PREDICT(MODEL `p.d.model`, TABLE `p.d.t`)", ("p.d.t",)),
        ("SELECT x FROM UNNEST([1, 2]) AS x", ()),
        ("SELECT i FROM `p.d.t` AS t, t.items AS i", ("p.d.t",)),
        ("SELECT i FROM `p.d.t` AS T CROSS JOIN t.deep.items AS i", ("p.d.t",)),
        ("SELECT (SELECT COUNT(*) FROM t.items) FROM `p.d.t` AS t", ("p.d.t",)),
        ("a + (SELECT MAX(b) FROM `p.d.t`)", ("p.d.t",)),
        ("SELECT 1 FROM `p.d.T` JOIN `p.d.t` USING (a)", ("p.d.T", "p.d.t")),
        ("SELECT 1 FROM `p.d.events_*`", ("p.d.events_*",)),
        ("SELECT 1 FROM `p.d`.INFORMATION_SCHEMA.COLUMNS, `p.region-eu`.INFORMATION_SCHEMA.JOBS",
         ()),
        ("SELECT * FROM EXTERNAL_QUERY('p.eu.c', 'SELECT 1 FROM a.b.c')", ()),
        ("SELECT * FROM `p.d.f`(TABLE `p.d.t`, (SELECT MAX(a) FROM `p.d.u`))", ("p.d.t", "p.d.u")),
        ("SELECT i, o FROM `p.d.t` AS t, t.items AS i WITH OFFSET AS o", ("p.d.t",)),
    ],
)  # fmt: skip
def test_relations_are_found_however_they_are_written(text, expected):
    assert references(text) == expected


def test_a_common_table_expression_is_not_a_relation():
    text = """
        WITH t AS (SELECT * FROM `p.d.t`),
             u AS (WITH t AS (SELECT * FROM `p.d.inner`) SELECT * FROM t JOIN T AS other USING (a))
        SELECT * FROM t JOIN u USING (a) WHERE a IN (SELECT a FROM U)
    """
    assert references(text) == ("p.d.inner", "p.d.t")
    assert incomplete(parse(text)) == ()


def test_a_common_table_expression_does_not_see_itself_unless_recursive():
    assert incomplete(parse("WITH t AS (SELECT * FROM t) SELECT * FROM t")) == (("t", (25, 26)),)
    assert (
        incomplete(parse("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT 1")) == ()
    )


def test_a_common_table_expression_is_not_seen_outside_its_query():
    text = "SELECT * FROM (WITH t AS (SELECT 1 AS a) SELECT * FROM t) JOIN t USING (a)"
    assert incomplete(parse(text)) == (("t", (63, 64)),)


def test_a_name_without_a_project_is_incomplete():
    assert references("SELECT 1 FROM d.t JOIN `d.u` USING (a)") == ()
    assert incomplete(parse("SELECT 1 FROM d.t JOIN `d.u` USING (a)")) == (
        ("d.t", (14, 17)),
        ("d.u", (23, 28)),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT `p.d.f`(a)", ("p.d.f",)),
        ("SELECT p.d.f(a), `p`.d.g(`p.d`.h(a))", ("p.d.f", "p.d.g", "p.d.h")),
        ("SELECT `my-p.d.lower`(a), p.d.upper(a)", ("my-p.d.lower", "p.d.upper")),
        ("SELECT LOWER(a), SAFE.SUBSTR(a, 1), NET.HOST(a), f(a)", ()),
        ("SELECT * FROM `p.d.f`(1) JOIN p.d.g(2) USING (a)", ("p.d.f", "p.d.g")),
        ("SELECT 'p.d.f(1)' -- p.d.f(2)", ()),
        ("p.d.f(x) + 1", ("p.d.f",)),
        ("SELECT SAFE.p.d.f(1), SAFE.`p.d.g`(2)", ("p.d.f", "p.d.g")),
        (
            "SELECT p.d.total(DISTINCT a), `p.d.rank`(a) OVER (ORDER BY b)",
            ("p.d.rank", "p.d.total"),
        ),
        ("SELECT * FROM `p.d.f`(TABLE `p.d.t`)", ("p.d.f",)),
        ("p.d.script(1, (SELECT 2))", ("p.d.script",)),
    ],
)
def test_routines_are_found_by_their_qualified_names(text, expected):
    assert routines(text) == expected


SCRIPT = """
DECLARE x INT64 DEFAULT 3; -- one; two
IF EXISTS (SELECT 1 FROM `p.d.t` WHERE CASE WHEN a THEN b ELSE c END) THEN
  INSERT INTO `my-p.d.u` (a) SELECT 'a;b';
ELSEIF x > 1 THEN SET x = (SELECT MAX(a) FROM p.d.v);
END IF;
CALL `p.d`.f(x); /* p.d.no */
FOR r IN (SELECT 1 AS n) DO SELECT r.n, 'p.d.no'; END FOR;
BEGIN SELECT 2; EXCEPTION WHEN ERROR THEN RAISE; END
"""


def test_a_script_is_told_apart_into_statements_and_conditions():
    assert [statement.text for statement in statements(SCRIPT)] == [
        "DECLARE x INT64 DEFAULT 3",
        "EXISTS (SELECT 1 FROM `p.d.t` WHERE CASE WHEN a THEN b ELSE c END)",
        "INSERT INTO `my-p.d.u` (a) SELECT 'a;b'",
        "x > 1",
        "x = (SELECT MAX(a) FROM p.d.v)",
        "`p.d`.f(x)",
        "r IN (SELECT 1 AS n)",
        "SELECT r.n, 'p.d.no'",
        "SELECT 2",
        "WHEN ERROR",
        "RAISE",
    ]
    assert all(SCRIPT[s.start :].startswith(s.text) for s in statements(SCRIPT))


def test_names_of_three_parts_are_found_in_a_script():
    assert names(SCRIPT) == ("my-p.d.u", "p.d.f", "p.d.t", "p.d.v")
