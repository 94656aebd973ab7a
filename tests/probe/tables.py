"""Questions about tables, views and routines as a whole."""

from tests.probe.asking import Finding, Probe, accepted, refused, stale

_DDL = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language"
_REST = "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2"
_DOCS = "https://docs.cloud.google.com/bigquery/docs"
_CUT = {"timePartitioning": {"type": "DAY", "field": "d"}}
_OLD = '"AAAAAAAAAAAAAAAAAAAAAA=="'


def one_patch_adds_relaxes_clusters_and_sets_options(desk):
    before = [{"name": "a", "type": "STRING", "mode": "REQUIRED"}]
    desk.make("t", schema={"fields": before})
    after = [{"name": "a", "type": "STRING"}, {"name": "b", "type": "INTEGER"}]
    body = {"schema": {"fields": after}, "clustering": {"fields": ["a"]}, "description": "T."}
    answer = desk.rest("PATCH", "/tables/{t}", body)
    found = desk.read()
    kept = {key: found.get(key) for key in ("clustering", "description")}
    columns = [(each["name"], each.get("mode")) for each in found["schema"]["fields"]]
    agrees = [name for name, _ in columns] == ["a", "b"] and columns[0][1] != "REQUIRED"
    return Finding(
        f"{answer}; {kept}, {columns}",
        answer.ok and agrees and kept == {k: body[k] for k in kept},
    )


def tables_delete_honours_if_match(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    return stale(desk.rest("DELETE", "/tables/{t}", etag=_OLD))


def tables_patch_honours_if_match(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    return stale(desk.rest("PATCH", "/tables/{t}", {"description": "T."}, etag=_OLD))


def routines_update_honours_if_match(desk):
    desk.prepare("CREATE FUNCTION {f}(x INT64) RETURNS INT64 AS (x + 1)")
    body = desk.read("/routines/{f}")
    kept = ("routineReference", "routineType", "language", "arguments", "returnType")
    after = {**{key: body[key] for key in kept}, "definitionBody": "x + 2"}
    return stale(desk.rest("PUT", "/routines/{f}", after, etag=_OLD))


def datasets_patch_honours_if_match(desk):
    return stale(desk.rest("PATCH", "", {"description": "Made by a probe."}, etag=_OLD))


def _etag_stays(desk, path):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    before = desk.read(path)["etag"]
    answer = desk.sql("INSERT INTO {t} (a) VALUES (1)")
    stays = desk.read(path)["etag"] == before
    return Finding(f"{answer}; the etag {'stays' if stays else 'changes'}", answer.ok and stays)


def writing_rows_leaves_the_etag_of_the_table(desk):
    return _etag_stays(desk, "/tables/{t}")


def writing_rows_leaves_the_etag_of_the_dataset(desk):
    return _etag_stays(desk, "")


def the_name_of_a_dropped_table_is_free(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)", "CREATE TABLE {u} (a INT64)", "DROP TABLE {t}")
    return accepted(desk.sql(f"ALTER TABLE {{u}} RENAME TO `{desk.name('t')}`"))


def a_table_keeps_its_partitioning(desk):
    desk.make("t", schema={"fields": [{"name": "d", "type": "DATE"}]}, **_CUT)
    return refused(desk.rest("PATCH", "/tables/{t}", {"timePartitioning": None}))


def a_past_expiration_deletes_a_table(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    answer = desk.rest("PATCH", "/tables/{t}", {"expirationTime": "1000"})
    later = desk.rest("GET", "/tables/{t}")
    return Finding(f"{answer}; then {later}", answer.ok and later.status == 404)


def a_clone_does_not_take_the_partition_expiration_of_its_dataset(desk):
    desk.make("t", schema={"fields": [{"name": "d", "type": "DATE"}]}, **_CUT)
    limit = {"defaultPartitionExpirationMs": "864000000"}
    desk.rest("PATCH", "", limit)
    try:
        answer = desk.sql("CREATE TABLE {u} CLONE {t}")
    finally:
        desk.rest("PATCH", "", dict.fromkeys(limit))
    if not answer.ok:
        return Finding(str(answer), agrees=False)
    found = desk.read("/tables/{u}").get("timePartitioning", {}).get("expirationMs")
    return Finding(f"{answer}; expirationMs is {found}", found is None)


def a_view_is_not_created_with_a_schema(desk):
    view = {"query": "SELECT 1 AS a", "useLegacySql": False}
    fields = [{"name": "a", "type": "INTEGER", "description": "A."}]
    body = {"tableReference": desk.reference("v"), "view": view, "schema": {"fields": fields}}
    return refused(desk.rest("POST", "/tables", body))


def create_or_replace_resets_the_labels_of_a_view(desk):
    desk.prepare("CREATE VIEW {v} OPTIONS (labels = [('a', 'b')]) AS SELECT 1 AS a")
    answer = desk.sql("CREATE OR REPLACE VIEW {v} AS SELECT 2 AS a")
    labels = desk.read("/tables/{v}").get("labels")
    return Finding(f"{answer}; labels are {labels}", answer.ok and not labels)


def _grants(desk, statement, short):
    """Grant who asks the right to read, change the object, and look whether the grant is there."""
    (found,) = desk.rows("SELECT SESSION_USER() AS who")
    kind = "serviceAccount" if found[0].endswith("gserviceaccount.com") else "user"
    grant = {"role": "roles/bigquery.dataViewer", "members": [f"{kind}:{found[0]}"]}
    path = f"/tables/{{{short}}}"
    answer = desk.rest("POST", f"{path}:setIamPolicy", {"policy": {"bindings": [grant]}})
    if answer.ok:
        answer = desk.sql(statement)
    bindings = desk.rest("POST", f"{path}:getIamPolicy", {}).body or {}
    kept = grant in bindings.get("bindings", [])
    return Finding(f"{answer}; the grant is {'kept' if kept else 'gone'}", answer.ok and not kept)


def create_or_replace_of_a_table_loses_its_grants(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    return _grants(desk, "CREATE OR REPLACE TABLE {t} (a INT64) AS SELECT 1", "t")


def create_or_replace_of_a_view_loses_its_grants(desk):
    desk.prepare("CREATE VIEW {v} AS SELECT 1 AS a")
    return _grants(desk, "CREATE OR REPLACE VIEW {v} AS SELECT 2 AS a", "v")


PROBES = (
    Probe(
        "Can one tables.patch add a column, relax another, cluster and describe?",
        "It is carried out as a whole.",
        f"{_REST}/tables/patch",
        one_patch_adds_relaxes_clusters_and_sets_options,
    ),
    Probe(
        "Does tables.patch honour If-Match?",
        "It answers 412.",
        f"{_REST}/tables/patch",
        tables_patch_honours_if_match,
    ),
    Probe(
        "Does tables.delete honour If-Match?",
        "It answers 412.",
        f"{_REST}/tables/delete",
        tables_delete_honours_if_match,
    ),
    Probe(
        "Does routines.update honour If-Match?",
        "It answers 412.",
        f"{_REST}/routines/update",
        routines_update_honours_if_match,
    ),
    Probe(
        "Does datasets.patch honour If-Match, on which the lease rests?",
        "It answers 412.",
        f"{_REST}/datasets/patch",
        datasets_patch_honours_if_match,
    ),
    Probe(
        "Does writing rows change the etag of a table?",
        "It does not, so nobody may write while a table is rebuilt. If it does, a rebuild sees it.",
        f"{_REST}/tables",
        writing_rows_leaves_the_etag_of_the_table,
    ),
    Probe(
        "Does writing rows leave the etag of the dataset alone?",
        "It does, so writing the ledger takes the lease from nobody.",
        f"{_REST}/datasets",
        writing_rows_leaves_the_etag_of_the_dataset,
    ),
    Probe(
        "Is the name of a dropped table free at once?",
        "It is: a rebuild drops a table and renames its copy.",
        f"{_DDL}#alter_table_rename_to_statement",
        the_name_of_a_dropped_table_is_free,
    ),
    Probe(
        "Can tables.patch take the partitioning away?",
        "It is refused.",
        f"{_DOCS}/managing-partitioned-tables",
        a_table_keeps_its_partitioning,
    ),
    Probe(
        "Does a past expiration delete a table at once?",
        "It does.",
        f"{_DOCS}/managing-tables#updating_a_tables_expiration_time",
        a_past_expiration_deletes_a_table,
    ),
    Probe(
        "Does a clone take the default partition expiration of its dataset?",
        "It does not.",
        f"{_DOCS}/table-clones-create",
        a_clone_does_not_take_the_partition_expiration_of_its_dataset,
    ),
    Probe(
        "Can a view be inserted with a schema?",
        "It is refused: descriptions are patched afterwards.",
        f"{_REST}/tables/insert",
        a_view_is_not_created_with_a_schema,
    ),
    Probe(
        "Does CREATE OR REPLACE VIEW reset labels that are not stated?",
        "It does.",
        f"{_DDL}#create_view_statement",
        create_or_replace_resets_the_labels_of_a_view,
    ),
    Probe(
        "Does CREATE OR REPLACE TABLE lose the grants on the table itself?",
        "It does: grant them again.",
        f"{_DOCS}/table-access-controls-intro",
        create_or_replace_of_a_table_loses_its_grants,
    ),
    Probe(
        "Does CREATE OR REPLACE VIEW lose the grants on the view itself?",
        "It does: grant them again.",
        f"{_DOCS}/table-access-controls-intro",
        create_or_replace_of_a_view_loses_its_grants,
    ),
)
