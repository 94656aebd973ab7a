"""A webserver, and when they are needed a daemon and a code server, over one DAGSTER_HOME."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = "tests.dagster_platform.code_location"
SECONDS = 180.0
_SETTINGS = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator: {module: dagster.core.run_coordinator, class: DefaultRunCoordinator}
"""
_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RELOAD = """
mutation ($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on WorkspaceLocationEntry {
      locationOrLoadError { __typename ... on PythonError { message } }
    }
    ... on PythonError { message }
  }
}
"""
_START = """
mutation ($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) { __typename ... on PythonError { message } }
}
"""
_START_SCHEDULE = """
mutation ($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { id } }
    ... on PythonError { message }
  }
}
"""
_STOP_SCHEDULE = """
mutation ($id: String!) {
  stopRunningSchedule(id: $id) { __typename ... on PythonError { message } }
}
"""
_TICKS = """
query ($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) {
    ... on Sensor {
      sensorState { ticks(limit: 50) { timestamp status } }
    }
  }
}
"""


def wait_until(condition, what):
    """Return the first truthy answer. The one place that waits for another process by asking."""
    deadline = time.monotonic() + SECONDS
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {SECONDS:.0f} s.")
        time.sleep(0.2)
    return answer


def wait_for(instance, expected):
    """Wait until as many runs have ended; they are these, the oldest first."""

    def ended():
        runs = instance.get_runs()
        enough = len(runs) >= len(expected) and all(run.is_finished for run in runs)
        return runs if enough else None

    runs = wait_until(ended, f"The end of {len(expected)} runs")
    found = [_described(run) for run in reversed(runs)]
    assert found == expected, found


def _described(run):
    keys = ["/".join(key.path) for key in run.asset_selection or ()]
    by = "backfilled" if "dagster/backfill" in run.tags else "launched"
    by = "deployed" if "dagster/parent_run_id" in run.tags else by
    by = run.tags.get("dagster/sensor_name") or run.tags.get("dagster/schedule_name") or by
    return f"{', '.join(keys) or run.job_name}, {by}: {run.status.value}"


class Dagster:
    """Dagster's processes over one home, as a user would start them."""

    def __init__(self, folder: Path, module: str = MODULE, root: Path = ROOT) -> None:
        self.root = root
        self.target = ("-m", module, "-d", root)
        self.location = module
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text(_SETTINGS)
        self.warehouse_path = folder / "warehouse.duckdb"
        self.environment = os.environ | {
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DATORIA_WAREHOUSE": "local",
            "DATORIA_WAREHOUSE_PATH": str(self.warehouse_path),
        }
        self.port = _free_port()

    @contextmanager
    def running(self, tool, *arguments):
        """Run one of Dagster's tools on the code location, and end it by its process id."""
        command = [Path(sys.executable).with_name(tool), *arguments, *self.target]
        with (self.home / f"{tool}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=_default_signals,  # noqa: PLW1509 - nothing is locked at that point
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    @contextmanager
    def webserver(self):
        """Keep the webserver running for the block."""
        with self.running("dagster-webserver", "-h", "127.0.0.1", "-p", str(self.port)) as process:
            self._wait_for("Serving dagster-webserver", "dagster-webserver", process)
            yield

    @contextmanager
    def code_server(self):
        """Keep one code server for the block, which the other processes use."""
        own, port = (self.target, self.location), str(_free_port())
        address = ("-h", "127.0.0.1", "-p", port)
        with self.running("dagster", "code-server", "start", *address) as process:
            self._wait_for("Started Dagster code proxy server", "dagster", process)
            self.target = ("--grpc-host", "127.0.0.1", "--grpc-port", port)
            self.location = f"grpc:127.0.0.1:{port}"
            yield
        self.target, self.location = own

    def daemon(self):
        """Keep the daemon running for the block."""
        return self.running("dagster-daemon", "run")

    def _wait_for(self, line, tool, process):
        log = self.home / f"{tool}.log"
        wait_until(
            lambda: line.encode() in log.read_bytes() or process.poll() is not None,
            f"The start of {tool}",
        )
        assert process.poll() is None, log.read_text()

    def ask(self, query, **variables):
        """Send a GraphQL request, as the UI does, and return its data."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)["data"]

    def launch(self, job, key=None, partition=None):
        """Launch a run as the UI's buttons do; return its id."""
        selection = [{"path": list(key)}] if key else None
        selector = self._selector(pipelineName=job, assetSelection=selection)
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        params = {
            "selector": selector,
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        }
        answer = self.ask(_LAUNCH, params=params)["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def backfill(self, key, partitions):
        """Request a backfill as the UI does; return its id."""
        params = {"assetSelection": [{"path": list(key)}], "partitionNames": list(partitions)}
        answer = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def reload(self):
        """Reload the code location, as after a merge."""
        answer = self.ask(_RELOAD, location=self.location)["reloadRepositoryLocation"]
        assert answer["locationOrLoadError"]["__typename"] == "RepositoryLocation", answer

    def switch_on(self, sensor):
        """Switch a sensor on."""
        answer = self.ask(_START, selector=self._selector(sensorName=sensor))["startSensor"]
        assert answer["__typename"] == "Sensor", answer

    @contextmanager
    def scheduled(self, schedule):
        """Keep a schedule switched on for the block."""
        selector = self._selector(scheduleName=schedule)
        started = self.ask(_START_SCHEDULE, selector=selector)["startSchedule"]
        assert started["__typename"] == "ScheduleStateResult", started
        yield
        stopped = self.ask(_STOP_SCHEDULE, id=started["scheduleState"]["id"])["stopRunningSchedule"]
        assert stopped["__typename"] == "ScheduleStateResult", stopped

    def ticks(self, sensor):
        """Return the last ticks of a sensor, the newest first."""
        answer = self.ask(_TICKS, selector=self._selector(sensorName=sensor))
        return answer["sensorOrError"]["sensorState"]["ticks"]

    def look_twice(self, *sensors):
        """Wait until the sensors have looked twice more, and found nothing to do."""
        for sensor in sensors:
            known = {tick["timestamp"] for tick in self.ticks(sensor)}
            wait_until(
                lambda sensor=sensor, known=known: len(self._skipped(sensor, known)) >= 2,
                f"Two more ticks of {sensor}",
            )

    def _skipped(self, sensor, known):
        found = [tick for tick in self.ticks(sensor) if tick["timestamp"] not in known]
        assert {tick["status"] for tick in found} <= {"STARTED", "SKIPPED"}
        return [tick for tick in found if tick["status"] == "SKIPPED"]

    def _selector(self, **named):
        where = {"repositoryLocationName": self.location, "repositoryName": "__repository__"}
        return where | named


def _default_signals():
    # A shell may have started us with these ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
