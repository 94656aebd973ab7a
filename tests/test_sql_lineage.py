"""Which columns a query reads."""

import pytest

from datoria_dagster import DATE, FLOAT64, INT64, NUMERIC, STRING, STRUCT, Field
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.lineage import columns_read

SCHEMAS = {
    "p.d.t": (
        Field("id", INT64),
        Field("Name", STRING),
        Field(
            "address", STRUCT(Field("City", STRING), Field("geo", STRUCT(Field("lat", FLOAT64))))
        ),
        Field("items", STRUCT(Field("sku", STRING), Field("price", NUMERIC)), repeated=True),
        Field("tags", STRING, repeated=True),
        Field("day", DATE),
    ),
    "p.d.u": (Field("id", INT64), Field("v", FLOAT64)),
}
ALL_OF_T = "t.address t.day t.id t.items t.name t.tags"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM `p.d.t`", ALL_OF_T),
        ("SELECT * EXCEPT (items, tags, address) FROM `p.d.t`", "t.day t.id t.name"),
        ("SELECT * REPLACE (v + 1 AS id) FROM `p.d.u`", "u.v"),
        ("SELECT NAME FROM `p.d.t` WHERE Day > '2013-01-01' ORDER BY id", "t.day t.id t.name"),
        ("SELECT COUNT(*) FROM `p.d.t`", ""),
        ("SELECT 1 FROM `p.d.t` -- id\n WHERE 'name' = \"tags\"", ""),
        ("SELECT address FROM `p.d.t`", "t.address"),
        ("SELECT x.ADDRESS.geo.Lat FROM `p.d.t` AS x", "t.address.geo.lat"),
        ("SELECT address.* FROM `p.d.t`", "t.address.city t.address.geo"),
        # Structs in arrays.
        ("SELECT i.sku FROM `p.d.t`, UNNEST(items) AS i", "t.items.sku"),
        ("SELECT sku FROM `p.d.t` AS x, x.items", "t.items.sku"),
        ("SELECT i FROM `p.d.t`, UNNEST(items) AS i", "t.items"),
        ("SELECT COUNT(*) FROM `p.d.t`, UNNEST(items)", "t.items"),
        ("SELECT (SELECT MAX(i.price) FROM UNNEST(items) AS i) AS m FROM `p.d.t`", "t.items.price"),
        ("SELECT items[OFFSET(0)].sku FROM `p.d.t`", "t.items"),
        ("SELECT tag FROM `p.d.t`, UNNEST(tags) AS tag", "t.tags"),
        # What a star brings in counts where it is used.
        ("SELECT s.address.city FROM (SELECT * FROM `p.d.t` WHERE `day` = DATE '2013-01-05') AS s",
         "t.address.city t.day"),
        ("SELECT id FROM (SELECT * FROM (SELECT * FROM `p.d.t`))", "t.id"),
        ("SELECT id FROM (SELECT *, name AS other FROM `p.d.t`)", "t.id t.name"),
        ("SELECT id FROM (SELECT * FROM `p.d.t` ORDER BY day LIMIT 9)", "t.day t.id"),
        ("SELECT id FROM (SELECT DISTINCT * FROM `p.d.u`)", "u.id u.v"),
        ("SELECT id FROM (SELECT * FROM `p.d.u` UNION ALL SELECT * FROM `p.d.u`)", "u.id u.v"),
        ("SELECT 1 FROM `p.d.t` WHERE EXISTS (SELECT * FROM `p.d.u` WHERE v > 1)", "u.v"),
        ("SELECT 1 FROM `p.d.t` AS t WHERE EXISTS (SELECT * FROM `p.d.u` AS u WHERE u.v = t.id)",
         "t.id u.v"),
        # Common table expressions, and names that shadow one another.
        (("WITH a AS (SELECT * FROM `p.d.t`), b AS (SELECT id, name FROM a) "
          "SELECT b.*, a.day FROM b JOIN a USING (id)"), "t.day t.id t.name"),
        (("WITH t AS (SELECT id FROM `p.d.u`), w AS (WITH t AS (SELECT name FROM `p.d.t`) "
          "SELECT * FROM t) SELECT * FROM w, t"), "t.name u.id"),
        ("WITH u AS (SELECT 1 AS v) SELECT v FROM u", ""),
        ("SELECT id AS v, v AS id FROM `p.d.u` WHERE id > 1 GROUP BY v, id", "u.id u.v"),
        ("SELECT name AS id FROM `p.d.t` ORDER BY id", "t.name"),
        ("SELECT day AS x FROM `p.d.t` GROUP BY x HAVING x > '2013-01-01'", "t.day"),
        # Every clause.
        ("SELECT a.name FROM `p.d.t` AS a LEFT JOIN `p.d.u` AS b ON a.id = b.id AND b.v > 1",
         "t.id t.name u.id u.v"),
        ("SELECT a.name FROM `p.d.t` AS a JOIN `p.d.u` AS b USING (id)", "t.id t.name u.id"),
        ("SELECT id FROM `p.d.t` QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY day) = 1",
         "t.day t.id t.name"),
        ("SELECT SUM(v) OVER w FROM `p.d.u` WINDOW w AS (PARTITION BY id)", "u.id u.v"),
        ("SELECT ARRAY_AGG(v ORDER BY id) FROM `p.d.u`", "u.id u.v"),
        (("SELECT id, (SELECT MAX(v) FROM `p.d.u` AS u WHERE u.id = t.id) FROM `p.d.t` AS t "
          "WHERE t.name IN (SELECT CAST(v AS STRING) FROM `p.d.u`)"), "t.id t.name u.id u.v"),
        ("SELECT id FROM `p.d.u` UNION ALL (SELECT id FROM `p.d.t` WHERE day IS NULL)",
         "t.day t.id u.id"),
        (("WITH RECURSIVE r AS (SELECT id FROM `p.d.u` UNION ALL SELECT id + 1 FROM "
          "r) SELECT * FROM r"),
         "u.id"),
        # Whole rows.
        ("SELECT TO_JSON_STRING(x) FROM `p.d.u` AS x", "u.id u.v"),
        ("SELECT COUNT(x) FROM (SELECT * FROM `p.d.u`) AS x", "u.id u.v"),
        # What can't be followed: every column whose name stands in the text.
        ("SELECT v FROM `p.d.u` JOIN `p.d.elsewhere` AS e ON e.x = 1", "u.v"),
        ("SELECT * FROM `p.d.u` PIVOT (SUM(v) FOR id IN (1))", "u.id u.v"),
        ("SELECT day FROM `p.d.t`, `p.d.function`(tags)", "t.day t.tags"),
        ("SELECT nothing, name FROM `p.d.t`", "t.name"),
    ],
)  # fmt: skip
def test_a_query_reads(query, expected):
    read = {
        f"{relation.removeprefix('p.d.')}.{path}" for relation, path in columns_read(query, SCHEMAS)
    }
    assert " ".join(sorted(read)) == expected


def test_a_text_that_does_not_parse_is_an_error():
    with pytest.raises(SqlError):
        columns_read("SELECT FROM (", SCHEMAS)
