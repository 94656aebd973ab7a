"""Column lineage, and what else a materialization shows."""

import dagster as dg

from datoria_dagster import (
    INT64,
    Argument,
    Field,
    Job,
    Platform,
    Table,
    TableFunction,
    View,
    sql,
)
from datoria_dagster.orchestration import build_definitions
from datoria_dagster.orchestration.graph import build_graph
from datoria_dagster.orchestration.translator import DatoriaTranslator
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import before, customers, platform, shop
from tests.dagster_platform.stock import migrate, stock

pytest_plugins = "tests.dagster_fixtures"


def shown(metadata):
    found = metadata.get("dagster/column_lineage")
    return {} if found is None else written(getattr(found, "value", found))


def written(lineage):
    """Return column → the columns that it is computed of, as `asset:column`."""
    return {
        column: [f"{dep.asset_key.to_user_string()}:{dep.column_name}" for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }


def of_job(*declared, name):
    graph = build_graph(Platform.of(*declared), DatoriaTranslator())
    (job,) = [job for job in graph.platform.jobs if job.name == name]
    return shown(graph.lineage.of_job(job))


def view(name, columns, query):
    fields = tuple(Field(column, INT64) for column in columns.split())
    return View(dataset=shop, name=name, schema=fields, query=query)


def table(name, columns):
    fields = tuple(Field(column, INT64) for column in columns.split())
    return Table(dataset=shop, name=name, schema=fields)


def test_a_migration_shows_the_lineage_of_the_views_that_it_changed(instance):
    empty = LocalWarehouse(None)
    job = build_definitions(before, empty).resolve_job_def("migrate")
    result = job.execute_in_process(instance=instance)
    found = {
        event.asset_key.to_user_string(): shown(event.materialization.metadata)
        for event in result.get_asset_materialization_events()
    }
    assert found["schema/shop/spending"] == {
        "customer": ["schema/shop/daily:customer"],
        "amount": ["schema/shop/daily:amount"],
    }
    assert found["schema/shop/big_spending"] == {
        "customer": ["schema/shop/spending:customer"],
        "amount": ["schema/shop/spending:amount"],
    }
    assert found["schema/shop/daily"] == {}
    empty.close()


def test_a_run_shows_the_lineage_of_its_rows_through_views(warehouse, instance):
    migrate(warehouse)
    everything = build_definitions(platform, warehouse).resolve_implicit_global_asset_job_def()
    result = everything.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["shop", "customers"])]
    )
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert shown(metadata) == {"customer": ["shop/daily:customer"], "amount": ["shop/daily:amount"]}
    assert metadata["dagster/table_name"].value == "acme.shop.customers"
    assert [column.name for column in metadata["dagster/column_schema"].value.columns] == [
        "customer",
        "amount",
    ]
    assert metadata["dagster/row_count"].value == 0
    assert "console" not in metadata


def test_where_the_warehouse_has_pages_a_run_links_to_them(instance):
    class WithPages(LocalWarehouse):
        def page(self, ref):
            return f"https://pages.example/{ref.id}"

    paged = WithPages(None)
    stock(paged)
    migrate(paged)
    everything = build_definitions(platform, paged).resolve_implicit_global_asset_job_def()
    result = everything.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["shop", "customers"])]
    )
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["console"] == dg.MetadataValue.url(
        "https://pages.example/acme.shop.customers"
    )
    paged.close()


def test_what_a_run_computes_with_a_function_comes_of_its_arguments():
    assert of_job(*platform, name="daily") == {
        "day": ["raw/orders:day"],
        "customer": ["raw/orders:customer"],
        "amount": ["raw/orders:amount"],
    }


def test_names_are_as_they_are_declared():
    first, sink = table("first", "Alpha Beta"), table("sink", "Gamma")
    job = Job(
        name="sink", destination=sink, query=sql("SELECT ALPHA + beta AS GAMMA FROM {t}", t=first)
    )
    assert of_job(first, sink, job, name="sink") == {
        "Gamma": ["shop/first:Alpha", "shop/first:Beta"]
    }


def test_a_table_function_is_looked_through():
    first, sink = table("first", "a b"), table("sink", "a n")
    above = TableFunction(
        dataset=shop,
        name="above",
        arguments=(Argument("least", INT64),),
        returns=(Field("a", INT64), Field("n", INT64)),
        body=sql("SELECT a, b + least AS n FROM {t} WHERE b > least", t=first),
    )
    job = Job(name="sink", destination=sink, query=sql("SELECT a, n FROM {above}(7)", above=above))
    # What is computed with an argument can't be followed to where the argument comes from.
    assert of_job(first, sink, above, job, name="sink") == {"a": ["shop/first:a"]}


def test_what_can_not_be_followed_through_a_view_is_left_out():
    first, sink = table("first", "a b"), table("sink", "a b")
    behind = view(
        "behind", "a b", sql("SELECT a, b FROM {t} PIVOT (SUM(b) FOR a IN (1, 2))", t=first)
    )
    job = Job(name="sink", destination=sink, query=sql("SELECT a, b FROM {v}", v=behind))
    assert of_job(first, sink, behind, job, name="sink") == {}


def test_sql_that_does_not_parse_has_no_lineage_and_loads():
    first, sink = table("first", "a"), table("sink", "a")
    job = Job(name="sink", destination=sink, query=sql("SELECT a b c FROM {t}", t=first))
    assert of_job(first, sink, job, name="sink") == {}
    dg.Definitions.validate_loadable(build_definitions(Platform.of(first, sink, job)))


def test_a_translator_may_give_its_own_lineage(warehouse, instance):
    own = dg.TableColumnLineage(
        {"amount": [dg.TableColumnDep(asset_key=dg.AssetKey("ledger"), column_name="paid")]}
    )

    class Knowing(DatoriaTranslator):
        def get_asset_spec(self, data):
            spec = super().get_asset_spec(data)
            if data.kind != "data" or data.object != customers:
                return spec
            return spec.replace_attributes(metadata={"dagster/column_lineage": own})

    migrate(warehouse)
    definitions = build_definitions(platform, warehouse, translator=Knowing())
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["shop", "customers"])]
    )
    (event,) = result.get_asset_materialization_events()
    assert shown(event.materialization.metadata) == {"amount": ["ledger:paid"]}
