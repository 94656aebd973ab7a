"""Jobs: statements and queries, each carried out once however often it had to be sent.

A job's id is chosen before it is sent, so sending it again can't run it again: BigQuery answers
that it has it. A job that BigQuery refused for its rate did nothing and is sent under a new id; one
that failed halfway is so only when it can't have changed anything.
Source: https://docs.cloud.google.com/bigquery/docs/running-jobs#generate-jobid
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Literal

from datoria_dagster.warehouse.bigquery import cells
from datoria_dagster.warehouse.bigquery.client import Client, Failed, pause
from datoria_dagster.warehouse.bigquery.failures import BROKEN, Failure
from datoria_dagster.warehouse.bigquery.requests import Request
from datoria_dagster.warehouse.port import Body, Result

ROWS = 10_000
# How long BigQuery holds an answer back while the job runs.
_WAIT_MS = 10_000
_TRIES = 20

What = Literal["statement", "query", "write", "append"]


@dataclass(frozen=True, slots=True)
class Job:
    """A query job: GoogleSQL, where it runs, and what it is about.

    `repeatable` when running it twice does what running it once does. `updates` is the table
    whose metadata it changes.
    """

    sql: str
    what: What
    project: str
    location: str | None
    target: str
    repeatable: bool = False
    updates: tuple[str, str] | None = None
    settings: Body = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query, in parts of `size` rows. `starts` is where each begins."""

    reference: Body
    fields: Sequence[Body]
    size: int
    count: int

    @property
    def starts(self) -> range:
        """The number of the first row of each part."""
        return range(0, self.count, self.size)


class JobFailed(Failed):
    """A job ran and failed: BigQuery says so itself."""


class Jobs:
    """Runs jobs and waits for them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # Groups what one migration did in the bills and the audit log.
        self.migration = ""
        self._mutex = Lock()
        self._running: dict[str, Body] = {}
        self._cancellations = 0

    def dry_run(self, job: Job) -> Body:
        """Validate a query and return its statistics. Free. Raises Failed."""
        # Without the limit on bytes: a view may be valid that is too large to be read.
        query = {"query": job.sql, "useLegacySql": False, "useQueryCache": False}
        reference = {"projectId": job.project, "location": job.location}
        body = {
            "configuration": {"query": query, "dryRun": True, "labels": {"datoria": "dry-run"}},
            "jobReference": _without_none(reference),
        }
        answer = self._client.send(_insert(job, body))
        return answer.get("statistics", {}).get("query", {})

    def run(self, job: Job) -> int:
        """Run a statement or a write, and return how many rows its result has."""
        _, answer = self._completed(job, 0)
        return int(answer.get("totalRows") or 0)

    def query(self, job: Job) -> Result:
        """Run a query and return its rows."""
        reference, first = self._completed(job, ROWS)
        fields = tuple(first.get("schema", {}).get("fields", ()))
        found = [
            cells.decode(fields, row)
            for page in self._pages(reference, first)
            for row in page.get("rows", ())
        ]
        return Result(fields, tuple(found))

    def answer(self, job: Job, size: int) -> Answer:
        """Run a query whose rows are wanted in parts, in any order. Raises Failed."""
        reference, first = self._completed(job, 0)
        fields = tuple(first.get("schema", {}).get("fields", ()))
        return Answer(reference, fields, size, int(first.get("totalRows") or 0))

    def part(self, answer: Answer, start: int) -> list[tuple[Any, ...]]:
        """Return the rows of one part. Raises Failed.

        A page may hold fewer rows than are asked for: it has at most 20 MB. Source:
        https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults
        """
        end = min(start + answer.size, answer.count)
        found: list[tuple[Any, ...]] = []
        while start + len(found) < end:
            request = _results(answer.reference, end - start - len(found))
            params = {**request.params, "startIndex": start + len(found)}
            page = self._client.send(replace(request, params=params))
            if not page.get("rows"):
                break
            found += (cells.decode(answer.fields, row) for row in page["rows"])
        return found

    def cancel(self) -> None:
        """Cancel what is under way; it is not tried again."""
        with self._mutex:
            self._cancellations += 1
            running = tuple(self._running.values())
        for reference in running:
            self._cancel(reference)

    def _completed(self, job: Job, count: int) -> tuple[Body, Body]:
        tries, cancellations = 0, self._cancellations
        while True:
            tries += 1
            try:
                return self._attempt(job, count, cancellations)
            except JobFailed as failed:
                cancelled = self._cancellations > cancellations
                if cancelled or tries == _TRIES or not _may_run_again(job, failed.failure):
                    raise
            self._client.quotas.clock.sleep(pause(tries))

    def _attempt(self, job: Job, count: int, cancellations: int) -> tuple[Body, Body]:
        chosen = {
            "projectId": job.project,
            "jobId": f"datoria_{job.what}_{secrets.token_hex(12)}",
            "location": job.location,
        }
        reference, name = _without_none(chosen), chosen["jobId"]
        try:
            sent = self._sent(job, reference)
            reference = {**reference, **sent.get("jobReference", {})}
            with self._mutex:
                self._running[str(name)] = reference
            if self._cancellations > cancellations:  # before it was known
                self._cancel(reference)
            return reference, self._wait(job, reference, count)
        except (KeyboardInterrupt, SystemExit):
            self._cancel(reference)
            raise
        finally:
            with self._mutex:
                self._running.pop(str(name), None)

    def _sent(self, job: Job, reference: Body) -> Body:
        body = {"configuration": self._configuration(job), "jobReference": reference}
        try:
            return self._client.send(_insert(job, body))
        except Failed as failed:
            if not failed.unsure and failed.failure.reason != "duplicate":
                raise
            try:
                return self._client.send(_get(reference, job.target))
            except Failed:
                raise failed from None

    def _wait(self, job: Job, reference: Body, count: int) -> Body:
        tries = 0
        while True:
            try:
                answer = self._client.send(_results(reference, count), once=True)
            except Failed as failed:
                # A failed job is told as a failed request: the job itself knows which it was.
                tries += 1
                self._raise_failure(job, reference)
                if failed.failure.nature == "final" or tries == _TRIES:
                    raise
                self._client.quotas.clock.sleep(pause(tries))
                continue
            if answer.get("jobComplete"):
                return answer
            tries = 0

    def _raise_failure(self, job: Job, reference: Body) -> None:
        status = self._client.send(_get(reference, job.target)).get("status", {})
        if result := status.get("errorResult"):
            failure = Failure.of_job(result, job.sql)
            error = failure.error(job.target, job.project)
            raise JobFailed(failure, error, unsure=failure.nature == "lost")

    def _pages(self, reference: Body, first: Body) -> Iterator[Body]:
        page = first
        yield page
        while token := page.get("pageToken"):
            request = _results(reference, ROWS)
            params = {**request.params, "pageToken": token}
            page = self._client.send(replace(request, params=params))
            yield page

    def _cancel(self, reference: Body) -> None:
        # https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/cancel
        request = replace(_get(reference, ""), method="jobs.cancel", verb="POST")
        try:
            self._client.send(replace(request, path=f"{request.path}/cancel"), once=True)
        except Failed:
            return  # it ends on its own

    def _configuration(self, job: Job) -> Body:
        limit = self._client.options.maximum_bytes_billed
        query = {"query": job.sql, "useLegacySql": False, **job.settings}
        if limit is not None:
            query["maximumBytesBilled"] = str(limit)
        labels = {"datoria": job.what}
        if self.migration:
            labels["datoria-migration"] = self.migration
        return {"query": query, "labels": labels}


def _may_run_again(job: Job, failure: Failure) -> bool:
    return failure.nature == "busy" or (job.repeatable and failure.reason in BROKEN)


def _insert(job: Job, body: Body) -> Request:
    path = f"/projects/{job.project}/jobs"
    updates = None if body["configuration"].get("dryRun") else job.updates
    return Request("jobs.insert", "POST", path, job.target, body=body, updates=updates)


def _get(reference: Body, target: str) -> Request:
    path = f"/projects/{reference['projectId']}/jobs/{reference['jobId']}"
    return Request("jobs.get", "GET", path, target, _place(reference))


def _results(reference: Body, count: int) -> Request:
    path = f"/projects/{reference['projectId']}/queries/{reference['jobId']}"
    params = {"maxResults": count, "timeoutMs": _WAIT_MS, "formatOptions.useInt64Timestamp": True}
    return Request("jobs.getQueryResults", "GET", path, "", {**params, **_place(reference)})


def _place(reference: Body) -> Body:
    return {"location": reference["location"]} if reference.get("location") else {}


def _without_none(values: Body) -> Body:
    return {key: value for key, value in values.items() if value is not None}
