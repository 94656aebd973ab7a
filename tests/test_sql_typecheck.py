"""What a query returns, and what is wrong with the columns it names."""

import pytest

from datoria_dagster import (
    ARRAY,
    DATE,
    FLOAT64,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    STRUCT,
    TIMESTAMP,
    Field,
)
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.typecheck import output

SCHEMAS = {
    "p.d.orders": (
        Field("id", INT64, required=True),
        Field("Customer", STRING(20)),
        Field(
            "address", STRUCT(Field("City", STRING), Field("geo", STRUCT(Field("lat", FLOAT64))))
        ),
        Field("items", STRUCT(Field("sku", STRING), Field("price", NUMERIC(10, 2))), repeated=True),
        Field("tags", STRING, repeated=True),
        Field("doc", JSON),
        Field("day", DATE),
        Field("at", TIMESTAMP),
    ),
    "p.d.rates": (Field("id", INT64), Field("rate", FLOAT64)),
}
FUNCTIONS = {"p.d.clean": STRING, "p.d.Parts": ARRAY(INT64)}


def returned(query):
    columns = output(query, SCHEMAS, FUNCTIONS)
    return columns and [(name, type and str(type)) for name, type in columns]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM `p.d.rates`", [("id", "INT64"), ("rate", "FLOAT64")]),
        ("SELECT r.* EXCEPT (id), r.id AS key FROM `p.d.rates` AS r",
         [("rate", "FLOAT64"), ("key", "INT64")]),
        ("SELECT * REPLACE (CAST(id AS STRING) AS id) FROM `p.d.rates`",
         [("id", "STRING"), ("rate", "FLOAT64")]),
        ("SELECT ADDRESS.City, o.address.geo.LAT AS l FROM `p.d.orders` AS o",
         [("city", "STRING"), ("l", "FLOAT64")]),
        ("SELECT address.* FROM `p.d.orders`",
         [("city", "STRING"), ("geo", "STRUCT<`lat` FLOAT64>")]),
        ("SELECT customer, items, tags FROM `p.d.orders`",
         [("customer", "STRING"),
          ("items", "ARRAY<STRUCT<`sku` STRING, `price` NUMERIC>>"),
          ("tags", "ARRAY<STRING>")]),
        (("SELECT i.sku, price, position FROM `p.d.orders`, UNNEST(items) AS i WITH "
          "OFFSET AS position"),
         [("sku", "STRING"), ("price", "NUMERIC"), ("position", "INT64")]),
        ("SELECT tag FROM `p.d.orders` AS o, o.tags AS tag", [("tag", "STRING")]),
        (("SELECT ARRAY(SELECT sku FROM UNNEST(items)) AS skus, tags[OFFSET(0)] AS "
          "tag FROM `p.d.orders`"),
         [("skus", "ARRAY<STRING>"), ("tag", "STRING")]),
        (("SELECT p.d.clean(customer) AS a, `p.d.Parts`(1) AS b, p.d.other(1) AS c "
          "FROM `p.d.orders`"),
         [("a", "STRING"), ("b", "ARRAY<INT64>"), ("c", None)]),
        ("SELECT COUNT(*) AS n, SUM(id) AS s, AVG(id) AS a, MAX(at) AS m FROM `p.d.orders`",
         [("n", "INT64"), ("s", "INT64"), ("a", "FLOAT64"), ("m", "TIMESTAMP")]),
        ("SELECT id / 2 AS half, id || 'x' AS text, day + INTERVAL 1 DAY AS next FROM `p.d.orders`",
         [("half", "FLOAT64"), ("text", None), ("next", None)]),
        ("SELECT 1, 'a', COUNT(*), id FROM `p.d.orders` GROUP BY id",
         [("f0_", "INT64"), ("f1_", "STRING"), ("f2_", "INT64"), ("id", "INT64")]),
        ("SELECT id FROM `p.d.orders` UNION ALL SELECT rate FROM `p.d.rates`", [("id", "FLOAT64")]),
        ("SELECT id FROM `p.d.orders` JOIN `p.d.rates` USING (id)", [("id", "INT64")]),
        ("SELECT id AS rate, rate AS id FROM `p.d.rates` WHERE rate > 0 ORDER BY rate",
         [("rate", "INT64"), ("id", "FLOAT64")]),
        ("WITH o AS (SELECT * FROM `p.d.orders`), r AS (SELECT id, day FROM o) SELECT r.* FROM r",
         [("id", "INT64"), ("day", "DATE")]),
        (("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n "
          "< 9) SELECT n FROM r"),
         [("n", "INT64")]),
        (("SELECT id, (SELECT MAX(rate) FROM `p.d.rates` AS r WHERE r.id = o.id) AS "
          "top FROM `p.d.orders` AS o"),
         [("id", "INT64"), ("top", "FLOAT64")]),
        (("SELECT id, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY at) AS n "
          "FROM `p.d.orders` QUALIFY n = 1"),
         [("id", "INT64"), ("n", "INT64")]),
        (("SELECT doc.Some.key AS k, _PARTITIONTIME AS p FROM "
          "`p.d.orders`"), [("k", None), ("p", None)]),
        ("SELECT SUM(rate) OVER w AS s FROM `p.d.rates` WINDOW w AS (PARTITION BY id)",
         [("s", "FLOAT64")]),
        ("SELECT id, SUM(rate) OVER w FROM `p.d.rates` WINDOW w AS (PARTITION BY id)",
         [("id", "INT64"), ("f0_", "FLOAT64")]),
        ("FROM `p.d.rates` |> WHERE rate > 1 |> SELECT id", [("id", "INT64")]),
        ("(SELECT id FROM `p.d.rates` ORDER BY rate LIMIT 1)", [("id", "INT64")]),
        ("SELECT s.id FROM (SELECT * FROM `p.d.orders` WHERE `day` = DATE '2013-01-05') AS s",
         [("id", "INT64")]),
    ],
)  # fmt: skip
def test_a_query_returns(query, expected):
    assert returned(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM `p.d.rates` PIVOT (SUM(rate) FOR id IN (1, 2))",
        "SELECT * FROM `p.d.function`(1)",
        "SELECT * FROM `p.d`.INFORMATION_SCHEMA.TABLES",
        "SELECT AS VALUE id FROM `p.d.rates`",
        "SELECT id FROM `p.d.rates` UNION ALL SELECT id, rate FROM `p.d.rates`",
    ],
)
def test_what_can_not_be_told_is_not_guessed(query):
    assert returned(query) is None


@pytest.mark.parametrize(
    ("query", "sentence", "column"),
    [
        ("SELECT 1 FROM `p.d.nowhere`", "p.d.nowhere is not declared.", 15),
        (("SELECT custmer FROM "
          "`p.d.orders`"), "There is no column custmer. Did you mean customer?", 8),
        (("SELECT o.nothing_like_it FROM `p.d.orders` AS "
          "o"), "There is no column nothing_like_it.", 10),
        ("SELECT address.cty FROM `p.d.orders`", "There is no field cty. Did you mean city?", 16),
        ("SELECT address.geo.long FROM `p.d.orders`", "There is no field long.", 20),
        (("SELECT id FROM `p.d.rates` WHERE rat > "
          "1"), "There is no column rat. Did you mean rate?", 34),
        ("SELECT id FROM `p.d.orders` AS o JOIN `p.d.rates` AS r ON o.id = r.id",
         "Column id is ambiguous: o and r have it.", 8),
        ("SELECT s.day FROM (SELECT id FROM `p.d.orders`) AS s", "There is no column day.", 10),
        ("SELECT items.sku FROM `p.d.orders`",
         "Field sku is read of an array. Use UNNEST or [OFFSET(0)].", 14),
        (("SELECT (SELECT MAX(r.rat) FROM `p.d.rates` AS r WHERE r.id = o.id) AS m "
          "FROM `p.d.orders` AS o"),
         "There is no column rat. Did you mean rate?", 22),
        (("SELECT i.skuu FROM `p.d.orders`, UNNEST(items) AS "
          "i"), "There is no field skuu. Did you mean sku?", 10),
    ],
)  # fmt: skip
def test_an_unknown_name_is_an_error_with_its_place(query, sentence, column):
    with pytest.raises(SqlError) as caught:
        output(query, SCHEMAS, FUNCTIONS)
    assert str(caught.value).split("\n")[0] == sentence
    assert caught.value.column == column


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x.a, a FROM UNNEST(`p.q.structs`(1)) AS x",
        "SELECT a FROM UNNEST([STRUCT(1 AS a)])",
        "SELECT doc.anything[0].at.All FROM `p.d.orders`",
        "SELECT id FROM `p.d.orders` WHERE EXISTS (SELECT 1 FROM UNNEST(items) WHERE price > id)",
        "SELECT TO_JSON_STRING(o) AS j FROM `p.d.orders` AS o",
        "SELECT o FROM `p.d.orders` AS o GROUP BY ALL",
        "SELECT id + 1 AS next FROM `p.d.rates` GROUP BY next HAVING next > 1 ORDER BY NEXT",
    ],
)
def test_a_name_that_may_be_right_is_no_error(query):
    output(query, SCHEMAS, FUNCTIONS)
