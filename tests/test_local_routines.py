"""Routines on the embedded warehouse, through the port."""

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    NotSupportedLocally,
    PreconditionFailed,
    Ref,
    Refused,
)

SALES = Ref("table", "acme.shop.sales")
ROUTINE = Ref("routine", "acme.shop.r")
STAMPS = ("etag", "creationTime", "lastModifiedTime", "routineReference")
FLOAT, INT, TEXT = ({"typeKind": kind} for kind in ("FLOAT64", "INT64", "STRING"))


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    found.create(Ref("dataset", "acme.shop"), {"location": "EU"})
    found.execute("CREATE TABLE `acme.shop.sales` (item STRING, amount INT64, price FLOAT64)")
    rows = [("a", 1, 1.5), ("a", 3, 2.0), ("b", 5, 4.0)]
    names = ("item", "amount", "price")
    found.append(SALES, [dict(zip(names, row, strict=True)) for row in rows])
    yield found
    found.close()


def said(warehouse):
    body = warehouse.read([ROUTINE])[ROUTINE].body
    return {key: value for key, value in body.items() if key not in STAMPS}


def refused(warehouse, act, message, error=Refused):
    before = (warehouse.list("acme.shop"), warehouse.read([ROUTINE]))
    with pytest.raises(error) as caught:
        act()
    assert message in str(caught.value)
    assert (warehouse.list("acme.shop"), warehouse.read([ROUTINE])) == before


def argument(name, kind, **more):
    return {"name": name, "dataType": kind, **more}


JAVASCRIPT = {
    "routineType": "SCALAR_FUNCTION",
    "language": "JAVASCRIPT",
    "arguments": [argument("x", FLOAT)],
    "returnType": TEXT,
    "definitionBody": 'return "\\n" + x;',
}
REMOTE = {
    "routineType": "SCALAR_FUNCTION",
    "arguments": [argument("x", INT)],
    "returnType": {"typeKind": "ARRAY", "arrayElementType": TEXT},
    "remoteFunctionOptions": {
        "connection": "projects/acme/locations/eu/connections/run",
        "endpoint": "https://run.example/f",
        "maxBatchingRows": "10",
        "userDefinedContext": {"mode": "fast"},
    },
}
MEAN = {
    "routineType": "AGGREGATE_FUNCTION",
    "language": "SQL",
    "arguments": [
        argument("x", FLOAT),
        argument("w", FLOAT),
        argument("factor", FLOAT, isAggregate=False),
    ],
    "returnType": FLOAT,
    "definitionBody": "SUM(x * w) / SUM(w) * factor",
}
ROWS = {
    "routineType": "TABLE_VALUED_FUNCTION",
    "language": "SQL",
    "arguments": [argument("wanted", TEXT), {"name": "least", "argumentKind": "ANY_TYPE"}],
    "returnTableType": {
        "columns": [{"name": "amount", "type": FLOAT}, {"name": "item", "type": TEXT}]
    },
    "definitionBody": "SELECT item, amount FROM `acme.shop.sales` "
    "WHERE item = wanted AND amount >= least",
}
PROCEDURE = {
    "routineType": "PROCEDURE",
    "language": "SQL",
    "arguments": [
        argument("a", INT),
        argument("b", TEXT, mode="OUT"),
        argument("c", {"typeKind": "ARRAY", "arrayElementType": INT}, mode="INOUT"),
    ],
    "strictMode": True,
    "definitionBody": "BEGIN SET b = (SELECT MAX(item) FROM `acme.shop.sales`); END",
}
STATEMENTS = [
    (
        JAVASCRIPT
        | {"determinismLevel": "NOT_DETERMINISTIC", "importedLibraries": ["gs://b/l.js"]},
        (
            "CREATE FUNCTION `acme.shop.r`(x FLOAT64) RETURNS STRING NOT DETERMINISTIC LANGUAGE js "
            """OPTIONS (library = ['gs://b/l.js']) AS 'return "\\\\n" + x;'"""
        ),
    ),
    (
        JAVASCRIPT | {"description": "Says it."},
        (
            "CREATE FUNCTION `acme.shop.r`(x FLOAT64) RETURNS STRING LANGUAGE js "
            '''OPTIONS (description = 'Says it.') AS r"""return "\\n" + x;"""'''
        ),
    ),
    (
        REMOTE,
        (
            "CREATE FUNCTION `acme.shop.r`(x INT64) RETURNS ARRAY<STRING> "
            "REMOTE WITH CONNECTION `acme.eu.run` OPTIONS (endpoint = 'https://run.example/f', "
            "max_batching_rows = 10, user_defined_context = [('mode', 'fast')])"
        ),
    ),
    (
        MEAN,
        (
            "CREATE AGGREGATE FUNCTION `acme.shop.r`(x FLOAT64, w FLOAT64, factor FLOAT64 NOT "
            "AGGREGATE) RETURNS FLOAT64 AS (SUM(x * w) / SUM(w) * factor)"
        ),
    ),
    (
        ROWS,
        (
            "CREATE TABLE FUNCTION `acme.shop.r`(wanted STRING, least ANY TYPE) "
            f"RETURNS TABLE<amount FLOAT64, item STRING> AS {ROWS['definitionBody']}"
        ),
    ),
    (
        PROCEDURE,
        (
            "CREATE PROCEDURE `acme.shop.r`(a INT64, OUT b STRING, INOUT c ARRAY<INT64>) "
            f"{PROCEDURE['definitionBody']};"
        ),
    ),
    (
        PROCEDURE | {"strictMode": False, "description": "Loose."},
        (
            "CREATE PROCEDURE `acme.shop.r`(IN a INT64, OUT b STRING, INOUT c ARRAY<INT64>) "
            f"OPTIONS (strict_mode = FALSE, description = 'Loose.') {PROCEDURE['definitionBody']}"
        ),
    ),
]


@pytest.mark.parametrize(("body", "statement"), STATEMENTS)
def test_ddl_and_rest_make_the_same_routine(warehouse, body, statement):
    warehouse.create(ROUTINE, body)
    assert said(warehouse) == body
    warehouse.delete(ROUTINE, None)
    warehouse.execute(statement)
    assert said(warehouse) == body


def test_what_goes_without_saying_is_not_answered(warehouse):
    given = {
        **{key: value for key, value in PROCEDURE.items() if key not in ("language", "strictMode")},
        "arguments": [argument("a", INT, mode="IN", argumentKind="FIXED_TYPE")],
        "definitionBody": "BEGIN SELECT a; END",
        "description": "",
    }
    warehouse.create(ROUTINE, given)
    assert said(warehouse) == {
        "routineType": "PROCEDURE",
        "language": "SQL",
        "strictMode": True,
        "arguments": [argument("a", INT)],
        "definitionBody": "BEGIN SELECT a; END",
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (JAVASCRIPT | {"returnType": None}, "needs a return type"),
        (JAVASCRIPT | {"definitionBody": ""}, "needs a definitionBody"),
        (JAVASCRIPT | {"arguments": [argument("x", INT)]}, "x is INT64, which JavaScript"),
        (JAVASCRIPT | {"arguments": [{"name": "x"}]}, "x of a JavaScript scalar function needs"),
        (JAVASCRIPT | {"importedLibraries": ["l.js"]}, "must be a gs:// address"),
        (JAVASCRIPT | {"determinismLevel": "MAYBE"}, "invalid determinismLevel MAYBE"),
        (JAVASCRIPT | {"returnType": {"typeKind": "TEXT"}}, "an invalid type, TEXT"),
        (JAVASCRIPT | {"arguments": [argument("x", FLOAT)] * 2}, "arguments have the same name"),
        (JAVASCRIPT | {"arguments": [argument("x", FLOAT, mode="OUT")]}, "x has a mode"),
        (REMOTE | {"definitionBody": "x"}, "which has no definitionBody"),
        (REMOTE | {"returnType": None}, "needs a return type"),
        (REMOTE | {"remoteFunctionOptions": {"endpoint": "https://x"}}, "needs a connection"),
        (
            REMOTE | {"remoteFunctionOptions": {"endpoint": "http://x", "connection": "c"}},
            "must be an https:// URL",
        ),
        (MEAN | {"definitionBody": "x + w"}, '"x" must appear in the GROUP BY'),
        (MEAN | {"definitionBody": "SUM(nope)"}, "nope"),
        (MEAN | {"returnTableType": ROWS["returnTableType"]}, "which has no returnTableType"),
        (ROWS | {"returnType": INT}, "which has no returnType"),
        (ROWS | {"definitionBody": "SELECT item FROM `acme.shop.sales`"}, "amount"),
        (ROWS | {"definitionBody": "SELECT nope FROM `acme.shop.sales`"}, "nope"),
        (ROWS | {"definitionBody": "1 + 1"}, "exactly one SELECT"),
        (ROWS | {"definitionBody": "SELECT * FROM `acme.shop.r`('a', 1)"}, "calls itself"),
        (ROWS | {"strictMode": True}, "which has no strictMode"),
        (ROWS | {"arguments": [argument("x", INT, isAggregate=False)]}, "x is NOT AGGREGATE"),
        (PROCEDURE | {"definitionBody": "SELECT 1"}, "is BEGIN … END"),
        (PROCEDURE | {"arguments": [argument("a", INT, mode="UP")]}, "invalid mode UP"),
        (PROCEDURE | {"returnType": INT}, "which has no returnType"),
        (PROCEDURE | {"routineType": "MACRO"}, "routineType must be one of"),
    ],
)
def test_a_routine_is_refused(warehouse, body, message):
    refused(warehouse, lambda: warehouse.create(ROUTINE, body), message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (JAVASCRIPT | {"dataGovernanceType": "DATA_MASKING"}, "dataGovernanceType of a routine"),
        (PROCEDURE | {"securityMode": "INVOKER"}, "securityMode of a routine"),
        (JAVASCRIPT | {"language": "PYTHON"}, "no PYTHON scalar function"),
        (PROCEDURE | {"language": "SPARK"}, "no SPARK procedure"),
        (ROWS | {"arguments": [{"name": "t", "argumentKind": "ANY_TABLE"}]}, "no ANY_TABLE"),
    ],
)
def test_what_can_not_be_kept_here_is_said_by_name(warehouse, body, message):
    act = lambda: warehouse.create(ROUTINE, body)  # noqa: E731
    refused(warehouse, act, message, NotSupportedLocally)


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("CREATE FUNCTION `acme.shop.r`(x STRING(3)) AS (x)", Refused, "no parameters"),
        (
            "CREATE FUNCTION `acme.shop.r`() RETURNS INT64 LANGUAGE python AS 'x'",
            NotSupportedLocally,
            "PYTHON",
        ),
        (
            "CREATE TABLE FUNCTION `acme.shop.r`(t TABLE<x INT64>) AS SELECT * FROM t",
            NotSupportedLocally,
            "TABLE arguments: t of acme.shop.r",
        ),
        (
            (
                "CREATE FUNCTION `acme.shop.r`() RETURNS INT64 REMOTE WITH CONNECTION run "
                "OPTIONS (endpoint = 'https://x')"
            ),
            Refused,
            "must be qualified",
        ),
        (
            "CREATE FUNCTION `acme.shop.r`() AS (1) OPTIONS (library = ['gs://b/x'])",
            NotSupportedLocally,
            "option library",
        ),
        ("CREATE PROCEDURE `acme.shop.r`() SELECT 1", NotSupportedLocally, "BEGIN … END"),
    ],
)
def test_a_statement_that_makes_a_routine_is_refused(warehouse, statement, error, message):
    refused(warehouse, lambda: warehouse.execute(statement), message, error)


def test_a_routine_is_replaced_by_one_of_its_kind_only(warehouse):
    created = warehouse.create(ROUTINE, ROWS)
    scalar = "CREATE OR REPLACE FUNCTION `acme.shop.r`() AS (1)"
    refused(warehouse, lambda: warehouse.execute(scalar), "can't be replaced by a SQL scalar")
    refused(warehouse, lambda: warehouse.replace(ROUTINE, PROCEDURE, None), "a SQL table function")
    refused(warehouse, lambda: warehouse.create(ROUTINE, ROWS), "Already Exists", AlreadyExists)
    replaced = warehouse.replace(ROUTINE, ROWS | {"description": "Rows."}, created.etag)
    assert replaced.body["creationTime"] == created.body["creationTime"]
    with pytest.raises(PreconditionFailed):
        warehouse.replace(ROUTINE, ROWS, created.etag)
    warehouse.execute("CREATE TABLE FUNCTION IF NOT EXISTS `acme.shop.r`() AS SELECT 1 AS x")
    assert said(warehouse) == ROWS | {"description": "Rows."}
    warehouse.execute("CREATE OR REPLACE TABLE FUNCTION `acme.shop.r`() AS SELECT 1 AS x")
    assert said(warehouse) == {
        "routineType": "TABLE_VALUED_FUNCTION",
        "language": "SQL",
        "definitionBody": "SELECT 1 AS x",
    }


@pytest.mark.parametrize(
    ("body", "drops", "others"),
    [
        (JAVASCRIPT, "FUNCTION", ("TABLE FUNCTION", "PROCEDURE", "AGGREGATE FUNCTION")),
        (MEAN, "FUNCTION", ("TABLE FUNCTION", "PROCEDURE")),
        (MEAN, "AGGREGATE FUNCTION", ()),
        (ROWS, "TABLE FUNCTION", ("FUNCTION", "PROCEDURE")),
        (PROCEDURE, "PROCEDURE", ("FUNCTION", "TABLE FUNCTION")),
    ],
)
def test_a_routine_is_dropped_as_what_it_is(warehouse, body, drops, others):
    warehouse.create(ROUTINE, body)
    for kind in others:
        drop = f"DROP {kind} `acme.shop.r`"
        refused(warehouse, lambda drop=drop: warehouse.execute(drop), "doesn't drop")
    warehouse.execute(f"DROP {drops} `acme.shop.r`")
    warehouse.execute(f"DROP {drops} IF EXISTS `acme.shop.r`")
    with pytest.raises(NotFound):
        warehouse.execute(f"DROP {drops} `acme.shop.r`")
