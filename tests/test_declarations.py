"""What can be declared, what a template renders, and what is refused when it is made."""

import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from datoria_dagster import (
    BOOL,
    DATE,
    FLOAT64,
    INT64,
    NUMERIC,
    RANGE,
    STRING,
    STRUCT,
    TIMESTAMP,
    Argument,
    Dataset,
    DeclarationError,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    ScalarFunction,
    SourceTable,
    Table,
    View,
    day,
    hour,
    ident,
    integer,
    month,
    sql,
    sql_file,
    year,
)

SHOP = Dataset(project="acme", name="shop")


def table(*fields, **rest):
    return Table(dataset=SHOP, name=rest.pop("name", "orders"), schema=fields, **rest)


def partitioned(partitioning, kind=DATE):
    return table(Field("at", kind), Field("n", INT64), partitioning=partitioning)


ORDERS = table(Field("id", INT64))
DAILY = partitioned(Partitioning.day("at"))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (7, "7"),
        (-7, "-7"),
        (1.5, "1.5"),
        (float("inf"), "CAST('inf' AS FLOAT64)"),
        (Decimal("1.10"), "NUMERIC '1.10'"),
        ("it's", r"'it\'s'"),
        ("a\\b\nc", r"'a\\b\nc'"),
        (b"\x00'", r"b'\x00\x27'"),
        (date(2013, 1, 31), "DATE '2013-01-31'"),
        (time(1, 2, 3), "TIME '01:02:03.000000'"),
        (datetime(2013, 1, 31, 1), "DATETIME '2013-01-31 01:00:00.000000'"),  # noqa: DTZ001
        (
            datetime(2013, 1, 31, 1, tzinfo=UTC),
            "TIMESTAMP '2013-01-31 01:00:00.000000+00:00'",
        ),
        ([1, "a"], "[1, 'a']"),
        (ident("we`ird"), r"`we\`ird`"),
        (ORDERS, "`acme.shop.orders`"),
        (ORDERS.all_partitions(), "`acme.shop.orders`"),
        (sql("a + {b}", b=1), "a + 1"),
    ],
)
def test_a_value_becomes_what_it_is_in_sql(value, literal):
    assert sql("SELECT {value}", value=value).render() == f"SELECT {literal}"


def test_doubled_braces_are_literal_and_indentation_goes():
    text = """
        SELECT '{{x}}'
          FROM t
    """
    assert sql(text).render() == "SELECT '{x}'\n  FROM t"


def test_a_template_can_be_read_from_a_file_beside_the_caller(tmp_path):
    (tmp_path / "q.sql").write_text("SELECT {n}\n")
    assert sql_file(tmp_path / "q.sql", n=1).render() == "SELECT 1"
    with pytest.raises(DeclarationError, match=r"sql_file\('missing.sql'\): cannot read"):
        sql_file("missing.sql")


@pytest.mark.parametrize(
    ("source", "execution", "filtered"),
    [
        (DAILY, day(2013, 1, 31), "`at` = DATE '2013-01-31'"),
        (DAILY, month(2013, 2), "`at` >= DATE '2013-02-01' AND `at` < DATE '2013-03-01'"),
        (DAILY, hour(2013, 1, 31, 5), "`at` = DATE '2013-01-31'"),
        (
            partitioned(Partitioning.hour("at"), TIMESTAMP),
            day(2013, 12, 31),
            "`at` >= TIMESTAMP '2013-12-31 00:00:00' AND `at` < TIMESTAMP '2014-01-01 00:00:00'",
        ),
        (
            partitioned(Partitioning.month("at")),
            day(2013, 12, 31),
            "`at` >= DATE '2013-12-01' AND `at` < DATE '2014-01-01'",
        ),
        (
            partitioned(Partitioning.year("at")),
            year(2013),
            "`at` >= DATE '2013-01-01' AND `at` < DATE '2014-01-01'",
        ),
        (
            partitioned(Partitioning.integer_range("n", 0, 100, 10)),
            integer(20),
            "`n` >= 20 AND `n` < 30",
        ),
        (
            partitioned(Partitioning.ingestion_time()),
            day(2013, 1, 1),
            (
                "`_PARTITIONTIME` >= TIMESTAMP '2013-01-01 00:00:00' "
                "AND `_PARTITIONTIME` < TIMESTAMP '2013-01-02 00:00:00'"
            ),
        ),
    ],
)
def test_a_dependency_at_the_execution_date_is_pruned(source, execution, filtered):
    rendered = sql("{source}", source=source.at_execution_date()).render(execution)
    assert rendered == f"(SELECT * FROM `acme.shop.orders` WHERE {filtered})"


@pytest.mark.parametrize(
    ("partition", "literal"),
    [
        (day(2013, 1, 31), "DATE '2013-01-31'"),
        (month(2013, 1), "DATE '2013-01-01'"),
        (hour(2013, 1, 31, 5), "TIMESTAMP '2013-01-31 05:00:00.000000+00:00'"),
        (integer(20), "20"),
    ],
)
def test_the_execution_date_is_the_start_of_the_partition(partition, literal):
    assert sql("{d}", d=ExecutionDate).render(partition) == literal


def nested(levels):
    field = Field("leaf", INT64)
    for _ in range(levels - 1):
        field = Field("node", STRUCT(field))
    return field


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sql("SELECT {"), "line 1, column 8: a brace is left open"),
        (lambda: sql("SELECT 1\nFROM }"), "line 2, column 6: a brace is left open or closed alone"),
        (lambda: sql("SELECT 1", a=1), "no place uses a"),
        (lambda: sql("{a}", a=object()), "a object has no SQL literal"),
        (lambda: STRING(0), "the length must be at least 1"),
        (lambda: NUMERIC(40, 2), "at most 29 digits stand before the point"),
        (lambda: INT64(3), r"INT64\(3\) is not a type of BigQuery"),
        (lambda: RANGE(INT64), "a range is of DATE, DATETIME or TIMESTAMP"),
        (lambda: Field("a", INT64, required=True, repeated=True), "REQUIRED or REPEATED, not both"),
        (lambda: table(Field("a", INT64), Field("A", INT64)), "two columns are called 'a'"),
        (lambda: table(nested(16)), "nest at most 15 levels"),
        (
            lambda: table(Field("a", STRUCT(Field("b", INT64, default=1)))),
            "only a top-level column",
        ),
        (table, "a table needs at least one column"),
        (
            lambda: Table(dataset=SHOP, name="t", schema=(Field("a", INT64))),
            "write .Field.'a', ….,..",
        ),
        (lambda: partitioned(Partitioning.hour("at")), "it must be TIMESTAMP or DATETIME"),
        (lambda: partitioned(Partitioning.day("nothing")), "'nothing', which is not a column"),
        (
            lambda: partitioned(Partitioning.integer_range("n", 0, 10, 0)),
            "an interval of at least 1",
        ),
        (lambda: table(Field("a", FLOAT64), clustering=("a",)), "a FLOAT64 can't cluster"),
        (
            lambda: table(
                *(Field(c, INT64) for c in "abcde"), clustering=("a", "b", "c", "d", "e")
            ),
            "5 clustering columns; BigQuery allows 4",
        ),
        (lambda: table(Field("a", INT64), labels={"Team": "x"}), "'Team' is not a label key"),
        (lambda: Dataset(project="Acme", name="x"), "'Acme' is not a project id"),
        (lambda: Dataset(project="acme", name="x.y"), "'x.y' is not a dataset name"),
        (ORDERS.at_execution_date, "has no partitions to read at the execution date"),
        (lambda: view(Field("a", INT64, required=True)), "a view's columns never are"),
        (lambda: view(Field("a", STRING(5))), r"is STRING\(5\), but a view returns STRING"),
        (lambda: view(Field("a", DATE), query=sql("{d}", d=ExecutionDate)), "has no value here"),
        (lambda: job(query=sql("SELECT * FROM {t}", t=DAILY)), "say which partitions"),
        (lambda: job(destination=DAILY), "say where to start"),
        (lambda: job(destination=DAILY, start=month(2013, 1)), "is a partition by month"),
        (
            lambda: job(destination=DAILY, start=day(2013, 1, 2), end=day(2013, 1, 1)),
            r"it ends \(20130101\) before it starts",
        ),
        (lambda: job(query=sql("SELECT 1 FROM {t}", t=ORDERS)), "it reads its own destination"),
        (lambda: day(2013, 2, 30), "day is out of range"),
    ],
)
def test_a_wrong_declaration_is_a_sentence(make, message):
    with pytest.raises(DeclarationError, match=message):
        make()


def view(*fields, query=None):
    return View(dataset=SHOP, name="v", schema=fields, query=query or sql("SELECT 1"))


def job(**rest):
    return Job(**{"name": "j", "destination": ORDERS, "query": sql("SELECT 1 AS id"), **rest})


def test_a_description_of_what_is_deep_and_wide_is_taken():
    assert table(nested(15)).fields[0].type.name == "STRUCT"


def test_two_declarations_of_one_name_are_refused():
    other = table(Field("other", INT64))
    with pytest.raises(DeclarationError, match=r"acme.shop.orders is declared twice"):
        Platform.of(ORDERS, other)


def test_two_jobs_cant_fill_one_table():
    with pytest.raises(DeclarationError, match=r"the destination of two jobs, j and k, which"):
        Platform.of(ORDERS, job(), job(name="k"))


def test_a_platform_is_the_same_in_any_order():
    twice = ScalarFunction(
        dataset=SHOP,
        name="twice",
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=sql("x * 2"),
    )
    assert Platform.of(ORDERS, twice) == Platform.of(twice, ORDERS)
    assert list(Platform.of(ORDERS, twice).objects) == [
        "acme.shop",
        "acme.shop.orders",
        "acme.shop.twice",
    ]


def test_discovery_finds_what_the_modules_of_a_package_declare(tmp_path, monkeypatch):
    package = tmp_path / "found_platform"
    (package / "deep").mkdir(parents=True)
    head = "from datoria_dagster import *\n"
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("")
    (package / "home.py").write_text(f"{head}home = Dataset(project='acme', name='home')\n")
    (package / "deep" / "tables.py").write_text(
        f"{head}from found_platform.home import home\n"
        "one = Table(dataset=home, name='one', schema=(Field('a', BOOL),))\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert list(Platform.discover("found_platform").objects) == ["acme.home", "acme.home.one"]


def test_a_dataset_that_holds_only_sources_is_not_managed():
    raw = Dataset(project="acme", name="raw")
    source = SourceTable(dataset=raw, name="events", schema=(Field("a", BOOL),))
    assert "acme.raw" not in Platform.of(source, ORDERS).managed


def test_declaring_loads_neither_dagster_nor_a_database_nor_a_parser():
    code = "import sys, datoria_dagster, datoria_dagster.cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"dagster", "google.cloud.bigquery", "duckdb", "sqlglot", "rich"} & set(loaded)
