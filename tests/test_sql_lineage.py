"""Which columns a query reads."""

import pytest

from datoria_dagster import DATE, FLOAT64, INT64, JSON, NUMERIC, STRING, STRUCT, Field
from datoria_dagster.sql.lineage import reads

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
    "p.d.j": (Field("doc", JSON), Field("j", STRING)),
    "p.d.ev_1": (Field("a", INT64), Field("b", INT64)),
    "p.d.ev_2": (Field("b", INT64), Field("c", INT64)),
    "p.d.f": (Field("id", INT64), Field("w", FLOAT64)),
}
ALL_OF_T = "t.address t.day t.id t.items t.name t.tags"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM `p.d.t`", ALL_OF_T),
        # BigQuery refuses an EXCEPT or REPLACE of a column that does not exist.
        ("SELECT * EXCEPT (items, tags, address) FROM `p.d.t`", ALL_OF_T),
        ("SELECT * REPLACE (v + 1 AS id) FROM `p.d.u`", "u.id u.v"),
        ("SELECT v FROM (SELECT * EXCEPT (id) FROM `p.d.u`)", "u.id u.v"),
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
        ("SELECT items[OFFSET(0)].sku FROM `p.d.t`", "t.items.sku"),
        ("SELECT (items[SAFE_OFFSET(id)]).price + 1 FROM `p.d.t`", "t.id t.items.price"),
        ("SELECT (address).geo.lat, (address.geo).lat FROM `p.d.t`", "t.address.geo.lat"),
        ("SELECT i.* FROM `p.d.t`, UNNEST(items) AS i", "t.items.price t.items.sku"),
        ("SELECT i.* EXCEPT (sku) FROM `p.d.t` AS t, t.items AS i", "t.items.price t.items.sku"),
        ("SELECT 1 FROM `p.d.t` AS x WHERE EXISTS (SELECT 1 FROM x.items WHERE price > 1)",
         "t.items.price"),
        ("SELECT ARRAY(SELECT AS STRUCT sku FROM UNNEST(items)) FROM `p.d.t`", "t.items.sku"),
        ("SELECT ARRAY(SELECT AS STRUCT * FROM UNNEST(items)) FROM `p.d.t`",
         "t.items.price t.items.sku"),
        ("SELECT o FROM `p.d.t`, UNNEST(tags) AS tag WITH OFFSET AS o WHERE tag > 'a'", "t.tags"),
        ("SELECT i.sku, o FROM `p.d.t` AS t, t.items AS i WITH OFFSET AS o", "t.items.sku"),
        ("SELECT price FROM `p.d.t` AS t LEFT JOIN t.items WITH OFFSET", "t.items.price"),
        ("SELECT 1 FROM `p.d.t` WHERE 'a' IN UNNEST(tags)", "t.tags"),
        ("SELECT id FROM `p.d.t` LEFT JOIN UNNEST(items) AS i ON i.sku = name",
         "t.id t.items.sku t.name"),
        ("SELECT x FROM `p.d.u`, UNNEST([STRUCT(v AS x)])", "u.v"),
        ("SELECT s.x FROM (SELECT STRUCT(id AS x, v AS y) AS s FROM `p.d.u`)", "u.id u.v"),
        # A path ends where the struct ends: what is in JSON is not a column.
        ("SELECT doc.a.b, doc.j FROM `p.d.j`", "j.doc"),
        ("SELECT doc.items[0].sku FROM `p.d.j`", "j.doc"),
        ("SELECT d.city FROM (SELECT address AS d FROM `p.d.t`)", "t.address.city"),
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
        (("SELECT a.id FROM (SELECT * FROM `p.d.t`) AS a "
          "JOIN (SELECT * FROM `p.d.u`) AS b USING (id)"), "t.id u.id"),
        ("SELECT x.v FROM (SELECT AS STRUCT * FROM `p.d.u`) AS x", "u.v"),
        ("SELECT v FROM (SELECT AS VALUE u FROM `p.d.u` AS u)", "u.v"),
        ("SELECT (SELECT AS STRUCT * FROM `p.d.u` LIMIT 1).v", "u.id u.v"),
        ("SELECT 1 FROM `p.d.t` WHERE id IN (SELECT id FROM (SELECT * FROM `p.d.u`))", "t.id u.id"),
        ("SELECT id FROM (SELECT id, name, day FROM `p.d.t` GROUP BY ALL)", "t.day t.id t.name"),
        ("SELECT id FROM (SELECT * FROM `p.d.u` ORDER BY 2)", "u.id u.v"),
        # Common table expressions, and names that shadow one another.
        (("WITH a AS (SELECT * FROM `p.d.t`), b AS (SELECT id, name FROM a) "
          "SELECT b.*, a.day FROM b JOIN a USING (id)"), "t.day t.id t.name"),
        (("WITH t AS (SELECT id FROM `p.d.u`), w AS (WITH t AS (SELECT name FROM `p.d.t`) "
          "SELECT * FROM t) SELECT * FROM w, t"), "t.name u.id"),
        ("WITH u AS (SELECT 1 AS v) SELECT v FROM u", ""),
        ("SELECT id AS v, v AS id FROM `p.d.u` WHERE id > 1 GROUP BY v, id", "u.id u.v"),
        ("SELECT name AS id FROM `p.d.t` ORDER BY id", "t.name"),
        ("SELECT name AS id FROM `p.d.t` WHERE id > 1", "t.id t.name"),
        ("SELECT name AS id, ROW_NUMBER() OVER (ORDER BY id) FROM `p.d.t`", "t.id t.name"),
        ("SELECT id AS n FROM `p.d.u` AS t GROUP BY n HAVING MAX(v) > 1", "u.id u.v"),
        ("WITH a AS (SELECT 1 AS id) SELECT (SELECT MAX(id) FROM a) FROM `p.d.t`", ""),
        ("WITH a AS (SELECT v FROM `p.d.u`) SELECT 1", "u.v"),
        ("WITH a AS (SELECT * FROM `p.d.u`) SELECT 1", ""),
        ("WITH a AS (SELECT * FROM `p.d.u`) SELECT x.id FROM a AS x, a AS y", "u.id"),
        ("WITH T AS (SELECT id FROM `p.d.u`) SELECT ID FROM t", "u.id"),
        ("SELECT day AS x FROM `p.d.t` GROUP BY x HAVING x > '2013-01-01'", "t.day"),
        # Every clause.
        ("SELECT a.name FROM `p.d.t` AS a LEFT JOIN `p.d.u` AS b ON a.id = b.id AND b.v > 1",
         "t.id t.name u.id u.v"),
        ("SELECT a.name FROM `p.d.t` AS a JOIN `p.d.u` AS b USING (id)", "t.id t.name u.id"),
        (("SELECT a.name FROM (`p.d.t` AS a JOIN `p.d.u` AS b USING (id)) "
          "JOIN `p.d.f` AS c USING (id)"), "f.id t.id t.name u.id"),
        ("SELECT name FROM `p.d.t` NATURAL JOIN `p.d.u`", "t.id t.name u.id"),
        ("SELECT * FROM `p.d.u` JOIN `p.d.f` USING (id)", "f.id f.w u.id u.v"),
        ("SELECT id FROM (SELECT * FROM `p.d.u` JOIN `p.d.f` USING (id))", "f.id u.id"),
        ("SELECT u.* FROM `p.d.t` AS t CROSS JOIN `p.d.u` AS u", "u.id u.v"),
        ("SELECT name FROM `p.d.t`, `p.d.u`", "t.name"),
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
        ("SELECT x FROM `p.d.u` AS x", "u.id u.v"),
        ("SELECT u FROM `p.d.u`", "u.id u.v"),
        ("SELECT y.v FROM (SELECT x AS y FROM `p.d.u` AS x)", "u.v"),
        # The alias of a relation hides its column of the same name.
        ("SELECT j FROM `p.d.j`", "j.doc j.j"),
        ("SELECT j.j FROM `p.d.j`", "j.j"),
        # Wildcard tables, and table functions, whose columns are declared as well.
        ("SELECT b FROM `p.d.ev_*` WHERE _TABLE_SUFFIX > '1'", "ev_1.b ev_2.b"),
        ("SELECT a FROM `p.d.ev_*`", "ev_1.a"),
        ("SELECT w FROM `p.d.f`((SELECT MAX(v) FROM `p.d.u`))", "f.w u.v"),
        ("SELECT w FROM ML.PREDICT(MODEL `p.d.u`, TABLE `p.d.f`)", "f.id f.w"),
        ("SELECT x FROM `p.d.g`(TABLE `p.d.f`, 1)", "f.id f.w"),
        ("SELECT w FROM ML.PREDICT(MODEL `p.d.m`, (SELECT v FROM `p.d.u`))", "u.v"),
        ("SELECT id FROM EXTERNAL_QUERY('p.eu.c', 'SELECT v FROM u')", ""),
        ("FROM `p.d.u` |> WHERE v > 1 |> SELECT id", "u.id u.v"),
        ("FROM `p.d.t` |> SELECT id, name |> AGGREGATE COUNT(*) AS n GROUP BY name", "t.id t.name"),
        # Pivots.
        ("SELECT x FROM `p.d.t` UNPIVOT (x FOR n IN (id))", "t.id"),
        ("SELECT * FROM `p.d.u` UNPIVOT (x FOR n IN (id))", "u.id u.v"),
        ("SELECT n FROM (SELECT id, v FROM `p.d.u`) PIVOT (SUM(v) AS s FOR id IN (1 AS n))",
         "u.id u.v"),
        # What can't be followed: every column whose name stands in the text.
        ("SELECT v FROM `p.d.u` JOIN `p.d.elsewhere` AS e ON e.x = 1", "u.v"),
        ("SELECT * FROM `p.d.elsewhere`", ""),
        ("SELECT id FROM `p.d.elsewhere` AS e JOIN `p.d.u` AS u ON e.id = u.v", "u.id u.v"),
        ("SELECT v, FROM `p.d.u` WHERE", "u.v"),
        ("SELECT * FROM `p.d.u` PIVOT (SUM(v) FOR id IN (1))", "u.id u.v"),
        ("SELECT day FROM `p.d.t`, `p.d.function`(tags)", "t.day t.tags"),
        ("SELECT nothing, name FROM `p.d.t`", "t.name"),
    ],
)  # fmt: skip
def test_a_query_reads(query, expected):
    assert " ".join(columns(reads(query, SCHEMAS))) == expected


def columns(found):
    """The columns and paths that are read in any way, without those that lead to deeper ones."""
    whole = {*found.used, *(place for place, _ in found.passed)}
    above = {*found.named, *found.opened} - {
        (relation, path.rpartition(".")[0]) for relation, path in whole
    }
    return sorted(f"{relation.removeprefix('p.d.')}.{path}" for relation, path in whole | above)


FAILS = None


@pytest.mark.parametrize(
    ("query", "path", "gone", "changed"),
    [
        # Computed with: it fails either way.
        ("SELECT id + 1 AS x FROM `p.d.t`", "id", FAILS, FAILS),
        ("SELECT 1 AS x FROM `p.d.t` WHERE id > 1", "id", FAILS, FAILS),
        ("SELECT id FROM `p.d.t` ORDER BY id", "id", FAILS, FAILS),
        ("SELECT id, COUNT(*) FROM `p.d.t` GROUP BY 1", "id", FAILS, FAILS),
        ("SELECT name FROM `p.d.t` JOIN `p.d.u` USING (id)", "id", FAILS, FAILS),
        ("SELECT id FROM `p.d.t` UNION ALL SELECT id FROM `p.d.u`", "id", FAILS, FAILS),
        ("SELECT DISTINCT id FROM `p.d.t`", "id", FAILS, FAILS),
        # Named and handed on: it fails when it is gone, and shows another type.
        ("SELECT id AS x, name FROM `p.d.t`", "id", FAILS, "x"),
        ("SELECT y.x AS z FROM (SELECT id AS x FROM `p.d.t`) AS y", "id", FAILS, "z"),
        ("WITH a AS (SELECT id, name FROM `p.d.t`) SELECT name FROM a", "id", FAILS, ""),
        ("SELECT * EXCEPT (id) FROM `p.d.t`", "id", FAILS, ""),
        ("SELECT * REPLACE (1 AS id) FROM `p.d.t`", "id", FAILS, ""),
        # Brought in by a star: it returns what is left.
        ("SELECT * FROM `p.d.t`", "id", "id", "id"),
        ("SELECT x.* FROM `p.d.t` AS x", "id", "id", "id"),
        ("SELECT id, x.* EXCEPT (id) FROM `p.d.t` AS x", "name", "name", "name"),
        ("SELECT * FROM (SELECT * FROM `p.d.t`)", "id", "id", "id"),
        ("SELECT name FROM (SELECT * FROM `p.d.t`)", "id", "", ""),
        ("SELECT x FROM `p.d.t` AS x", "id", "x.id", "x.id"),
        # Structs: a field below, the field itself, a struct above.
        ("SELECT address AS a FROM `p.d.t`", "address.geo", "a.geo", "a.geo"),
        ("SELECT address AS a FROM `p.d.t`", "address.geo.lat", "a.geo.lat", "a.geo.lat"),
        ("SELECT address AS a FROM `p.d.t`", "address", FAILS, "a"),
        ("SELECT address.city FROM `p.d.t`", "address", FAILS, "city"),
        ("SELECT address.city FROM `p.d.t`", "address.geo", "", ""),
        ("SELECT address.* FROM `p.d.t`", "address.city", "city", "city"),
        ("SELECT address.* FROM `p.d.t`", "address", FAILS, FAILS),
        ("SELECT TO_JSON(address) FROM `p.d.t`", "address.geo.lat", FAILS, FAILS),
        ("SELECT a.city FROM (SELECT address AS a FROM `p.d.t`)", "address.geo", "", ""),
        # Arrays: how many elements there are depends on none of their fields.
        ("SELECT i.sku FROM `p.d.t`, UNNEST(items) AS i", "items.sku", FAILS, "sku"),
        ("SELECT i.sku FROM `p.d.t`, UNNEST(items) AS i", "items.price", "", ""),
        ("SELECT i.sku FROM `p.d.t`, UNNEST(items) AS i", "items", FAILS, FAILS),
        ("SELECT i FROM `p.d.t`, UNNEST(items) AS i", "items.price", "i.price", "i.price"),
        ("SELECT COUNT(*) AS n FROM `p.d.t`, UNNEST(items)", "items.price", "", ""),
        ("SELECT COUNT(*) AS n FROM `p.d.t`", "id", "", ""),
    ],
)  # fmt: skip
def test_what_becomes_of_a_query_when_a_column_goes_away_or_changes(query, path, gone, changed):
    found = reads(query, SCHEMAS)
    for is_gone, expected in ((True, gone), (False, changed)):
        assert found.fails("p.d.t", path, is_gone=is_gone) == (expected is FAILS)
        if expected is not FAILS:
            assert " ".join(found.shows("p.d.t", path)) == expected


def test_what_a_star_brings_beyond_what_is_promised_is_not_read():
    promised = (Field("ID", INT64), Field("address", STRUCT(Field("city", STRING))))
    found = reads("SELECT * FROM `p.d.t`", SCHEMAS, outputs=promised)
    assert columns(found) == ["t.address.city", "t.id"]


def test_a_body_sees_its_arguments_and_columns_hide_them():
    body = "x + id + (SELECT MAX(v + id + x) FROM `p.d.u` WHERE x > 1)"
    assert columns(reads(body, SCHEMAS, arguments=("X", "id"))) == ["u.id", "u.v"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT name FROM `p.d.t`; SELECT v FROM `p.d.u`;", "t.name u.v"),
        ("DECLARE x INT64; IF x > (SELECT MAX(v) FROM `p.d.u`) THEN SELECT 1; END IF", "u.v"),
        ("SET x = (SELECT MAX(v) FROM `p.d.u`)", "u.v"),
        ("FOR r IN (SELECT id FROM `p.d.u`) DO SELECT r.id; END FOR", "u.id"),
        ("CALL `p.d.other`((SELECT MAX(v) FROM `p.d.u`))", "u.v"),
        ("INSERT INTO `p.d.u` (v) SELECT id FROM `p.d.t` WHERE name = ';'", "t.id t.name u.v"),
        ("INSERT INTO `p.d.u` SELECT id, 1 FROM `p.d.t`", "t.id u.id u.v"),
        ("CREATE TEMP TABLE x AS SELECT name FROM `p.d.t`; SELECT day FROM x", "t.name"),
        # Not followed: every column whose name stands in the statement.
        ("UPDATE `p.d.u` SET v = 1 WHERE TRUE; SELECT 'id'", "u.v"),
        ("DELETE FROM `p.d.t` WHERE day < CURRENT_DATE() AND EXISTS (SELECT v FROM `p.d.u`)",
         "t.day u.v"),
        ("EXECUTE IMMEDIATE 'SELECT id FROM p.d.u'", "u.id"),
        ("DECLARE x INT64 DEFAULT (SELECT MAX(id) * 2 FROM `p.d.u`)", "u.id"),
    ],
)  # fmt: skip
def test_a_procedure_reads(script, expected):
    assert " ".join(columns(reads(script, SCHEMAS, is_script=True))) == expected
