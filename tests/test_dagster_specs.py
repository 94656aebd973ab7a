"""What people see of an asset, and what a wrong translator is told."""

import warnings
from pathlib import Path

import dagster as dg
import pytest

from datoria_dagster import (
    DATE,
    INT64,
    STRING,
    Argument,
    Dataset,
    DeclarationError,
    Field,
    ForeignKey,
    Job,
    Partitioning,
    Platform,
    Procedure,
    ScalarFunction,
    SourceTable,
    Table,
    View,
    day,
    sql,
    sql_file,
)
from datoria_dagster.orchestration import AssetData, DatoriaTranslator, build_definitions
from tests.dagster_platform import platform

shop = Dataset(project="acme", name="shop", labels={"owner": "shop-team", "cost": "7"})
customers = Table(
    dataset=shop,
    name="customers",
    schema=(Field("id", INT64, required=True), Field("name", STRING, description="In full.")),
    primary_key=("id",),
    labels={"owner": "crm", "tier": "gold", "straße": "ja", "wo": "münchen", "empty": ""},
)
orders = Table(
    dataset=shop,
    name="orders",
    partitioning=Partitioning.day("day"),
    clustering=("customer_id",),
    foreign_keys=(ForeignKey("customer_id", references=customers),),
    schema=(Field("day", DATE), Field("customer_id", INT64), Field("state", STRING, default="new")),
)
source = SourceTable(dataset=shop, name="raw", schema=(Field("day", DATE),))
fill = Job(
    name="fill",
    destination=orders,
    start=day(2024, 1, 1),
    query=sql("SELECT day FROM {raw}", raw=source),
)


def specs(*declared, translator=None):
    graph = build_definitions(Platform.of(*declared), translator=translator).resolve_asset_graph()
    return {node.key.to_user_string(): node for node in map(graph.get, graph.get_all_asset_keys())}


def constraints(spec):
    columns = spec.metadata["dagster/column_schema"].columns
    return {column.name: column.constraints.other for column in columns}


def references(spec):
    return [
        (Path(found.file_path).name, found.line_number)
        for found in spec.metadata["dagster/code_references"].code_references
    ]


def test_the_owner_is_the_team_of_the_label_of_the_object_or_else_of_its_dataset():
    found = specs(customers, orders)
    assert found["schema/shop/customers"].owners == ["team:crm"]
    assert found["shop/orders"].owners == ["team:shop-team"]
    nobodys = Table(
        dataset=Dataset(project="acme", name="x"), name="t", schema=(Field("a", INT64),)
    )
    assert specs(nobodys)["x/t"].owners == []


def test_labels_that_dagster_takes_are_tags():
    tags = specs(customers)["shop/customers"].tags
    assert {key: tags[key] for key in tags if not key.startswith("dagster/")} == {
        "tier": "gold",
        "empty": "",
    }


def test_kinds_say_what_it_is():
    found = specs(customers, orders, source, fill)
    assert found["shop/raw"].kinds == {"bigquery", "source"}
    assert found["shop/orders"].kinds == {"bigquery", "table", "sql"}
    assert found["schema/shop/customers"].kinds == {"bigquery", "table"}


def test_columns_show_keys_partitioning_clustering_and_defaults():
    found = specs(customers, orders)
    assert constraints(found["schema/shop/customers"]) == {"id": ["primary key"], "name": []}
    assert constraints(found["shop/orders"]) == {
        "day": ["partitioned by day"],
        "customer_id": ["references acme.shop.customers (id)", "clustering"],
        "state": ["default 'new'"],
    }


def test_a_view_and_a_job_show_their_sql():
    view = View(
        dataset=shop,
        name="names",
        schema=(Field("name", STRING),),
        query=sql("SELECT name FROM {customers}", customers=customers),
    )
    found = specs(customers, view, orders, source, fill)
    assert found["schema/shop/names"].metadata["sql"] == dg.MetadataValue.md(
        "```sql\nSELECT name FROM `acme.shop.customers`\n```"
    )
    assert found["shop/orders"].metadata["sql"] == dg.MetadataValue.md(
        "```sql\nSELECT day FROM `acme.shop.raw`\n```"
    )
    assert "sql" not in found["shop/customers"].metadata


def test_code_references_lead_to_the_declaration(tmp_path):
    (tmp_path / "names.sql").write_text("SELECT name FROM {customers}")
    lines = Path(__file__).read_text().split("\n")
    line = len(lines) - lines[::-1].index("    view = View(  # the declaration")
    view = View(  # the declaration
        dataset=shop,
        name="names",
        schema=(Field("name", STRING),),
        query=sql_file(tmp_path / "names.sql", customers=customers),
    )
    found = specs(customers, view, orders, source, fill)
    assert references(found["schema/shop/names"]) == [
        ("test_dagster_specs.py", line),
        ("names.sql", 1),
    ]
    assert references(found["shop/customers"]) == [
        ("test_dagster_specs.py", lines.index("customers = Table(") + 1)
    ]
    assert references(found["shop/orders"]) == [
        ("test_dagster_specs.py", lines.index("fill = Job(") + 1)
    ]


def test_nothing_warns_of_what_dagster_calls_beta():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        build_definitions(Platform.of(customers, orders, source, fill))
    assert [str(warning.message) for warning in found] == []


def test_procedures_that_call_each_other_load():
    text = "CALL `acme.shop.{}`()"
    one, two = (
        Procedure(dataset=shop, name=name, body=sql(text.format(other)))
        for name, other in (("one", "two"), ("two", "one"))
    )
    again = Procedure(dataset=shop, name="again", body=sql(text.format("again")))
    dg.Definitions.validate_loadable(build_definitions(Platform.of(one, two, again)))


def test_a_function_that_calls_a_function_depends_on_it():
    inner = ScalarFunction(
        dataset=shop, name="inner", arguments=(Argument("x", INT64),), returns=INT64, body=sql("x")
    )
    outer = inner.model_copy(update={"name": "outer", "body": sql("{inner}(x)", inner=inner)})
    assert specs(inner, outer)["schema/shop/outer"].parent_keys == {
        dg.AssetKey("migration"),
        dg.AssetKey(["schema", "shop", "inner"]),
    }


class Broken(DatoriaTranslator):
    """Returns what it is given for the rows of customers."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def get_asset_spec(self, data: AssetData):
        if data.kind == "data" and data.object == customers:
            return self.answer()
        return super().get_asset_spec(data)


def fails():
    raise KeyError("crm")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            fails,
            "get_asset_spec failed for the rows of acme.shop.customers: KeyError: 'crm'",
        ),
        (
            lambda: None,
            "get_asset_spec returned nothing for the rows of acme.shop.customers",
        ),
        (lambda: "shop/customers", "returned a str for the rows of acme.shop.customers. Return a "),
        (
            lambda: dg.AssetSpec("migration"),
            "the migration and the rows of acme.shop.customers have one asset key, migration",
        ),
        (
            lambda: dg.AssetSpec("a b", owners=["nobody"]),
            "failed for the rows of acme.shop.customers: DagsterInvalidDefinitionError: ",
        ),
    ],
)
def test_a_wrong_translator_is_told_what_it_got_wrong_and_for_what(answer, message):
    with pytest.raises(DeclarationError, match=message):
        build_definitions(Platform.of(customers), translator=Broken(answer))


def test_dependencies_of_a_translator_are_kept_beside_ours():
    class Depending(DatoriaTranslator):
        def get_asset_spec(self, data):
            own = [dg.AssetDep("migration"), dg.AssetDep("landing")]
            spec = super().get_asset_spec(data)
            return spec if data.kind == "migration" else spec.replace_attributes(deps=own)

    graph = build_definitions(platform, translator=Depending()).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["schema", "shop", "spending"])).parent_keys == {
        dg.AssetKey("migration"),
        dg.AssetKey("landing"),
        dg.AssetKey(["schema", "shop", "daily"]),
    }
