"""Logical views: inserted and patched.

Source: https://docs.cloud.google.com/bigquery/docs/views-intro
"""

from datoria_dagster.warehouse.local import resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import changes, inheritance
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.local.rules import acceptance, amendment, properties
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused, Resource


def create(catalog: Catalog, ref: Ref, body: Body, home: Body) -> Resource:
    """Insert a view into a dataset."""
    if fields_of(body):
        # https://github.com/hashicorp/terraform-provider-google/issues/9096
        raise Refused(f"Schema field shouldn't be used as input with a view: {legacy(ref)}")
    given = inheritance.expiring(home, _with_view(body))
    normal = resources.table(ref, given, home["location"], "VIEW")
    acceptance.check_table(ref, normal)
    properties.check_future(normal)
    fields = list(changes.output(catalog, normal["view"]["query"]))
    return catalog.add(ref, resources.with_fields(normal, fields))


def _with_view(body: Body) -> Body:
    if body["view"].get("useLegacySql", True):
        raise NotSupportedLocally(
            "The embedded warehouse has no legacy SQL: set useLegacySql false."
        )
    return {**body, "view": {"query": body["view"]["query"], "useLegacySql": False}}


def patch(catalog: Catalog, current: Resource, merged: Body, given: Body) -> Resource:
    """Store a view as a patch made it; `given` is the patch."""
    ref, before = current.ref, fields_of(current.body)
    if "view" in given:
        # Each time the query is given, changed or not, BigQuery stores its columns anew:
        # https://docs.cloud.google.com/bigquery/docs/views-intro#view_limitations
        merged = _with_view(merged)
        # Stored first, so that a query that would read itself is found out.
        catalog.put(ref, merged)
        before = _described_alike(list(changes.output(catalog, merged["view"]["query"])), before)
    fields = before
    if "schema" in given:
        after = resources.normal_fields(fields_of(merged))
        fields = amendment.described(ref, before, after)
    normal = resources.table(ref, merged, current.body["location"], "VIEW")
    after = resources.with_fields(normal, fields)
    acceptance.check_table(ref, after)
    return changes.kept(catalog, ref, after)


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
