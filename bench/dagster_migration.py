"""The migration op on an instance in SQLite: prints its seconds for so many relations.

First all of them are new, then ten are changed.
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.generate import module
from bench.measure import seconds

CHANGED = 10
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def measured(relations: int) -> tuple[float, float]:
    """Return the seconds of both, in a process of its own."""
    command = [sys.executable, "-m", "bench.dagster_migration", str(relations)]
    first, second = map(float, subprocess.check_output(command).split())
    return first, second


def main() -> None:
    import dagster as dg  # noqa: PLC0415

    from datoria_dagster import INT64, Field, Platform, Table  # noqa: PLC0415
    from datoria_dagster.orchestration import build_definitions  # noqa: PLC0415
    from datoria_dagster.warehouse.local import LocalWarehouse  # noqa: PLC0415

    declared: dict[str, Platform] = {}
    exec(module(int(sys.argv[1])), declared)
    before = after = declared["platform"]
    for table in before.of_type(Table)[:CHANGED]:
        after = after.with_object(table.with_fields((*table.fields, Field("more", INT64))))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DAGSTER_HOME"] = folder
        (Path(folder) / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        warehouse = LocalWarehouse(Path(folder) / "warehouse.duckdb")
        with dg.DagsterInstance.get() as instance:

            def migrate(platform: Platform) -> float:
                job = build_definitions(platform, warehouse).resolve_job_def("migrate")
                run = partial(job.execute_in_process, instance=instance, run_config=QUIET)
                return seconds(run)

            print(migrate(before), migrate(after))
        warehouse.close()


if __name__ == "__main__":
    main()
