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
    Table,
    View,
    day,
    sql,
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


def test_a_schema_asset_depends_on_the_migration_and_on_what_it_reads():
    assert parents("schema/shop/daily") == {"migration"}
    assert parents("schema/shop/spending") == {"migration", "schema/shop/daily"}
    assert parents("schema/shop/big_spending") == {"migration", "schema/shop/spending"}


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


def test_a_view_without_jobs_loads():
    view = View(dataset=shop, name="v", schema=(Field("s", STRING),), query=sql("SELECT 'x' AS s"))
    dg.Definitions.validate_loadable(build_definitions(Platform.of(view)))


def test_the_example_loads():
    from definitions.code_location import defs

    dg.Definitions.validate_loadable(defs)
