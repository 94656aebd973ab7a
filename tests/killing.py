"""A process that a server kills when a request arrives: before it acts on it, or after."""

import os
import signal
import threading
from itertools import count
from multiprocessing import get_context

from datoria_dagster import (
    DATE,
    INT64,
    Dataset,
    ExecutionDate,
    Field,
    Job,
    Partitioning,
    Platform,
    Table,
    day,
    sql,
)
from datoria_dagster.apply.apply import apply
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.migration import plan_migration
from datoria_dagster.run.execute import run_all
from datoria_dagster.run.executions import Execution
from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from tests import forty_steps
from tests.bigquery_server import Front
from tests.bigquery_server.messages import Response

_RESET = Response(503, {}, b"", "reset")
# Children are forked from a process that has loaded everything, and has no threads.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])

DAYS = tuple(day(2024, 1, n) for n in range(1, 7))
DATES = tuple(f"2024-01-0{n}" for n in range(1, 7))
_home = Dataset(project="acme", name="filled", location="EU")
FILLED = Table(
    dataset=_home,
    name="daily",
    schema=(Field("day", DATE, required=True), Field("n", INT64)),
    partitioning=Partitioning.day("day"),
)
FILL = Job(
    name="fill",
    destination=FILLED,
    start=DAYS[0],
    end=DAYS[-1],
    query=sql("SELECT {date} AS day, n FROM UNNEST([1, 2, 3]) AS n", date=ExecutionDate),
)
FILLING = Platform.of(FILLED, FILL)


def migrate(url: str) -> None:
    os.environ["BIGQUERY_EMULATOR_HOST"] = url
    platform, warehouse = forty_steps.after(), BigQueryWarehouse()
    apply(plan_migration(platform, warehouse, Approval(force=True)), platform, warehouse)


def fill(url: str) -> None:
    os.environ["BIGQUERY_EMULATOR_HOST"] = url
    executions = tuple(Execution(FILL, partition, "asked for") for partition in DAYS)
    run_all(executions, FILLING, BigQueryWarehouse())


class Killer:
    """A server that kills who asks it, when the request with the number `at` arrives."""

    def __init__(self, server, at, *, acts):
        self._server = server
        self._at = at
        self._acts = acts
        self._asked = count()
        self._mutex = threading.Lock()
        self._known = threading.Event()
        self._pid = 0

    def run(self, act):
        """Let a child process `act`; return whether it was killed, when it is gone."""
        front = Front(self)
        front.daemon_threads = False  # closing waits for what is under way
        listening = threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True)
        listening.start()
        child = _CONTEXT.Process(target=act, args=(front.url,), daemon=True)
        child.start()
        self._pid = child.pid
        self._known.set()
        child.join()
        front.shutdown()
        front.server_close()
        assert child.exitcode in (0, -signal.SIGKILL)
        return child.exitcode == -signal.SIGKILL

    def handle(self, request):
        with self._mutex:
            place = next(self._asked)
        if place != self._at:
            return self._server.handle(request)
        if self._acts:
            self._server.handle(request)
        self._known.wait()
        os.kill(self._pid, signal.SIGKILL)
        return _RESET
