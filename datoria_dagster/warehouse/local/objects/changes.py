"""Inserts and patches of datasets; deletes of all kinds, of tables with their rows."""

import json

from datoria_dagster.warehouse.local import kinds, resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import policies
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.local.rules import acceptance, properties
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused, Resource

_READ_ONLY = (
    "kind",
    "id",
    "etag",
    "type",
    "creationTime",
    "lastModifiedTime",
    "selfLink",
    "streamingBuffer",
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


def output(catalog: Catalog, query: str) -> tuple[Body, ...]:
    """Return the REST fields that a SELECT returns, without running it."""
    from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

    return outputs.fields(catalog.cursor.execute(googlesql.empty_query(catalog, query)))


def patch_dataset(catalog: Catalog, current: Resource, patch: Body) -> Resource:
    """Merge into a dataset. Its location can't be changed."""
    location = patch.get("location", current.body["location"])
    if str(location).lower() != current.body["location"].lower():
        raise Refused(f"Cannot change dataset location of {legacy(current.ref)} to {location}.")
    merged = resources.merged(current.body, writable(patch))
    if bool(merged.get("isCaseInsensitive")) != bool(current.body.get("isCaseInsensitive")):
        raise Refused(f"Cannot change whether names are case-insensitive in {legacy(current.ref)}.")
    normal = resources.dataset(current.ref, merged)
    acceptance.check_dataset(normal)
    return catalog.put(current.ref, normal)


def writable(patch: Body) -> Body:
    """Return what a request may set, in a copy."""
    copied = json.loads(json.dumps(patch))
    return {key: value for key, value in copied.items() if key not in _READ_ONLY}


def delete(catalog: Catalog, current: Resource) -> None:
    """Delete a resource, with its rows; a dataset must be empty."""
    ref = current.ref
    if ref.kind == "dataset":
        if catalog.members(ref.id):
            raise Refused(f"{legacy(ref)} is still in use: delete its tables and routines first.")
        catalog.cursor.execute(f"DROP SCHEMA {physical.schema_name(ref)}")
    elif ref.kind == "table" and kinds.is_stored(current.body):
        physical.drop(catalog.cursor, ref)
        policies.remove_all(catalog, ref)
    catalog.remove(ref)


def kept(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Store a table or view; one whose time is up is deleted at once.

    https://docs.cloud.google.com/bigquery/docs/managing-tables#updating_a_tables_expiration_time
    """
    found = catalog.put(ref, body)
    if properties.is_past(body):
        delete(catalog, found)
    return found


def check_spelling(catalog: Catalog, ref: Ref) -> None:
    """Refuse a name that DuckDB would take for another one."""
    taken = catalog.neighbours(ref)
    if taken:
        # BigQuery's names are case-sensitive here, DuckDB's are not.
        raise NotSupportedLocally(
            f"The embedded warehouse can't hold {ref.id} beside {taken[0]}: "
            "their names differ in nothing but case."
        )
