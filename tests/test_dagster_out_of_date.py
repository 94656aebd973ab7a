"""What Dagster shows as out of date after a change: the jobs that read what changed."""

import dagster as dg
import pytest

# What the UI asks over GraphQL; Dagster has no public way to ask it in one process.
from dagster._core.definitions.data_version import CachingStaleStatusResolver  # noqa: TID251
from dagster._core.loader import LoadingContextForTest  # noqa: TID251

from datoria_dagster import INT64, Field, Job, Platform, Table, View, sql
from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import shop

pytest_plugins = "tests.dagster_fixtures"


def table(name, *more, **given):
    fields = (Field("a", INT64), Field("b", INT64), *more)
    return Table(dataset=shop, name=name, schema=fields, **given)


def job(destination, read, query="SELECT a, b FROM {read}"):
    return Job(name=destination.name, destination=destination, query=sql(query, read=read))


ORDERS, PLANES = table("orders"), table("planes")
TOTALS, FLEET, REPORT = table("totals"), table("fleet"), table("report")


def over(orders, query="SELECT a, b FROM {orders}"):
    fields = (Field("a", INT64), Field("b", INT64))
    return View(dataset=shop, name="recent", schema=fields, query=sql(query, orders=orders))


def declare(orders=ORDERS, *, recent=over, totals="SELECT a, b FROM {read}"):
    """Return the platform: orders → recent (a view) → totals → report, and planes → fleet."""
    view = recent(orders)
    return Platform.of(
        orders,
        PLANES,
        view,
        TOTALS,
        FLEET,
        REPORT,
        job(TOTALS, view, totals),
        job(FLEET, PLANES),
        job(REPORT, TOTALS),
    )


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    yield found
    found.close()


class Location:
    """A code location on a warehouse and an instance."""

    def __init__(self, warehouse, instance):
        self.warehouse, self.instance = warehouse, instance

    def run(self, declared, *keys):
        everything = build_definitions(declared, self.warehouse)
        everything.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey.from_user_string(k) for k in keys]
        )

    def out_of_date(self, declared):
        graph = build_definitions(declared, self.warehouse).resolve_asset_graph()
        context = LoadingContextForTest(self.instance)
        resolver = CachingStaleStatusResolver(self.instance, graph, context)
        keys = sorted(graph.executable_asset_keys)
        return {
            key.to_user_string(): resolver.get_status(key).value
            for key in keys
            if resolver.get_status(key).value != "FRESH"
        }


JOBS = ("shop/totals", "shop/fleet", "shop/report")


@pytest.fixture
def location(warehouse, instance):
    found = Location(warehouse, instance)
    found.run(declare(), "migration", *JOBS)
    return found


def test_after_a_deploy_nothing_is(location):
    assert location.out_of_date(declare()) == {}


def test_a_description_leaves_the_jobs_as_they_are(location):
    described = declare(table("orders", description="What people ordered."))
    assert location.out_of_date(described) == {"migration": "STALE"}
    location.run(described, "migration")
    assert location.out_of_date(described) == {}


def test_a_column_more_concerns_who_reads_it_through_views_too(location):
    wider = declare(table("orders", Field("c", INT64)))
    assert location.out_of_date(wider) == {"migration": "STALE"}
    location.run(wider, "migration")
    assert location.out_of_date(wider) == {"shop/totals": "STALE"}
    location.run(wider, "shop/totals")
    assert location.out_of_date(wider) == {"shop/report": "STALE"}
    location.run(wider, "shop/report")
    assert location.out_of_date(wider) == {}


def test_another_query_of_a_view_concerns_who_reads_it(location):
    other = declare(recent=lambda orders: over(orders, "SELECT a, b + 1 AS b FROM {orders}"))
    location.run(other, "migration")
    assert location.out_of_date(other) == {"shop/totals": "STALE"}


def test_another_query_of_a_job_concerns_that_job(location):
    other = declare(totals="SELECT a, b * 2 AS b FROM {read}")
    assert location.out_of_date(other) == {"shop/totals": "STALE"}


def test_a_table_more_concerns_nobody(location):
    more = declare().with_object(table("more"))
    location.run(more, "migration")
    assert location.out_of_date(more) == {}
