"""A SELECT's rows written to a table, by createDisposition and writeDisposition.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery
"""

from contextlib import suppress
from datetime import datetime

from datoria_dagster.warehouse.port import NotFound, Ref
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.outcome import Outcome
from tests.bigquery_server.resources import is_partitioned, legacy, schema_of, written

_ASIDE = "__server_aside"
_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}


def write(server, text, given):
    """Write the rows of a SELECT to the destination table of its job."""
    ref, partition = _destination(given["destinationTable"])
    current = server.read([ref]).get(ref)
    server.meter.table(ref, partitioned=current is not None and is_partitioned(current.body))
    server.meter.write(ref)
    disposition = given.get("writeDisposition") or "WRITE_EMPTY"
    if current is None:
        current = _created(server, text, ref, given, partition)
        disposition = "WRITE_TRUNCATE_DATA"
    # The job's result is what the query found: totalRows counts it.
    found = server.warehouse.query(text)
    _WRITES[disposition](server, text, current, partition)
    return Outcome(fields=found.fields, rows=found.rows)


def _destination(table):
    name, _, partition = table["tableId"].partition("$")
    ref = Ref("table", f"{table['projectId']}.{table['datasetId']}.{name}")
    return ref, partition or None


def _created(server, text, ref, given, partition):
    if given.get("createDisposition") == "CREATE_NEVER":
        raise ApiError(404, "notFound", f"Not found: {legacy(ref)}")
    if partition is not None:
        raise lacking("creation of a partitioned table by a partition decorator")
    server.found(ref.dataset)
    fields = list(server.warehouse.dry_run(text).fields)
    return server.warehouse.create(ref, {"schema": {"fields": fields}})


def _replace_rows(server, text, table, partition):
    return server.warehouse.write(text, table.ref, partition)


def _replace(server, text, table, partition):
    """WRITE_TRUNCATE: of a partition its rows, of a table also the schema."""
    if partition is not None:
        return server.warehouse.write(text, table.ref, partition)
    aside = Ref("table", f"{table.ref.id}{_ASIDE}")
    body = {
        **written(table.body),
        "schema": {"fields": list(server.warehouse.dry_run(text).fields)},
    }
    body.pop("tableConstraints", None)
    with suppress(NotFound):
        server.warehouse.delete(aside, None)
    server.warehouse.create(aside, body)
    try:
        count = server.warehouse.write(text, aside, None)
        server.warehouse.delete(table.ref, None)
    except BaseException:
        server.warehouse.delete(aside, None)
        raise
    server.warehouse.execute(f"ALTER TABLE `{aside.id}` RENAME TO `{table.ref.parts[-1]}`")
    return count


def _fill(server, text, table, partition):
    rows = {facts.id: facts.rows for facts in server.facts(table.ref)}
    if rows.get(partition) if partition else sum(rows.values()):
        raise ApiError(409, "duplicate", f"Already Exists: {legacy(table.ref)}")
    return server.warehouse.write(text, table.ref, partition)


def _append(server, text, table, partition):
    """Add rows: their columns must be the table's by name and type, and nothing is coerced."""
    known = {field["name"].lower(): field for field in schema_of(table.body)}
    fields = server.warehouse.dry_run(text).fields
    for field in fields:
        _check_fits(table.ref, known.get(field["name"].lower()), field)
    names = [f"`{field['name']}`" for field in fields]
    values = list(names)
    if partition is not None:
        names.append("_PARTITIONTIME")
        values.append(_arrival(table.body, partition))
    before = sum(facts.rows for facts in server.facts(table.ref))
    server.warehouse.execute(
        f"INSERT INTO `{table.ref.id}` ({', '.join(names)}) "
        f"SELECT {', '.join(values)} FROM (\n{text}\n)"
    )
    return sum(facts.rows for facts in server.facts(table.ref)) - before


def _arrival(body, partition):
    cut = body.get("timePartitioning") or {}
    if not cut or cut.get("field"):
        raise lacking("WRITE_APPEND to a partition of a table that is partitioned by a column")
    try:
        moment = datetime.strptime(partition, _FORMATS[cut["type"]])  # noqa: DTZ007
    except ValueError:
        raise invalid(f"Invalid partition ${partition}") from None
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}+00:00'"


def _check_fits(ref, known, field):
    said = f"Invalid schema update. {legacy(ref)}."
    if known is None:
        raise invalid(f"{said} Cannot add fields (field: {field['name']})")
    if known["type"] != field["type"]:
        raise invalid(
            f"{said} Field {known['name']} has changed type from {known['type']} to {field['type']}"
        )
    if (known["mode"] == "REPEATED") != (field["mode"] == "REPEATED"):
        raise invalid(
            f"{said} Field {known['name']} has changed mode from {known['mode']} to {field['mode']}"
        )


_WRITES = {
    "WRITE_TRUNCATE": _replace,
    "WRITE_TRUNCATE_DATA": _replace_rows,
    "WRITE_EMPTY": _fill,
    "WRITE_APPEND": _append,
}
