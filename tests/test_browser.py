"""Dagster's pages about the flights platform, as a browser shows them.

Needs Chromium. DATORIA_SCREENSHOTS names the folder that keeps the screenshots.
"""

import html
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from datoria_dagster.orchestration import build_definitions
from datoria_dagster.orchestration.deploy import deploy
from datoria_dagster.warehouse.local import LocalWarehouse
from definitions import platform
from definitions.flights.delays import daily_delays
from definitions.load import fill
from tests.dagster_platform.server import Dagster

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=20000", "--dump-dom"),
)
KEY = dg.AssetKey(["analytics", "daily_delays"])
GROUPS = ",".join(f"global@global:{name}" for name in ("migration", "analytics"))

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
)


@dataclass(frozen=True)
class Pages:
    """Dagster's webserver, a run that was refused, and where screenshots go."""

    address: str
    refused: str
    folder: Path
    profile: Path

    def shows(self, path, name, *expected, size="1600,900"):
        """Open a page; assert that its text holds what is expected."""
        # The browser does not wait for what comes over a websocket: another look has it.
        for _ in range(6):
            shown = self._open(path, name, size)
            missing = [text for text in expected if text not in shown]
            if not missing:
                break
        assert missing == [], shown

    def _open(self, path, name, size):
        ran = subprocess.run(
            (
                *(CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}", f"--window-size={size}"),
                *(f"--screenshot={self.folder / name}.png", f"{self.address}/{path}"),
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        text = re.sub(r"<(script|style)\b.*?</\1>", "", ran.stdout, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    home = tmp_path_factory.mktemp("browser")
    folder = Path(os.environ.get("DATORIA_SCREENSHOTS") or home / "screenshots").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    dagster = Dagster(home, "definitions.code_location")
    refused = lived_in(dagster)
    with dagster.webserver():
        yield Pages(f"http://127.0.0.1:{dagster.port}", refused, folder, home / "profile")


def lived_in(dagster):
    """Deploy, add a column, be refused before it is migrated, and deploy again."""
    before = platform.without("job:daily_delays").without("job:monthly_delays")
    before = before.with_object(daily_delays.with_fields(daily_delays.fields[:-1]))
    warehouse = LocalWarehouse(dagster.warehouse_path)
    list(fill(warehouse))
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        deploy(before, warehouse, instance)
        everything = build_definitions(platform, warehouse).resolve_implicit_global_asset_job_def()
        refused = everything.execute_in_process(
            instance=instance, asset_selection=[KEY], partition_key="20130101", raise_on_error=False
        )
        deploy(platform, warehouse, instance)
    warehouse.close()
    return refused.run_id


def test_the_asset_graph(pages):
    pages.shows(
        f"asset-groups?expanded={GROUPS}",
        "asset-graph",
        *("migration", "analytics", "raw", "reporting"),
        "daily_delays Latest event",
        "Partitions 100% filled Automation 90 partitions",
        "is_delayed Latest event Asset checks – Partitions – Automation – Materialized",
        "Materialize all (4)",
        size="1800,1400",
    )


def test_a_schema_asset_shows_its_plan(pages):
    pages.shows(
        "assets/schema/analytics/daily_delays?view=events",
        "schema-asset",
        "Materialized in run",
        "1 change, backwards compatible.",
        "safe flights-demo.analytics.daily_delays mean_delay_minutes added, FLOAT64;",
        "-- tables.patch flights-demo.analytics.daily_delays: schema",
        "verdict compatible",
        size="1700,820",
    )


def test_a_schema_asset_shows_its_columns(pages):
    pages.shows(
        "assets/schema/analytics/daily_delays",
        "schema-columns",
        "flight_date DATE non-nullable partitioned by day carrier STRING non-nullable clustering",
        "Tags domain: delays",
        "Linked asset analytics / daily_delays",
        "Source code Open delays.py",
    )


def test_a_job_asset_shows_its_columns_and_its_sql(pages):
    pages.shows(
        "assets/analytics/daily_delays",
        "job-columns",
        "flights INT64 non-nullable Scheduled, the cancelled ones included.",
        "mean_delay_minutes FLOAT64 Of those that left. Early is negative.",
        "WHERE `flight_date` = DATE '2013-03-31'",
    )


def test_a_job_asset_shows_what_it_reads(pages):
    pages.shows(
        "assets/analytics/daily_delays?view=lineage",
        "job-lineage",
        *("migration", "flights", "is_delayed", "daily_delays", "monthly_delays"),
        size="1900,1150",
    )


def test_a_job_asset_shows_its_partitions(pages):
    pages.shows(
        "assets/analytics/daily_delays?view=partitions",
        "job-partitions",
        "Failed (0)",
        "Materialized (90)",
        "Missing (0)",
        "20130331",
    )


def test_a_refused_run_says_why(pages):
    pages.shows(
        f"runs/{pages.refused}",
        "refused-run",
        "Failure partition: 20130101 analytics / daily_delays",
        "Job daily_delays was not run, and none of its SQL was sent: a migration is pending. "
        "flights-demo.analytics.daily_delays.mean_delay_minutes: added, FLOAT64; rows that exist "
        "hold nothing there Run `datoria migrate`, or launch `migrate` in Dagster, and then this "
        "again.",
        "plan [Show Markdown] migration migration",
    )
