"""Methods of jobs.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs
"""

from datoria_dagster.warehouse.port import WarehouseError
from tests.bigquery_server import loads, masks, queries, wire
from tests.bigquery_server.errors import ApiError, lacking, of_job, of_warehouse
from tests.bigquery_server.jobs import ANONYMOUS
from tests.bigquery_server.tabledata import paged, wants_int64

_WAIT_MS = 10_000
_EMAIL = "tester@acme.iam.gserviceaccount.com"
_OF_QUERY = ("dryRun", "labels", "jobTimeoutMs", "reservation")
_OF_REQUEST = (
    "kind",
    "timeoutMs",
    "maxResults",
    "formatOptions",
    "requestId",
    "location",
    "jobCreationMode",
    "useQueryCache",
)


def insert(server, call, data=None):
    body = call.body
    configuration = body.get("configuration") or {}
    doomed = call.name in server.doomed
    job = server.jobs.new(
        call.project,
        configuration,
        reference=body.get("jobReference"),
        data=data,
        doomed=doomed,
    )
    if configuration.get("dryRun"):
        return _resource(job, _dry(server, job))
    server.jobs.submit(job)
    return _resource(job)


def upload(server, call):
    """jobs.insert with the data of a load job."""
    body, data = loads.parts(call.request)
    return insert(server, call.with_body(body), data)


def _dry(server, job):
    if job.query is None and job.early is None:
        raise lacking("dry run of a job that is no query")
    try:
        if job.early is not None:
            raise job.early
        return queries.run(server, job.query, job.location, dry=True)
    except WarehouseError as error:
        raise of_warehouse(error, "invalidQuery") from None


def _resource(job, dry=None):
    outcome = dry or job.outcome
    reference = {"projectId": job.project, "jobId": job.id, "location": job.location}
    name = f"{job.project}:{job.location}.{job.id}"
    if dry:
        del reference["jobId"]
    return {
        "kind": "bigquery#job",
        "id": name,
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{job.project}/jobs/{job.id}",
        "user_email": _EMAIL,
        "jobReference": reference,
        "configuration": _configuration(job),
        "status": _status(job, dry),
        "statistics": {**_times(job, dry), **outcome.statistics},
    }


def _configuration(job):
    query = job.configuration.get("query")
    if query is None or "destinationTable" in query or job.outcome.rows is None:
        return job.configuration
    table = {"projectId": job.project, "datasetId": ANONYMOUS, "tableId": f"anon{job.id}"}
    return {**job.configuration, "query": {**query, "destinationTable": table}}


def _status(job, dry):
    if not dry and job.end is None:
        return {"state": "RUNNING"}
    failed = {"errorResult": job.error.proto, "errors": [job.error.proto]} if job.error else {}
    return {"state": "DONE", **failed}


def _times(job, dry):
    times = {"creationTime": _ms(job.created), "startTime": _ms(job.created)}
    return times if dry or job.end is None else {**times, "endTime": _ms(job.end)}


def _ms(seconds):
    return str(int(seconds * 1000))


def get(server, call):
    return _resource(_of(server, call))


def _of(server, call):
    return server.jobs.get(call.project, call.parts["job"], call.query.get("location"))


def list_(server, call):
    some, more = masks.page(server.jobs.of(call.project), call.query)
    found = [{**_resource(job), "state": _status(job, None)["state"]} for job in some]
    return {"kind": "bigquery#jobList", "jobs": found, **more}


def cancel(server, call):
    job = _of(server, call)
    server.jobs.cancel(job)
    return {"kind": "bigquery#jobCancelResponse", "job": _resource(job)}


def query(server, call):
    """jobs.query: a query, and its first page when it is done in time."""
    body = call.body

    def make():
        return server.jobs.new(
            call.project,
            _configuration_of(body),
            reference={"location": body.get("location")},
            doomed=call.name in server.doomed,
        )

    if body.get("dryRun"):
        job = make()
        return _dry_response(job, _dry(server, job))
    job = server.jobs.once(call.project, body.get("requestId"), make)
    server.jobs.wait(job, int(body.get("timeoutMs", _WAIT_MS)) / 1000)
    options = body.get("formatOptions") or {}
    given = {f"formatOptions.{key}": str(value).lower() for key, value in options.items()}
    if "maxResults" in body:
        given["maxResults"] = str(body["maxResults"])
    return {**_results(job, given), "kind": "bigquery#queryResponse"}


def _configuration_of(body):
    whole = {key: body[key] for key in _OF_QUERY if key in body}
    query = {k: v for k, v in body.items() if k not in (*_OF_QUERY, *_OF_REQUEST)}
    return {**whole, "query": query}


def _dry_response(job, outcome):
    inner = outcome.statistics["query"]
    return {
        "kind": "bigquery#queryResponse",
        "jobReference": {"projectId": job.project, "location": job.location},
        "jobComplete": True,
        "totalBytesProcessed": inner["totalBytesProcessed"],
        "cacheHit": False,
        **({"schema": inner["schema"]} if "schema" in inner else {}),
    }


def results(server, call):
    """jobs.getQueryResults: waits for the job as long as timeoutMs says."""
    job = _of(server, call)
    if job.type != "QUERY":
        raise ApiError(400, "invalid", f"Job {job.id} is no query job")
    server.jobs.wait(job, int(call.query.get("timeoutMs", _WAIT_MS)) / 1000)
    return _results(job, call.query)


def _results(job, given):
    base = {
        "kind": "bigquery#getQueryResultsResponse",
        "jobReference": {"projectId": job.project, "jobId": job.id, "location": job.location},
        "location": job.location,
        "jobComplete": job.end is not None,
    }
    if job.end is None:
        return base
    if job.error is not None:
        raise of_job(job.error)
    inner = job.outcome.statistics["query"]
    base |= {"cacheHit": False, "totalBytesProcessed": inner["totalBytesProcessed"]}
    base["statementType"] = inner["statementType"]
    for key in ("numDmlAffectedRows", "dmlStats", "ddlTargetTable", "ddlOperationPerformed"):
        if key in inner:
            base[key] = inner[key]
    return {**base, **_rows(job, given)}


def _rows(job, given):
    """Return a page of rows; nothing for DDL and DML, whose totalRows is missing too."""
    rows, fields = job.outcome.rows, job.outcome.fields
    if rows is None:
        if job.query.statement.verb == "SELECT":
            raise ApiError(404, "notFound", f"Not found: the results of job {job.id} have expired")
        return {}
    if given.get("maxResults") == "0":
        page, more = [], ({"pageToken": "0"} if rows else {})
    else:
        page, more = paged(rows, given)
    int64 = wants_int64(given)
    found = [wire.row(fields, row, int64_timestamp=int64) for row in page]
    listed = {"rows": found} if found else {}
    return {"schema": {"fields": list(fields)}, "totalRows": str(len(rows)), **listed, **more}
