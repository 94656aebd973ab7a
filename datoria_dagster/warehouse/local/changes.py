"""Inserts, patches and deletes of resources, with the tables behind them."""

import json
from collections.abc import Callable

from datoria_dagster.warehouse.local import (
    acceptance,
    amendment,
    contents,
    outputs,
    partitions,
    physical,
    resources,
)
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused, Resource

_READ_ONLY = ("kind", "id", "etag", "type", "creationTime", "lastModifiedTime", "selfLink")
_DEFAULT_FUNCTIONS = frozenset(
    [
        "CURRENT_DATE",
        "CURRENT_DATETIME",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "GENERATE_UUID",
        "RAND",
        "SESSION_USER",
        "ST_GEOGPOINT",
    ]
)


def create_dataset(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Insert a dataset."""
    catalog.check_absent(ref)
    acceptance.check_name(ref)
    normal = resources.dataset(ref, body)
    acceptance.check_dataset(normal)
    check_spelling(catalog, ref)
    catalog.cursor.execute(f"CREATE SCHEMA {physical.schema_name(ref)}")
    return catalog.add(ref, normal)


def create_table(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Insert an empty table, or a view."""
    home = catalog.get(ref.dataset)
    catalog.check_absent(ref)
    acceptance.check_name(ref)
    check_spelling(catalog, ref)
    if body.get("view"):
        return _create_view(catalog, ref, body, home.body["location"])
    normal = resources.table(ref, body, home.body["location"])
    acceptance.check_table(ref, normal)
    _check_defaults(catalog, fields_of(normal))
    physical.create(catalog.cursor, ref, normal)
    return catalog.add(ref, normal)


def _create_view(catalog: Catalog, ref: Ref, body: Body, location: str) -> Resource:
    if fields_of(body):
        # https://github.com/hashicorp/terraform-provider-google/issues/9096
        raise Refused(f"Schema field shouldn't be used as input with a view: {legacy(ref)}")
    normal = resources.table(ref, _with_view(body), location, "VIEW")
    acceptance.check_table(ref, normal)
    fields = list(output(catalog, normal["view"]["query"]))
    return catalog.add(ref, resources.with_fields(normal, fields))


def _with_view(body: Body) -> Body:
    if body["view"].get("useLegacySql", True):
        raise NotSupportedLocally(
            "The embedded warehouse has no legacy SQL: set useLegacySql false."
        )
    return {**body, "view": {"query": body["view"]["query"], "useLegacySql": False}}


def create_routine(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Insert a SQL scalar function."""
    catalog.get(ref.dataset)
    catalog.check_absent(ref)
    acceptance.check_name(ref)
    return _write_routine(catalog, ref, body, catalog.add)


def replace_routine(catalog: Catalog, current: Resource, body: Body) -> Resource:
    """Replace a routine by all of another."""
    kept = {"creationTime": current.body["creationTime"]}
    given = {key: value for key, value in body.items() if key not in _READ_ONLY}
    return _write_routine(catalog, current.ref, {**given, **kept}, catalog.put)


def _write_routine(
    catalog: Catalog, ref: Ref, body: Body, write: Callable[[Ref, Body], Resource]
) -> Resource:
    from datoria_dagster.warehouse.local import googlesql  # noqa: PLC0415  # imports sqlglot

    kind, language = body.get("routineType"), body.get("language", "SQL")
    if kind != "SCALAR_FUNCTION" or language != "SQL":
        raise NotSupportedLocally(
            f"The embedded warehouse has SQL scalar functions; {ref.id} is a {language} {kind}."
        )
    names = [argument["name"].lower() for argument in body.get("arguments") or []]
    if len(set(names)) < len(names):
        raise Refused(f"{legacy(ref)}: two arguments have the same name.")
    normal = resources.routine(ref, body)
    stored = write(ref, normal)
    # The body is analysed: an unknown column, function or table, or a circle, is refused here.
    catalog.cursor.execute(googlesql.call(catalog, ref, normal))
    return stored


def output(catalog: Catalog, query: str) -> tuple[Body, ...]:
    """Return the REST fields that a SELECT returns, without running it."""
    from datoria_dagster.warehouse.local import googlesql  # noqa: PLC0415  # imports sqlglot

    return outputs.fields(catalog.cursor.execute(googlesql.empty_query(catalog, query)))


def patch_dataset(catalog: Catalog, current: Resource, patch: Body) -> Resource:
    """Merge into a dataset. Its location can't be changed."""
    location = patch.get("location", current.body["location"])
    if str(location).lower() != current.body["location"].lower():
        raise Refused(f"Cannot change dataset location of {legacy(current.ref)} to {location}.")
    merged = resources.merged(current.body, _writable_keys(patch))
    normal = resources.dataset(current.ref, merged)
    acceptance.check_dataset(normal)
    return catalog.put(current.ref, normal)


def patch_table(catalog: Catalog, current: Resource, patch: Body) -> Resource:
    """Merge into a table or a view; the list of columns is replaced as a whole."""
    ref, body = current.ref, current.body
    given = _writable_keys(patch)
    merged = resources.merged(body, given)
    if ("view" in merged) != ("view" in body):
        raise Refused(f"{legacy(ref)} can't be turned into a table or a view; delete it first.")
    if "view" in merged:
        return _patch_view(catalog, current, merged, given)
    _check_same_partitioning(ref, body, resources.table(ref, merged, body["location"]))
    after = resources.table(ref, merged, body["location"], body["type"])
    if "schema" in given:
        acceptance.check_fields(fields_of(after))
        after = resources.with_fields(
            after, amendment.amended(ref, fields_of(body), fields_of(after))
        )
    acceptance.check_table(ref, after)
    _check_defaults(catalog, fields_of(after))
    if body["type"] == "TABLE":
        physical.reshape(catalog.cursor, ref, fields_of(body), fields_of(after))
    elif fields_of(body) != fields_of(after):
        raise Refused(f"{legacy(ref)} is a snapshot, which can't be changed.")
    return catalog.put(ref, after)


def _patch_view(catalog: Catalog, current: Resource, merged: Body, given: Body) -> Resource:
    ref, before = current.ref, fields_of(current.body)
    if "view" in given:
        # Each time the query is given, changed or not, BigQuery stores its columns anew:
        # https://docs.cloud.google.com/bigquery/docs/views-intro#view_limitations
        merged = _with_view(merged)
        # Stored first, so that a query that would read itself is found out.
        catalog.put(ref, merged)
        before = _described_alike(list(output(catalog, merged["view"]["query"])), before)
    fields = before
    if "schema" in given:
        after = resources.normal_fields(fields_of(merged))
        fields = amendment.described(ref, before, after)
    normal = resources.table(ref, merged, current.body["location"], "VIEW")
    acceptance.check_table(ref, resources.with_fields(normal, fields))
    return catalog.put(ref, resources.with_fields(normal, fields))


def _described_alike(fields: list[Body], before: list[Body]) -> list[Body]:
    result: list[Body] = []
    for field in fields:
        known = resources.column(before, field["name"]) or {}
        described = dict(field)
        if known.get("description"):
            described["description"] = known["description"]
        if "fields" in field:
            described["fields"] = _described_alike(field["fields"], known.get("fields") or [])
        result.append(described)
    return result


def _writable_keys(patch: Body) -> Body:
    copied = json.loads(json.dumps(patch))
    return {key: value for key, value in copied.items() if key not in _READ_ONLY}


def _check_same_partitioning(ref: Ref, before: Body, after: Body) -> None:
    keys = ("timePartitioning", "rangePartitioning")
    if any(before.get(key) != after.get(key) for key in keys):
        # https://docs.cloud.google.com/bigquery/docs/managing-partitioned-tables
        raise Refused(
            f"Cannot change partitioning/clustering spec for a partitioned/clustered table "
            f"{legacy(ref)}: it is {partitions.describe(before)}, not {partitions.describe(after)}."
            if before.get(keys[0]) or before.get(keys[1])
            else f"Cannot convert non partitioned/clustered table {legacy(ref)} to "
            "partitioned/clustered table."
        )


def delete(catalog: Catalog, current: Resource) -> None:
    """Delete a resource, with its rows; a dataset must be empty."""
    ref = current.ref
    if ref.kind == "dataset":
        if catalog.members(ref.id):
            raise Refused(f"{legacy(ref)} is still in use: delete its tables and routines first.")
        catalog.cursor.execute(f"DROP SCHEMA {physical.schema_name(ref)}")
    elif ref.kind == "table" and current.body["type"] != "VIEW":
        physical.drop(catalog.cursor, ref)
    catalog.remove(ref)


def check_spelling(catalog: Catalog, ref: Ref) -> None:
    """Refuse a name that DuckDB would take for another one."""
    taken = catalog.neighbours(ref)
    if taken:
        # BigQuery's names are case-sensitive here, DuckDB's are not.
        raise NotSupportedLocally(
            f"The embedded warehouse can't hold {ref.id} beside {taken[0]}: "
            "their names differ in nothing but case."
        )


def _check_defaults(catalog: Catalog, fields: list[Body]) -> None:
    for field in fields:
        default = field.get("defaultValueExpression")
        if default is not None:
            check_default(catalog, field, default)


def check_default(catalog: Catalog, field: Body, default: str) -> None:
    """Refuse a default value: https://docs.cloud.google.com/bigquery/docs/default-values."""
    from datoria_dagster.warehouse.local import googlesql  # noqa: PLC0415  # imports sqlglot

    called = googlesql.functions(default) - _DEFAULT_FUNCTIONS
    if called:
        raise Refused(
            f"Unsupported default value expression of field {field['name']}: {min(called)} is not "
            "allowed; use a literal or one of the CURRENT_ functions."
        )
    if field["mode"] == "REQUIRED" and default.strip().upper() == "NULL":
        raise Refused(f"The default value of required field {field['name']} can't be NULL.")
    catalog.cursor.execute(f"SELECT {contents.default_value(catalog, field, default)}")
