"""Prints how long things take and how much memory: `python -m bench`."""

import compileall
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import generate, measure

SIZES = (10, 100, 1000)
TABLES = (1000, 10_000)
CHANGES = 10_000


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
    figures.append(_import())
    figures += _impact()
    figures += _compare()
    figures += _planning()
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


def _refuse_changes(folder: Path) -> None:
    measure.datoria(folder, "migrate", "--plan", "--format", "json")
    verdict = json.loads((folder / measure.OUTPUT).read_text())["verdict"]
    if verdict != "empty":
        sys.exit(f"There is something to do after the migration: the verdict is {verdict!r}.")


def _import() -> Figure:
    _progress("import datoria_dagster")
    return Figure("import datoria_dagster", measure.import_seconds("datoria_dagster"), "s", 0.3)


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


def _progress(text: str) -> None:
    print(f"{text} …", file=sys.stderr)


def _print(figures: list[Figure]) -> None:
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        digits = {"s": 2, "MB": 0, "ms": 3}[figure.unit]
        row = f"{figure.what:<{width}}  {figure.value:>7.{digits}f} {figure.unit:<2}"
        if figure.target is not None:
            verdict = "met" if figure.value <= figure.target else "MISSED"
            row += f"  target {figure.target:>5g} {figure.unit:<2}  {verdict}"
        print(row.rstrip())


if __name__ == "__main__":
    main()
