"""Questions about rows: what a write leaves, and when metadata tells of it."""

from tests.probe.asking import Finding, Probe

_REST = "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2"
_DOCS = "https://docs.cloud.google.com/bigquery/docs"
_FIELDS = [
    {"name": "d", "type": "DATE", "mode": "REQUIRED", "description": "The day."},
    {"name": "n", "type": "INTEGER", "mode": "NULLABLE"},
]
_CUT = {"timePartitioning": {"type": "DAY", "field": "d"}}
_ROW = "SELECT DATE '2013-01-31' AS d, 1 AS n"


def _schema_stays(desk, partition, disposition):
    desk.make("t", schema={"fields": _FIELDS}, **_CUT)
    answer = desk.written(_ROW, partition, disposition)
    found = desk.read()["schema"]["fields"]
    kept = found == _FIELDS
    said = "as it was" if kept else f"now {found}"
    return Finding(f"{answer}; the schema is {said}", answer.ok and kept)


def write_truncate_of_a_partition_keeps_the_schema(desk):
    return _schema_stays(desk, "20130131", "WRITE_TRUNCATE")


def write_truncate_data_keeps_the_schema(desk):
    return _schema_stays(desk, None, "WRITE_TRUNCATE_DATA")


def the_count_of_rows_is_exact_after_an_insert(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    desk.sql("INSERT INTO {t} (a) SELECT * FROM UNNEST([1, 2, 3])")
    found = desk.read().get("numRows")
    return Finding(f"numRows is {found}", found == "3")


def partitions_tells_of_a_write_at_once(desk):
    desk.make("t", schema={"fields": _FIELDS}, **_CUT)
    desk.prepare("INSERT INTO {t} (d, n) VALUES (DATE '2013-01-31', 1)")
    view, name = "{dataset}.INFORMATION_SCHEMA.PARTITIONS", desk.name("t")
    asked = f"SELECT partition_id, total_rows FROM {view} WHERE table_name = "
    desk.sent.append(f"{asked}'t'")
    found = desk.rows(f"{asked}'{name}'")
    return Finding(str(found), found == [["20130131", "1"]])


def a_second_write_changes_when_a_partition_was_modified(desk):
    desk.make("t", schema={"fields": _FIELDS}, **_CUT)
    view, name = "{dataset}.INFORMATION_SCHEMA.PARTITIONS", desk.name("t")
    asked = f"SELECT last_modified_time FROM {view} WHERE table_name = "
    moments = []
    for _ in range(2):
        desk.written(_ROW, "20130131", "WRITE_TRUNCATE")
        moments.append(desk.rows(f"{asked}'{name}'"))
    desk.sent.append(f"{asked}'t'")
    changed = bool(moments[0]) and moments[0] < moments[1]
    return Finding("It is later." if changed else "It is the same, or missing.", changed)


def information_schema_tells_of_a_patch_at_once(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    after = [{"name": "a", "type": "INTEGER", "description": "A."}]
    desk.rest("PATCH", "/tables/{t}", {"schema": {"fields": after}})
    view, name = "{dataset}.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS", desk.name("t")
    asked = f"SELECT description FROM {view} WHERE table_name = "
    desk.sent.append(f"{asked}'t'")
    found = desk.rows(f"{asked}'{name}'")
    return Finding(str(found), found == [["A."]])


def information_schema_calls_an_array_not_nullable(desk):
    desk.prepare("CREATE TABLE {t} (a ARRAY<INT64>)")
    view, name = "{dataset}.INFORMATION_SCHEMA.COLUMNS", desk.name("t")
    asked = f"SELECT is_nullable FROM {view} WHERE table_name = "
    desk.sent.append(f"{asked}'t'")
    found = desk.rows(f"{asked}'{name}'")
    return Finding(str(found), found == [["NO"]])


def information_schema_writes_options_as_literals(desk):
    desk.prepare(
        "CREATE TABLE {t} (a INT64) OPTIONS (description = 'it\\'s', labels = [('a','b')])"
    )
    view, name = "{dataset}.INFORMATION_SCHEMA.TABLE_OPTIONS", desk.name("t")
    asked = f"SELECT option_name, option_value FROM {view} WHERE table_name = "
    desk.sent.append(f"{asked}'t'")
    found = dict(desk.rows(f"{asked}'{name}'"))
    wanted = {"description": '"it\'s"', "labels": '[STRUCT("a", "b")]'}
    said = {key: found.get(key) for key in wanted}
    return Finding(str(said), said == wanted)


def a_query_that_can_not_run_becomes_a_failed_job(desk):
    statement = "SELECT nope FROM {t}"
    desk.prepare("CREATE TABLE {t} (a INT64)")
    inserted = desk.job(desk.query(statement), told=f"jobs.insert: {statement}")
    done = desk.finished(inserted)
    return Finding(f"jobs.insert {inserted}; job {done}", inserted.ok and not done.ok)


def an_insert_and_an_alteration_at_once_are_both_carried_out(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    many = "UNNEST(GENERATE_ARRAY(1, 10000)) AS x, UNNEST(GENERATE_ARRAY(1, 1000)) AS y"
    insert = f"INSERT INTO {{t}} (a) SELECT COUNT(*) FROM {many}"
    running = desk.job(desk.query(insert), told=insert)
    altered = desk.sql("ALTER TABLE {t} ADD COLUMN b STRING")
    inserted = desk.finished(running)
    return Finding(f"INSERT {inserted}; meanwhile ALTER {altered}", inserted.ok and altered.ok)


PROBES = (
    Probe(
        "Does WRITE_TRUNCATE of a partition keep REQUIRED and descriptions?",
        "It does.",
        f"{_REST}/Job#JobConfigurationQuery",
        write_truncate_of_a_partition_keeps_the_schema,
    ),
    Probe(
        "Does WRITE_TRUNCATE_DATA keep REQUIRED and descriptions?",
        "It does.",
        f"{_REST}/Job#JobConfigurationQuery",
        write_truncate_data_keeps_the_schema,
    ),
    Probe(
        "Is numRows exact right after an INSERT?",
        "It is: a rebuild compares it.",
        f"{_REST}/tables",
        the_count_of_rows_is_exact_after_an_insert,
    ),
    Probe(
        "Does INFORMATION_SCHEMA.PARTITIONS tell of a write at once?",
        "It does.",
        f"{_DOCS}/information-schema-partitions",
        partitions_tells_of_a_write_at_once,
    ),
    Probe(
        "Is last_modified_time of a partition later after it was replaced by the same rows?",
        "It is.",
        f"{_DOCS}/information-schema-partitions",
        a_second_write_changes_when_a_partition_was_modified,
    ),
    Probe(
        "Does INFORMATION_SCHEMA.COLUMN_FIELD_PATHS tell of a patch at once?",
        "It does.",
        f"{_DOCS}/managing-table-schemas",
        information_schema_tells_of_a_patch_at_once,
    ),
    Probe(
        "What is is_nullable of an array in INFORMATION_SCHEMA.COLUMNS?",
        "NO.",
        f"{_DOCS}/information-schema-columns",
        information_schema_calls_an_array_not_nullable,
    ),
    Probe(
        "How does INFORMATION_SCHEMA.TABLE_OPTIONS write options?",
        "As GoogleSQL literals in double quotes.",
        f"{_DOCS}/information-schema-table-options",
        information_schema_writes_options_as_literals,
    ),
    Probe(
        "Is a query that can't run a failed job, or a refused jobs.insert?",
        "A failed job.",
        f"{_REST}/jobs/insert",
        a_query_that_can_not_run_becomes_a_failed_job,
    ),
    Probe(
        "Are an INSERT and an ALTER TABLE of the same table both carried out at once?",
        "They are.",
        f"{_DOCS}/data-manipulation-language#limitations",
        an_insert_and_an_alteration_at_once_are_both_carried_out,
    ),
)
