"""Calls of routines on the embedded warehouse: rows and types as BigQuery has them."""

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import NotFound, NotSupportedLocally, Ref, Refused

SALES = Ref("table", "acme.shop.sales")
COPY = Ref("table", "acme.shop.copy")
MADE = (
    "CREATE TABLE `acme.shop.sales` (item STRING, amount INT64, price FLOAT64)",
    "CREATE TABLE `acme.shop.copy` (item STRING, amount FLOAT64)",
    (
        "CREATE AGGREGATE FUNCTION `acme.shop.mean`(x FLOAT64, w FLOAT64, factor FLOAT64 NOT "
        "AGGREGATE) RETURNS FLOAT64 AS (SUM(x * w) / SUM(w) * factor)"
    ),
    "CREATE AGGREGATE FUNCTION `acme.shop.spread`(x ANY TYPE) AS (MAX(x) - MIN(x))",
    (
        "CREATE TABLE FUNCTION `acme.shop.picked`(wanted STRING, least INT64) "
        "RETURNS TABLE<amount FLOAT64, item STRING> AS "
        "SELECT price, item, amount FROM `acme.shop.sales` WHERE item = wanted AND amount >= least"
    ),
    (
        "CREATE TABLE FUNCTION `acme.shop.of`(item STRING, top INT64) AS "
        "SELECT s.item, amount FROM `acme.shop.sales` AS s WHERE amount <= top"
    ),
    "CREATE FUNCTION `acme.shop.say`(x FLOAT64) RETURNS STRING LANGUAGE js AS 'return x;'",
    (
        "CREATE FUNCTION `acme.shop.ask`(x INT64) RETURNS ARRAY<STRUCT<a INT64>> "
        "REMOTE WITH CONNECTION `acme.eu.run` OPTIONS (endpoint = 'https://run.example/f')"
    ),
    "CREATE AGGREGATE FUNCTION `acme.shop.fold`(x FLOAT64) RETURNS NUMERIC LANGUAGE js AS 'x'",
    "CREATE PROCEDURE `acme.shop.fill`() BEGIN SELECT 1; END",
)


@pytest.fixture(scope="module")
def warehouse():
    found = LocalWarehouse(None)
    found.create(Ref("dataset", "acme.shop"), {"location": "EU"})
    for statement in MADE:
        found.execute(statement)
    rows = [("a", 1, 1.5), ("a", 3, 2.0), ("b", 5, 4.0)]
    names = ("item", "amount", "price")
    found.append(SALES, [dict(zip(names, row, strict=True)) for row in rows])
    yield found
    found.close()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            (
                "SELECT item, `acme.shop.mean`(amount, 2, 10) AS m FROM `acme.shop.sales` "
                "GROUP BY item ORDER BY item"
            ),
            (("a", 20.0), ("b", 50.0)),
        ),
        (
            "SELECT acme.shop.spread(amount), `acme.shop.spread`(price) FROM `acme.shop.sales`",
            ((4, 2.5),),
        ),
        (
            (
                "SELECT item FROM `acme.shop.sales` GROUP BY item "
                "HAVING `acme.shop.spread`(amount) > 0"
            ),
            (("a",),),
        ),
        ("SELECT * FROM `acme.shop.picked`('a', 2)", ((3.0, "a"),)),
        ("SELECT r.item FROM acme.shop.picked('a', 0) AS r ORDER BY r.amount LIMIT 1", (("a",),)),
        (
            (
                "SELECT COUNT(*) FROM `acme.shop.picked`('a', 0) AS r "
                "JOIN `acme.shop.picked`('b', 0) AS s ON r.amount < s.amount"
            ),
            ((2,),),
        ),
        (
            (
                "SELECT p.amount FROM `acme.shop.picked`("
                "'b', (SELECT MAX(amount) FROM `acme.shop.sales`)) AS p"
            ),
            ((5.0,),),
        ),
        ("SELECT amount FROM `acme.shop.picked`(CONCAT('', 'b'), 1 + 1)", ((5.0,),)),
        # A column hides an argument of its name.
        ("SELECT item, amount FROM `acme.shop.of`('zzz', 4) ORDER BY amount", (("a", 1), ("a", 3))),
        (
            "WITH r AS (SELECT * FROM `acme.shop.picked`('a', 0)) SELECT SUM(amount) FROM r",
            ((4.0,),),
        ),
    ],
)
def test_calls_return_the_rows_that_bigquery_returns(warehouse, query, rows):
    assert warehouse.query(query).rows == rows


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (
            "SELECT * FROM `acme.shop.picked`('a', 1)",
            (("amount", "FLOAT", "NULLABLE"), ("item", "STRING", "NULLABLE")),
        ),
        (
            "SELECT `acme.shop.say`(amount) AS s FROM `acme.shop.sales`",
            (("s", "STRING", "NULLABLE"),),
        ),
        ("SELECT `acme.shop.ask`(1) AS s", (("s", "RECORD", "REPEATED"),)),
        (
            "SELECT item, `acme.shop.fold`(price) AS f FROM `acme.shop.sales` GROUP BY item",
            (("item", "STRING", "NULLABLE"), ("f", "NUMERIC", "NULLABLE")),
        ),
    ],
)
def test_a_dry_run_types_what_it_can_not_run(warehouse, query, fields):
    found = warehouse.dry_run(query).fields
    assert tuple((f["name"], f["type"], f["mode"]) for f in found) == fields


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("SELECT `acme.shop.say`(1.0)", NotSupportedLocally, "acme.shop.say is a JavaScript"),
        ("SELECT `acme.shop.ask`(1)", NotSupportedLocally, "acme.shop.ask is a remote"),
        (
            "SELECT `acme.shop.fold`(price) FROM `acme.shop.sales`",
            NotSupportedLocally,
            "acme.shop.fold is a JavaScript",
        ),
        (
            "SELECT `acme.shop.spread`(amount) OVER () FROM `acme.shop.sales`",
            NotSupportedLocally,
            "acme.shop.spread with OVER",
        ),
        (
            "SELECT `acme.shop.spread`(DISTINCT amount) FROM `acme.shop.sales`",
            NotSupportedLocally,
            "acme.shop.spread with DISTINCT",
        ),
        (
            "SELECT `acme.shop.picked`('a', 1)",
            Refused,
            "a table function, which can't be called in",
        ),
        ("SELECT * FROM `acme.shop.say`(1.0)", Refused, "a scalar function, which can't be called"),
        ("SELECT `acme.shop.fill`()", Refused, "acme.shop.fill is a procedure"),
        ("SELECT * FROM `acme.shop.fill`()", Refused, "acme.shop.fill is a procedure"),
        ("SELECT * FROM `acme.shop.picked`('a')", Refused, "It takes 2, and was given 1"),
        ("SELECT `acme.shop.say`()", Refused, "It takes 1, and was given 0"),
        ("SELECT * FROM `acme.shop.gone`(1)", NotFound, "not found: acme.shop.gone"),
        ("SELECT * FROM EXTERNAL_QUERY('c', 'x')", NotSupportedLocally, "EXTERNAL_QUERY"),
    ],
)
def test_a_call_that_can_not_be_made_is_refused(warehouse, query, error, message):
    with pytest.raises(error) as caught:
        warehouse.query(query)
    assert message in str(caught.value)


def test_an_argument_of_a_call_is_checked_in_a_dry_run(warehouse):
    with pytest.raises(Refused, match="nope"):
        warehouse.dry_run("SELECT `acme.shop.say`(nope) AS s FROM `acme.shop.sales`")


def test_views_functions_and_jobs_call_them(warehouse):
    warehouse.execute(
        "CREATE OR REPLACE VIEW `acme.shop.means` AS SELECT r.item, "
        "`acme.shop.mean`(r.amount, 1, 1) AS m FROM `acme.shop.picked`('a', 0) AS r GROUP BY r.item"
    )
    assert warehouse.query("SELECT * FROM `acme.shop.means`").rows == (("a", 2.0),)
    warehouse.execute(
        "CREATE OR REPLACE FUNCTION `acme.shop.total`(amount FLOAT64) AS ("
        "(SELECT SUM(m) FROM `acme.shop.means` WHERE m > amount))"
    )
    assert warehouse.query("SELECT `acme.shop.total`(1), `acme.shop.total`(2)").rows == (
        (2.0, None),
    )
    assert warehouse.write("SELECT * FROM `acme.shop.picked`('b', 0)", COPY, None) == 1
    assert warehouse.rows(COPY) == ({"item": "b", "amount": 5.0},)
    with pytest.raises(NotSupportedLocally, match=r"acme\.shop\.say is a JavaScript function"):
        warehouse.write("SELECT `acme.shop.say`(1.0) AS item", COPY, None)
    assert warehouse.rows(COPY) == ({"item": "b", "amount": 5.0},)


def test_a_view_over_javascript_is_made_but_not_read(warehouse):
    warehouse.execute(
        "CREATE OR REPLACE VIEW `acme.shop.said` AS "
        "SELECT `acme.shop.say`(amount) AS s FROM `acme.shop.sales`"
    )
    view = Ref("table", "acme.shop.said")
    fields = warehouse.read([view])[view].body["schema"]["fields"]
    assert fields == [{"name": "s", "type": "STRING", "mode": "NULLABLE"}]
    with pytest.raises(NotSupportedLocally, match=r"acme\.shop\.say is a JavaScript function"):
        warehouse.query("SELECT * FROM `acme.shop.said`")


def test_a_column_of_a_view_is_no_argument_of_the_function_that_reads_it(warehouse):
    warehouse.execute(
        "CREATE OR REPLACE VIEW `acme.shop.small` AS "
        "SELECT price AS cost FROM `acme.shop.sales` WHERE amount < 4"
    )
    warehouse.execute(
        "CREATE OR REPLACE FUNCTION `acme.shop.count_above`(amount FLOAT64) AS ("
        "(SELECT COUNT(*) FROM `acme.shop.small` WHERE cost > amount))"
    )
    assert warehouse.query("SELECT `acme.shop.count_above`(1.7)").rows == ((1,),)


def test_a_table_of_the_function_does_not_hide_the_column_that_it_is_called_with(warehouse):
    warehouse.execute(
        "CREATE OR REPLACE FUNCTION `acme.shop.rank`(x INT64) AS ("
        "(SELECT COUNT(*) FROM `acme.shop.sales` WHERE amount > x))"
    )
    warehouse.execute(
        "CREATE OR REPLACE FUNCTION `acme.shop.tenfold`(amount INT64) AS "
        "(`acme.shop.rank`(amount) * 10)"
    )
    query = "SELECT `acme.shop.tenfold`(amount) AS r FROM `acme.shop.sales` ORDER BY r"
    assert warehouse.query(query).rows == ((0,), (10,), (20,))
    grouped = (
        "SELECT `acme.shop.rank`(amount) AS r, COUNT(*) FROM `acme.shop.sales` "
        "GROUP BY `acme.shop.rank`(amount) ORDER BY r"
    )
    assert warehouse.query(grouped).rows == ((0, 1), (1, 1), (2, 1))


def test_a_callee_that_changes_its_type_changes_a_caller_that_has_none(warehouse):
    warehouse.execute("CREATE OR REPLACE FUNCTION `acme.shop.one`() AS (1)")
    warehouse.execute("CREATE OR REPLACE FUNCTION `acme.shop.two`() AS (`acme.shop.one`())")
    warehouse.execute("CREATE OR REPLACE FUNCTION `acme.shop.one`() AS ('1')")
    assert warehouse.dry_run("SELECT `acme.shop.two`() AS x").fields[0]["type"] == "STRING"
    circle = "CREATE OR REPLACE FUNCTION `acme.shop.one`() AS (`acme.shop.two`())"
    with pytest.raises(Refused, match="calls itself"):
        warehouse.execute(circle)


def test_functions_nest_sixteen_deep_at_most(warehouse):
    warehouse.execute("CREATE OR REPLACE FUNCTION `acme.shop.f0`() AS (1)")
    for level in range(1, 16):
        warehouse.execute(
            f"CREATE OR REPLACE FUNCTION `acme.shop.f{level}`() AS (`acme.shop.f{level - 1}`())"
        )
    assert warehouse.query("SELECT `acme.shop.f15`()").rows == ((1,),)
    with pytest.raises(Refused, match="deeper than 16"):
        warehouse.execute("CREATE OR REPLACE FUNCTION `acme.shop.f16`() AS (`acme.shop.f15`())")


BODY = "BEGIN {} END"


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("SELECT * FROM `acme.shop.gone`;", "Table acme:shop.gone"),
        ("INSERT INTO `acme.shop.gone` (x) SELECT 1;", "Table acme:shop.gone"),
        ("IF TRUE THEN DELETE FROM `acme.shop.gone` WHERE TRUE; END IF;", "Table acme:shop.gone"),
        ("IF EXISTS (SELECT 1 FROM `acme.shop.gone`) THEN SELECT 1; END IF;", "acme:shop.gone"),
        ("FOR r IN (SELECT 1 FROM `acme.shop.gone`) DO SELECT r; END FOR;", "acme:shop.gone"),
        ("WHILE x > 1 DO SELECT `acme.shop.gone`(x); END WHILE;", "Routine acme:shop.gone"),
        ("SELECT * FROM `acme.shop.gone`(1);", "Routine acme:shop.gone"),
        ("CALL `acme.shop.gone`(1);", "Routine acme:shop.gone"),
        ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN CALL acme.shop.gone(); END;", "Routine"),
        ("CALL `acme.shop.checked`();", "Routine acme:shop.checked"),
    ],
)
def test_a_strict_procedure_uses_what_exists(warehouse, body, missing):
    statement = f"CREATE PROCEDURE `acme.shop.checked`() {BODY.format(body)}"
    with pytest.raises(NotFound, match=missing):
        warehouse.execute(statement)
    assert Ref("routine", "acme.shop.checked") not in warehouse.list("acme.shop")
    warehouse.execute(statement.replace("()", "() OPTIONS (strict_mode = FALSE)", 1))
    warehouse.execute("DROP PROCEDURE `acme.shop.checked`")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nope FROM `acme.shop.sales`;",
        "INSERT INTO `acme.shop.copy` (item) SELECT nope FROM `acme.shop.sales`;",
        "IF (SELECT MAX(nope) FROM `acme.shop.sales`) > n THEN SELECT 1; END IF;",
    ],
)
def test_a_strict_procedure_reads_columns_that_exist(warehouse, query):
    start = "CREATE PROCEDURE `acme.shop.checked`(n INT64) "
    with pytest.raises(Refused, match=r'"nope" not found .*\(in procedure acme\.shop\.checked\)'):
        warehouse.execute(start + BODY.format(query))
    warehouse.execute(start + BODY.format(query.replace("nope", "n")))
    warehouse.execute("DROP PROCEDURE `acme.shop.checked`")


@pytest.mark.parametrize(
    "body",
    [
        "DECLARE n INT64 DEFAULT 1; SET n = n + 1; REPEAT SET n = 2; UNTIL TRUE END REPEAT;",
        "CREATE TABLE `acme.shop.new` (x INT64); INSERT INTO `acme.shop.new` SELECT 1;",
        "CREATE TEMP TABLE t AS SELECT 1 AS x; WITH c AS (SELECT * FROM t) SELECT * FROM c;",
        "BEGIN TRANSACTION; DELETE FROM `acme.shop.sales` WHERE TRUE; COMMIT TRANSACTION;",
        (
            "MERGE `acme.shop.sales` AS s USING `acme.shop.picked`('a', 1) AS r ON FALSE "
            "WHEN NOT MATCHED THEN INSERT (item) VALUES (r.item);"
        ),
        "CASE WHEN TRUE THEN SELECT 1; END CASE; CALL `acme.shop.fill`(); RETURN;",
        (
            "DECLARE low, high INT64; SELECT item, low FROM `acme.shop.sales` WHERE amount < high "
            "LIMIT 1; FOR s IN (SELECT 1 AS x) DO SELECT s.x, @@row_count; END FOR;"
        ),
        "SELECT SOUNDEX(item), NET.HOST(item) FROM `acme.shop.sales`;",
        "EXECUTE IMMEDIATE 'SELECT * FROM `acme.shop.gone`';",
    ],
)
def test_a_strict_procedure_may_create_what_it_uses(warehouse, body):
    warehouse.execute(f"CREATE PROCEDURE `acme.shop.checked`() {BODY.format(body)}")
    warehouse.execute("DROP PROCEDURE `acme.shop.checked`")


def test_a_procedure_is_kept_but_not_called(warehouse):
    with pytest.raises(NotSupportedLocally, match="CALL"):
        warehouse.execute("CALL `acme.shop.fill`()")
