"""Load jobs of newline-delimited JSON that the request itself brings.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad
"""

import json
from email import message_from_bytes
from email.policy import HTTP

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.outcome import Outcome
from tests.bigquery_server.resources import is_partitioned, legacy


def parts(request):
    """Return the job and the data of a multipart upload."""
    if request.query.get("uploadType") != "multipart":
        raise lacking(f"upload of type {request.query.get('uploadType')}")
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    found = message_from_bytes(head + request.body, policy=HTTP).get_payload()
    if not isinstance(found, list) or len(found) != 2:
        raise invalid("A multipart upload has two parts", "badRequest")
    job, data = (part.get_payload(decode=True) for part in found)
    return json.loads(job), data


def run(server, given, data):
    """Carry out a load job: all rows or none."""
    if data is None:
        raise lacking("load job from sourceUris")
    if given.get("sourceFormat") != "NEWLINE_DELIMITED_JSON":
        raise lacking(f"load job of {given.get('sourceFormat', 'CSV')}")
    if given.get("schemaUpdateOptions"):
        raise lacking("option schemaUpdateOptions of a load job")
    target = given["destinationTable"]
    if "$" in target["tableId"]:
        raise lacking("partition decorator in a load job")
    ref = Ref("table", f"{target['projectId']}.{target['datasetId']}.{target['tableId']}")
    rows = _rows(data)
    _prepare(server, given, ref)
    server.warehouse.append(ref, rows)
    size = str(len(data))
    return Outcome({"load": {"outputRows": str(len(rows)), "inputFiles": "1", "outputBytes": size}})


def _rows(data):
    try:
        return [json.loads(line) for line in data.decode().splitlines() if line.strip()]
    except ValueError as error:
        raise invalid(
            f"Error while reading data, error message: JSON parsing error: {error}"
        ) from None


def _prepare(server, given, ref):
    current = server.read([ref]).get(ref)
    server.meter.table(ref, partitioned=current is not None and is_partitioned(current.body))
    server.meter.write(ref)
    write = given.get("writeDisposition") or "WRITE_APPEND"
    if write not in ("WRITE_APPEND", "WRITE_EMPTY"):
        raise lacking(f"{write} of a load job")
    if current is None:
        _create(server, given, ref)
    elif write == "WRITE_EMPTY" and any(facts.rows for facts in server.facts(ref)):
        raise ApiError(409, "duplicate", f"Already Exists: {legacy(ref)}")


def _create(server, given, ref):
    if given.get("createDisposition") == "CREATE_NEVER":
        raise ApiError(404, "notFound", f"Not found: {legacy(ref)}")
    if not given.get("schema"):
        raise lacking("schema detection")
    kept = ("schema", "timePartitioning", "rangePartitioning", "clustering")
    server.warehouse.create(ref, {key: given[key] for key in kept if key in given})
