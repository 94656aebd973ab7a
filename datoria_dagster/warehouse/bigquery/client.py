"""The way to BigQuery: credentials, connections, and requests that are tried again when they may.

A request is tried again when BigQuery says to come back, or when nobody knows whether it acted:
then the caller is told, and reads back what came of it. The client's own retries are off, for
they hide that. Source: https://docs.cloud.google.com/bigquery/docs/error-messages
"""

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import Any

from google.cloud import bigquery
from requests.adapters import HTTPAdapter

from datoria_dagster.model.ident import check_project
from datoria_dagster.warehouse.bigquery.credentials import credentials, described, is_emulated
from datoria_dagster.warehouse.bigquery.failures import Failure, Foreign
from datoria_dagster.warehouse.bigquery.options import Options
from datoria_dagster.warehouse.bigquery.quotas import Quotas
from datoria_dagster.warehouse.bigquery.requests import Request
from datoria_dagster.warehouse.bigquery.values import without_values
from datoria_dagster.warehouse.port import Body, Unavailable, WarehouseError

THREADS = 32
# Seconds to connect, seconds to answer.
TIMEOUT = (10, 120)
_TRIES = {"lost": 6, "busy": 20, "expired": 2, "final": 1}
_LONGEST_PAUSE = 32.0


class Failed(Exception):
    """A request failed for good. `unsure` when BigQuery may have carried it out."""

    def __init__(self, failure: Failure, error: WarehouseError, *, unsure: bool) -> None:
        super().__init__(str(error))
        self.failure = failure
        self.error = error
        self.unsure = unsure


class Client:
    """Sends requests. Threads may use it freely."""

    def __init__(
        self, options: Options, quotas: Quotas, client: bigquery.Client | None = None
    ) -> None:
        self.options = options
        self.quotas = quotas
        self._client = client
        self._given = client is not None
        self._lock = Lock()

    @property
    def project(self) -> str:
        """The project of the settings, or else the one that the credentials name."""
        return self._opened(None).project

    def send(self, request: Request, *, once: bool = False) -> Body:
        """Return the answer. Raises Failed, and with `once` at the first failure."""
        unsure, tries = False, 0
        while True:
            tries += 1
            self._pace(request)
            try:
                return self._call(request)
            except Exception as error:
                failure = Failure.of(error)
                if failure is None:
                    raise
            unsure = unsure or failure.nature == "lost"
            if once or tries >= _TRIES[failure.nature]:
                raise self._failed(request, failure, unsure=unsure) from None
            if failure.nature != "expired":
                self.quotas.clock.sleep(pause(tries))

    def pages(self, request: Request) -> Iterator[Body]:
        """Yield the pages of a list. Raises Failed."""
        token = ""
        while True:
            params = {**request.params, "pageToken": token} if token else request.params
            page = self.send(Request(request.method, "GET", request.path, request.target, params))
            yield page
            token = page.get("pageToken") or page.get("nextPageToken") or ""
            if not token:
                return

    def close(self) -> None:
        """Close the connections, unless they are somebody else's."""
        with self._lock:
            if self._client is not None and not self._given:
                self._client.close()
                self._client = None

    def _failed(self, request: Request, failure: Failure, *, unsure: bool) -> Failed:
        if request.method.startswith("jobs."):
            failure = replace(failure, message=without_values(failure.message, request.sql))
        error = failure.error(request.target, request.project, described(self.options))
        return Failed(failure, error, unsure=unsure)

    def _pace(self, request: Request) -> None:
        if request.updates:
            self.quotas.pace_update(*request.updates)
        self.quotas.pace(request.method)

    def _call(self, request: Request) -> Body:
        # The public methods rebuild resources, and drop what they don't know.
        call: Any = self._opened(request.project)._call_api  # pyright: ignore[reportPrivateUsage]
        answer: Any = call(
            None,
            headers={"If-Match": request.etag} if request.etag else None,
            method=request.verb,
            path=request.path,
            query_params=dict(request.params),
            data=request.body,
            timeout=TIMEOUT,
        )
        # A deletion is answered by nothing.
        if answer and not isinstance(answer, dict):
            raise Foreign
        return answer or {}

    def _opened(self, project: str | None) -> bigquery.Client:
        with self._lock:
            if self._client is None:
                self._client = _open(self.options, project)
            return self._client


def pause(tries: int) -> float:
    """Return how long to wait after so many tries, in seconds."""
    return min(2.0 ** (tries - 1), _LONGEST_PAUSE)


def _open(options: Options, project: str | None) -> bigquery.Client:
    found, own = credentials(options)
    chosen = options.project or project or own
    if chosen is None:
        raise Unavailable(
            "In which Google Cloud project should this run? Write project = … under "
            "[tool.datoria] in pyproject.toml, or set GOOGLE_CLOUD_PROJECT."
        )
    try:
        check_project(chosen)
    except ValueError as error:
        raise Unavailable(f"{error} Correct the project of [tool.datoria].") from None
    client = bigquery.Client(project=chosen, credentials=found)
    adapter = HTTPAdapter(pool_connections=THREADS, pool_maxsize=THREADS)
    # https://github.com/googleapis/python-bigquery/issues/59
    client._http.mount("https://", adapter)  # pyright: ignore[reportPrivateUsage]
    if is_emulated():
        client._http.mount("http://", adapter)  # pyright: ignore[reportPrivateUsage]
    return client
