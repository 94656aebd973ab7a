"""Methods of datasets.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets
"""

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import masks
from tests.bigquery_server.errors import ApiError, lacking
from tests.bigquery_server.resources import legacy, required, shown, written

_LISTED = ("kind", "id", "datasetReference", "labels", "friendlyName", "location", "type")


def insert(server, call):
    name = required(call.body, "datasetReference", "datasetId")
    ref = Ref("dataset", f"{call.project}.{name}")
    return shown(server.warehouse.create(ref, written(call.body)))


def get(server, call):
    return shown(server.found(call.dataset))


def list_(server, call):
    if call.query.get("filter"):
        raise lacking("filter of datasets.list")
    known = server.warehouse.resources("dataset")
    found = [each.body for ref, each in known.items() if ref.parts[0] == call.project]
    items, more = masks.page([{k: b[k] for k in _LISTED if k in b} for b in found], call.query)
    listed = {"datasets": items} if items else {}
    return {"kind": "bigquery#datasetList", **listed, **more}


def patch(server, call):
    server.found(call.dataset)
    server.meter.dataset(call.dataset)
    return shown(server.warehouse.patch(call.dataset, written(call.body), call.etag))


def update(server, call):
    """PUT: what is not given is gone."""
    current = written(server.found(call.dataset).body)
    server.meter.dataset(call.dataset)
    body = {**dict.fromkeys(current), **written(call.body)}
    body.setdefault("location", None)
    body["location"] = body["location"] or current["location"]
    return shown(server.warehouse.patch(call.dataset, body, call.etag))


def delete(server, call):
    ref = call.dataset
    server.found(ref)
    members = server.warehouse.list(ref.id)
    if members and call.query.get("deleteContents", "").lower() != "true":
        raise ApiError(400, "resourceInUse", f"{legacy(ref)} is still in use")
    for member in members:
        server.warehouse.delete(member, None)
    server.warehouse.delete(ref, call.etag)


def service_account(server, call):
    """projects.getServiceAccount."""
    email = "bq-1234567890@bigquery-encryption.iam.gserviceaccount.com"
    return {"kind": "bigquery#getServiceAccountResponse", "email": email}


def projects(server, call):
    """projects.list: those that have datasets."""
    names = sorted({ref.parts[0] for ref in server.warehouse.resources("dataset")})
    items, more = masks.page(names, call.query)
    found = [
        {
            "kind": "bigquery#project",
            "id": name,
            "projectReference": {"projectId": name},
            "friendlyName": name,
        }
        for name in items
    ]
    return {"kind": "bigquery#projectList", "projects": found, "totalItems": len(names), **more}
