"""Methods of tables, and of the row access policies on them.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables,
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies
"""

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import masks, summary
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.resources import (
    is_partitioned,
    required,
    schema_of,
    shown,
    table_reference,
    written,
)

_LISTED = (
    "kind",
    "id",
    "tableReference",
    "friendlyName",
    "type",
    "labels",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "requirePartitionFilter",
    "creationTime",
    "expirationTime",
)
# The view STORAGE_STATS, which is the default, has them; BASIC has not.
_STATISTICS = ("lastModifiedTime",)
_VIEWS = ("", "TABLE_METADATA_VIEW_UNSPECIFIED", "BASIC", "STORAGE_STATS", "FULL")


def insert(server, call):
    server.found(call.dataset)
    name = required(call.body, "tableReference", "tableId")
    ref = Ref("table", f"{call.dataset.id}.{name}")
    server.meter.table(ref, partitioned=is_partitioned(call.body))
    return _full(server, server.warehouse.create(ref, written(call.body)))


def get(server, call):
    view = call.query.get("view", "")
    if view not in _VIEWS:
        raise invalid(f"Invalid value at 'view': \"{view}\"", "invalidParameter")
    if found := server.jobs.anonymous(call.table):
        return {
            "kind": "bigquery#table",
            "tableReference": table_reference(call.table),
            "type": "TABLE",
            "schema": {"fields": list(found.fields)},
            "numRows": str(len(found.rows)),
        }
    resource = server.found(call.table)
    if call.decorator == summary.NAME:
        return summary.resource(resource)
    if call.decorator:
        raise lacking("tables.get of a partition")
    return _basic(resource) if view == "BASIC" else _full(server, resource)


def _basic(resource):
    return {k: v for k, v in shown(resource).items() if k not in _STATISTICS}


def _full(server, resource):
    rows = sum(facts.rows for facts in server.facts(resource.ref))
    streamed = int((resource.body.get("streamingBuffer") or {}).get("estimatedRows", 0))
    # Rows in the streaming buffer are not counted.
    return shown(resource, numRows=str(max(0, rows - streamed)))


def list_(server, call):
    server.found(call.dataset)
    tables = server.members(call.dataset, "table")
    some, more = masks.page(tables, call.query)
    listed = {"tables": [_listed(table.body) for table in some]} if some else {}
    return {"kind": "bigquery#tableList", **listed, "totalItems": len(tables), **more}


def _listed(body):
    item = {key: body[key] for key in _LISTED if key in body}
    if "view" in body:
        item["view"] = {"useLegacySql": bool(body["view"].get("useLegacySql"))}
    return item


def patch(server, call):
    _check_update(server, call)
    return _full(server, server.warehouse.patch(call.table, written(call.body), call.etag))


def update(server, call):
    """PUT: what is not given is gone."""
    resource = _check_update(server, call)
    gone = dict.fromkeys(key for key in written(resource.body) if key != "location")
    return _full(
        server, server.warehouse.patch(call.table, {**gone, **written(call.body)}, call.etag)
    )


def _check_update(server, call):
    if {"autodetect_schema", "autodetectSchema"} & call.query.keys():
        raise lacking("schema detection")
    resource = server.found(call.table)
    server.meter.table(call.table, partitioned=is_partitioned(resource.body))
    return resource


def delete(server, call):
    if not call.decorator:
        server.warehouse.delete(call.table, call.etag)
        return
    body = server.found(call.table).body
    names = ", ".join(f"`{field['name']}`" for field in schema_of(body))
    query = f"SELECT {names} FROM `{call.table.id}` WHERE FALSE"
    server.warehouse.write(query, call.table, call.decorator)


def policies(server, call):
    """rowAccessPolicies.list."""
    server.found(call.table)
    found = list(server.warehouse.filters(call.table).items())
    project, dataset, table = call.table.parts
    items, more = masks.page(found, {**call.query, "maxResults": call.query.get("pageSize", "")})
    listed = [
        {
            "rowAccessPolicyReference": {
                "projectId": project,
                "datasetId": dataset,
                "tableId": table,
                "policyId": name,
            },
            "filterPredicate": predicate,
        }
        for name, predicate in items
    ]
    return {**({"rowAccessPolicies": listed} if listed else {}), **more}


def check_readable(resource):
    """Refuse to list rows of what has none of its own."""
    kind = resource.body["type"]
    if kind not in ("TABLE", "SNAPSHOT"):
        raise ApiError(400, "invalid", f"Cannot list a table of type {kind}.")
