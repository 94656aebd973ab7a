"""Copy jobs: copies, snapshots, clones and restores, as statements.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationTableCopy
"""

from datetime import datetime

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.outcome import Outcome
from tests.bigquery_server.parameters import string
from tests.bigquery_server.resources import is_partitioned, legacy

_STATEMENTS = {
    "COPY": "TABLE {} COPY {}",
    "CLONE": "TABLE {} CLONE {}",
    "RESTORE": "TABLE {} CLONE {}",
    "SNAPSHOT": "SNAPSHOT TABLE {} CLONE {}",
}


def run(server, given):
    """Carry out a copy job."""
    source, target = _source(given), _ref(given["destinationTable"])
    server.found(source)
    current = server.read([target]).get(target)
    server.meter.table(target, partitioned=current is not None and is_partitioned(current.body))
    server.meter.write(target)
    kind = given.get("operationType") or "COPY"
    if kind not in _STATEMENTS:
        raise invalid(f"Invalid operation type {kind}")
    server.warehouse.execute(_statement(server, given, kind, (source, target)))
    return Outcome({"copy": {"copiedRows": str(sum(f.rows for f in server.facts(target)))}})


def _statement(server, given, kind, tables):
    source, target = tables
    write = given.get("writeDisposition") or "WRITE_EMPTY"
    if write == "WRITE_APPEND":
        raise lacking("WRITE_APPEND of a copy job")
    if write == "WRITE_EMPTY" and target in server.read([target]):
        raise ApiError(409, "duplicate", f"Already Exists: {legacy(target)}")
    verb = "CREATE OR REPLACE" if write == "WRITE_TRUNCATE" else "CREATE"
    rest = _STATEMENTS[kind].format(f"`{target.id}`", f"`{source.id}`")
    if ends := given.get("destinationExpirationTime"):
        moment = datetime.fromisoformat(ends)
        rest += f" OPTIONS (expiration_timestamp = TIMESTAMP {string(moment.isoformat(' '))})"
    return f"{verb} {rest}"


def _source(given):
    sources = given.get("sourceTables") or [given["sourceTable"]]
    if len(sources) > 1:
        raise lacking("copy job of several source tables")
    return _ref(sources[0])


def _ref(table):
    if {"@", "$"} & set(table["tableId"]):
        raise lacking(f"decorator of {table['tableId']} in a copy job")
    return Ref("table", f"{table['projectId']}.{table['datasetId']}.{table['tableId']}")


def dataset(given):
    """Return the dataset that a job writes to."""
    table = given.get("destinationTable") or {}
    if not {"projectId", "datasetId", "tableId"} <= table.keys():
        raise ApiError(400, "required", "Required parameter is missing: destinationTable")
    return Ref("dataset", f"{table['projectId']}.{table['datasetId']}")
