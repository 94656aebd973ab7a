"""The requests of BigQuery's REST API that we make, as values.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from datoria_dagster.warehouse.codec.routines import STATED
from datoria_dagster.warehouse.port import Body, Ref

Verb = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Member = Literal["table", "routine"]
_PLURAL = {"dataset": "datasets", "table": "tables", "routine": "routines"}
PAGE = 1000
ROWS = 10_000
_ROUTINE = ",".join(("etag", "creationTime", *STATED))
# What changes while the resource stays as it is declared.
_STATISTICS = (
    "lastModifiedTime",
    "numRows",
    "numBytes",
    "numLongTermBytes",
    "numPhysicalBytes",
    "numTimeTravelPhysicalBytes",
    "numTotalLogicalBytes",
    "numActiveLogicalBytes",
    "numLongTermLogicalBytes",
    "numTotalPhysicalBytes",
    "numActivePhysicalBytes",
    "numLongTermPhysicalBytes",
    "numCurrentPhysicalBytes",
    "numPartitions",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `method` is BigQuery's name of it; `target` is what it is about.

    `updates` is the object whose metadata it changes, by kind and id.
    """

    method: str
    verb: Verb
    path: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Body | None = None
    etag: str | None = None
    updates: tuple[str, str] | None = None

    @property
    def project(self) -> str:
        """The project that is asked."""
        return self.path.split("/")[2]

    @property
    def sql(self) -> str:
        """The statement or query of a job that it starts; "" of any other request."""
        configuration = (self.body or {}).get("configuration") or {}
        return str((configuration.get("query") or {}).get("query", ""))


def get(ref: Ref, *, statistics: bool = False) -> Request:
    """Read a resource. Without statistics a table's answer is quicker."""
    params = {"view": "BASIC"} if ref.kind == "table" and not statistics else {}
    return Request(f"{_PLURAL[ref.kind]}.get", "GET", path(ref), ref.id, params)


def insert(ref: Ref, body: Body) -> Request:
    """Create a resource."""
    return Request(
        f"{_PLURAL[ref.kind]}.insert",
        "POST",
        path(ref).rsplit("/", 1)[0],
        ref.id,
        body={**body, f"{ref.kind}Reference": reference(ref)},
        updates=(ref.kind, ref.id),
    )


def patch(ref: Ref, body: Body, etag: str | None) -> Request:
    """Merge into a dataset or table."""
    return _change("patch", "PATCH", ref, body, etag)


def update(ref: Ref, body: Body, etag: str | None) -> Request:
    """Replace a whole routine."""
    return _change("update", "PUT", ref, {**body, "routineReference": reference(ref)}, etag)


def delete(ref: Ref, etag: str | None) -> Request:
    """Delete a resource; a dataset must be empty."""
    return _change("delete", "DELETE", ref, None, etag)


def _change(verb: str, method: Verb, ref: Ref, body: Body | None, etag: str | None) -> Request:
    return Request(
        f"{_PLURAL[ref.kind]}.{verb}",
        method,
        path(ref),
        ref.id,
        body=body,
        etag=etag,
        updates=(ref.kind, ref.id),
    )


def members(dataset: Ref, kind: Member) -> Request:
    """List a dataset's tables (views too) or routines, a page at a time.

    Routines are listed with all that can be declared of them.
    Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines/list
    """
    address = f"{path(dataset)}/{_PLURAL[kind]}"
    params: Body = {"maxResults": PAGE}
    if kind == "routine":
        params["readMask"] = _ROUTINE
    return Request(f"{_PLURAL[kind]}.list", "GET", address, dataset.id, params)


def policies(ref: Ref) -> Request:
    """List a table's row access policies, a page at a time."""
    return Request("rowAccessPolicies.list", "GET", f"{path(ref)}/rowAccessPolicies", ref.id)


def data(ref: Ref) -> Request:
    """List a table's rows, a page at a time; a page of large rows holds fewer."""
    params = {"maxResults": ROWS, "formatOptions.useInt64Timestamp": True}
    return Request("tabledata.list", "GET", f"{path(ref)}/data", ref.id, params)


def path(ref: Ref) -> str:
    """Return the path of a resource; its names are data there."""
    project, dataset, *name = (quote(part, safe=":") for part in ref.parts)
    return "/".join(["/projects", project, "datasets", dataset, *_last(ref, name)])


def _last(ref: Ref, name: list[str]) -> list[str]:
    return [_PLURAL[ref.kind], *name] if name else []


def reference(ref: Ref) -> Body:
    """Return the reference that a resource carries."""
    keys = ("projectId", "datasetId", f"{ref.kind}Id")
    return dict(zip(keys, ref.parts, strict=False))


def without_statistics(body: Body) -> Body:
    """Return a resource without what changes on its own."""
    return {key: value for key, value in body.items() if key not in _STATISTICS}


def overwrite(destination: Ref, partition: str | None) -> Body:
    """Return the settings of a job that replaces rows and can't change a schema.

    A partition's WRITE_TRUNCATE keeps the table's schema when no schema update is asked for; a
    whole table's would take the query's.
    Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job
    """
    target = reference(destination)
    name = target["tableId"] if partition is None else f"{target['tableId']}${partition}"
    return {
        "destinationTable": {**target, "tableId": name},
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": "WRITE_TRUNCATE_DATA" if partition is None else "WRITE_TRUNCATE",
    }
