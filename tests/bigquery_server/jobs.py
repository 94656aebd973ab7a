"""Jobs: inserted, carried out when their time is up, asked for their results.

That a query which can't run becomes a failed job, and no refused jobs.insert, is unverified.
Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs
"""

import secrets
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from datoria_dagster.warehouse.port import WarehouseError
from tests.bigquery_server import copies, loads, queries
from tests.bigquery_server.errors import ApiError, lacking, of_warehouse
from tests.bigquery_server.outcome import Outcome
from tests.bigquery_server.queries import Query

_DOOM = ApiError(503, "backendError", "Error encountered during execution. Retrying may help.")
ANONYMOUS = "_anonymous"
_KEPT_RESULTS = 1_000
_STOPPED = ApiError(499, "stopped", "Job execution was cancelled: User requested cancellation")


@dataclass(eq=False)
class Job:
    """A job. `due` is when it is done, by the server's clock; `end` is None until then.

    `early` is why it will fail, when that was clear from its text.
    """

    project: str
    id: str
    location: str
    configuration: dict[str, Any]
    created: float
    due: float
    query: Query | None = None
    data: bytes | None = None
    early: ApiError | None = None
    end: float | None = None
    error: ApiError | None = None
    outcome: Outcome = field(default_factory=Outcome)
    running: Any = field(default_factory=threading.Lock)

    @property
    def type(self):
        return self.configuration["jobType"]


class Jobs:
    """The jobs of a server, and their results as long as they are kept."""

    def __init__(self, server, seconds=0.0):
        self.seconds = seconds
        self._server = server
        self._jobs = {}
        self._pending = []
        self._requests = {}
        self._results = OrderedDict()
        self._mutex = threading.RLock()

    def new(self, project, configuration, *, reference=None, data=None, doomed=False):
        """Read a job; nothing runs yet, and nobody else can see it."""
        given = reference or {}
        types = [key for key in ("query", "copy", "load", "extract") if key in configuration]
        if len(types) != 1:
            raise ApiError(400, "required", "Required parameter is missing: exactly one job type")
        kind = types[0]
        if kind == "extract":
            raise lacking("extract job")
        query, early = None, None
        if kind == "query":
            query, early = _prepared(configuration, project)
        now = self._server.clock.now()
        return Job(
            project,
            given.get("jobId") or f"job_{secrets.token_urlsafe(21)}",
            given.get("location") or self._location(query, configuration.get(kind)),
            {**configuration, "jobType": kind.upper()},
            now,
            now + self.seconds,
            query,
            data,
            _DOOM if doomed else early,
        )

    def _location(self, query, given):
        refs = []
        if query is not None:
            if asked := queries.region(query):
                return asked
            refs = queries.datasets(query)
        elif "query" not in given:
            refs = [copies.dataset(given)]
        found = self._server.read(refs)
        return next((found[ref].body["location"] for ref in refs if ref in found), "US")

    def submit(self, job):
        """Take a job on. An id is used once, even for a job that failed."""
        with self._mutex:
            self._register(job)
        self._start(job)

    def once(self, project, request, make):
        """Return the job of a request id: a request that is repeated starts nothing."""
        with self._mutex:
            job = self._requests.get((project, request)) if request else None
            if job is None:
                job = make()
                self._register(job)
                self._requests[project, request] = job
        self._start(job)
        return job

    def _register(self, job):
        if (job.project, job.id) in self._jobs:
            name = f"{job.project}:{job.location}.{job.id}"
            raise ApiError(409, "duplicate", f"Already Exists: Job {name}")
        self._jobs[job.project, job.id] = job
        if job.due > job.created:
            self._pending.append(job)

    def _start(self, job):
        if job.due <= job.created:
            self._finish(job)

    def get(self, project, id_, location=None):
        job = self._jobs.get((project, id_))
        if job is None or (location and location.upper() != job.location.upper()):
            raise ApiError(404, "notFound", f"Not found: Job {project}:{location or 'US'}.{id_}")
        return job

    def of(self, project):
        """Return the jobs of a project, the newest first."""
        found = [job for job in list(self._jobs.values()) if job.project == project]
        return found[::-1]

    def wait(self, job, seconds):
        """Wait until a job is done, at most so long."""
        if job.end is None:
            left = max(0.0, job.due - self._server.clock.now())
            self._server.clock.sleep(min(left, seconds))
            if job.due <= self._server.clock.now():
                self._finish(job)

    def cancel(self, job):
        """End a job that has not begun."""
        if job.running.acquire(blocking=False):
            if job.end is None:
                job.error, job.end = _STOPPED, self._server.clock.now()
            job.running.release()

    def finish_due(self):
        """Carry out the jobs whose time is up; those that somebody carries out now are his."""
        now = self._server.clock.now()
        for job in [job for job in list(self._pending) if job.due <= now]:
            if job.running.acquire(blocking=False):
                job.running.release()
                self._finish(job)

    def _finish(self, job):
        with job.running:
            if job.end is None:
                self._carry_out(job)
        with self._mutex, suppress(ValueError):
            self._pending.remove(job)

    def _carry_out(self, job):
        try:
            if job.early is not None:
                raise job.early
            job.outcome = self._run(job)
        except ApiError as error:
            job.error = error
        except WarehouseError as error:
            job.error = of_warehouse(error, "invalidQuery")
        job.end = max(job.due, job.created)
        self._keep(job)

    def _run(self, job):
        match job.type:
            case "QUERY":
                return queries.run(self._server, job.query, job.location)
            case "COPY":
                return copies.run(self._server, job.configuration["copy"])
            case _:
                return loads.run(self._server, job.configuration["load"], job.data)

    def _keep(self, job):
        if job.outcome.rows is None:
            return
        with self._mutex:
            self._results[job.id] = job
            if len(self._results) > _KEPT_RESULTS:
                _, oldest = self._results.popitem(last=False)
                oldest.outcome = Outcome(oldest.outcome.statistics, oldest.outcome.fields, None)

    def anonymous(self, ref):
        """Return the result that an anonymous table holds, or None."""
        _, dataset, name = ref.parts
        job = self._results.get(name.removeprefix("anon"))
        return job.outcome if job is not None and dataset == ANONYMOUS else None

    def is_anonymous(self, table):
        return table["datasetId"] == ANONYMOUS


def _prepared(configuration, project):
    try:
        return queries.prepared(configuration, project), None
    except WarehouseError as error:
        return None, of_warehouse(error, "invalidQuery")
