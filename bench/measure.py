"""Figures of whole processes and of functions: medians of five."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

RUNS = 5
# Kilobytes on Linux, bytes on macOS.
MAXRSS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024
OUTPUT, ERRORS = "output.txt", "errors.txt"
CLI = "from datoria_dagster.cli.main import main; main()"


@dataclass(frozen=True)
class Process:
    """What one process took: wall seconds, and peak memory in MB."""

    seconds: float
    megabytes: float


def datoria(folder: Path, *arguments: str) -> Process:
    """Run the command line once in a folder; stdout is then in `OUTPUT`. Ends when it fails."""
    return _run([sys.executable, "-c", CLI, *arguments], folder)


def median_of_processes(run: Callable[[], Process]) -> Process:
    """Return the medians of wall time and of peak memory, each on its own."""
    return median([run() for _ in range(RUNS)])


def median(runs: Sequence[Process]) -> Process:
    """Return the medians of wall time and of peak memory, each on its own."""
    return Process(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.megabytes for run in runs),
    )


def median_seconds(function: Callable[[], object]) -> float:
    """Return the median duration of a call in this process."""
    return statistics.median(seconds(function) for _ in range(RUNS))


def import_seconds(module: str) -> float:
    """Return the median duration of an import in a fresh interpreter, without its start."""
    timed = f"from time import perf_counter as t; s = t(); import {module}; print(t() - s)"
    command = [sys.executable, "-c", timed]
    return statistics.median(float(subprocess.check_output(command)) for _ in range(RUNS))


def medians_of_module(module: str, *arguments: str) -> tuple[float, ...]:
    """Return the medians of the figures that a module prints when it is run by itself."""
    command = [sys.executable, "-m", module, *arguments]
    runs = [map(float, subprocess.check_output(command).split()) for _ in range(RUNS)]
    return tuple(statistics.median(figures) for figures in zip(*runs, strict=True))


def seconds(function: Callable[[], object]) -> float:
    """Return the duration of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _run(command: Sequence[str], folder: Path) -> Process:
    # As at home: no settings of ours from outside, and modules are compiled once.
    inherited = {"PYTHONDONTWRITEBYTECODE"} | {k for k in os.environ if k.startswith("DATORIA_")}
    own = {key: value for key, value in os.environ.items() if key not in inherited}
    with (folder / OUTPUT).open("w") as output, (folder / ERRORS).open("w") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=own, stdout=output, stderr=errors)
        # wait4 is the one call that tells the peak of just this child.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / ERRORS).read_text()}")
    return Process(seconds, usage.ru_maxrss / MAXRSS_PER_MB)
