"""Query jobs: SELECT, with or without a destination, INSERT and DDL.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery
"""

from dataclasses import dataclass, replace
from typing import Any

from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import (
    destinations,
    information_schema,
    positions,
    sizes,
    sqltext,
    statements,
)
from tests.bigquery_server.errors import ApiError, invalid, lacking
from tests.bigquery_server.outcome import Outcome
from tests.bigquery_server.parameters import bound
from tests.bigquery_server.resources import is_partitioned, legacy, table_reference

# https://docs.cloud.google.com/bigquery/quotas#query_jobs
_MAX_LENGTH = 1024 * 1024
_LACKING = (
    "schemaUpdateOptions",
    "tableDefinitions",
    "userDefinedFunctionResources",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "scriptOptions",
    "connectionProperties",
    "createSession",
    "continuous",
    "systemVariables",
)


@dataclass(frozen=True)
class Query:
    """A query job that is about to run. `text` is bound and qualified."""

    text: str
    statement: statements.Statement
    configuration: dict[str, Any]
    project: str


def prepared(configuration, project):
    """Read a query job's configuration. What the server lacks is refused by name."""
    given = configuration["query"]
    if given.get("useLegacySql", True) is not False:
        raise lacking("legacy SQL (useLegacySql must be false)")
    for key in _LACKING:
        if given.get(key):
            raise lacking(f"option {key} of a query job")
    _check_length(given.get("query") or "")
    text = bound(given["query"], given.get("queryParameters"))
    first = statements.classify(text)
    text = sqltext.qualified(text, project, given.get("defaultDataset"), first.target)
    return Query(text, statements.classify(text), configuration, project)


def _check_length(text):
    if not text.strip():
        raise ApiError(400, "required", "Required parameter is missing: query")
    if len(text) > _MAX_LENGTH:
        raise invalid(
            "The query is too large. The maximum standard SQL query length is 1024.00K "
            "characters, including comments and white space characters."
        )


def run(server, query, location, *, dry=False):
    """Carry out a query job, or only find out whether it would be refused."""
    check_locations(server, query, location)
    statistics = _described(server, query)
    _check_bytes(query, statistics)
    if query.statement.verb == "SELECT":
        with positions.told(query.configuration["query"]["query"]):
            outcome = _dry_select(server, query) if dry else _select(server, query)
    elif query.configuration["query"].get("destinationTable"):
        raise invalid("Cannot set destination table in jobs with DDL or DML statements")
    elif dry:
        server.warehouse.validate(query.text)
        outcome = Outcome()
    else:
        outcome = _execute(server, query)
    inner = {**statistics, **outcome.statistics.get("query", {})}
    whole = {"totalBytesProcessed": statistics["totalBytesProcessed"], "query": inner}
    return replace(outcome, statistics={**outcome.statistics, **whole})


def datasets(query):
    """Return the datasets that a query is about."""
    found = [ref.dataset for ref in sqltext.refs(sqltext.parsed(query.text))]
    views = information_schema.named(query.text)
    found += [Ref("dataset", f"{v.project}.{v.place}") for v in views if v.region is None]
    if query.statement.ref is not None:
        found.append(query.statement.ref.dataset)
    if given := query.configuration["query"].get("destinationTable"):
        found.append(Ref("dataset", f"{given['projectId']}.{given['datasetId']}"))
    return list(dict.fromkeys(found))


def region(query):
    """Return the region whose INFORMATION_SCHEMA is asked, or None."""
    found = (view.region for view in information_schema.named(query.text))
    return next((name for name in found if name), None)


def check_locations(server, query, location):
    """Refuse a job in another location than the data that it is about."""
    asked = region(query)
    if asked and asked != location.upper():
        name = f"Dataset {query.project}:region-{asked.lower()}"
        raise ApiError(404, "notFound", f"Not found: {name} was not found in location {location}")
    found = server.read(datasets(query))
    for ref, resource in found.items():
        if resource.body["location"].upper() != location.upper():
            where = f"was not found in location {location}"
            raise ApiError(404, "notFound", f"Not found: {legacy(ref)} {where}")


def _described(server, query):
    refs = sqltext.refs(sqltext.parsed(query.text))
    size = str(sizes.of_tables(server, refs)) if query.statement.verb != "DROP" else "0"
    found = {
        "statementType": query.statement.type or "SCRIPT",
        "totalBytesProcessed": size,
        "totalBytesBilled": size,
        "cacheHit": False,
    }
    read = [ref for ref in refs if ref != query.statement.ref]
    return {**found, **({"referencedTables": list(map(table_reference, read))} if read else {})}


def _check_bytes(query, statistics):
    limit = query.configuration["query"].get("maximumBytesBilled")
    size = int(statistics["totalBytesProcessed"])
    if limit is not None and size > int(limit):
        text = f"Query exceeded limit for bytes billed: {limit}. {size} or higher required."
        raise invalid(text, "bytesBilledLimitExceeded")


def _dry_select(server, query):
    if information_schema.named(query.text):
        fields = information_schema.run(server, query.text).fields
    else:
        fields = server.warehouse.dry_run(query.text).fields
    return Outcome({"query": {"schema": {"fields": list(fields)}}})


def _select(server, query):
    destination = query.configuration["query"].get("destinationTable")
    if destination and not server.jobs.is_anonymous(destination):
        return destinations.write(server, query.text, query.configuration["query"])
    if information_schema.named(query.text):
        found = information_schema.run(server, query.text)
    else:
        found = server.warehouse.query(query.text)
    return Outcome(fields=found.fields, rows=found.rows)


def _execute(server, query):
    ref, verb = query.statement.ref, query.statement.verb
    before = server.read([ref]) if ref else {}
    rows = sum(facts.rows for facts in server.facts(ref)) if verb == "INSERT" else 0
    _meter(server, query, before.get(ref))
    server.warehouse.execute(query.text)
    if verb == "INSERT":
        count = str(sum(facts.rows for facts in server.facts(ref)) - rows)
        statistics = {"numDmlAffectedRows": count, "dmlStats": {"insertedRowCount": count}}
    else:
        after = server.read([ref]) if ref else {}
        statistics = _performed(query.statement, before.get(ref), after.get(ref))
    return Outcome({"query": statistics})


def _meter(server, query, current):
    ref = query.statement.ref
    # INSERT counts, but is not held up: https://docs.cloud.google.com/bigquery/quotas
    if ref is None or query.statement.verb not in ("CREATE", "ALTER"):
        return
    if ref.kind == "table":
        cut = current is not None and is_partitioned(current.body)
        server.meter.table(ref, partitioned=cut)
    elif ref.kind == "dataset":
        server.meter.dataset(ref)
    else:
        server.meter.routine(ref)


def _performed(statement, before, after):
    if statement.ref is None:
        return {}
    done = statement.verb
    if before is after is None or (before and after and before.etag == after.etag):
        done = "SKIP"
    elif before and statement.verb == "CREATE":
        done = "REPLACE"
    return {"ddlOperationPerformed": done, **_target(statement)}


def _target(statement):
    project, dataset, *rest = statement.ref.parts
    place = {"projectId": project, "datasetId": dataset}
    match statement.ref.kind:
        case "dataset":
            return {"ddlTargetDataset": place}
        case "routine":
            return {"ddlTargetRoutine": {**place, "routineId": rest[0]}}
        case _:
            return {"ddlTargetTable": {**place, "tableId": rest[0]}}
