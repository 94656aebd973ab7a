"""What a daemon does by itself: scheduled deploys, and automation conditions."""

import dagster as dg
import pytest

from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import orders
from tests.dagster_platform.server import ROOT, Dagster, wait_for
from tests.dagster_platform.stock import ROWS, migrate, rows, stock

# Deploys each minute, looks as often as the daemon does, and has one process for a run.
CODE_LOCATION = """
import dagster as dg

from datoria_dagster.orchestration import DatoriaSettings, automation, build_definitions
from tests.dagster_platform import platform

automation.INTERVAL_SECONDS = 1
settings = DatoriaSettings(automation=True, deploy_schedule="* * * * *")
defs = dg.Definitions.merge(
    build_definitions(platform, settings=settings),
    dg.Definitions(executor=dg.in_process_executor),
)
"""
DEPLOYED = [
    "deploy, scheduled_deploy: SUCCESS",
    "migrate, deployed: SUCCESS",
    "shop/daily, deployed: SUCCESS",
    "shop/customers, deployed: SUCCESS",
    "shop/monthly, deployed: SUCCESS",
]
AUTOMATED = [
    "shop/daily, automation: SUCCESS",
    "shop/customers, automation: SUCCESS",
    "shop/monthly, automation: SUCCESS",
]


@pytest.fixture
def dagster(tmp_path):
    (tmp_path / "location.py").write_text(CODE_LOCATION)
    found = Dagster(tmp_path, "location", tmp_path)
    found.environment["PYTHONPATH"] = str(ROOT)
    with found.webserver():
        yield found


@pytest.fixture
def warehouse(dagster):
    found = LocalWarehouse(dagster.warehouse_path)
    stock(found)
    yield found
    found.close()


@pytest.fixture
def instance(dagster):
    with dg.DagsterInstance.from_config(str(dagster.home)) as found:
        yield found


def test_deployed_by_the_schedule_and_then_kept_up_to_date_by_conditions(
    dagster, warehouse, instance
):
    with dagster.daemon():
        with dagster.scheduled("scheduled_deploy"):
            wait_for(instance, DEPLOYED)
        dagster.switch_on("automation")
        a_column_dropped_by_hand_holds_back_what_is_stale(dagster, warehouse)
        wait_for(instance, DEPLOYED)
        migrate(warehouse)
        wait_for(instance, DEPLOYED + AUTOMATED)
        dagster.look_twice("automation")
        wait_for(instance, DEPLOYED + AUTOMATED)
    assert rows(warehouse, "acme.shop.daily") == {
        "20240130": 1,
        "20240131": 3,
        "20240201": 1,
        "20240202": 1,
    }


def a_column_dropped_by_hand_holds_back_what_is_stale(dagster, warehouse):
    warehouse.execute("ALTER TABLE `acme.shop.daily` DROP COLUMN orders")
    warehouse.append(codec.ref(orders), ({**ROWS[0], "day": "2024-01-31", "customer": "cleo"},))
    dagster.look_twice("automation")
