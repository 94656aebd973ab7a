"""A platform of 1,000 views, and a table that loses a column: who reads it?

`python -m bench.impact` asks twice and prints the seconds of both.
"""

from collections.abc import Callable

from bench.generate import COLUMNS
from bench.measure import seconds
from datoria_dagster import INT64, Dataset, Field, Platform, Table, View, sql
from datoria_dagster.diff.change import FieldRemoved
from datoria_dagster.judge.impact import Impact

TABLES, VIEWS = 50, 1000
LOST = "c3"
# Every view reads the table that loses a column, {t}, and half of them another one, {u}. `n` makes
# each text its own. The second item: whether it reads the lost column of {t}.
_SHAPES = (
    ("SELECT c0, c1, c3 AS x FROM {t} WHERE c4 > {n}", True),
    ("SELECT a.c0, b.c3 AS x FROM {t} AS a JOIN {u} AS b ON a.c1 = b.c1 WHERE b.c5 < {n}", False),
    (
        (
            "WITH r AS (SELECT * FROM {t} WHERE c2 = {n}), s AS (SELECT c0, SUM(c4) AS x FROM r "
            "GROUP BY c0) SELECT c0, x FROM s"
        ),
        False,
    ),
    ("SELECT c0, c1 AS x FROM {t} UNION ALL SELECT c0, c1 FROM {u} WHERE c2 > {n}", False),
    ("SELECT *, c1 AS x FROM {t} WHERE c1 = {n}", True),
    ("SELECT c0, b.c4 AS x FROM {t} JOIN {u} AS b USING (c0, c3) WHERE c1 > {n}", True),
    ("SELECT c0, AVG(c7) AS x FROM {t} GROUP BY c0 HAVING COUNT(*) > {n}", False),
    (
        "SELECT c0, (SELECT MAX(c3) FROM {u} AS b WHERE b.c0 = a.c0) AS x FROM {t} AS a LIMIT {n}",
        False,
    ),
    ("SELECT c0, ROW_NUMBER() OVER (PARTITION BY c3 ORDER BY c1) AS x FROM {t} LIMIT {n}", True),
    ("SELECT x.c0, x.c5 AS x FROM (SELECT * FROM {t} ORDER BY c2 LIMIT {n}) AS x, {u}", False),
)


def main() -> None:
    ask = _question()
    print(seconds(ask), seconds(ask))


def _question() -> Callable[[], object]:
    tables = tuple(_table(number) for number in range(TABLES))
    views = tuple(_view(number, tables) for number in range(VIEWS))
    platform = Platform.of(*tables, *views)
    lost = Field(LOST, INT64)
    change = FieldRemoved(object=tables[0].id, object_kind="table", path=LOST, before=lost)
    expected = sum(_shape(number)[1] for number in range(VIEWS))

    def ask() -> None:
        found = len(Impact(platform, platform).breaks(change))
        if found != expected:
            raise AssertionError(f"{found} views read the lost column, not {expected}.")

    return ask


_DATASET = Dataset(project="bench", name="generated")
_FIELDS = tuple(Field(name, INT64) for name, _ in COLUMNS)


def _table(number: int) -> Table:
    return Table(dataset=_DATASET, name=f"t{number}", schema=_FIELDS)


def _view(number: int, tables: tuple[Table, ...]) -> View:
    text = _shape(number)[0]
    known = {"t": tables[0], "u": tables[1 + number % (TABLES - 1)], "n": number}
    named = {name: value for name, value in known.items() if f"{{{name}}}" in text}
    columns = (*_FIELDS, Field("x", INT64)) if text.startswith("SELECT *") else _OUTPUTS
    return View(dataset=_DATASET, name=f"v{number}", schema=columns, query=sql(text, **named))


_OUTPUTS = (Field("c0", INT64), Field("x", INT64))


def _shape(number: int) -> tuple[str, bool]:
    return _SHAPES[number % len(_SHAPES)]


if __name__ == "__main__":
    main()
