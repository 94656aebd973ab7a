"""Loads a Dagster code location; prints its seconds over importing Dagster, and its peak memory.

Run by itself with a number of relations: half tables, half views over them, a job for each table.
"""

import resource
import sys
import time

from bench.generate import COLUMNS
from bench.measure import MAXRSS_PER_MB


def declare(relations: int):  # noqa: ANN201
    """Return a platform; each job but the first reads a view, ten jobs the same one."""
    import datoria_dagster as d  # noqa: PLC0415 - as a code location does

    dataset = d.Dataset(project="bench", name="generated", labels={"owner": "data-platform"})
    names = ", ".join(name for name, _ in COLUMNS)
    found, views = [], []
    for number in range(relations // 2):
        schema = tuple(
            d.Field(name, d.Type(name=type), description=f"Column {name}.")
            for name, type in COLUMNS
        )
        table = d.Table(
            dataset=dataset,
            name=f"t{number}",
            schema=schema,
            partitioning=d.Partitioning.day("c3"),
        )
        view = d.View(
            dataset=dataset,
            name=f"v{number}",
            schema=schema,
            query=d.sql(f"SELECT {names} FROM {{t}} WHERE c0 > {number}", t=table),
        )
        # In layers: Dagster itself recurses along a chain of assets, and ends at about 950.
        read = views[number // 10] if views else None
        job = d.Job(
            name=f"j{number}",
            destination=table,
            start=d.day(2020, 1, 1),
            query=d.sql(f"SELECT {names} FROM {{read}}", read=read)
            if read
            else d.sql("SELECT {date} AS c3", date=d.ExecutionDate),
        )
        found += [table, view, job]
        views.append(view)
    return d.Platform.of(*found)


def main() -> None:
    import dagster as dg  # noqa: PLC0415 - not part of what is measured

    start = time.perf_counter()
    from datoria_dagster.orchestration import build_definitions  # noqa: PLC0415

    platform = declare(int(sys.argv[1]))
    dg.Definitions.validate_loadable(build_definitions(platform))
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MB)


if __name__ == "__main__":
    main()
