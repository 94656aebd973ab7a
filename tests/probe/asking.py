"""Sending what a probe asks, and keeping what was sent and answered."""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import LoadJobConfig

from tests.real_project import LOCATION, MOST_BYTES

_TIMEOUT = 120
_WAIT_MS = 10_000
_CONFLICTS = 400
# Answers that say nothing about the question.
_BESIDE = ("notImplemented", "accessDenied", "rateLimitExceeded", "quotaExceeded", "backendError")


@dataclass(frozen=True)
class Answer:
    """What BigQuery answered: an HTTP status, and the reason and message of a refusal."""

    status: int
    reason: str = ""
    message: str = ""
    body: dict | None = None

    @property
    def ok(self):
        return self.status < _CONFLICTS

    def __str__(self):
        return f"{self.status} {self.reason}: {self.message}" if self.reason else str(self.status)


@dataclass(frozen=True)
class Finding:
    """What was found out, in words, and whether it is what we assume."""

    answer: str
    agrees: bool


class Unanswered(Exception):
    """The question could not be asked, or not answered."""


@dataclass(frozen=True)
class Probe:
    """A question, what we assume of it, the page that does not settle it, and how it is asked."""

    question: str
    assumes: str
    link: str
    ask: Callable

    @property
    def name(self):
        return self.ask.__name__


@dataclass(frozen=True)
class Row:
    """A probe and what came of it. `agrees` is "yes", "no" or "not answered"."""

    probe: Probe
    sent: tuple[str, ...]
    answer: str
    agrees: str


class Desk:
    """Where one probe works: tables and routines `{t}`, `{u}` … of its own in the dataset."""

    def __init__(self, client, dataset, prefix):
        self._client = client
        self.project, self.dataset = dataset.rsplit(".", 1)
        self._prefix = prefix
        self.sent = []

    def name(self, short):
        return f"{self._prefix}_{short}"

    def sql(self, statement):
        """Ask a statement."""
        self.sent.append(statement)
        return self._beside(self._run(statement))

    def rest(self, method, path, body=None, etag=None):
        """Ask a request; `path` begins after the dataset's: `/tables/{t}`."""
        told = f" {json.dumps(body)}" if body else ""
        self.sent.append(f"{method} {path}{told}" + (" (If-Match)" if etag else ""))
        return self._beside(self._request(method, path, body, etag))

    def prepare(self, *statements):
        """Run what the question needs."""
        for statement in statements:
            _needed(self._run(statement))

    def make(self, short, **body):
        """Insert a table's resource."""
        reference = self.reference(short)
        made = {**body, "tableReference": reference}
        return _needed(self._request("POST", "/tables", made)).body

    def read(self, path="/tables/{t}"):
        """Return a resource as it is."""
        return _needed(self._request("GET", path)).body

    def rows(self, query):
        """Return the rows of a query, as text."""
        body = _needed(self._run(query)).body
        return [[cell["v"] for cell in row["f"]] for row in body.get("rows", ())]

    def reference(self, short):
        return {
            "projectId": self.project,
            "datasetId": self.dataset,
            "tableId": self.name(short),
        }

    def job(self, configuration, *, dry=False, told=None):
        """Insert a job and return the answer of the insertion itself."""
        if told:
            self.sent.append(told)
        reference = {"projectId": self.project, "location": LOCATION}
        if not dry:
            reference["jobId"] = f"datoria_probe_{secrets.token_hex(12)}"
        body = {"configuration": {**configuration, "dryRun": dry}, "jobReference": reference}
        return self._call("POST", f"/projects/{self.project}/jobs", body)

    def query(self, statement, **more):
        """Return the configuration of a query job."""
        text = self._full(statement)
        limit = {"maximumBytesBilled": str(MOST_BYTES)}
        return {"query": {"query": text, "useLegacySql": False, **limit, **more}}

    def finished(self, inserted):
        """Wait for a job; return what came of it."""
        if not inserted.ok:
            return inserted
        reference = inserted.body["jobReference"]
        path = f"/projects/{self.project}/queries/{reference['jobId']}"
        query = {"location": reference["location"], "timeoutMs": _WAIT_MS}
        while True:
            found = self._call("GET", path, query=query)
            if not found.ok or found.body.get("jobComplete"):
                return found

    def written(self, query, partition, disposition):
        """Write a query's rows to a partition, or the whole, of `t`."""
        target = self.reference("t")
        target["tableId"] += f"${partition}" if partition else ""
        given = {"destinationTable": target, "writeDisposition": disposition}
        into = f"t${partition}" if partition else "t"
        told = f"query job, {disposition} of {into}: {query}"
        job = self.job(self.query(query, createDisposition="CREATE_NEVER", **given), told=told)
        return self._beside(self.finished(job))

    def loaded(self, rows, schema, option):
        """Load JSON rows into `t`, with a schema."""
        self.sent.append(f"load job, {option}, of {json.dumps(rows)} as {json.dumps(schema)}")
        settings = LoadJobConfig(
            schema=schema["fields"],
            schema_update_options=[option],
            write_disposition="WRITE_APPEND",
        )
        table = f"{self.project}.{self.dataset}.{self.name('t')}"
        try:
            job = self._client.load_table_from_json(
                rows, table, location=LOCATION, job_config=settings, timeout=_TIMEOUT
            )
            job.result(timeout=_TIMEOUT)
        except GoogleAPICallError as error:
            return self._beside(self._refusal(error))
        return Answer(200)

    def _run(self, statement):
        return self.finished(self.job(self.query(statement)))

    def _request(self, method, path, body=None, etag=None):
        home = f"/projects/{self.project}/datasets/{self.dataset}"
        filled = re.sub(r"\{(\w+)\}", lambda m: self.name(m[1]), path)
        return self._call(method, home + filled, body, etag=etag)

    def _call(self, method, path, body=None, *, etag=None, query=None):
        try:
            found = self._client._call_api(
                None,
                method=method,
                path=path,
                data=body,
                query_params=query or {},
                headers={"If-Match": etag} if etag else None,
                timeout=_TIMEOUT,
            )
        except GoogleAPICallError as error:
            return self._refusal(error)
        return Answer(200, body=found or {})

    def _refusal(self, error):
        first = (error.errors or [{}])[0]
        message = self._short(first.get("message") or error.message)
        return Answer(int(error.code), first.get("reason", ""), message)

    def _full(self, statement):
        home = f"{self.project}.{self.dataset}"
        named = statement.replace("{dataset}", f"`{home}`")
        return re.sub(r"\{(\w+)\}", lambda m: f"`{home}.{self.name(m[1])}`", named)

    def _short(self, message):
        """Leave out where this was."""
        text = re.sub(rf"{re.escape(self.project)}[.:]{self.dataset}\.{self._prefix}_", "", message)
        return text.replace(self.dataset, "dataset").replace(self.project, "project")

    def _beside(self, answer):
        if answer.reason in _BESIDE:
            raise Unanswered(str(answer))
        return answer


def _needed(answer):
    if not answer.ok:
        raise Unanswered(f"A statement that the question needs was refused: {answer}")
    return answer


def refused(answer):
    """Find that it was refused, as we assume."""
    return Finding(str(answer), not answer.ok)


def accepted(answer):
    """Find that it was carried out, as we assume."""
    return Finding(str(answer), answer.ok)


def stale(answer):
    """Find that it was refused for its etag, as we assume."""
    return Finding(str(answer), answer.status == 412)


def rows(probes, client, dataset):
    """Ask one probe after the other, and yield what came of each."""
    for number, probe in enumerate(probes):
        yield _row(probe, Desk(client, dataset, f"p{number:02}"))


def _row(probe, desk):
    try:
        found = probe.ask(desk)
    except Unanswered as why:
        return Row(probe, tuple(desk.sent), str(why), "not answered")
    return Row(probe, tuple(desk.sent), found.answer, "yes" if found.agrees else "no")


def line(row):
    """Return a row as the table of rules has it."""
    cells = (row.probe.question, "; ".join(row.sent), row.answer, row.probe.assumes, row.agrees)
    texts = [_plain(cell) for cell in cells]
    return f"| [{texts[0]}]({row.probe.link}) | {' | '.join(texts[1:])} |"


def _plain(cell):
    """Return the text of a cell, without braces around names and without who asked."""
    named = re.sub(r"\{(\w+)\}", r"\1", cell)
    return re.sub(r"[\w.+-]+@[\w.-]+", "(account)", named).replace("|", "\\|")


HEAD = "| question | sent | answer | what we assume | agrees? |\n|---|---|---|---|---|"
