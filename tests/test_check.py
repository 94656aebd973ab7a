"""`datoria check` tells what is wrong with a platform's SQL, offline."""

from pathlib import Path

import pytest

from datoria_dagster import (
    ARRAY,
    BIGNUMERIC,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    NUMERIC,
    STRING,
    STRUCT,
    TIMESTAMP,
    Argument,
    Dataset,
    Field,
    Job,
    Partitioning,
    Platform,
    ScalarFunction,
    SourceTable,
    Table,
    View,
    day,
    sql,
    sql_file,
)
from datoria_dagster.model.template import raw
from datoria_dagster.sql.assignable import is_assignable
from datoria_dagster.sql.check import problems

D = Dataset(project="p", name="d")
FLIGHTS = SourceTable(
    dataset=D,
    name="flights",
    partitioning=Partitioning.day("flight_date"),
    schema=(
        Field("flight_date", DATE),
        Field("Carrier", STRING(2)),
        Field("delay", FLOAT64),
        Field("origin", STRUCT(Field("code", STRING))),
    ),
)
DAILY = Table(
    dataset=D,
    name="daily",
    partitioning=Partitioning.day("flight_date"),
    schema=(
        Field("flight_date", DATE, required=True),
        Field("carrier", STRING, required=True),
        Field("flights", NUMERIC),
        Field("delay", FLOAT64),
    ),
)


def view(query, *fields, name="v"):
    return View(dataset=D, name=name, schema=fields, query=raw(query))


def job(query, destination=DAILY):
    return Job(name="fill", destination=destination, start=day(2013, 1, 1), query=query)


def found(*objects):
    return problems(Platform.of(FLIGHTS, *objects))


def sentences(*objects):
    return [problem.split("\n")[0] for problem in found(*objects)]


def test_a_platform_without_mistakes_has_no_problems():
    clean = ScalarFunction(
        dataset=D, name="clean", arguments=(Argument("x", STRING),), returns=STRING,
        body=sql("TRIM(LOWER(x))"),
    )  # fmt: skip
    filled = job(
        sql(
            "SELECT flight_date, {clean}(f.CARRIER) AS carrier, COUNT(*) AS flights, "
            "AVG(delay) AS delay FROM {flights} AS f GROUP BY flight_date, carrier",
            clean=clean,
            flights=FLIGHTS.at_execution_date(),
        )
    )
    codes = view(
        "SELECT origin.code, 1 AS n FROM `p.d.flights`", Field("CODE", STRING), Field("n", INT64)
    )
    assert found(clean, DAILY, filled, codes) == ()


def test_a_query_that_does_not_parse_is_shown_with_its_file_and_line():
    broken = View(
        dataset=D, name="broken", schema=(Field("a", INT64),),
        query=sql("SELECT a,\n  b c d\nFROM `p.d.flights`"),
    )  # fmt: skip
    assert found(broken) == (
        (
            f"{broken.query.origin.removeprefix(f'{Path.cwd()}/')}: p.d.broken: "
            "`d` is not expected here.\n"
            "  --> p.d.broken:2:7\n"
            "   |\n"
            " 2 |   b c d\n"
            "   |       ^"
        ),
    )


def test_the_line_is_that_of_the_mistake_in_a_nested_text_and_in_a_file_of_sql(tmp_path):
    late = sql(
        """
        delay > {limit}
          AND dealy < 10  -- nested
        """,
        limit=3,
    )
    path = tmp_path / "late.sql"
    path.write_text("-- Late flights\n\nSELECT\n  delay,\n  nope\nFROM {flights}\n")
    schema = (Field("delay", FLOAT64),)
    nested = View(
        dataset=D, name="nested", schema=schema,
        query=sql("""
            SELECT delay FROM {flights}
            WHERE {late}
        """, flights=FLIGHTS, late=late),
    )  # fmt: skip
    filed = View(dataset=D, name="filed", schema=schema, query=sql_file(path, flights=FLIGHTS))
    lines = Path(__file__).read_text().split("\n")
    line = lines.index("          AND dealy < 10  -- nested") + 1
    assert sentences(filed, nested) == [
        f"{path}:5: p.d.filed: There is no column nope.",
        f"tests/test_check.py:{line}: p.d.nested: There is no column dealy. Did you mean delay?",
    ]


def test_every_object_is_checked_although_another_one_is_wrong():
    assert sentences(
        view("SELECT", Field("a", INT64), name="a"),
        view("SELECT nope FROM `p.d.flights`", Field("nope", STRING), name="b"),
        view("SELECT 1 AS x", Field("x", STRING), name="c"),
    ) == [
        "p.d.a: A SELECT names no column.",
        "p.d.b: There is no column nope.",
        (
            "p.d.c: column x is declared STRING, but the query returns INT64. "
            "Change the declaration, or CAST in the query."
        ),
    ]


def test_every_name_that_is_not_declared_is_shown_where_it_stands():
    text = "SELECT 1 AS x\nFROM `p.d.nowhere`, d.short, `p.d.flights`, `q.e.x_*`"
    assert found(view(text, Field("x", INT64))) == (
        ("p.d.v: d.short is not a full name; write project.dataset.name.\n"
        "  --> p.d.v:2:21\n   |\n 2 | FROM `p.d.nowhere`, d.short, `p.d.flights`, `q.e.x_*`\n"
        "   |                     ^^^^^^^"),
        ("p.d.v: p.d.nowhere is not part of the platform. If others own it, declare a "
         "SourceTable.\n"
        "  --> p.d.v:2:6\n   |\n 2 | FROM `p.d.nowhere`, d.short, `p.d.flights`, `q.e.x_*`\n"
        "   |      ^^^^^^^^^^^^^"),
        ("p.d.v: q.e.x_* is not part of the platform. If others own it, declare a "
         "SourceTable.\n"
        "  --> p.d.v:2:45\n   |\n 2 | FROM `p.d.nowhere`, d.short, `p.d.flights`, `q.e.x_*`\n"
        "   |                                             ^^^^^^^^^"),
    )  # fmt: skip


def test_a_function_of_our_dataset_is_declared_and_one_of_others_need_not_be():
    text = "SELECT p.d.ours(1) AS x, `bqutil.fn.theirs`(1) AS y"
    assert sentences(D, view(text, Field("x", INT64), Field("y", INT64))) == [
        "p.d.v: it calls p.d.ours, which is not part of the platform. Declare it."
    ]


def test_a_view_returns_what_it_declares():
    assert sentences(
        view(
            "SELECT Carrier, delay, delay AS Delay, 1 FROM `p.d.flights`",
            Field("carrier", INT64),
            Field("origin", STRING),
        )
    ) == [
        "p.d.v: the query returns two columns called delay. Give one another name.",
        (
            "p.d.v: column carrier is declared INT64, but the query returns STRING. "
            "Change the declaration, or CAST in the query."
        ),
        (
            "p.d.v: column origin is declared, but the query does not return it. "
            "It returns carrier, delay, f0_."
        ),
        (
            "p.d.v: the query returns column delay (FLOAT64), "
            "which the schema does not declare. Add it."
        ),
        "p.d.v: the query returns column f0_ (INT64), which the schema does not declare. Add it.",
    ]


def test_a_job_returns_what_its_destination_takes():
    query = sql(
        "SELECT flight_date, delay AS flights, origin.code AS delay, 1 AS extra FROM {f}",
        f=FLIGHTS.at_execution_date(),
    )
    assert [sentence.partition("job:fill: ")[2] for sentence in sentences(DAILY, job(query))] == [
        "the query returns column flights as FLOAT64, but p.d.daily:flights is NUMERIC. CAST it.",
        "the query returns column delay as STRING, but p.d.daily:delay is FLOAT64. CAST it.",
        (
            "the query returns column extra, which p.d.daily does not have. "
            "It has flight_date, carrier, flights, delay."
        ),
        "the query does not return carrier, which is required in p.d.daily.",
    ]


def test_the_body_of_a_function_sees_its_arguments_and_returns_its_type():
    def function(name, body, returns=INT64):
        return ScalarFunction(
            dataset=D, name=name, returns=returns, body=raw(body),
            arguments=(Argument("x", INT64), Argument("tags", ARRAY(STRING))),
        )  # fmt: skip

    assert found(
        function("a", "x + ARRAY_LENGTH(tags)"),
        function("b", "x + 1", FLOAT64),
        function("c", "x +\n  y"),
        function("d", "CAST(x AS STRING)"),
        function("e", "(SELECT MAX(delay) FROM `p.d.flights`)", FLOAT64),
        function("f", "SELECT 1"),
        function("g", "(SELECT MAX(x) FROM `p.d.nowhere`)"),
    ) == (
        "p.d.c: There is no column y.\n  --> p.d.c:2:3\n   |\n 2 |   y\n   |   ^",
        "p.d.d: it returns INT64, but its body is STRING. CAST it, or change returns=…",
        ("p.d.f: `SELECT` is not expected here.\n"
        "  --> p.d.f:1:1\n   |\n 1 | SELECT 1\n   | ^^^^^^"),
        ("p.d.g: p.d.nowhere is not part of the platform. If others own it, declare a "
         "SourceTable.\n"
        "  --> p.d.g:1:21\n   |\n 1 | (SELECT MAX(x) FROM `p.d.nowhere`)\n"
        "   |                     ^^^^^^^^^^^^^"),
    )  # fmt: skip


def test_a_default_parses():
    table = Table(
        dataset=D, name="t",
        schema=(
            Field("a", TIMESTAMP, default=sql("CURRENT_TIMESTAMP()")),
            Field("b", STRING, default=sql("UPPER('x'")),
        ),
    )  # fmt: skip
    assert [one.split("\n")[:2] for one in found(table)] == [
        ["p.d.t: `)` is missing near `'x'`.", "  --> p.d.t:b:1:7"]
    ]


def test_a_circle_through_literal_names_is_told_with_its_path():
    a = view("SELECT x FROM `p.d.b`", Field("x", INT64), name="a")
    b = view("SELECT x FROM `p.d.c`", Field("x", INT64), name="b")
    c = view("SELECT x FROM p.d.a", Field("x", INT64), name="c")
    start = "These depend on each other in a circle: "
    (told,) = found(a, b, c)
    assert told in (
        f"{start}p.d.a → p.d.b → p.d.c → p.d.a.",
        f"{start}p.d.b → p.d.c → p.d.a → p.d.b.",
        f"{start}p.d.c → p.d.a → p.d.b → p.d.c.",
    )
    assert found(c, b, a) == (told,)


def test_a_job_that_reads_its_own_destination_by_name_is_a_circle():
    query = raw("SELECT flight_date, carrier, flights, delay FROM `p.d.daily`")
    told = found(DAILY, job(query))
    assert told[0] == "job:fill: it reads its own destination, p.d.daily."
    assert told[1].startswith("These depend on each other in a circle: ")


def test_only_the_objects_asked_for_are_checked():
    platform = Platform.of(
        FLIGHTS,
        view("SELECT", Field("a", INT64), name="a"),
        view("SELECT 1 AS y", Field("x", INT64), name="b"),
    )
    told = problems(platform, only=frozenset({"p.d.b"}))
    assert [one.partition(":")[0] for one in told] == ["p.d.b", "p.d.b"]


def test_what_can_not_be_told_offline_is_no_problem():
    assert found(
        view("SELECT * FROM `p.d.flights` PIVOT (SUM(delay) FOR carrier IN (1))", Field("x", DATE)),
        view("SELECT q.e.other(1) AS x", Field("x", STRING), name="w"),
    ) == ()  # fmt: skip


@pytest.mark.parametrize(
    ("type", "to", "expected"),
    [
        (INT64, FLOAT64, True),
        (INT64, NUMERIC(10, 2), True),
        (INT64, BIGNUMERIC, True),
        (NUMERIC, FLOAT64, True),
        (NUMERIC, BIGNUMERIC, True),
        (BIGNUMERIC, FLOAT64, False),
        (BIGNUMERIC, NUMERIC, False),
        (FLOAT64, INT64, False),
        (FLOAT64, NUMERIC, False),
        (INT64, STRING, False),
        (STRING, STRING(2), True),
        (DATE, DATETIME, True),
        (DATE, TIMESTAMP, False),
        (DATETIME, TIMESTAMP, False),
        (ARRAY(INT64), ARRAY(INT64), True),
        (ARRAY(INT64), ARRAY(FLOAT64), False),
        (ARRAY(INT64), INT64, False),
        (STRUCT(Field("a", INT64)), STRUCT(Field("A", FLOAT64), Field("b", STRING)), True),
        (STRUCT(Field("a", INT64)), STRUCT(Field("b", INT64)), False),
        (STRUCT(Field("a", DATE)), STRUCT(Field("b", DATE, required=True)), False),
    ],
)  # fmt: skip
def test_a_type_is_assignable_as_bigquery_coerces(type, to, expected):
    assert is_assignable(type, to) is expected
