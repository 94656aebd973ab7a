"""Tables: inserted and patched, with the rows behind them."""

from datoria_dagster.warehouse.local import kinds, resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import (
    changes,
    external,
    inheritance,
    materialized,
    views,
)
from datoria_dagster.warehouse.local.resources import column, fields_of
from datoria_dagster.warehouse.local.rows import contents, expiry, partitions, physical
from datoria_dagster.warehouse.local.rules import (
    acceptance,
    amendment,
    columns,
    constraints,
    properties,
)
from datoria_dagster.warehouse.port import Body, Ref, Refused, Resource

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
# What defines a table that has no rows of its own: its type, and what inserts it.
_DEFINED = {
    "view": ("VIEW", views.create),
    materialized.KEY: (kinds.MATERIALIZED_VIEW, materialized.create),
    external.KEY: (kinds.EXTERNAL, external.create),
}


def defined_type(body: Body) -> str | None:
    """Return the type of a table that its body defines; None for one that has rows."""
    return next((kind for key, (kind, _) in _DEFINED.items() if body.get(key)), None)


def create(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Insert an empty table, or a view."""
    home = catalog.get(ref.dataset).body
    catalog.check_absent(ref)
    acceptance.check_name(ref)
    changes.check_spelling(catalog, ref)
    given = changes.writable(body)
    for key, (_, create_defined) in _DEFINED.items():
        if given.get(key):
            return create_defined(catalog, ref, given, home)
    normal = resources.table(ref, inheritance.table(home, given), home["location"])
    normal = resources.with_fields(normal, inheritance.columns(normal, [], fields_of(normal)))
    acceptance.check_table(ref, normal)
    properties.check_future(normal)
    constraints.check_references(catalog, ref, normal)
    _check_defaults(catalog, [], fields_of(normal))
    physical.create(catalog.cursor, ref, normal)
    return catalog.add(ref, normal)


def patch(catalog: Catalog, current: Resource, change: Body) -> Resource:
    """Merge into a table or a view; the list of columns is replaced as a whole."""
    ref, body = current.ref, current.body
    given = changes.writable(change)
    merged = resources.merged(body, given)
    if defined_type(merged) != defined_type(body):
        raise Refused(f"{legacy(ref)} can't be turned into a table or a view; delete it first.")
    if "view" in merged:
        return views.patch(catalog, current, merged, given)
    if materialized.KEY in merged:
        return materialized.patch(catalog, current, merged)
    if external.KEY in merged:
        return external.patch(catalog, current, merged)
    after = resources.table(ref, merged, body["location"], body["type"])
    if "schema" in given:
        columns.check_fields(fields_of(after))
        after = resources.with_fields(
            after, amendment.amended(ref, fields_of(body), fields_of(after))
        )
    return stored(catalog, current, after)


def stored(catalog: Catalog, current: Resource, after: Body) -> Resource:
    """Store what a table has become, its rows brought along.

    What expires by it is deleted at once: partitions that are older than allowed, or, when its own
    time is up, the table.
    """
    ref, before = current.ref, current.body
    known = fields_of(before)
    after = resources.with_fields(after, inheritance.columns(after, known, fields_of(after)))
    _check_same_partitioning(ref, before, after)
    acceptance.check_table(ref, after)
    properties.check_transition(ref, before, after)
    if before.get("tableConstraints") != after.get("tableConstraints"):
        constraints.check_references(catalog, ref, after)
    _check_defaults(catalog, known, fields_of(after))
    if before["type"] == "TABLE":
        physical.reshape(catalog.cursor, ref, known, fields_of(after))
    elif known != fields_of(after):
        raise Refused(f"{legacy(ref)} is a {before['type'].lower()}, which can't be changed.")
    found = changes.kept(catalog, ref, after)
    if before["type"] == "TABLE":
        expiry.purge(catalog, found)
    return found


def _check_same_partitioning(ref: Ref, before: Body, after: Body) -> None:
    if _spec(before) != _spec(after):
        # https://docs.cloud.google.com/bigquery/docs/managing-partitioned-tables
        raise Refused(
            f"Cannot change partitioning/clustering spec for a partitioned/clustered table "
            f"{legacy(ref)}: it is {partitions.describe(before)}, not {partitions.describe(after)}."
            if partitions.is_partitioned(before)
            else f"Cannot convert non partitioned/clustered table {legacy(ref)} to "
            "partitioned/clustered table."
        )


def _spec(body: Body) -> tuple[Body, Body]:
    cut = body.get("timePartitioning") or {}
    kept = {key: value for key, value in cut.items() if key != "expirationMs"}
    return kept, body.get("rangePartitioning") or {}


def _check_defaults(catalog: Catalog, before: list[Body], fields: list[Body]) -> None:
    for field in fields:
        default = field.get("defaultValueExpression")
        if default is not None and field != column(before, field["name"]):
            check_default(catalog, field, default)


def check_default(catalog: Catalog, field: Body, default: str) -> None:
    """Refuse a default value: https://docs.cloud.google.com/bigquery/docs/default-values."""
    from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

    called = googlesql.functions(default) - _DEFAULT_FUNCTIONS
    if called:
        raise Refused(
            f"Unsupported default value expression of field {field['name']}: {min(called)} is not "
            "allowed; use a literal or one of the CURRENT_ functions."
        )
    if field["mode"] == "REQUIRED" and default.strip().upper() == "NULL":
        raise Refused(f"The default value of required field {field['name']} can't be NULL.")
    catalog.cursor.execute(f"SELECT {contents.default_value(catalog, field, default)}")
