"""Rows in and out without a query.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tabledata
"""

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Refused
from tests.bigquery_server import masks, summary, wire
from tests.bigquery_server.errors import invalid, lacking
from tests.bigquery_server.resources import schema_of, written
from tests.bigquery_server.tables import check_readable

_MAX_ROWS = 100_000


def list_(server, call):
    """tabledata.list."""
    fields, rows = _contents(server, call)
    wanted = [name for name in call.query.get("selectedFields", "").split(",") if name]
    names = {field["name"].lower() for field in fields}
    if missing := [name for name in wanted if name.lower() not in names]:
        raise invalid(f"Field {missing[0]} not found in table", "invalidParameter")
    chosen = [n for n, f in enumerate(fields) if not wanted or f["name"] in wanted]
    page, more = paged(rows, call.query)
    fields = [fields[n] for n in chosen]
    int64 = wants_int64(call.query)
    listed = [wire.row(fields, [row[n] for n in chosen], int64_timestamp=int64) for row in page]
    found = {"rows": listed} if listed else {}
    return {"kind": "bigquery#tableDataList", "totalRows": str(len(rows)), **found, **more}


def _contents(server, call):
    if found := server.jobs.anonymous(call.table):
        return found.fields, found.rows
    table = server.found(call.table)
    if call.decorator == summary.NAME:
        return summary.FIELDS, summary.rows(table, server.facts(table.ref))
    if call.decorator:
        raise lacking("tabledata.list of a partition")
    check_readable(table)
    fields = schema_of(table.body)
    names = [field["name"] for field in fields]
    return fields, [tuple(row[n] for n in names) for row in server.warehouse.rows(table.ref)]


def paged(rows, query):
    """Return a page of rows, by startIndex, pageToken and maxResults, and the next one's token."""
    limited = {"maxResults": query.get("maxResults", "")}
    limited["pageToken"] = query.get("pageToken") or query.get("startIndex", "")
    page, more = masks.page(rows, limited, _MAX_ROWS)
    return page, ({"pageToken": more["nextPageToken"]} if more else {})


def wants_int64(query):
    """Whether TIMESTAMPs are asked for as microseconds."""
    if query.get("formatOptions.timestampOutputFormat"):
        raise lacking("formatOptions.timestampOutputFormat")
    return query.get("formatOptions.useInt64Timestamp", "").lower() == "true"


def insert_all(server, call):
    """tabledata.insertAll: rows with an insertId that was seen are dropped."""
    table = server.found(call.table)
    if call.decorator or call.body.get("templateSuffix"):
        raise lacking("insertAll with a partition decorator or a templateSuffix")
    given = call.body.get("rows") or []
    if not given:
        raise invalid("Empty rows list was passed", "invalid")
    rows = [_known(table, item["json"], call.body) for item in given]
    new = server.inserts.unseen(table.ref, given)
    errors = _streamed(server, table, {n: rows[n] for n in new})
    if errors and call.body.get("skipInvalidRows"):
        _streamed(server, table, {n: rows[n] for n in new if n not in errors})
    elif errors:
        errors = {n: errors.get(n, _STOPPED) for n in range(len(rows))}
    if not errors or call.body.get("skipInvalidRows"):
        server.inserts.remember(table.ref, given)
    listed = [{"index": n, "errors": [errors[n]]} for n in sorted(errors)]
    more = {"insertErrors": listed} if listed else {}
    return {"kind": "bigquery#tableDataInsertAllResponse", **more}


def _streamed(server, table, rows):
    """Stream all of the rows or none; return the errors of those that don't fit, by number."""
    if not rows:
        return {}
    try:
        server.warehouse.stream(table.ref, list(rows.values()))
    except Refused:
        errors = _errors(server, table, rows)
        if not errors:
            raise
        return errors
    return {}


_STOPPED = {"reason": "stopped", "location": "", "debugInfo": "", "message": ""}


def _known(table, row, body):
    if not body.get("ignoreUnknownValues"):
        return row
    names = {field["name"].lower() for field in schema_of(table.body)}
    return {key: value for key, value in row.items() if key.lower() in names}


def _errors(server, table, rows):
    """Try the rows one by one on a copy of the table."""
    trial = LocalWarehouse()
    home = server.read([table.ref.dataset])[table.ref.dataset]
    trial.create(table.ref.dataset, written(home.body))
    kept = ("schema", "timePartitioning", "rangePartitioning")
    trial.create(table.ref, {key: table.body[key] for key in kept if key in table.body})
    try:
        found = {n: _error(trial, table, row) for n, row in rows.items()}
    finally:
        trial.close()
    return {n: error for n, error in found.items() if error}


def _error(trial, table, row):
    try:
        trial.append(table.ref, [row])
    except Refused as refusal:
        return {"reason": "invalid", "location": "", "debugInfo": "", "message": str(refusal)}
    return None


class Inserts:
    """The insertIds of late. BigQuery keeps them for about a minute, as best it can."""

    def __init__(self):
        self._seen = {}

    def unseen(self, ref, rows):
        """Return the numbers of the rows that are new."""
        seen = self._seen.get(ref, frozenset())
        ids = [item.get("insertId") for item in rows]
        first = {id_: n for n, id_ in reversed(list(enumerate(ids)))}
        return [
            n for n, id_ in enumerate(ids) if id_ is None or (id_ not in seen and first[id_] == n)
        ]

    def remember(self, ref, rows):
        ids = {item["insertId"] for item in rows if item.get("insertId")}
        self._seen[ref] = self._seen.get(ref, frozenset()) | ids
