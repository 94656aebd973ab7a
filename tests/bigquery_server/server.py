"""BigQuery's REST API over an embedded warehouse: one handler for every front."""

import threading
from dataclasses import dataclass

from datoria_dagster.warehouse.port import NotFound, WarehouseError
from tests.bigquery_server import faults, masks, routing
from tests.bigquery_server.clock import Clock
from tests.bigquery_server.errors import ApiError, of_warehouse
from tests.bigquery_server.jobs import Jobs
from tests.bigquery_server.messages import answer
from tests.bigquery_server.quotas import Meter
from tests.bigquery_server.resources import legacy
from tests.bigquery_server.snapshot import Snapshot
from tests.bigquery_server.tabledata import Inserts


@dataclass(frozen=True)
class Logged:
    """A request as the log keeps it: the API's method, and what became of it."""

    method: str
    path: str
    name: str
    status: int
    fault: str = ""


class Server:
    """A BigQuery of one's own.

    `latency` and `job_seconds` pass by `clock`. Without `quotas` there are none. `projects`
    are those that the caller may use; None is all. `alone`: no other process writes there.
    """

    def __init__(
        self,
        warehouse,
        *,
        clock=None,
        latency=0.0,
        job_seconds=0.0,
        quotas=None,
        projects=None,
        alone=None,
    ):
        self.warehouse = warehouse
        self.clock = clock or Clock()
        self.latency = latency
        self.projects = projects
        self.meter = Meter(quotas, self.clock)
        self.faults = faults.Script()
        # A file may be written by other processes, unless somebody holds it for us.
        alone = warehouse.path is None if alone is None else alone
        self._snapshot = Snapshot(warehouse, keep=alone)
        self.inserts = Inserts()
        self.jobs = Jobs(self, job_seconds)
        self._log = []
        self._doomed = threading.local()

    @property
    def log(self):
        """The requests so far."""
        return tuple(self._log)

    @property
    def doomed(self):
        """The names of the methods whose job is to fail, in this thread."""
        return getattr(self._doomed, "names", ())

    def handle(self, request):
        """Answer a request. Faults, quotas and time apply to whoever asks."""
        self.clock.sleep(self.latency)
        self.jobs.finish_due()
        name, kind = "", ""
        try:
            call, act = routing.route(request)
            name = call.name
            call, act = routing.read(call, act)
            kind = self.faults.take(call)
            response = self._met(kind, call, act)
        except ApiError as error:
            response = faults.of_error(error)
        self._log.append(Logged(request.method, request.path, name, response.status, kind))
        return response

    def _met(self, kind, call, act):
        if kind in faults.REFUSALS:
            raise faults.REFUSALS[kind]
        if kind == "reset_before":
            return faults.damaged(kind, answer(503, {}))
        self._doomed.names = (call.name,) if kind == "job_failed" else ()
        response = self._answered(call, act)
        return faults.damaged(kind, response) if kind in faults.LOSSES else response

    def _answered(self, call, act):
        try:
            self._check_project(call)
            self.meter.request(call.name)
            body = act(self, call)
            etag = body.get("etag") if body else None
            mask = masks.parse(call.query.get("fields", ""))
            return answer(200, masks.applied(mask, body), etag)
        except ApiError as error:
            return faults.of_error(error)
        except WarehouseError as error:
            return faults.of_error(of_warehouse(error))

    def _check_project(self, call):
        project = call.parts.get("project")
        if self.projects is not None and project is not None and project not in self.projects:
            raise ApiError(
                403,
                "accessDenied",
                f"Access Denied: Project {project}: User does not have permission to use project "
                f"{project}, or it does not exist.",
            )

    def found(self, ref):
        """Return a resource, or raise NotFound: of its dataset, if that is what is missing."""
        found = self.read([ref.dataset, ref])
        for each in (ref.dataset, ref):
            if each not in found:
                raise NotFound(f"Not found: {legacy(each)}")
        return found[ref]

    def read(self, refs):
        """Return those of the resources that exist."""
        return self._snapshot.read(refs)

    def members(self, dataset, kind):
        """Return the tables, or the routines, of a dataset, sorted."""
        return self._snapshot.members(dataset, kind)

    def facts(self, ref):
        """Return the partition facts of a table."""
        return self.warehouse.partitions([ref]).get(ref, ())
