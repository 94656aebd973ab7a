"""A request and its answer, before any front has made bytes of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from datoria_dagster.warehouse.port import Ref

Broken = Literal["", "reset", "timeout", "truncated"]


@dataclass(frozen=True)
class Request:
    """What arrived: `path` without the query, `query` decoded, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What is answered. `broken` is what happens to it on its way to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: Broken = ""


@dataclass(frozen=True)
class Call:
    """A request for one method of the API, such as `tables.patch`."""

    name: str
    parts: Mapping[str, str]
    request: Request
    body: Any

    def with_body(self, body):
        return replace(self, body=body)

    @property
    def query(self):
        return self.request.query

    @property
    def etag(self):
        """What If-Match says; None is any."""
        given = self.request.headers.get("if-match")
        return None if given in (None, "*") else given

    @property
    def project(self):
        return self.parts["project"]

    @property
    def dataset(self):
        return Ref("dataset", f"{self.project}.{self.parts['dataset']}")

    @property
    def table(self):
        """The table, without a partition decorator."""
        return Ref("table", f"{self.dataset.id}.{self.parts['table'].partition('$')[0]}")

    @property
    def decorator(self):
        """What follows the $ of a table's name, or empty."""
        return self.parts["table"].partition("$")[2]

    @property
    def routine(self):
        return Ref("routine", f"{self.dataset.id}.{self.parts['routine']}")

    @property
    def address(self):
        """What the request is about, with dots; for a new object, the name in the body."""
        names = [self.parts[key] for key in ("project", "dataset") if key in self.parts]
        last = next((self.parts[k] for k in ("table", "routine", "job") if k in self.parts), None)
        return ".".join([*names, last] if last else [*names, *self._named()])

    def _named(self):
        body = self.body if isinstance(self.body, dict) else {}
        for holder, key in _NAMES:
            if name := (body.get(holder) or {}).get(key):
                return [name]
        return []


_NAMES = (
    ("tableReference", "tableId"),
    ("routineReference", "routineId"),
    ("datasetReference", "datasetId"),
    ("jobReference", "jobId"),
)


def answer(status, body, etag=None):
    """Return a JSON response; None is no content."""
    headers = {"content-type": "application/json; charset=UTF-8"}
    if etag:
        headers["etag"] = etag
    if body is None:
        return Response(204, {}, b"")
    return Response(status, headers, json.dumps(body, ensure_ascii=False).encode())
