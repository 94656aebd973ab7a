"""Methods of routines.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import masks
from tests.bigquery_server.errors import lacking
from tests.bigquery_server.resources import required, shown, written

_REFERENCE = "routineReference"
_DEFAULT = ("etag", _REFERENCE, "routineType", "creationTime", "lastModifiedTime", "language")
_FILTER = "routineType:"


def insert(server, call):
    server.found(call.dataset)
    name = required(call.body, _REFERENCE, "routineId")
    ref = Ref("routine", f"{call.dataset.id}.{name}")
    server.meter.routine(ref)
    return _shown(server.warehouse.create(ref, written(call.body)))


def get(server, call):
    return _masked(_shown(server.found(call.routine)), call)


def _shown(resource):
    body = shown(resource)
    return {key: value for key, value in body.items() if key not in ("kind", "id", "selfLink")}


def _masked(body, call):
    if mask := masks.parse(call.query.get("readMask", "")):
        return {_REFERENCE: body[_REFERENCE], **masks.applied(mask, body)}
    return body


def list_(server, call):
    """Without a readMask, neither bodies nor arguments are listed."""
    server.found(call.dataset)
    bodies = [_shown(found) for found in server.members(call.dataset, "routine")]
    bodies = _filtered(bodies, call.query.get("filter", ""))
    some, more = masks.page(bodies, call.query)
    if not call.query.get("readMask"):
        some = [{key: body[key] for key in _DEFAULT if key in body} for body in some]
    listed = [_masked(body, call) for body in some]
    return {**({"routines": listed} if listed else {}), **more}


def _filtered(bodies, text):
    if not text:
        return bodies
    if not text.startswith(_FILTER):
        raise lacking(f"filter {text!r} of routines.list")
    return [body for body in bodies if body["routineType"] == text.removeprefix(_FILTER)]


def update(server, call):
    """PUT: the routine is replaced as a whole."""
    server.found(call.routine)
    server.meter.routine(call.routine)
    return _shown(server.warehouse.replace(call.routine, written(call.body), call.etag))


def delete(server, call):
    server.warehouse.delete(call.routine, call.etag)
