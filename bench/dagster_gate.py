"""What the gate costs a run on 1,000 relations: prints the milliseconds, in an open session.

A run opens the embedded warehouse's file once, for the gate and for what it writes.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.dagster_load import declare
from bench.measure import seconds

RELATIONS = 1000
RUNS = 20
# Milliseconds.
TARGET = 50


def measured() -> float:
    """Return the milliseconds, measured in a process of its own."""
    return float(subprocess.check_output([sys.executable, "-m", "bench.dagster_gate"]))


def main() -> None:
    from datoria_dagster import gate  # noqa: PLC0415
    from datoria_dagster.apply.apply import apply  # noqa: PLC0415
    from datoria_dagster.migration import plan_migration  # noqa: PLC0415
    from datoria_dagster.warehouse.local import LocalWarehouse  # noqa: PLC0415

    platform = declare(RELATIONS)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = LocalWarehouse(Path(folder) / "warehouse.duckdb")
        apply(plan_migration(platform, warehouse), platform, warehouse)
        jobs = platform.jobs[-RUNS:]

        def run(number: int) -> None:
            # As a run does: the gate, and a look afterwards.
            with warehouse.session():
                for _ in range(2):
                    if gate.refusal(platform, [jobs[number]], warehouse):
                        sys.exit("The gate refuses what is migrated.")

        with warehouse.session():
            warehouse.list("bench.generated")  # opens the file
            print(statistics.median(1000 * seconds(lambda n=n: run(n)) for n in range(RUNS)))
        warehouse.close()


if __name__ == "__main__":
    main()
