"""A job of each kind of partitions, launched for one of them and then for a range."""

import dagster as dg
import pytest

from datoria_dagster import (
    DATE,
    INT64,
    TIMESTAMP,
    Dataset,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    Table,
    day,
    hour,
    integer,
    month,
    sql,
    week,
    year,
)
from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform.stock import migrate

shop = Dataset(project="acme", name="shop")
KINDS = {
    "hour": (
        Partitioning.hour("at"),
        hour(2024, 2, 28, 22),
        hour(2024, 2, 29, 1),
        "SELECT {p} AS at, 1 AS n",
        ["2024022823", "2024022900"],
    ),
    "day": (
        Partitioning.day("d"),
        day(2024, 2, 27),
        day(2024, 3, 2),
        "SELECT {p} AS d, 1 AS n",
        ["20240228", "20240229"],
    ),
    "week": (
        Partitioning.day("d"),
        week(2024, 2, 19),
        week(2024, 3, 11),
        "SELECT {p} AS d, 1 AS n",
        ["20240226", "20240304"],
    ),
    "month": (
        Partitioning.month("d"),
        month(2023, 11),
        month(2024, 2),
        "SELECT {p} AS d, 1 AS n",
        ["202312", "202401"],
    ),
    "year": (
        Partitioning.year("d"),
        year(2020),
        year(2023),
        "SELECT {p} AS d, 1 AS n",
        ["2021", "2022"],
    ),
    "range": (
        Partitioning.integer_range("k", 0, 100, 10),
        integer(0),
        integer(90),
        "SELECT {p} AS k, 1 AS n",
        ["40", "50"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_partition_is_launched_and_then_a_range_in_one_step(kind):
    partitioning, start, end, query, (first, second) = KINDS[kind]
    fields = (Field("d", DATE), Field("at", TIMESTAMP), Field("k", INT64), Field("n", INT64))
    sink = Table(dataset=shop, name="sink", partitioning=partitioning, schema=fields)
    text = sql(query, p=ExecutionDate)
    declared = Platform.of(
        sink, Job(name="sink", destination=sink, query=text, start=start, end=end)
    )
    warehouse = LocalWarehouse(None)
    migrate(warehouse, declared)
    run = build_definitions(declared, warehouse).resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["shop", "sink"])
    with dg.DagsterInstance.ephemeral() as instance:
        one = run.execute_in_process(instance=instance, asset_selection=[key], partition_key=first)
        tags = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": second,
        }
        both = run.execute_in_process(instance=instance, asset_selection=[key], tags=tags)
    found = [
        sorted(e.materialization.partition for e in result.get_asset_materialization_events())
        for result in (one, both)
    ]
    assert found == [[first], [first, second]]
    assert warehouse.count(codec.ref(sink)) == 2
    warehouse.close()
