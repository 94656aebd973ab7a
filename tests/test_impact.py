"""Who breaks when something changes: the views, routines and jobs that read just that."""

import pytest

from datoria_dagster import (
    DATE,
    FLOAT64,
    INT64,
    STRING,
    STRUCT,
    AggregateFunction,
    Argument,
    Dataset,
    Field,
    JavaScript,
    Job,
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    ScalarFunction,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.diff.change import (
    ArgumentsChanged,
    FieldAdded,
    FieldModeChanged,
    FieldRemoved,
    FieldRenamed,
    FieldTypeChanged,
    ObjectRemoved,
    OptionChanged,
)
from datoria_dagster.judge.impact import Impact
from datoria_dagster.judge.rule import Consumer
from datoria_dagster.model.template import raw

D = Dataset(project="p", name="d")
A, B, C = Field("a", INT64), Field("b", INT64), Field("c", INT64)
SHAPE = Field("s", STRUCT(Field("x", INT64), Field("y", STRING)))
T = Table(dataset=D, name="t", schema=(A, B, C, SHAPE))
U = Table(dataset=D, name="u", schema=(A, Field("k", INT64)))


def view(name, query, *fields):
    return View(dataset=D, name=name, schema=fields or (A,), query=raw(query))


def removed(path, whose="p.d.t", kind="table"):
    return FieldRemoved(object=whose, object_kind=kind, path=path, before=A)


def retyped(path, whose="p.d.t", kind="table"):
    return FieldTypeChanged(object=whose, object_kind=kind, path=path, before=INT64, after=FLOAT64)


def broken(change, *objects, before=()):
    after = Platform.of(T, U, *objects)
    return " ".join(Impact(Platform.of(T, U, *before) if before else after, after).breaks(change))


# Views over one another, by what they make of the columns of `t`.
CHAIN = (
    view("computes", "SELECT a + 1 AS n, b FROM `p.d.t`", Field("n", INT64), B),
    view("names", "SELECT a AS n, b FROM `p.d.t`", Field("n", INT64), B),
    view("star", "SELECT * FROM `p.d.t`", A, B, C, SHAPE),
    view("some", "SELECT * FROM `p.d.t`", B, C),
    view("b_of_computes", "SELECT b FROM `p.d.computes`", B),
    view("b_of_names", "SELECT b FROM `p.d.names`", B),
    view("n_of_names", "SELECT n FROM `p.d.names`", Field("n", INT64)),
    view("a_of_star", "SELECT a FROM `p.d.star`", A),
    view("b_of_star", "SELECT b FROM `p.d.star`", B),
    view("star_of_star", "SELECT * FROM `p.d.star`", A, B, C, SHAPE),
    view("a_of_star_of_star", "SELECT a + 1 AS a FROM `p.d.star_of_star`", A),
    view("y_of_star", "SELECT s.y FROM `p.d.star`", Field("y", STRING)),
    view("other", "SELECT a FROM `p.d.u`", A),
)

READ_A_IN_CHAIN = (
    "a_of_star a_of_star_of_star b_of_computes b_of_names computes n_of_names names star "
    "star_of_star"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # What names the column fails as a whole, and what names that fails with it. What a star
        # brings just goes away, and only who reads it there breaks.
        (removed("a"), READ_A_IN_CHAIN),
        # Handed on, a column shows another type; computed with, anything may become of it.
        (retyped("a"),
         "a_of_star a_of_star_of_star b_of_computes computes n_of_names names star star_of_star"),
        (removed("c"), "some star star_of_star"),
        (removed("b"),
         "b_of_computes b_of_names b_of_star computes n_of_names names some star star_of_star"),
        (removed("s"), "star star_of_star y_of_star"),
        (removed("s.x"), "star star_of_star"),
        (retyped("s.y"), "star star_of_star y_of_star"),
        (removed("A"), READ_A_IN_CHAIN),
        (removed("k", "p.d.u"), ""),
        (removed("n", "p.d.names", "view"), "n_of_names"),
        (removed("b", "p.d.names", "view"), "b_of_names"),
        (retyped("a", "p.d.star_of_star", "view"), "a_of_star_of_star"),
        (ObjectRemoved(object="p.d.u", object_kind="table", before=U), "other"),
        (FieldRenamed(object="p.d.t", object_kind="table", path="c", before="c", after="d"),
         "some star star_of_star"),
    ],
)  # fmt: skip
def test_views_over_views_break_by_column(change, expected):
    assert broken(change, *CHAIN).replace("p.d.", "") == expected


QUERIES = {
    "alias": "SELECT x.a FROM `p.d.t` AS x",
    "comment": "SELECT b AS a FROM `p.d.t` -- a",
    "literal": "SELECT 'a' AS a, b FROM `p.d.t`",
    "other_table": "SELECT u.a FROM `p.d.t` AS t JOIN `p.d.u` AS u ON t.b = u.k",
    "both_tables": "SELECT u.a FROM `p.d.t` AS t JOIN `p.d.u` AS u USING (a)",
    "renamed_before": "SELECT a FROM (SELECT b AS a FROM `p.d.t`)",
    "shadowed": "WITH t AS (SELECT b AS a FROM `p.d.t`) SELECT a FROM t",
    "correlated": "SELECT k FROM `p.d.u` AS u WHERE EXISTS "
    "(SELECT 1 FROM `p.d.t` AS t WHERE t.a = u.k)",
    "correlated_other": "SELECT k FROM `p.d.u` AS u WHERE EXISTS "
    "(SELECT 1 FROM `p.d.t` AS t WHERE t.b = u.a)",
    "window": "SELECT SUM(b) OVER (ORDER BY a) AS a FROM `p.d.t`",
    "qualify": "SELECT b AS n FROM `p.d.t` QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
    "except": "SELECT * EXCEPT (a) FROM `p.d.t`",
    "replace": "SELECT * REPLACE (b AS a) FROM `p.d.t`",
    "row": "SELECT TO_JSON_STRING(x) AS a FROM `p.d.t` AS x",
    "count": "SELECT COUNT(*) AS n FROM `p.d.t`",
    "exists": "SELECT k FROM `p.d.u` WHERE EXISTS (SELECT * FROM `p.d.t`)",
    "union": "SELECT a FROM `p.d.u` UNION ALL SELECT b FROM `p.d.t`",
    "union_of_a": "SELECT k FROM `p.d.u` UNION ALL SELECT a FROM `p.d.t`",
    "pivot": "SELECT * FROM (SELECT b, c FROM `p.d.t`) PIVOT (SUM(b) FOR c IN (1 AS a))",
    "pivot_of_a": "SELECT * FROM (SELECT a, c FROM `p.d.t`) PIVOT (SUM(a) FOR c IN (1 AS n))",
}
READ_A = "alias both_tables correlated except pivot_of_a qualify replace row union_of_a window"


def test_only_queries_that_read_the_column_break():
    views = tuple(view(name, query, Field("n", INT64)) for name, query in QUERIES.items())
    assert broken(removed("a"), *views).replace("p.d.", "") == READ_A


def test_a_reader_is_judged_as_it_is_declared_after_the_change():
    reads = view("v", "SELECT a FROM `p.d.t`")
    stopped = view("v", "SELECT b AS a FROM `p.d.t`")
    assert broken(removed("a"), reads, before=(reads,)) == "p.d.v"
    assert broken(removed("a"), stopped, before=(reads,)) == ""
    assert broken(removed("a"), before=(reads,)) == ""


def test_a_star_view_that_is_declared_without_the_column_loses_it_too():
    had, has = view("v", "SELECT * FROM `p.d.t`", A, B), view("v", "SELECT * FROM `p.d.t`", B)
    reads_b = view("reads_b", "SELECT b FROM `p.d.v`", B)
    assert broken(removed("a"), has, reads_b, before=(had, reads_b)) == "p.d.v"
    assert broken(removed("a"), has, reads_b) == ""


def test_routines_break_with_what_their_bodies_read_and_take_their_callers_along():
    body = sql("x + (SELECT MAX(a) FROM {t})", t=T)
    scalar = ScalarFunction(
        dataset=D, name="scalar", arguments=(Argument("x", INT64),), returns=INT64, body=body
    )
    argument = ScalarFunction(
        dataset=D, name="argument", arguments=(Argument("a", INT64),), returns=INT64,
        body=sql("a + (SELECT MAX(b) FROM {t})", t=T),
    )  # fmt: skip
    script = ScalarFunction(
        dataset=D, name="script", arguments=(Argument("a", FLOAT64),), returns=FLOAT64,
        body=JavaScript("return a; // p.d.t"),
    )  # fmt: skip
    total = AggregateFunction(
        dataset=D,
        name="total",
        arguments=(Argument("x", INT64),),
        returns=INT64,
        body=raw("SUM(x)"),
    )
    calls = view("calls", "SELECT `p.d.scalar`(k) AS a FROM `p.d.u`")
    on_calls = view("on_calls", "SELECT a FROM `p.d.calls`")
    sums = view("sums", "SELECT `p.d.total`(b) AS a, `p.d.script`(1) AS n FROM `p.d.t`")
    objects = (scalar, argument, script, total, calls, on_calls, sums)
    assert broken(removed("a"), *objects) == "p.d.calls p.d.on_calls p.d.scalar"
    assert broken(removed("b"), *objects) == "p.d.argument p.d.sums"
    change = ArgumentsChanged(
        object="p.d.total", object_kind="aggregate_function", before=(), after=()
    )
    assert broken(change, *objects) == "p.d.sums"


def test_a_table_function_is_read_by_column():
    rows = TableFunction(
        dataset=D, name="rows", arguments=(Argument("least", INT64),), returns=(B, C),
        body=raw("SELECT b, c FROM `p.d.t` WHERE b > least"),
    )  # fmt: skip
    everything = TableFunction(
        dataset=D, name="everything", returns=(A, B), body=raw("SELECT * FROM `p.d.t`")
    )
    reads_b = view("reads_b", "SELECT b FROM `p.d.rows`(1)", B)
    reads_c = view("reads_c", "SELECT * FROM `p.d.rows`((SELECT MAX(k) FROM `p.d.u`))", B, C)
    reads_everything = view("reads_everything", "SELECT b FROM `p.d.everything`()", B)
    objects = (rows, everything, reads_b, reads_c, reads_everything)
    assert broken(removed("a"), *objects) == "p.d.everything p.d.reads_everything"
    assert broken(retyped("c"), *objects) == "p.d.reads_c p.d.rows"
    assert broken(removed("c", "p.d.rows", "table_function"), *objects) == "p.d.reads_c"
    assert broken(removed("k", "p.d.u"), *objects) == "p.d.reads_c"


def test_a_procedure_breaks_with_what_its_statements_read():
    copies = Procedure(
        dataset=D, name="copies", arguments=(Argument("n", INT64),),
        body=raw("IF n > 1 THEN INSERT INTO `p.d.u` (k) SELECT a FROM `p.d.t` WHERE b > n; END IF"),
    )  # fmt: skip
    calls = Procedure(dataset=D, name="calls", body=raw("CALL `p.d.copies`(1)"))
    deletes = Procedure(dataset=D, name="deletes", body=raw("DELETE FROM `p.d.t` WHERE c = 1"))
    objects = (copies, calls, deletes)
    assert broken(removed("a"), *objects) == "p.d.calls p.d.copies"
    assert broken(removed("c"), *objects) == "p.d.deletes"
    assert broken(removed("k", "p.d.u"), *objects) == "p.d.calls p.d.copies"
    assert broken(removed("a", "p.d.u"), *objects) == ""


def test_a_materialized_view_has_a_fixed_list_of_columns():
    made = MaterializedView(
        dataset=D, name="made", schema=(A, B), query=raw("SELECT * EXCEPT (c, s) FROM `p.d.t`")
    )
    reads_b = view("reads_b", "SELECT b FROM `p.d.made`", B)
    assert broken(removed("a"), made, reads_b) == "p.d.made p.d.reads_b"
    assert broken(retyped("a"), made, reads_b) == "p.d.made"


def test_a_wildcard_reads_the_tables_that_it_matches():
    monday = Table(dataset=D, name="ev_1", schema=(A, B))
    tuesday = Table(dataset=D, name="ev_2", schema=(A,))
    both = view("both", "SELECT a FROM `p.d.ev_*`")
    assert broken(removed("a", "p.d.ev_2"), monday, tuesday, both) == "p.d.both"
    assert broken(removed("b", "p.d.ev_1"), monday, tuesday, both) == ""


def test_a_job_breaks_with_what_it_reads_and_with_what_it_fills():
    filled = Table(dataset=D, name="filled", schema=(A, B, Field("day", DATE)))
    job = Job(name="fill", destination=filled, query=raw("SELECT a, b AS b FROM `p.d.t`"))
    copy = Table(dataset=D, name="copy", schema=(B, C))
    star = Job(name="copy", destination=copy, query=raw("SELECT * EXCEPT (s) FROM `p.d.t`"))
    objects = (filled, job, copy, star)
    assert broken(removed("a"), *objects) == "job:fill"
    assert broken(removed("b"), *objects) == "job:copy job:fill"
    assert broken(removed("b", "p.d.filled"), *objects) == "job:fill"
    assert broken(removed("day", "p.d.filled"), *objects) == ""
    renamed = FieldRenamed(
        object="p.d.filled", object_kind="table", path="b", before="b", after="z"
    )
    assert broken(renamed, *objects) == "job:fill"


def test_only_whom_it_hurts_is_named():
    filled = Table(dataset=D, name="filled", schema=(A, B, C))
    job = Job(name="fill", destination=filled, query=raw("SELECT a, b FROM `p.d.t`"))
    reader = view("reader", "SELECT a + b + c AS a FROM `p.d.filled`")
    after = Platform.of(T, U, filled, job, reader)

    def named(change, *hurts):
        return " ".join(Impact(after, after).breaks(change, hurts))

    def tightened(path):
        return FieldModeChanged(
            object=filled.id, object_kind="table", path=path, before="NULLABLE", after="REQUIRED"
        )

    added = FieldAdded(
        object=filled.id, object_kind="table", path="d", after=Field("d", INT64, required=True)
    )
    assert named(tightened("c"), Consumer.WRITERS) == "job:fill"
    assert named(tightened("a"), Consumer.WRITERS) == ""
    assert named(added, Consumer.WRITERS) == "job:fill"
    assert named(removed("a", filled.id), Consumer.WRITERS) == "job:fill"
    assert named(removed("a", filled.id), Consumer.READERS) == "p.d.reader"
    assert named(removed("a", filled.id), Consumer.GOVERNANCE) == ""


def test_a_partition_filter_is_missed_where_the_column_is_not_filtered_by():
    day = Field("day", DATE)
    cut = Table(dataset=D, name="cut", schema=(A, day), partitioning=Partitioning.day("day"))
    arrival = Table(
        dataset=D, name="arrival", schema=(A,), partitioning=Partitioning(granularity="DAY")
    )
    views = (
        view("filters", "SELECT a FROM `p.d.cut` WHERE day = '2013-01-01'"),
        view("lacks", "SELECT a FROM `p.d.cut`"),
        view("on_lacks", "SELECT a FROM `p.d.lacks`"),
        view("hands_on", "SELECT a, day AS d FROM `p.d.cut`", A, Field("d", DATE)),
        view("filters_later", "SELECT a FROM `p.d.hands_on` WHERE d = '2013-01-01'"),
        view("filters_never", "SELECT a FROM `p.d.hands_on`"),
        view("filters_arrival", "SELECT a FROM `p.d.arrival` WHERE _PARTITIONTIME > '2013-01-01'"),
        view("lacks_arrival", "SELECT a FROM `p.d.arrival`"),
    )

    def demanded(name):
        change = OptionChanged(
            object=name, object_kind="table", option="require_partition_filter", before=False,
            after=True,
        )  # fmt: skip
        return broken(change, cut, arrival, *views)

    assert demanded("p.d.cut") == "p.d.filters_never p.d.hands_on p.d.lacks p.d.on_lacks"
    assert demanded("p.d.arrival") == "p.d.lacks_arrival"


def test_a_text_that_can_not_be_parsed_reads_what_it_names():
    by_name = view("by_name", "SELECT a FROM `p.d.t` WHERE (")
    other = view("other", "SELECT b FROM `p.d.t` WHERE (")
    other_table = view("other_table", "SELECT a FROM `p.d.u` WHERE (")
    assert broken(removed("a"), by_name, other, other_table) == "p.d.by_name"
