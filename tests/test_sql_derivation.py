"""Of which columns each output of a query is computed."""

import pytest

from datoria_dagster import DATE, FLOAT64, INT64, NUMERIC, STRING, STRUCT, Field
from datoria_dagster.sql.derivation import derivation

SCHEMAS = {
    "p.d.t": (
        Field("id", INT64),
        Field("Name", STRING),
        Field("address", STRUCT(Field("City", STRING), Field("lat", FLOAT64))),
        Field("items", STRUCT(Field("sku", STRING), Field("price", NUMERIC)), repeated=True),
        Field("tags", STRING, repeated=True),
        Field("day", DATE),
    ),
    "p.d.u": (Field("id", INT64), Field("v", FLOAT64)),
    "p.d.ev_1": (Field("a", INT64), Field("b", INT64)),
    "p.d.f": (Field("id", INT64), Field("w", FLOAT64)),
}


def derived(query):
    found = derivation(query, SCHEMAS)
    return " | ".join(
        f"{name}: {' '.join(f'{relation[4:]}.{path}' for relation, path in places)}".strip()
        for name, places in found
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT id, NAME AS n FROM `p.d.t`", "id: t.id | n: t.name"),
        ("SELECT * FROM `p.d.u`", "id: u.id | v: u.v"),
        ("SELECT * EXCEPT (id) FROM `p.d.u`", "v: u.v"),
        ("SELECT * REPLACE (v + id AS v) FROM `p.d.u`", "id: u.id | v: u.id u.v"),
        # What decides which rows there are is not among the columns.
        ("SELECT v FROM `p.d.u` WHERE id > 1 ORDER BY id", "v: u.v"),
        ("SELECT id, SUM(v) AS s, COUNT(*) AS n FROM `p.d.u` GROUP BY id",
         "id: u.id | s: u.v | n:"),
        ("SELECT 1 AS one, 'x' AS x, CURRENT_DATE() AS d", "one: | x: | d:"),
        ("SELECT DATE_TRUNC(day, MONTH) AS m FROM `p.d.t`", "m: t.day"),
        ("SELECT CASE WHEN id > 1 THEN Name END AS c FROM `p.d.t`", "c: t.id t.name"),
        ("SELECT SUM(v) OVER (PARTITION BY id) AS s FROM `p.d.u`", "s: u.id u.v"),
        # Joins.
        ("SELECT a.id, b.v FROM `p.d.t` AS a JOIN `p.d.u` AS b ON a.id = b.id",
         "id: t.id | v: u.v"),
        ("SELECT id, v, w FROM `p.d.u` JOIN `p.d.f` USING (id)", "id: f.id u.id | v: u.v | w: f.w"),
        ("SELECT * FROM `p.d.u` JOIN `p.d.f` USING (id)", "id: f.id u.id | v: u.v | w: f.w"),
        # Queries in queries.
        ("WITH c AS (SELECT id AS k, v * 2 AS d FROM `p.d.u`) SELECT k, d + k AS x FROM c",
         "k: u.id | x: u.id u.v"),
        ("WITH c (k) AS (SELECT v + 1 FROM `p.d.u`) SELECT * FROM c", "k: u.v"),
        ("SELECT s.total FROM (SELECT SUM(v) AS total FROM `p.d.u`) AS s", "total: u.v"),
        ("SELECT (SELECT MAX(v) FROM `p.d.u` WHERE u.id = t.id) AS m FROM `p.d.t` AS t", "m: u.v"),
        ("SELECT EXISTS (SELECT 1 FROM `p.d.u`) AS e FROM `p.d.t`", "e:"),
        ("SELECT id IN (SELECT id FROM `p.d.u`) AS i FROM `p.d.t`", "i: t.id u.id"),
        ("SELECT id, v FROM `p.d.u` UNION ALL SELECT id, w + 1 FROM `p.d.f`",
         "id: f.id u.id | v: f.w u.v"),
        ("(SELECT id FROM `p.d.u`) LIMIT 1", "id: u.id"),
        # Structs and arrays.
        ("SELECT address.city AS c FROM `p.d.t`", "c: t.address.city"),
        ("SELECT address.* FROM `p.d.t`", "city: t.address.city | lat: t.address.lat"),
        ("SELECT i.sku FROM `p.d.t`, UNNEST(items) AS i", "sku: t.items.sku"),
        ("SELECT STRUCT(id, Name AS n) AS s FROM `p.d.t`", "s: t.id t.name"),
        ("SELECT (SELECT SUM(i.price) FROM UNNEST(items) AS i) AS s FROM `p.d.t`",
         "s: t.items.price"),
        ("SELECT ARRAY(SELECT AS STRUCT i.sku FROM UNNEST(items) AS i) AS s FROM `p.d.t`",
         "s: t.items.sku"),
        ("SELECT x + 1 AS y FROM UNNEST([1, 2]) AS x", "y:"),
        ("SELECT w FROM `p.d.t`, UNNEST(SPLIT(Name, ' ')) AS w", "w: t.name"),
        # Routines: by their arguments; a table function is a relation.
        ("SELECT `p.d.twice`(v) AS t FROM `p.d.u`", "t: u.v"),
        ("SELECT w FROM `p.d.f`(7)", "w: f.w"),
    ],
)  # fmt: skip
def test_an_output_is_followed_to_the_columns_that_it_is_computed_of(query, expected):
    assert derived(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT a.v, b.x, b.x + a.v AS y FROM `p.d.u` AS a, `p.d.unknown` AS b", "v: u.v"),
        ("SELECT * FROM `p.d.unknown`", ""),
        ("SELECT v, unknown AS x FROM `p.d.u`", "v: u.v"),
        ("SELECT * FROM `p.d.ev_1` PIVOT (SUM(a) FOR b IN (1, 2))", ""),
        ("WITH RECURSIVE c AS (SELECT v FROM `p.d.u` UNION ALL SELECT v FROM c) SELECT v FROM c",
         ""),
        ("SELECT v, v FROM `p.d.u`", ""),
        ("SELECT v, id + 1 FROM `p.d.u`", "v: u.v"),
        ("SELECT id FROM `p.d.u` UNION ALL BY NAME SELECT id FROM `p.d.f`", ""),
    ],
)  # fmt: skip
def test_an_output_that_can_not_be_followed_is_left_out(query, expected):
    assert derived(query) == expected
