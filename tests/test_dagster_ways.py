"""Every way to start a job asset within Python: refused while its migration is pending.

Those that need processes of their own, a daemon for one, are in test_dagster_launch.py.
"""

import dagster as dg
import pytest

from datoria_dagster.orchestration import build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import platform
from tests.dagster_platform.spy import Spy
from tests.dagster_platform.stock import migrate, rows, stock

CUSTOMERS = dg.AssetKey(["shop", "customers"])


def definitions(warehouse):
    only = dg.define_asset_job("only", selection=[CUSTOMERS])
    return dg.Definitions.merge(build_definitions(platform, warehouse), dg.Definitions(jobs=[only]))


def launch(found, instance):
    job = found.resolve_job_def("only")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def materialized(found, instance):
    assets = list(found.assets)
    return dg.materialize(assets, selection=[CUSTOMERS], instance=instance, raise_on_error=False)


def with_the_rest(found, instance):
    """As `launch`, with the job asset in a run of all that has no partitions."""
    job = found.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, asset_selection=[CUSTOMERS], raise_on_error=False
    )


WAYS = {
    "materialize()": materialized,
    "a job of the user's own": launch,
    "the implicit asset job": with_the_rest,
}


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    stock(found)
    yield found
    found.close()


@pytest.mark.parametrize("way", WAYS)
def test_it_is_refused_before_any_sql_with_a_change_pending_and_runs_without(warehouse, way):
    spy = Spy(warehouse)
    with dg.DagsterInstance.ephemeral() as instance:
        found = definitions(spy)
        refused = WAYS[way](found, instance)
        (event,) = [event for event in refused.all_events if event.is_step_failure]
        assert event.step_failure_data.user_failure_data.description.startswith(
            "Job customers was not run, and none of its SQL was sent: a migration is pending."
        )
        assert spy.acted == []
        migrate(warehouse)
        assert WAYS[way](found, instance).success
    assert rows(warehouse, "acme.shop.customers") == {"": 0}
