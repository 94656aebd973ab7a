"""The command line on BigQuery: a test server in a process of its own, with latency and quotas."""

import compileall
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import generate, measure
from bench.fill import FILE

LATENCY = 150
RUNS = 3


@dataclass(frozen=True)
class Planned:
    """Runs of a plan with nothing to do, and how many requests one of them sent."""

    process: measure.Process
    requests: int


@dataclass
class _Server:
    process: subprocess.Popen[str]
    requests: int = field(default=0)


def plan(relations: int) -> Planned:
    """Plan a platform of so many relations that is as declared. The medians of three runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate.write_project(folder, relations, structs=True)
        compileall.compile_dir(folder, quiet=1)
        # By itself: a child's peak memory is at least what this process has.
        subprocess.run([sys.executable, "-m", "bench.fill", name], check=True)
        with _served(folder / FILE) as server:
            runs = [_plan(folder) for _ in range(RUNS)]
        return Planned(measure.median(runs), server.requests // RUNS)


def _plan(folder: Path) -> measure.Process:
    run = measure.datoria(folder, "migrate", "--plan", "--warehouse", "bigquery")
    said = (folder / measure.ERRORS).read_text() + (folder / measure.OUTPUT).read_text()
    if "Nothing to migrate" not in said:
        sys.exit(f"There is something to do:\n{said}")
    return run


@contextmanager
def _served(data: Path) -> Generator[_Server]:
    words = ["--port", "0", "--data", str(data), "--latency", str(LATENCY), "--quotas", "--count"]
    command = [sys.executable, "-m", "tests.bigquery_server", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    server = _Server(process)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        os.environ |= {"BIGQUERY_EMULATOR_HOST": url, "GOOGLE_CLOUD_PROJECT": "bench"}
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate()[0]
        server.requests = int(rest.split()[0]) if rest else 0
