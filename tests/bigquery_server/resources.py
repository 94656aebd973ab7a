"""Resources on their way in and out."""

from tests.bigquery_server.errors import ApiError

# What a client may send back and the server alone sets.
_READ_ONLY = (
    "kind",
    "id",
    "etag",
    "selfLink",
    "type",
    "creationTime",
    "lastModifiedTime",
    "datasetReference",
    "tableReference",
    "routineReference",
    "streamingBuffer",
    "snapshotDefinition",
    "cloneDefinition",
    "numRows",
    "numBytes",
    "numLongTermBytes",
    "numPhysicalBytes",
)
_API = "https://bigquery.googleapis.com/bigquery/v2"


def written(body):
    """Return what of a body is the client's to set."""
    return {key: value for key, value in body.items() if key not in _READ_ONLY}


def required(body, holder, key):
    """Return a name out of a new resource, or refuse it."""
    name = (body.get(holder) or {}).get(key)
    if not name:
        raise ApiError(400, "required", f"Required parameter is missing: {holder}.{key}")
    return name


def shown(resource, **more):
    """Return a resource as the API answers it."""
    ref = resource.ref
    project, dataset, *rest = ref.parts
    path = f"projects/{project}/datasets/{dataset}"
    if rest:
        path += f"/{ref.kind}s/{rest[0]}"
    return {**resource.body, "etag": resource.etag, "selfLink": f"{_API}/{path}", **more}


def legacy(ref):
    """Return an address as messages write it: `Table project:dataset.name`."""
    project, *rest = ref.parts
    return f"{ref.kind.capitalize()} {project}:{'.'.join(rest)}"


def table_reference(ref):
    project, dataset, name = ref.parts
    return {"projectId": project, "datasetId": dataset, "tableId": name}


def schema_of(body):
    """Return the columns of a table."""
    return (body.get("schema") or {}).get("fields") or []


def is_partitioned(body):
    return bool(body.get("timePartitioning") or body.get("rangePartitioning"))
