"""What Dagster shows as out of date after a change: the jobs that read what changed."""

import dagster as dg
import pytest

from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform.evolving import VARIANTS
from tests.dagster_platform.server import Dagster

JOBS = ("shop/totals", "shop/fleet", "shop/report")
STATUS = "{ assetNodes { assetKey { path } isExecutable staleStatus } }"


class Location(Dagster):
    """A code location of the variants, with Dagster's webserver."""

    def __init__(self, folder):
        super().__init__(folder, "tests.dagster_platform.evolving")
        self.variant = folder / "variant"
        self.environment["DATORIA_VARIANT"] = str(self.variant)
        self.variant.write_text("at first")

    def merge(self, variant):
        self.variant.write_text(variant)
        self.reload()

    def run(self, *keys):
        """Materialize assets of the variant that is merged, each after what it reads."""
        warehouse = LocalWarehouse(self.warehouse_path)
        defs = build_definitions(VARIANTS[self.variant.read_text()], warehouse)
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            defs.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance, asset_selection=[dg.AssetKey.from_user_string(k) for k in keys]
            )
        warehouse.close()

    @property
    def out_of_date(self):
        """The assets that the UI does not show as up to date, and what it shows of them."""
        return {
            "/".join(node["assetKey"]["path"]): node["staleStatus"]
            for node in self.ask(STATUS)["assetNodes"]
            if node["isExecutable"] and node["staleStatus"] != "FRESH"
        }


@pytest.fixture
def location(tmp_path):
    found = Location(tmp_path)
    with found.webserver():
        yield found


def test_of_the_jobs_those_that_read_what_changed_are_out_of_date(location):
    location.run("migration", *JOBS)
    assert location.out_of_date == {}
    a_table_more_and_a_description_concern_nobody(location)
    a_column_more_concerns_who_reads_it_through_views_too(location)
    another_query_of_a_view_concerns_who_reads_it(location)
    another_query_of_a_job_concerns_that_job(location)


def a_table_more_and_a_description_concern_nobody(location):
    for variant in ("a table more", "and described"):
        location.merge(variant)
        assert location.out_of_date == {"migration": "STALE"}
        location.run("migration")
        assert location.out_of_date == {}


def a_column_more_concerns_who_reads_it_through_views_too(location):
    location.merge("and wider")
    assert location.out_of_date == {"migration": "STALE"}
    location.run("migration")
    assert location.out_of_date == {"shop/totals": "STALE"}
    location.run("shop/totals")
    assert location.out_of_date == {"shop/report": "STALE"}
    location.run("shop/report")
    assert location.out_of_date == {}


def another_query_of_a_view_concerns_who_reads_it(location):
    location.merge("and another view")
    location.run("migration")
    assert location.out_of_date == {"shop/totals": "STALE"}
    location.run("shop/totals", "shop/report")


def another_query_of_a_job_concerns_that_job(location):
    location.merge("and another job")
    assert location.out_of_date == {"shop/totals": "STALE"}
