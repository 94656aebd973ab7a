"""Prints how long things take and how much memory: `python -m bench`."""

import compileall
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import (
    bigquery,
    bigquery_apply,
    dagster_gate,
    dagster_migration,
    generate,
    measure,
)

SIZES = (10, 100, 1000)
TABLES = (1000, 10_000)
CHANGES = 10_000
# Relations, and the seconds that a plan of them may take.
BIGQUERY = ((1000, 5), (10_000, 20))
LOADED = (100, 1000, 5000)
MIGRATED = (100, 1000, 2000)


@dataclass(frozen=True)
class Figure:
    """A row of the result; `target` is in the unit of the value, None where there is none."""

    what: str
    value: float
    unit: str
    target: float | None = None


def main() -> None:
    figures: list[Figure] = []
    # Processes first: a child's peak memory is at least what this process had when it forked.
    for relations in SIZES:
        figures += _plan(relations)
    for relations, seconds in BIGQUERY:
        figures += _bigquery(relations, seconds)
    figures.append(_import())
    figures += _dagster()
    for relations in MIGRATED:
        figures += _dagster_migration(relations)
    figures.append(_dagster_gate())
    figures += _impact()
    figures += _compare()
    figures += _planning()
    figures.append(_apply())
    _print(figures)


def _plan(relations: int) -> list[Figure]:
    _progress(f"{relations:,} relations: migrating them, then planning again")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate.write_project(folder, relations)
        compileall.compile_dir(folder, quiet=1)
        first = measure.datoria(folder, "migrate", "--yes")
        _refuse_changes(folder)
        planned = measure.median_of_processes(lambda: measure.datoria(folder, "migrate", "--plan"))
    large = relations == SIZES[-1]
    what = f"{relations:,} relations"
    return [
        Figure(f"migrate, {what}, the first time (once)", first.seconds, "s"),
        Figure(
            f"migrate --plan, {what}, nothing to do", planned.seconds, "s", 1.5 if large else None
        ),
        Figure("  peak memory", planned.megabytes, "MB", 200 if large else None),
    ]


def _bigquery(relations: int, seconds: float) -> list[Figure]:
    _progress(f"{relations:,} relations in BigQuery, 150 ms away: planning")
    found = bigquery.plan(relations)
    what = f"migrate --plan, {relations:,} relations in BigQuery, nothing to do"
    most = 400 if relations == BIGQUERY[-1][0] else None
    return [
        Figure(what, found.process.seconds, "s", seconds),
        Figure("  peak memory", found.process.megabytes, "MB", most),
        Figure("  requests", found.requests, ""),
    ]


def _refuse_changes(folder: Path) -> None:
    measure.datoria(folder, "migrate", "--plan", "--format", "json")
    verdict = json.loads((folder / measure.OUTPUT).read_text())["verdict"]
    if verdict != "empty":
        sys.exit(f"There is something to do after the migration: the verdict is {verdict!r}.")


def _import() -> Figure:
    _progress("import datoria_dagster")
    return Figure("import datoria_dagster", measure.import_seconds("datoria_dagster"), "s", 0.3)


def _dagster() -> list[Figure]:
    figures: list[Figure] = []
    for relations in LOADED:
        _progress(f"a Dagster code location of {relations:,} relations")
        seconds, megabytes = measure.medians_of_module("bench.dagster_load", str(relations))
        what = f"load a code location, {relations:,} relations and {relations // 2:,} jobs"
        figures += [
            Figure(
                f"{what}, over importing Dagster", seconds, "s", 3 if relations == 1000 else None
            ),
            Figure("  peak memory", megabytes, "MB"),
        ]
    return figures


def _dagster_migration(relations: int) -> list[Figure]:
    _progress(f"a migration of {relations:,} relations in one step of Dagster")
    first, second = dagster_migration.measured(relations)
    few, targets = dagster_migration.CHANGED, (45, 2) if relations == MIGRATED[1] else (None, None)
    what = f"migrate in Dagster, on SQLite, {relations:,} relations"
    return [
        Figure(f"{what}, all of them new (once)", first, "s", targets[0]),
        Figure(f"  {few} of them changed (once)", second, "s", targets[1]),
    ]


def _dagster_gate() -> Figure:
    relations = dagster_gate.RELATIONS
    _progress(f"the gate of a run, {relations:,} relations")
    what = f"the gate of a run, before and after, {relations:,} relations"
    return Figure(what, dagster_gate.measured(), "ms", dagster_gate.TARGET)


def _impact() -> list[Figure]:
    _progress("impact of a dropped column")
    first, second = measure.medians_of_module("bench.impact")
    what = "impact of one dropped column over 1,000 views that read its table"
    return [
        Figure(f"{what}, the first time", first, "s", 1),
        Figure("  the second time", second, "s", 0.1),
    ]


def _compare() -> list[Figure]:
    from bench.tables import equal, with_a_column_more  # noqa: PLC0415 (see main)

    figures: list[Figure] = []
    for tables in TABLES:
        _progress(f"compare and judge {tables:,} tables")
        what = f"compare and judge, per table of 12 columns, {tables:,} of them"
        for state, prepare in (("all equal", equal), ("a column added", with_a_column_more)):
            milliseconds = measure.median_seconds(prepare(tables)) * 1000 / tables
            figures.append(Figure(f"{what}, {state}", milliseconds, "ms", 0.05))
    return figures


def _planning() -> list[Figure]:
    from bench.tables import planning  # noqa: PLC0415 (see main)

    _progress(f"plan {CHANGES:,} changes")
    seconds = measure.median_seconds(planning(CHANGES))
    return [Figure(f"plan {CHANGES:,} changes", seconds, "s", 5)]


def _apply() -> Figure:
    tables, limit = bigquery_apply.TABLES, bigquery_apply.TARGET
    _progress(f"BigQuery's test server: applying {tables:,} new tables")
    what = f"apply {tables:,} new tables, {bigquery_apply.LATENCY_MS} ms a request (once)"
    return Figure(what, bigquery_apply.measured(), "s", limit)


def _progress(text: str) -> None:
    print(f"{text} …", file=sys.stderr)


def _print(figures: list[Figure]) -> None:
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        digits = {"s": 2, "MB": 0, "ms": 3, "": 0}[figure.unit]
        row = f"{figure.what:<{width}}  {figure.value:>7.{digits}f} {figure.unit:<2}"
        if figure.target is not None:
            verdict = "met" if figure.value <= figure.target else "MISSED"
            row += f"  target {figure.target:>5g} {figure.unit:<2}  {verdict}"
        print(row.rstrip())


if __name__ == "__main__":
    main()
