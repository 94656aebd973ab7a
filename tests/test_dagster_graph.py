"""The asset graph says what the declaration says."""

import dagster as dg
import pytest

from datoria_dagster import (
    DATE,
    INT64,
    STRING,
    Dataset,
    DeclarationError,
    Field,
    Job,
    Partitioning,
    Platform,
    SourceTable,
    Table,
    View,
    day,
    hour,
    integer,
    sql,
    year,
)
from datoria_dagster.orchestration import AssetData, DatoriaTranslator, build_definitions
from tests.dagster_platform import platform

shop = Dataset(project="acme", name="shop")
DEFINITIONS = build_definitions(platform)
GRAPH = DEFINITIONS.resolve_asset_graph()


def node(key):
    return GRAPH.get(dg.AssetKey.from_user_string(key))


def parents(key):
    return {parent.to_user_string() for parent in node(key).parent_keys}


def keys(definitions, key):
    cut = definitions.resolve_asset_graph().get(dg.AssetKey.from_user_string(key)).partitions_def
    return list(cut.get_partition_keys())


def upstream(definitions, downstream, of, key):
    """Return the upstream partitions that a partition of the downstream asset reads."""
    graph = definitions.resolve_asset_graph()
    child = graph.get(dg.AssetKey.from_user_string(downstream))
    parent = graph.get(dg.AssetKey.from_user_string(of))
    mapping = graph.get_partition_mapping(child.key, parent.key)
    mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
        downstream_partitions_subset=(
            child.partitions_def.subset_with_partition_keys([key]) if child.partitions_def else None
        ),
        downstream_partitions_def=child.partitions_def,
        upstream_partitions_def=parent.partitions_def,
    )
    return sorted(mapped.partitions_subset.get_partition_keys())


def table(name, partitioning=None, dataset=shop):
    return Table(
        dataset=dataset,
        name=name,
        partitioning=partitioning or Partitioning.none(),
        schema=(Field("d", DATE), Field("n", INT64)),
    )


def job(destination, query, **bounds):
    return Job(name=destination.name, destination=destination, query=query, **bounds)


def test_every_object_has_its_assets():
    assert {key.to_user_string() for key in GRAPH.get_all_asset_keys()} == {
        "migration",
        "schema/shop/daily",
        "schema/shop/monthly",
        "schema/shop/customers",
        "schema/shop/unrelated",
        "schema/shop/spending",
        "schema/shop/big_spending",
        "schema/shop/doubled",
        "raw/orders",
        "shop/daily",
        "shop/monthly",
        "shop/customers",
        "shop/unrelated",
    }


def test_only_the_migration_and_the_jobs_are_executable():
    executable = {key.to_user_string() for key in GRAPH.executable_asset_keys}
    assert executable == {"migration", "shop/daily", "shop/monthly", "shop/customers"}


def test_a_schema_asset_depends_on_the_migration():
    assert parents("schema/shop/spending") == {"migration"}


def test_a_job_depends_on_the_schemas_and_the_data_that_it_touches():
    assert parents("shop/daily") == {
        "migration",
        "schema/shop/daily",
        "schema/shop/doubled",
        "raw/orders",
    }


def test_a_job_depends_on_what_is_behind_a_view_on_a_view():
    assert parents("shop/customers") == {
        "migration",
        "schema/shop/customers",
        "schema/shop/big_spending",
        "schema/shop/spending",
        "schema/shop/daily",
        "shop/daily",
    }


def test_a_literal_reference_counts_as_one():
    source, sink = table("source_rows"), table("sink")
    literal = job(sink, sql("SELECT d, n FROM `acme.shop.source_rows`"))
    graph = build_definitions(Platform.of(source, sink, literal)).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["shop", "sink"])).parent_keys == {
        dg.AssetKey("migration"),
        dg.AssetKey(["schema", "shop", "sink"]),
        dg.AssetKey(["schema", "shop", "source_rows"]),
        dg.AssetKey(["shop", "source_rows"]),
    }


def test_a_schema_asset_shows_its_columns():
    metadata = node("schema/shop/daily").metadata
    assert metadata["dagster/table_name"] == "acme.shop.daily"
    columns = metadata["dagster/column_schema"].columns
    assert [(c.name, c.type, c.constraints.nullable) for c in columns] == [
        ("day", "DATE", False),
        ("customer", "STRING", True),
        ("amount", "INT64", True),
        ("orders", "INT64", True),
    ]


def test_groups_are_datasets():
    assert node("schema/shop/daily").group_name == "shop"
    assert node("raw/orders").group_name == "raw"


def test_the_migration_carries_the_fingerprint_of_the_platform():
    changed = platform.with_object(table("unrelated"))
    before = node("migration").code_version
    after = (
        build_definitions(changed).resolve_asset_graph().get(dg.AssetKey("migration")).code_version
    )
    assert before is not None
    assert before != after


def test_partition_keys_are_partition_ids_and_the_end_is_included():
    assert keys(DEFINITIONS, "shop/daily") == ["20240130", "20240131", "20240201", "20240202"]
    assert keys(DEFINITIONS, "shop/monthly") == ["202401", "202402"]
    assert node("shop/customers").partitions_def is None
    assert node("raw/orders").partitions_def is None


@pytest.mark.parametrize(
    ("partitioning", "start", "end", "expected"),
    [
        (
            Partitioning.ingestion_time("HOUR"),
            hour(2024, 2, 28, 23),
            hour(2024, 2, 29, 1),
            ["2024022823", "2024022900", "2024022901"],
        ),
        (Partitioning.year("d"), year(2022), year(2023), ["2022", "2023"]),
        (Partitioning.integer_range("n", 0, 100, 25), integer(25), integer(50), ["25", "50"]),
        (Partitioning.integer_range("n", 0, 90, 25), integer(50), None, ["50", "75"]),
    ],
)
def test_every_partitioning_has_its_keys(partitioning, start, end, expected):
    sink = table("sink", partitioning)
    filling = job(sink, sql("SELECT DATE '2024-01-01' AS d, 1 AS n"), start=start, end=end)
    assert keys(build_definitions(Platform.of(sink, filling)), "shop/sink") == expected


def test_a_job_without_an_end_has_no_partition_that_is_not_complete():
    sink = table("sink", Partitioning.year("d"))
    filling = job(sink, sql("SELECT DATE '2024-01-01' AS d, 1 AS n"), start=year(2020))
    found = keys(build_definitions(Platform.of(sink, filling)), "shop/sink")
    assert found[:2] == ["2020", "2021"]
    this_year = dg.TimeWindowPartitionsDefinition(
        start="2020", fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1
    ).get_last_partition_key()
    assert this_year not in found


def test_a_month_reads_the_days_of_the_month_that_there_are():
    assert upstream(DEFINITIONS, "shop/monthly", "shop/daily", "202401") == ["20240130", "20240131"]
    assert upstream(DEFINITIONS, "shop/monthly", "shop/daily", "202402") == ["20240201", "20240202"]


def test_what_a_view_reads_is_read_whole():
    mapping = GRAPH.get_partition_mapping(
        dg.AssetKey(["shop", "customers"]), dg.AssetKey(["shop", "daily"])
    )
    assert mapping == dg.AllPartitionMapping()


def test_a_day_reads_the_day_or_all_days():
    first = table("first", Partitioning.day("d"))
    same, every = table("same", Partitioning.day("d")), table("every", Partitioning.day("d"))
    bounds = {"start": day(2024, 1, 1), "end": day(2024, 1, 2)}
    constant = sql("SELECT DATE '2024-01-01' AS d, 1 AS n")
    same_query = sql("SELECT d, n FROM {first}", first=first.at_execution_date())
    every_query = sql("SELECT d, n FROM {first}", first=first.all_partitions())
    jobs = (
        job(first, constant, **bounds),
        job(same, same_query, **bounds),
        job(every, every_query, **bounds),
    )
    definitions = build_definitions(Platform.of(first, same, every, *jobs))
    assert upstream(definitions, "shop/same", "shop/first", "20240102") == ["20240102"]
    assert upstream(definitions, "shop/every", "shop/first", "20240102") == ["20240101", "20240102"]


def test_what_is_read_twice_counts_with_the_wider_of_the_two():
    first, sink = table("first", Partitioning.day("d")), table("sink", Partitioning.day("d"))
    bounds = {"start": day(2024, 1, 1), "end": day(2024, 1, 2)}
    both = sql(
        "SELECT a.d, a.n FROM {today} AS a CROSS JOIN {ever} AS b",
        today=first.at_execution_date(),
        ever=first.all_partitions(),
    )
    jobs = (
        job(first, sql("SELECT DATE '2024-01-01' AS d, 1 AS n"), **bounds),
        job(sink, both, **bounds),
    )
    definitions = build_definitions(Platform.of(first, sink, *jobs))
    assert upstream(definitions, "shop/sink", "shop/first", "20240101") == ["20240101", "20240102"]


def test_a_range_of_integers_reads_the_same_range():
    first = table("first", Partitioning.integer_range("n", 0, 100, 25))
    sink = table("sink", Partitioning.integer_range("n", 50, 200, 25))
    jobs = (
        job(first, sql("SELECT DATE '2024-01-01' AS d, 1 AS n"), start=integer(0)),
        job(sink, sql("SELECT * FROM {n}", n=first.at_execution_date()), start=integer(50)),
    )
    definitions = build_definitions(Platform.of(first, sink, *jobs))
    assert upstream(definitions, "shop/sink", "shop/first", "75") == ["75"]


def test_a_partitioned_source_with_known_bounds_has_partitions():
    source = SourceTable(
        dataset=shop,
        name="source",
        partitioning=Partitioning.integer_range("n", 0, 30, 10),
        schema=(Field("n", INT64),),
    )
    assert keys(build_definitions(Platform.of(source)), "shop/source") == ["0", "10", "20"]


def test_two_jobs_with_one_destination_are_refused():
    sink = table("sink")
    one = Job(name="one", destination=sink, query=sql("SELECT DATE '2024-01-01' AS d, 1 AS n"))
    two = Job(name="two", destination=sink, query=sql("SELECT DATE '2024-01-01' AS d, 2 AS n"))
    with pytest.raises(DeclarationError, match=r"acme\.shop\.sink .* two jobs, one and two"):
        build_definitions(Platform.of(sink, one, two))


def test_one_name_in_two_projects_is_refused():
    other = Dataset(project="umbrella", name="shop")
    clashing = Platform.of(table("rows"), table("rows", dataset=other))
    with pytest.raises(DeclarationError, match=r"acme\.shop\.rows and .*umbrella\.shop\.rows"):
        build_definitions(clashing)


class WithProject(DatoriaTranslator):
    """Puts the project into the key, and an owner on everything."""

    def get_asset_spec(self, data: AssetData) -> dg.AssetSpec:
        spec = super().get_asset_spec(data).replace_attributes(owners=["team:platform"])
        if data.object is None:
            return spec
        return spec.replace_attributes(key=[data.object.dataset.project, *spec.key.path])


def test_a_translator_changes_keys_and_dependencies_follow():
    graph = build_definitions(platform, translator=WithProject()).resolve_asset_graph()
    monthly = graph.get(dg.AssetKey(["acme", "shop", "monthly"]))
    assert monthly.parent_keys == {
        dg.AssetKey("migration"),
        dg.AssetKey(["acme", "schema", "shop", "monthly"]),
        dg.AssetKey(["acme", "schema", "shop", "daily"]),
        dg.AssetKey(["acme", "shop", "daily"]),
    }
    assert monthly.owners == ["team:platform"]


def test_names_that_dagster_does_not_take_as_python_names_load():
    odd = table("daily rows – all-2", Partitioning.day("d"))
    filling = Job(
        name="type",
        destination=odd,
        start=day(2024, 1, 1),
        query=sql("SELECT DATE '2024-01-01' AS d, 1 AS n"),
    )
    definitions = build_definitions(Platform.of(odd, filling))
    dg.Definitions.validate_loadable(definitions)
    assert dg.AssetKey(["shop", "daily_rows___all-2"]) in definitions.resolve_all_asset_keys()


def test_keys_that_dagster_would_take_for_one_are_refused():
    one = table("y", dataset=Dataset(project="acme", name="shop_x"))
    two, sink = table("x_y"), table("sink")
    reading = job(sink, sql("SELECT a.d, a.n FROM {one} AS a CROSS JOIN {two}", one=one, two=two))
    with pytest.raises(
        DeclarationError, match="Job sink reads schema/shop/x_y and schema/shop_x/y"
    ):
        build_definitions(Platform.of(one, two, sink, reading))


def test_a_view_without_jobs_and_an_empty_platform_load():
    view = View(dataset=shop, name="v", schema=(Field("s", STRING),), query=sql("SELECT 'x' AS s"))
    dg.Definitions.validate_loadable(build_definitions(Platform.of(view)))
    dg.Definitions.validate_loadable(build_definitions(Platform.of()))


def test_the_example_loads():
    from definitions.code_location import defs

    dg.Definitions.validate_loadable(defs)
