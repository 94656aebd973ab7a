"""What the rules say of every change, by hand: fact, severity, means and rule."""

from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster import (
    ARRAY,
    BIGNUMERIC,
    BOOL,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    STRUCT,
    TIMESTAMP,
    AggregateFunction,
    Argument,
    Dataset,
    ExternalTable,
    Field,
    ForeignKey,
    JavaScript,
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
from datoria_dagster.diff.compare import compare
from datoria_dagster.judge.judge import RULES, judge
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.foreign import Foreign

SHOP = Dataset(project="acme", name="shop", location="EU")
ID = Field("id", INT64)
DAY = Field("day", DATE)
TAG = "projects/p/locations/eu/taxonomies/1/policyTags/"
KEY = "projects/p/locations/eu/keyRings/r/cryptoKeys/"
RANGES = Partitioning.integer_range("id", 0, 100, 10)


def table(*fields, name="x", **options):
    return Table(dataset=SHOP, name=name, schema=(ID, DAY, *fields), **options)


def dataset(**options):
    return SHOP.model_copy(update=options)


def column(type, **options):
    return table(Field("c", type, **options))


def nested(*fields, **options):
    return table(Field("s", STRUCT(*fields), **options))


def view(*columns, text="SELECT 1 AS a", **options):
    return View(dataset=SHOP, name="x", schema=columns or (A,), query=sql(text), **options)


def materialized(*columns, text="SELECT 1 AS a", **options):
    return MaterializedView(
        dataset=SHOP, name="x", schema=columns or (A,), query=sql(text), **options
    )


def external(*columns, uris=("gs://b/x",), **options):
    return ExternalTable(
        dataset=SHOP, name="x", schema=columns or (A,), format="CSV", uris=uris, **options
    )


def scalar(body="1", returns=INT64, kind=ScalarFunction, **options):
    body = sql(body) if isinstance(body, str) else body
    return kind(dataset=SHOP, name="x", returns=returns, body=body, **options)


def aggregate(body="SUM(n)", **options):
    return scalar(body, kind=AggregateFunction, arguments=N, **options)


def table_function(*columns, text="SELECT 1 AS a", **options):
    return TableFunction(dataset=SHOP, name="x", returns=columns or (A,), body=sql(text), **options)


def procedure(text="SELECT 1;", **options):
    return Procedure(dataset=SHOP, name="x", body=sql(text), **options)


def keyed(*keys):
    other = Table(dataset=SHOP, name="other", schema=(ID,), primary_key=("id",))
    return table(foreign_keys=tuple(ForeignKey(k, references=other) for k in keys)), other


A, B = Field("a", INT64), Field("b", INT64)
A_TEXT, A_REPEATED = Field("a", STRING), Field("a", INT64, repeated=True)
N = (Argument("n", INT64),)
FOREIGN = Foreign(dataset=SHOP, name="x", live_kind="snapshot")
EARLY, LATE = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
BY_DAY, BY_ARRIVAL = Partitioning.day("day"), Partitioning.ingestion_time()
TWO = "SELECT 1 AS a, 2 AS b"

# Before, after, and what is said: path (or "."), fact, severity, means, rule.
SAID = [
    # Tables.
    (None, table(), ". object_added safe statement TABLE_IS_NEW"),
    (table(), None, ". object_removed destructive statement TABLE_STAYS"),
    (
        table(name="y"),
        table(renamed_from="y"),
        ". object_renamed incompatible statement TABLE_KEEPS_ITS_NAME",
    ),
    (
        table(),
        table(partitioning=BY_ARRIVAL),
        ". partitioning_changed incompatible impossible ARRIVAL_CANT_BE_KNOWN_LATER",
    ),
    (
        table(partitioning=BY_DAY),
        table(partitioning=BY_ARRIVAL),
        ". partitioning_changed incompatible impossible ARRIVAL_CANT_BE_KNOWN_LATER",
    ),
    (
        table(partitioning=BY_ARRIVAL),
        table(partitioning=Partitioning.ingestion_time("MONTH")),
        ". partitioning_changed incompatible rebuild TABLE_KEEPS_ITS_PARTITIONING",
    ),
    (
        table(partitioning=RANGES),
        table(partitioning=BY_DAY),
        ". partitioning_changed incompatible rebuild TABLE_KEEPS_ITS_PARTITIONING",
    ),
    (
        table(partitioning=BY_DAY),
        table(),
        ". partitioning_changed incompatible rebuild TABLE_KEEPS_ITS_PARTITIONING",
    ),
    (
        table(),
        table(clustering=("id",)),
        ". clustering_changed caution patch TABLE_CLUSTERING",
    ),
    # Their kinds.
    (FOREIGN, table(), ". object_kind_changed destructive impossible OBJECT_KEEPS_ITS_KIND"),
    (scalar(), table(), ". object_kind_changed destructive impossible OBJECT_KEEPS_ITS_KIND"),
    (table(), view(), ". object_kind_changed destructive recreate TABLE_STAYS_A_TABLE"),
    (table(), external(), ". object_kind_changed destructive recreate TABLE_STAYS_A_TABLE"),
    (view(), table(), ". object_kind_changed incompatible recreate RELATION_KEEPS_ITS_KIND"),
    (
        materialized(),
        view(),
        ". object_kind_changed incompatible recreate RELATION_KEEPS_ITS_KIND",
    ),
    (
        scalar(),
        procedure(),
        ". object_kind_changed incompatible recreate ROUTINE_KEEPS_ITS_KIND",
    ),
    # Options of tables.
    (
        table(),
        table(expiration_timestamp=LATE),
        ". expiration_timestamp_changed destructive patch TABLE_EXPIRES_NO_EARLIER",
    ),
    (
        table(expiration_timestamp=LATE),
        table(expiration_timestamp=EARLY),
        ". expiration_timestamp_changed destructive patch TABLE_EXPIRES_NO_EARLIER",
    ),
    (
        table(expiration_timestamp=EARLY),
        table(expiration_timestamp=LATE),
        ". expiration_timestamp_changed safe patch TABLE_EXPIRES_LATER",
    ),
    (
        table(expiration_timestamp=EARLY),
        table(),
        ". expiration_timestamp_changed safe patch TABLE_EXPIRES_LATER",
    ),
    (
        table(partitioning=BY_DAY),
        table(partitioning=BY_DAY, partition_expiration_days=30),
        ". partition_expiration_days_changed destructive patch PARTITIONS_EXPIRE_NO_EARLIER",
    ),
    (
        table(partitioning=BY_DAY, partition_expiration_days=30),
        table(partitioning=BY_DAY, partition_expiration_days=7),
        ". partition_expiration_days_changed destructive patch PARTITIONS_EXPIRE_NO_EARLIER",
    ),
    (
        table(partitioning=BY_DAY, partition_expiration_days=7),
        table(partitioning=BY_DAY),
        ". partition_expiration_days_changed safe patch PARTITIONS_EXPIRE_LATER",
    ),
    (
        table(partitioning=BY_DAY),
        table(partitioning=BY_DAY, require_partition_filter=True),
        ". require_partition_filter_changed incompatible patch QUERIES_NEED_NO_PARTITION_FILTER",
    ),
    (
        table(partitioning=BY_DAY, require_partition_filter=True),
        table(partitioning=BY_DAY),
        ". require_partition_filter_changed safe patch PARTITION_FILTER_IS_LIFTED",
    ),
    (
        table(),
        table(kms_key_name=f"{KEY}one"),
        ". kms_key_name_changed incompatible rebuild TABLE_KEEPS_ITS_ENCRYPTION",
    ),
    (
        table(kms_key_name=f"{KEY}one"),
        table(kms_key_name=f"{KEY}two"),
        ". kms_key_name_changed caution patch TABLE_KEY_CHANGES",
    ),
    (
        table(),
        table(max_staleness=timedelta(hours=4)),
        ". max_staleness_changed caution patch TABLE_STALENESS",
    ),
    (
        table(),
        table(default_collation="und:ci"),
        ". default_collation_changed caution patch TABLE_DEFAULT_COLLATION",
    ),
    (
        table(),
        table(default_rounding_mode="ROUND_HALF_EVEN"),
        ". default_rounding_mode_changed safe patch TABLE_DEFAULT_ROUNDING_MODE",
    ),
    (table(), table(friendly_name="T"), ". friendly_name_changed safe patch FRIENDLY_NAME"),
    (table(), table(description="T."), ". description_changed safe patch DESCRIPTION"),
    (table(), table(labels={"team": "x"}), ". labels_changed safe patch LABELS"),
    # Keys.
    (
        table(),
        table(primary_key=("id",)),
        ". primary_key_changed caution statement PRIMARY_KEY",
    ),
    (
        table(primary_key=("id",)),
        table(),
        ". primary_key_changed caution statement PRIMARY_KEY_IS_DROPPED",
    ),
    (keyed(), keyed("id"), ". foreign_key_added caution statement FOREIGN_KEY_IS_NEW"),
    (keyed("id"), keyed(), ". foreign_key_removed safe statement FOREIGN_KEY_IS_DROPPED"),
    # Columns.
    (table(), column(INT64), "c field_added safe patch COLUMN_IS_NEW"),
    (
        table(),
        column(INT64, required=True),
        "c field_added incompatible impossible REQUIRED_COLUMN_CANT_BE_ADDED",
    ),
    (
        table(),
        column(INT64, default=1),
        "c field_added safe statement COLUMN_IS_NEW_WITH_DEFAULT",
    ),
    (nested(A), nested(A, B), "s.b field_added safe patch NESTED_FIELD_IS_NEW"),
    (
        nested(A),
        nested(A, Field("b", INT64, required=True)),
        "s.b field_added incompatible impossible REQUIRED_COLUMN_CANT_BE_ADDED",
    ),
    (column(INT64), table(), "c field_removed destructive statement COLUMN_STAYS"),
    (nested(A, B), nested(A), "s.b field_removed destructive rebuild NESTED_FIELD_STAYS"),
    (
        column(INT64),
        table(Field("d", INT64)),
        (
            "c field_removed destructive statement COLUMN_IS_GONE_OR_RENAMED\n"
            "d field_added safe patch COLUMN_IS_NEW"
        ),
    ),
    (
        nested(A),
        nested(B),
        (
            "s.a field_removed destructive rebuild NESTED_FIELD_IS_GONE_OR_RENAMED\n"
            "s.b field_added safe patch NESTED_FIELD_IS_NEW"
        ),
    ),
    (
        table(A, clustering=("a",)),
        table(),
        (
            ". clustering_changed caution patch TABLE_CLUSTERING\n"
            "a field_removed destructive statement CLUSTERING_COLUMN_STAYS"
        ),
    ),
    (
        table(A, primary_key=("a",)),
        table(),
        (
            ". primary_key_changed caution statement PRIMARY_KEY_IS_DROPPED\n"
            "a field_removed destructive statement KEY_COLUMN_STAYS"
        ),
    ),
    (
        table(A, partitioning=Partitioning.integer_range("a", 0, 9, 1)),
        table(),
        (
            ". partitioning_changed incompatible rebuild TABLE_KEEPS_ITS_PARTITIONING\n"
            "a field_removed destructive rebuild PARTITION_COLUMN_STAYS"
        ),
    ),
    (
        column(INT64),
        table(Field("d", INT64, renamed_from="c")),
        "c field_renamed incompatible statement COLUMN_KEEPS_ITS_NAME",
    ),
    (
        nested(A),
        nested(Field("b", INT64, renamed_from="a")),
        "s.a field_renamed incompatible rebuild NESTED_FIELD_KEEPS_ITS_NAME",
    ),
    (
        table(Field("c", DATE), partitioning=Partitioning.day("c")),
        table(Field("d", DATE, renamed_from="c"), partitioning=Partitioning.day("d")),
        "c field_renamed incompatible rebuild PARTITION_COLUMN_KEEPS_ITS_NAME",
    ),
    (
        column(INT64, required=True),
        column(INT64),
        "c field_mode_changed caution patch COLUMN_MODE_RELAXED",
    ),
    (
        column(INT64),
        column(INT64, required=True),
        "c field_mode_changed incompatible rebuild COLUMN_MODE_TIGHTENED",
    ),
    (
        column(INT64, repeated=True),
        column(INT64),
        "c field_mode_changed destructive rebuild COLUMN_STAYS_SINGLE",
    ),
    (
        column(INT64),
        column(INT64, repeated=True),
        "c field_mode_changed incompatible rebuild COLUMN_BECOMES_REPEATED",
    ),
    (
        column(INT64),
        column(INT64, default=1),
        "c field_default_changed safe statement COLUMN_DEFAULT",
    ),
    (
        column(INT64),
        column(INT64, description="C."),
        "c description_changed safe patch DESCRIPTION",
    ),
    # Their types.
    (column(STRING(5)), column(STRING), "c field_type_changed safe statement COLUMN_GROWS"),
    (column(INT64), column(NUMERIC), "c field_type_changed caution statement COLUMN_WIDENS"),
    (
        column(NUMERIC),
        column(FLOAT64),
        "c field_type_changed caution statement COLUMN_BECOMES_FLOAT64",
    ),
    (
        column(DATE),
        column(DATETIME),
        "c field_type_changed incompatible rebuild COLUMN_WIDENS_BY_REWRITE",
    ),
    (
        column(BIGNUMERIC),
        column(FLOAT64),
        "c field_type_changed incompatible rebuild COLUMN_WIDENS_BY_REWRITE",
    ),
    (column(STRING), column(BOOL), "c field_type_changed incompatible rebuild COLUMN_NARROWS"),
    (
        column(STRING),
        column(JSON),
        "c field_type_changed incompatible impossible COLUMN_KEEPS_ITS_TYPE",
    ),
    (
        nested(A),
        nested(Field("a", NUMERIC)),
        "s.a field_type_changed caution statement NESTED_FIELD_WIDENS",
    ),
    (
        nested(A, repeated=True),
        nested(Field("a", NUMERIC), repeated=True),
        "s.a field_type_changed incompatible rebuild COLUMN_GROWS_IN_ARRAY",
    ),
    (
        table(A, primary_key=("a",)),
        table(Field("a", NUMERIC), primary_key=("a",)),
        "a field_type_changed caution statement KEY_COLUMN_WIDENS",
    ),
    (
        table(Field("c", DATE), partitioning=Partitioning.day("c")),
        table(Field("c", TIMESTAMP), partitioning=Partitioning.day("c")),
        "c field_type_changed incompatible rebuild PARTITION_COLUMN_KEEPS_ITS_TYPE",
    ),
    # Their options.
    (
        column(STRING),
        column(STRING, policy_tag=f"{TAG}1"),
        "c policy_tag_changed incompatible patch COLUMN_STAYS_READABLE",
    ),
    (
        column(STRING, policy_tag=f"{TAG}1"),
        column(STRING, policy_tag=""),
        "c policy_tag_changed incompatible patch COLUMN_IS_NOT_EXPOSED",
    ),
    (
        column(STRING),
        column(STRING, collation="und:ci"),
        "c collation_changed incompatible rebuild COLUMN_KEEPS_ITS_COLLATION",
    ),
    (
        column(NUMERIC),
        column(NUMERIC, rounding_mode="ROUND_HALF_EVEN"),
        "c rounding_mode_changed caution patch COLUMN_ROUNDING_MODE",
    ),
    # Views.
    (None, view(), ". object_added safe recreate VIEW_IS_NEW"),
    (view(), None, ". object_removed incompatible statement VIEW_STAYS"),
    (view(), view(text="SELECT 2 AS a"), ". query_changed caution recreate VIEW_QUERY"),
    (view(A), view(A, B), "b field_added safe recreate VIEW_COLUMN_IS_NEW"),
    (view(A, B), view(A), "b field_removed incompatible recreate VIEW_COLUMN_STAYS"),
    (
        view(A),
        view(Field("a", NUMERIC)),
        "a field_type_changed caution recreate VIEW_COLUMN_WIDENS",
    ),
    (
        view(A),
        view(A_TEXT),
        "a field_type_changed incompatible recreate VIEW_COLUMN_KEEPS_ITS_TYPE",
    ),
    (
        view(A),
        view(A_REPEATED),
        "a field_mode_changed incompatible recreate VIEW_COLUMN_KEEPS_ITS_MODE",
    ),
    (view(), view(friendly_name="V"), ". friendly_name_changed safe patch FRIENDLY_NAME"),
    # Materialized views.
    (None, materialized(), ". object_added safe recreate MATERIALIZED_VIEW_IS_NEW"),
    (materialized(), None, ". object_removed incompatible statement MATERIALIZED_VIEW_STAYS"),
    (
        materialized(),
        materialized(text="SELECT 2 AS a"),
        ". query_changed caution recreate MATERIALIZED_VIEW_QUERY",
    ),
    (
        materialized(DAY),
        materialized(DAY, partitioning=BY_DAY),
        ". partitioning_changed caution recreate MATERIALIZED_VIEW_PARTITIONING",
    ),
    (
        materialized(A),
        materialized(A, clustering=("a",)),
        ". clustering_changed caution recreate MATERIALIZED_VIEW_CLUSTERING",
    ),
    (
        materialized(),
        materialized(allow_non_incremental_definition=True),
        ". allow_non_incremental_definition_changed caution recreate MATERIALIZED_VIEW_DEFINITION",
    ),
    (
        materialized(),
        materialized(enable_refresh=False),
        ". enable_refresh_changed caution patch MATERIALIZED_VIEW_STAYS_FRESH",
    ),
    (
        materialized(),
        materialized(refresh_interval_minutes=60),
        ". refresh_interval_minutes_changed safe patch MATERIALIZED_VIEW_REFRESH",
    ),
    (
        materialized(),
        materialized(max_staleness=timedelta(hours=4)),
        ". max_staleness_changed caution patch MATERIALIZED_VIEW_STALENESS",
    ),
    (
        materialized(A),
        materialized(A, B),
        "b field_added safe recreate VIEW_COLUMN_IS_NEW",
    ),
    (
        materialized(A, B),
        materialized(A),
        "b field_removed incompatible recreate VIEW_COLUMN_STAYS",
    ),
    (
        materialized(A),
        materialized(A_TEXT),
        "a field_type_changed incompatible recreate VIEW_COLUMN_KEEPS_ITS_TYPE",
    ),
    (
        materialized(),
        materialized(labels={"team": "x"}),
        ". labels_changed safe patch LABELS",
    ),
    # External tables.
    (None, external(), ". object_added safe statement EXTERNAL_TABLE_IS_NEW"),
    (external(), None, ". object_removed incompatible statement EXTERNAL_TABLE_STAYS"),
    (
        external(),
        external(uris=("gs://b/y",)),
        ". uris_changed caution patch EXTERNAL_TABLE_OPTION",
    ),
    (
        external(),
        external(skip_leading_rows=1),
        ". skip_leading_rows_changed caution patch EXTERNAL_TABLE_OPTION",
    ),
    (external(), external(friendly_name="E"), ". friendly_name_changed safe patch FRIENDLY_NAME"),
    (external(A), external(A, B), "b field_added safe patch EXTERNAL_COLUMN_IS_NEW"),
    (external(A, B), external(A), "b field_removed incompatible patch EXTERNAL_COLUMN_STAYS"),
    (
        external(A),
        external(A_TEXT),
        "a field_type_changed incompatible patch EXTERNAL_COLUMN_KEEPS_ITS_TYPE",
    ),
    # Routines.
    (None, scalar(), ". object_added safe recreate FUNCTION_IS_NEW"),
    (None, aggregate(), ". object_added safe recreate FUNCTION_IS_NEW"),
    (None, table_function(), ". object_added safe recreate TABLE_FUNCTION_IS_NEW"),
    (None, procedure(), ". object_added safe recreate PROCEDURE_IS_NEW"),
    (aggregate(), None, ". object_removed incompatible statement FUNCTION_STAYS"),
    (table_function(), None, ". object_removed incompatible statement FUNCTION_STAYS"),
    (procedure(), None, ". object_removed incompatible statement PROCEDURE_STAYS"),
    (scalar("1"), scalar("2"), ". body_changed caution recreate FUNCTION_BODY"),
    (
        scalar("1"),
        scalar(JavaScript("return 1;")),
        ". body_changed caution recreate FUNCTION_BODY",
    ),
    (
        scalar(JavaScript("return 1;")),
        scalar(JavaScript("return 1; // one")),
        ". body_changed caution recreate FUNCTION_BODY",
    ),
    (
        procedure("SELECT 1;"),
        procedure("SELECT 2;"),
        ". body_changed caution recreate PROCEDURE_BODY",
    ),
    (
        scalar(),
        scalar(arguments=N),
        ". arguments_changed incompatible recreate FUNCTION_KEEPS_ITS_ARGUMENTS",
    ),
    (
        procedure(),
        procedure(arguments=N),
        ". arguments_changed incompatible recreate PROCEDURE_KEEPS_ITS_ARGUMENTS",
    ),
    (
        scalar(),
        scalar(returns=ARRAY(INT64)),
        ". return_type_changed incompatible recreate FUNCTION_KEEPS_ITS_RETURN_TYPE",
    ),
    (
        table_function(A, text=TWO),
        table_function(A, B, text=TWO),
        "b field_added caution recreate TABLE_FUNCTION_COLUMN_IS_NEW",
    ),
    (
        table_function(A, B, text=TWO),
        table_function(A, text=TWO),
        "b field_removed incompatible recreate TABLE_FUNCTION_COLUMN_STAYS",
    ),
    (
        table_function(A),
        table_function(A_TEXT),
        "a field_type_changed incompatible recreate TABLE_FUNCTION_COLUMN_KEEPS_ITS_TYPE",
    ),
    (
        procedure(),
        procedure(strict_mode=False),
        ". strict_mode_changed safe recreate PROCEDURE_CHECKS",
    ),
    (
        procedure(),
        procedure(description="P."),
        ". description_changed safe recreate ROUTINE_DESCRIPTION",
    ),
    # Datasets.
    (None, dataset(), ". object_added safe statement DATASET_IS_NEW"),
    (
        dataset(),
        dataset(location="US"),
        ". location_changed incompatible impossible DATASET_KEEPS_ITS_LOCATION",
    ),
    (
        dataset(),
        dataset(default_table_expiration_days=7.0),
        ". default_table_expiration_days_changed caution patch DATASET_EXPIRES_NEW_TABLES",
    ),
    (
        dataset(default_partition_expiration_days=7.0),
        dataset(),
        ". default_partition_expiration_days_changed safe patch DATASET_KEEPS_NEW_TABLES",
    ),
    (
        dataset(max_time_travel_hours=168),
        dataset(max_time_travel_hours=48),
        ". max_time_travel_hours_changed caution patch DATASET_REMEMBERS_LESS",
    ),
    (
        dataset(max_time_travel_hours=48),
        dataset(max_time_travel_hours=168),
        ". max_time_travel_hours_changed safe patch DATASET_REMEMBERS_MORE",
    ),
    (
        dataset(),
        dataset(default_collation="und:ci"),
        ". default_collation_changed caution patch DATASET_DEFAULT_COLLATION",
    ),
    (
        dataset(),
        dataset(default_rounding_mode="ROUND_HALF_EVEN"),
        ". default_rounding_mode_changed safe patch DATASET_DEFAULT_ROUNDING_MODE",
    ),
    (
        dataset(),
        dataset(default_kms_key_name=f"{KEY}one"),
        ". default_kms_key_name_changed caution patch DATASET_DEFAULT_KEY",
    ),
    (
        dataset(),
        dataset(storage_billing_model="PHYSICAL"),
        ". storage_billing_model_changed caution patch DATASET_BILLING",
    ),
    (dataset(), dataset(labels={"team": "x"}), ". labels_changed safe patch LABELS"),
]
# Before, after, the guard, and what is said then.
GUARDED = [
    (
        column(INT64),
        table(),
        "ROW_ACCESS_POLICIES",
        "c field_removed destructive impossible ROW_POLICIES_KEEP_THE_COLUMN",
    ),
    (
        column(INT64),
        table(Field("d", INT64, renamed_from="c")),
        "ROW_ACCESS_POLICIES",
        "c field_renamed incompatible impossible ROW_POLICIES_KEEP_THE_TABLE",
    ),
    (
        column(INT64),
        column(INT64, required=True),
        "ROW_ACCESS_POLICIES",
        "c field_mode_changed incompatible impossible ROW_POLICIES_KEEP_THE_TABLE",
    ),
    (
        table(),
        table(partitioning=BY_DAY),
        "ROW_ACCESS_POLICIES",
        ". partitioning_changed incompatible impossible ROW_POLICIES_KEEP_THE_TABLE",
    ),
    (
        column(INT64, required=True),
        column(INT64),
        "ROW_ACCESS_POLICIES",
        "c field_mode_changed caution patch COLUMN_MODE_RELAXED",
    ),
    (
        column(INT64),
        column(NUMERIC),
        "ROW_ACCESS_POLICIES",
        "c field_type_changed caution statement COLUMN_WIDENS",
    ),
    (table(), None, "ROW_ACCESS_POLICIES", ". object_removed destructive statement TABLE_STAYS"),
    (
        table(name="y"),
        table(renamed_from="y"),
        "ROW_ACCESS_POLICIES",
        ". object_renamed incompatible statement TABLE_KEEPS_ITS_NAME",
    ),
    (
        column(STRING),
        column(JSON),
        "ROW_ACCESS_POLICIES",
        "c field_type_changed incompatible impossible COLUMN_KEEPS_ITS_TYPE",
    ),
    (
        table(),
        None,
        "STREAMING_BUFFER",
        ". object_removed destructive impossible STREAMED_ROWS_ARE_NOT_LOST",
    ),
    (
        table(),
        view(),
        "STREAMING_BUFFER",
        ". object_kind_changed destructive impossible STREAMED_ROWS_ARE_NOT_LOST",
    ),
    (
        nested(A, B),
        nested(A),
        "STREAMING_BUFFER",
        "s.b field_removed destructive impossible STREAMED_ROWS_ARE_NOT_LOST",
    ),
    (
        table(name="y"),
        table(renamed_from="y"),
        "STREAMING_BUFFER",
        ". object_renamed incompatible impossible STREAMED_ROWS_ARE_NOT_LEFT_OUT",
    ),
    (
        column(STRING),
        column(BOOL),
        "STREAMING_BUFFER",
        "c field_type_changed incompatible impossible STREAMED_ROWS_ARE_NOT_LEFT_OUT",
    ),
    (
        column(STRING(5)),
        column(STRING),
        "STREAMING_BUFFER",
        "c field_type_changed caution impossible STREAMED_ROWS_HOLD_THE_TYPE",
    ),
    (
        column(INT64),
        table(),
        "STREAMING_BUFFER",
        "c field_removed destructive statement COLUMN_STAYS",
    ),
    (
        column(INT64),
        table(Field("d", INT64, renamed_from="c")),
        "STREAMING_BUFFER",
        "c field_renamed incompatible statement COLUMN_KEEPS_ITS_NAME",
    ),
    (table(), column(INT64), "STREAMING_BUFFER", "c field_added safe patch COLUMN_IS_NEW"),
]


def platform(found):
    found = found if isinstance(found, tuple) else (found,)
    return Platform({o.id: o for o in found if o is not None})


def said(before, after, guards=()):
    old, new = platform(before), platform(after)
    changes = tuple(change.with_guards(guards) for change in compare(old, new))
    return [
        f"{f.path or '.'} {f.kind} {f.severity} {f.means} {f.rule}"
        for f in judge(changes, old, new, Approval())
    ]


@pytest.mark.parametrize(("before", "after", "expected"), SAID, ids=[row[2] for row in SAID])
def test_a_change_is_judged(before, after, expected):
    assert said(before, after) == expected.split("\n")


@pytest.mark.parametrize(
    ("before", "after", "guard", "expected"), GUARDED, ids=[f"{r[2]} {r[3]}" for r in GUARDED]
)
def test_what_blocks_a_change_is_judged(before, after, guard, expected):
    assert said(before, after, (guard,)) == expected.split("\n")


def test_every_rule_is_judged_here():
    fired = {line.split()[-1] for row in SAID for line in row[2].split("\n")}
    assert {rule.id for rule in RULES} == fired | {row[3].split()[-1] for row in GUARDED}


def test_sentences_name_the_values_and_hold_no_braces_or_none():
    for before, after, _ in SAID:
        old, new = platform(before), platform(after)
        for finding in judge(compare(old, new), old, new, Approval()):
            for sentence in (finding.says, finding.instead):
                assert "{" not in sentence.replace("{'team': 'x'}", ""), sentence
                assert "None" not in sentence.replace("default for new rows: 1, was None", "")
