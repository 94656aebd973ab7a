"""Jobs: statements and queries, each carried out once however often it had to be sent.

A job's id is chosen before it is sent, so sending it again can't run it again: BigQuery answers
that it has it. A job that BigQuery refused for its rate did nothing and is sent under a new id; one
that failed halfway is so only when it can't have changed anything.
Source: https://docs.cloud.google.com/bigquery/docs/running-jobs#generate-jobid
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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


class JobFailed(Failed):
    """A job ran and failed: BigQuery says so itself."""


class Jobs:
    """Runs jobs and waits for them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # Groups what one migration did in the bills and the audit log.
        self._session = secrets.token_hex(4)

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

    def _completed(self, job: Job, count: int) -> tuple[Body, Body]:
        tries = 0
        while True:
            tries += 1
            try:
                return self._attempt(job, count)
            except JobFailed as failed:
                if tries == _TRIES or not _may_run_again(job, failed.failure):
                    raise
            self._client.quotas.clock.sleep(pause(tries))

    def _attempt(self, job: Job, count: int) -> tuple[Body, Body]:
        chosen = {
            "projectId": job.project,
            "jobId": f"datoria_{job.what}_{secrets.token_hex(12)}",
            "location": job.location,
        }
        reference = _without_none(chosen)
        try:
            sent = self._sent(job, reference)
            reference = {**reference, **sent.get("jobReference", {})}
            return reference, self._wait(job, reference, count)
        except (KeyboardInterrupt, SystemExit):
            self._cancel(reference)
            raise

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
            failure = Failure.of_job(result)
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
        if job.what == "statement":
            labels["datoria-migration"] = self._session
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
