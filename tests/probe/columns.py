"""Questions about changes of columns."""

from tests.probe.asking import Finding, Probe, accepted, refused

_DDL = "https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language"
_SCHEMAS = "https://docs.cloud.google.com/bigquery/docs/managing-table-schemas"
_POLICIES = "https://docs.cloud.google.com/bigquery/docs/row-level-security-intro"
_TABLES = "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables"
_FIELDS = "CREATE TABLE {t} (a INT64, b INT64)"
_POLICY = "CREATE ROW ACCESS POLICY p ON {t} FILTER USING (a > 0)"


def a_policy_blocks_dropping_another_column(desk):
    desk.prepare(_FIELDS, _POLICY)
    return refused(desk.sql("ALTER TABLE {t} DROP COLUMN b"))


def a_policy_blocks_renaming_another_column(desk):
    desk.prepare(_FIELDS, _POLICY)
    return refused(desk.sql("ALTER TABLE {t} RENAME COLUMN b TO c"))


def a_policy_blocks_dropping_its_column(desk):
    desk.prepare(_FIELDS, _POLICY)
    return refused(desk.sql("ALTER TABLE {t} DROP COLUMN a"))


def the_name_of_a_dropped_column_is_free(desk):
    desk.prepare(_FIELDS, "ALTER TABLE {t} DROP COLUMN b")
    return accepted(desk.sql("ALTER TABLE {t} ADD COLUMN b STRING"))


def a_date_does_not_widen_to_a_datetime(desk):
    desk.prepare("CREATE TABLE {t} (a DATE)")
    return refused(desk.sql("ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE DATETIME"))


def a_bignumeric_does_not_widen_to_a_float64(desk):
    desk.prepare("CREATE TABLE {t} (a BIGNUMERIC)")
    return refused(desk.sql("ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE FLOAT64"))


def a_dry_run_refuses_what_carrying_it_out_would(desk):
    desk.prepare("CREATE TABLE {t} (a BIGNUMERIC)")
    statement = "ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE FLOAT64"
    return refused(desk.job(desk.query(statement), dry=True, told=f"dry run: {statement}"))


def an_int64_widens_to_a_float64(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    return accepted(desk.sql("ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE FLOAT64"))


def a_numeric_widens_to_a_float64(desk):
    desk.prepare("CREATE TABLE {t} (a NUMERIC)")
    return accepted(desk.sql("ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE FLOAT64"))


def a_numeric_widens_to_a_bignumeric_with_fewer_digits_before_the_point(desk):
    desk.prepare("CREATE TABLE {t} (a NUMERIC)")
    return accepted(desk.sql("ALTER TABLE {t} ALTER COLUMN a SET DATA TYPE BIGNUMERIC(40, 20)"))


def a_struct_that_is_stated_anew_keeps_its_descriptions(desk):
    inner = [{"name": "a", "type": "INT64", "description": "A."}]
    desk.make("t", schema={"fields": [{"name": "s", "type": "RECORD", "fields": inner}]})
    answer = desk.sql("ALTER TABLE {t} ALTER COLUMN s SET DATA TYPE STRUCT<a NUMERIC>")
    if not answer.ok:
        return Finding(str(answer), agrees=False)
    told = desk.read()["schema"]["fields"][0]["fields"][0].get("description")
    return Finding(f"{answer}; the description is {told!r}", told == "A.")


def a_patch_of_max_length_is_ignored(desk):
    desk.make("t", schema={"fields": [{"name": "a", "type": "STRING", "maxLength": "5"}]})
    longer = {"schema": {"fields": [{"name": "a", "type": "STRING", "maxLength": "9"}]}}
    answer = desk.rest("PATCH", "/tables/{t}", longer)
    found = desk.read()["schema"]["fields"][0].get("maxLength")
    return Finding(f"{answer}; maxLength is {found}", answer.ok and found == "5")


def _left_out(desk, key, value):
    fields = [{"name": "a", "type": "STRING", key: value}]
    desk.make("t", schema={"fields": fields})
    without = {"schema": {"fields": [{"name": "a", "type": "STRING"}]}}
    answer = desk.rest("PATCH", "/tables/{t}", without)
    found = desk.read()["schema"]["fields"][0].get(key)
    return Finding(f"{answer}; {key} is {found!r}", answer.ok and found is None)


def a_patch_that_leaves_a_description_out_removes_it(desk):
    return _left_out(desk, "description", "A.")


def a_patch_that_leaves_a_default_out_removes_it(desk):
    return _left_out(desk, "defaultValueExpression", "'x'")


def a_default_is_kept_as_it_was_written(desk):
    default = "current_timestamp"
    fields = [{"name": "a", "type": "TIMESTAMP", "defaultValueExpression": default}]
    desk.make("t", schema={"fields": fields})
    desk.sent.append(f"POST /tables with defaultValueExpression {default}")
    found = desk.read()["schema"]["fields"][0].get("defaultValueExpression")
    return Finding(f"defaultValueExpression is {found!r}", found == default)


def several_alter_column_actions_are_one_statement(desk):
    desk.prepare(_FIELDS)
    a, b = (f"ALTER COLUMN {name} SET DATA TYPE NUMERIC" for name in "ab")
    return accepted(desk.sql(f"ALTER TABLE {{t}} {a}, {b}"))


def alter_column_actions_of_several_kinds_are_refused(desk):
    desk.prepare(_FIELDS)
    widen, fill = "ALTER COLUMN a SET DATA TYPE NUMERIC", "ALTER COLUMN b SET DEFAULT 1"
    return refused(desk.sql(f"ALTER TABLE {{t}} {widen}, {fill}"))


def a_rename_that_changes_only_case_is_refused(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    return refused(desk.sql("ALTER TABLE {t} RENAME COLUMN a TO A"))


def a_column_is_dropped_while_rows_are_streamed(desk):
    desk.prepare(_FIELDS)
    rows = {"rows": [{"insertId": "1", "json": {"a": 1, "b": 2}}]}
    desk.rest("POST", "/tables/{t}/insertAll", rows)
    return accepted(desk.sql("ALTER TABLE {t} DROP COLUMN b"))


def a_load_does_not_make_a_column_required(desk):
    desk.prepare("CREATE TABLE {t} (a INT64)")
    schema = {"fields": [{"name": "a", "type": "INT64", "mode": "REQUIRED"}]}
    answer = desk.loaded([{"a": 1}], schema, "ALLOW_FIELD_ADDITION")
    mode = desk.read()["schema"]["fields"][0].get("mode", "NULLABLE")
    return Finding(f"{answer}; the column is {mode}", mode == "NULLABLE")


PROBES = (
    Probe(
        "Does a row access policy block dropping a column that it does not name?",
        "It is refused: two pages disagree, and the stricter one is followed.",
        f"{_DDL}#alter_table_drop_column_statement",
        a_policy_blocks_dropping_another_column,
    ),
    Probe(
        "Does a row access policy block renaming a column that it does not name?",
        "It is refused: two pages disagree, and the stricter one is followed.",
        f"{_DDL}#alter_table_rename_column_statement",
        a_policy_blocks_renaming_another_column,
    ),
    Probe(
        "Does a row access policy block dropping the column that it names?",
        "It is refused.",
        _POLICIES,
        a_policy_blocks_dropping_its_column,
    ),
    Probe(
        "Is the name of a dropped column free at once?",
        "It is.",
        "https://github.com/ZimbiX/sequel-bigquery#column-recreation",
        the_name_of_a_dropped_column_is_free,
    ),
    Probe(
        "Can a DATE be widened to a DATETIME?",
        "It is refused: the page does not list the pair.",
        f"{_DDL}#alter_column_set_data_type_statement",
        a_date_does_not_widen_to_a_datetime,
    ),
    Probe(
        "Can a BIGNUMERIC be widened to a FLOAT64?",
        "It is refused, as peers saw it.",
        "https://github.com/SQLMesh/sqlmesh/pull/2848",
        a_bignumeric_does_not_widen_to_a_float64,
    ),
    Probe(
        "Does a dry run of ALTER TABLE refuse what carrying it out would refuse?",
        "It does; nothing relies on it.",
        "https://docs.cloud.google.com/bigquery/docs/running-queries#dry-run",
        a_dry_run_refuses_what_carrying_it_out_would,
    ),
    Probe(
        "Can an INT64 be widened to a FLOAT64?",
        "It is carried out.",
        f"{_DDL}#alter_column_set_data_type_statement",
        an_int64_widens_to_a_float64,
    ),
    Probe(
        "Can a NUMERIC be widened to a FLOAT64?",
        "It is carried out.",
        f"{_DDL}#alter_column_set_data_type_statement",
        a_numeric_widens_to_a_float64,
    ),
    Probe(
        "Can a NUMERIC be widened to a BIGNUMERIC with fewer digits before the point?",
        "It is carried out.",
        f"{_DDL}#alter_column_set_data_type_statement",
        a_numeric_widens_to_a_bignumeric_with_fewer_digits_before_the_point,
    ),
    Probe(
        "Do the fields of a struct keep their descriptions when it is stated anew to be widened?",
        "They do.",
        f"{_SCHEMAS}#change_a_columns_data_type",
        a_struct_that_is_stated_anew_keeps_its_descriptions,
    ),
    Probe(
        "Does tables.patch ignore another maxLength?",
        "It answers 200 and changes nothing.",
        "https://github.com/hashicorp/terraform-provider-google/issues/12095",
        a_patch_of_max_length_is_ignored,
    ),
    Probe(
        "What does tables.patch do with a description that is left out of the schema?",
        "It is removed: patches carry all that is to stay.",
        f"{_TABLES}/patch",
        a_patch_that_leaves_a_description_out_removes_it,
    ),
    Probe(
        "What does tables.patch do with a default that is left out of the schema?",
        "It is removed: patches carry all that is to stay.",
        f"{_TABLES}/patch",
        a_patch_that_leaves_a_default_out_removes_it,
    ),
    Probe(
        "Is a default expression kept as it was written?",
        "It is.",
        "https://docs.cloud.google.com/bigquery/docs/default-values",
        a_default_is_kept_as_it_was_written,
    ),
    Probe(
        "Can one ALTER TABLE widen two columns?",
        "It is carried out; plans have a statement for each.",
        f"{_DDL}#alter_column_set_data_type_statement",
        several_alter_column_actions_are_one_statement,
    ),
    Probe(
        "Can one ALTER TABLE widen a column and give another one a default?",
        "It is refused; plans have a statement for each.",
        f"{_DDL}#alter_column_set_default_statement",
        alter_column_actions_of_several_kinds_are_refused,
    ),
    Probe(
        "Can a column be renamed to its own name in another case?",
        "It is refused: another case is no change.",
        f"{_DDL}#alter_table_rename_column_statement",
        a_rename_that_changes_only_case_is_refused,
    ),
    Probe(
        "Can a column be dropped while its rows are in the streaming buffer?",
        "It is carried out. Open Storage Write streams are not asked: they need another client.",
        f"{_DDL}#alter_table_drop_column_statement",
        a_column_is_dropped_while_rows_are_streamed,
    ),
    Probe(
        "Does a load with ALLOW_FIELD_ADDITION make a NULLABLE column REQUIRED?",
        "It is refused, or the column stays NULLABLE.",
        "https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad",
        a_load_does_not_make_a_column_required,
    ),
)
