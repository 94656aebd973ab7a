"""Routines: inserted, and replaced as a whole.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines,
https://docs.cloud.google.com/bigquery/docs/routines
"""

from collections.abc import Callable

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import changes
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.rules import acceptance, signatures
from datoria_dagster.warehouse.port import Body, Ref, Refused, Resource


def create(catalog: Catalog, ref: Ref, body: Body) -> Resource:
    """Insert a routine."""
    catalog.get(ref.dataset)
    catalog.check_absent(ref)
    acceptance.check_name(ref)
    return _write(catalog, ref, signatures.normal(ref, changes.writable(body)), catalog.add)


def replace(catalog: Catalog, current: Resource, body: Body) -> Resource:
    """Replace a routine by all of another of its kind."""
    ref = current.ref
    after = signatures.normal(ref, changes.writable(body))
    check_kind(current, after)
    created = {"creationTime": current.body["creationTime"]}
    return _write(catalog, ref, {**after, **created}, catalog.put)


def check_kind(current: Resource, after: Body) -> None:
    """Refuse to make a routine of one kind out of one of another."""
    if after.get("routineType") != current.body["routineType"]:
        raise Refused(
            f"{legacy(current.ref)} is a {signatures.describe(current.body)}, which can't be "
            f"replaced by a {signatures.describe(after)}. Drop it first."
        )


def _write(
    catalog: Catalog, ref: Ref, body: Body, store: Callable[[Ref, Body], Resource]
) -> Resource:
    signatures.check(ref, body)
    if body["routineType"] == "PROCEDURE":
        from datoria_dagster.warehouse.local.rules import procedures  # noqa: PLC0415  # imports sqlglot

        # Checked before it is there: one that calls itself needs strictMode false.
        procedures.check(catalog, ref, body)
        return store(ref, body)
    found = store(ref, body)
    if signatures.language(body) == "SQL":
        _analyse(catalog, found)
    return found


def _analyse(catalog: Catalog, found: Resource) -> None:
    """Refuse a body that reads what isn't there, calls itself, or doesn't compute."""
    from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

    columns = outputs.fields(catalog.cursor.execute(googlesql.empty_call(catalog, found)))
    if found.body["routineType"] == "TABLE_VALUED_FUNCTION":
        signatures.check_output(found.ref, [column["name"] for column in columns])


_DROPPED = {
    "FUNCTION": ("SCALAR_FUNCTION", "AGGREGATE_FUNCTION"),
    "AGGREGATE FUNCTION": ("AGGREGATE_FUNCTION",),
    "TABLE FUNCTION": ("TABLE_VALUED_FUNCTION",),
    "PROCEDURE": ("PROCEDURE",),
}


def check_drop(current: Resource, kind: str) -> None:
    """Refuse a DROP of another kind of routine than it says."""
    if current.body["routineType"] not in _DROPPED[kind]:
        raise Refused(
            f"{legacy(current.ref)} is a {signatures.describe(current.body)}, which DROP {kind} "
            "doesn't drop."
        )
