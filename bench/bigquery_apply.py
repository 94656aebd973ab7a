"""How long 500 new tables take in BigQuery: `python -m bench.bigquery_apply` prints the seconds.

The server is a process of its own, with BigQuery's quotas and latency.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from bench.measure import seconds

TABLES = 500
LATENCY_MS = 150
# Source: https://docs.cloud.google.com/bigquery/quotas (tables.insert)
INSERTS_A_SECOND = 10
# Seconds.
TARGET = 1.2 * TABLES / INSERTS_A_SECOND


def measured() -> float:
    """Return the seconds of one run, in a process of its own."""
    return float(subprocess.check_output([sys.executable, "-m", "bench.bigquery_apply"]))


def main() -> None:
    from bench.generate import module  # noqa: PLC0415
    from datoria_dagster.apply.apply import apply  # noqa: PLC0415
    from datoria_dagster.migration import plan_migration  # noqa: PLC0415
    from datoria_dagster.model.platform import Platform  # noqa: PLC0415
    from datoria_dagster.model.relations import Table  # noqa: PLC0415
    from datoria_dagster.warehouse.bigquery import BigQueryWarehouse  # noqa: PLC0415

    declared: dict[str, Platform] = {}
    exec(module(2 * TABLES), declared)
    platform = Platform.of(*declared["platform"].of_type(Table))
    with served() as url:
        os.environ["BIGQUERY_EMULATOR_HOST"] = url
        warehouse = BigQueryWarehouse()
        plan = plan_migration(platform, warehouse)
        print(seconds(lambda: apply(plan, platform, warehouse)))
        warehouse.close()


@contextmanager
def served() -> Generator[str]:
    """Run a server of one's own and yield its address."""
    words = ["-m", "tests.bigquery_server", "--port", "0", "--latency", str(LATENCY_MS), "--quotas"]
    server = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
