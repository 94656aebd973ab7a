"""Which method of the API a request is for.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest
"""

import json
import re
from urllib.parse import unquote

from tests.bigquery_server import datasets, job_methods, routines, tabledata, tables
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.messages import Call

_BASE = re.compile(r"/bigquery/v2(?=/)|/upload/bigquery/v2(?=/)")
_D = "/projects/{project}/datasets"
_T = _D + "/{dataset}/tables"
_R = _D + "/{dataset}/routines"
_J = "/projects/{project}/jobs"
# HTTP method, path, name, what answers it; None is a method that the server lacks.
_ROUTES = (
    ("GET", "/projects", "projects.list", datasets.projects),
    (
        "GET",
        "/projects/{project}/serviceAccount",
        "projects.getServiceAccount",
        datasets.service_account,
    ),
    ("GET", _D, "datasets.list", datasets.list_),
    ("POST", _D, "datasets.insert", datasets.insert),
    ("GET", _D + "/{dataset}", "datasets.get", datasets.get),
    ("PATCH", _D + "/{dataset}", "datasets.patch", datasets.patch),
    ("PUT", _D + "/{dataset}", "datasets.update", datasets.update),
    ("DELETE", _D + "/{dataset}", "datasets.delete", datasets.delete),
    ("POST", _D + "/{dataset}:undelete", "datasets.undelete", None),
    ("GET", _D + "/{dataset}/models", "models.list", None),
    ("GET", _D + "/{dataset}/models/{model}", "models.get", None),
    ("PATCH", _D + "/{dataset}/models/{model}", "models.patch", None),
    ("DELETE", _D + "/{dataset}/models/{model}", "models.delete", None),
    ("GET", _T, "tables.list", tables.list_),
    ("POST", _T, "tables.insert", tables.insert),
    ("POST", _T + "/{table}:getIamPolicy", "tables.getIamPolicy", None),
    ("POST", _T + "/{table}:setIamPolicy", "tables.setIamPolicy", None),
    ("POST", _T + "/{table}:testIamPermissions", "tables.testIamPermissions", None),
    ("GET", _T + "/{table}", "tables.get", tables.get),
    ("PATCH", _T + "/{table}", "tables.patch", tables.patch),
    ("PUT", _T + "/{table}", "tables.update", tables.update),
    ("DELETE", _T + "/{table}", "tables.delete", tables.delete),
    ("GET", _T + "/{table}/data", "tabledata.list", tabledata.list_),
    ("POST", _T + "/{table}/insertAll", "tabledata.insertAll", tabledata.insert_all),
    ("GET", _T + "/{table}/rowAccessPolicies", "rowAccessPolicies.list", tables.policies),
    ("POST", _T + "/{table}/rowAccessPolicies", "rowAccessPolicies.insert", None),
    ("GET", _T + "/{table}/rowAccessPolicies/{policy}", "rowAccessPolicies.get", None),
    ("PUT", _T + "/{table}/rowAccessPolicies/{policy}", "rowAccessPolicies.update", None),
    ("DELETE", _T + "/{table}/rowAccessPolicies/{policy}", "rowAccessPolicies.delete", None),
    ("GET", _R, "routines.list", routines.list_),
    ("POST", _R, "routines.insert", routines.insert),
    ("GET", _R + "/{routine}", "routines.get", routines.get),
    ("PUT", _R + "/{routine}", "routines.update", routines.update),
    ("DELETE", _R + "/{routine}", "routines.delete", routines.delete),
    ("GET", _J, "jobs.list", job_methods.list_),
    ("POST", _J, "jobs.insert", job_methods.insert),
    ("POST", _J + "/{job}/cancel", "jobs.cancel", job_methods.cancel),
    ("DELETE", _J + "/{job}/delete", "jobs.delete", None),
    ("GET", _J + "/{job}", "jobs.get", job_methods.get),
    ("POST", "/projects/{project}/queries", "jobs.query", job_methods.query),
    (
        "GET",
        "/projects/{project}/queries/{job}",
        "jobs.getQueryResults",
        job_methods.results,
    ),
)


def _pattern(path):
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+?)", path))


_PATTERNS = tuple((method, _pattern(path), name, act) for method, path, name, act in _ROUTES)


def route(request):
    """Return the call, and what answers it. What is not there is refused by name."""
    path = _BASE.sub("", request.path, count=1)
    for method, pattern, name, act in _PATTERNS:
        found = pattern.fullmatch(path) if method == request.method else None
        if found is not None:
            parts = {key: unquote(value) for key, value in found.groupdict().items()}
            return Call(name, parts, request, None), act
    raise lacking(f"method {request.method} {request.path}")


def read(call, act):
    """Return what answers the call, with its body read."""
    if act is None:
        raise lacking(f"method {call.name}")
    if call.request.path.startswith("/upload/"):
        return call, job_methods.upload
    body = _json(call.request.body)
    if call.request.method in ("POST", "PATCH", "PUT") and not isinstance(body, dict):
        raise invalid(
            "Invalid JSON payload received. Root element must be a message.", "parseError"
        )
    return call.with_body(body), act


def _json(body):
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        raise ApiError(400, "parseError", "Invalid JSON payload received.") from None
