"""The steps that issue code again whose text is as it was, because what it reads is not."""

from collections.abc import Iterator

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Means
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.plan import code
from datoria_dagster.plan.context import Context
from datoria_dagster.plan.order import readers
from datoria_dagster.plan.phase import Draft
from datoria_dagster.sql.needs import needs
from datoria_dagster.warehouse.port import Ref, Resource

# Changes after which the schema that BigQuery stored with a view is no longer true.
_SHOWS_IN_VIEWS = (
    c.FieldAdded,
    c.FieldRemoved,
    c.FieldRenamed,
    c.FieldTypeChanged,
    c.FieldModeChanged,
    c.ReturnTypeChanged,
    c.ObjectKindChanged,
)


def refreshed(issued: set[str], context: Context) -> Iterator[Draft]:
    """Yield the steps that issue code again, because what it reads is no longer the same.

    A view that a change breaks would be refused, so it is left.
    """
    facts, declared = context.facts, context.declared
    stale = (
        (View, readers(declared, context.with_change(_SHOWS_IN_VIEWS))),
        (
            MaterializedView,
            readers(declared, context.replaced | _recreated(context)) | _outlived(context),
        ),
    )
    broken = _broken(context)
    for kind, names in stale:
        for name in sorted(names - issued - broken):
            found = declared.objects[name]
            if isinstance(found, kind) and name in facts.platform.objects:
                yield from code.refresh(found)


def _broken(context: Context) -> frozenset[str]:
    found: set[str] = set()
    doubtful: set[str] = set()
    for judged in context.judged.values():
        for change, finding in judged:
            # What takes the place of another kind of object may have all that is read of it.
            (doubtful if isinstance(change, c.ObjectKindChanged) else found).update(finding.breaks)
    wrong = {
        name
        for name in doubtful - found
        if name in context.declared.objects and _has_problems(name, context)
    }
    return frozenset(found | wrong)


def _has_problems(name: str, context: Context) -> bool:
    from datoria_dagster.sql.check import problems  # noqa: PLC0415  # few migrations need it

    return bool(problems(context.declared, only=frozenset([name])))


def _recreated(context: Context) -> frozenset[str]:
    return frozenset(
        found.id
        for found in context.declared.of_type(MaterializedView)
        if any(finding.means is Means.RECREATE for _, finding in context.judged.get(found.id, ()))
    )


def _outlived(context: Context) -> frozenset[str]:
    """Return the ids of the materialized views that are older than a table that they are made of.

    "If you recreate the base table, you must also recreate the materialized view": a migration
    that was cut off, or a restored table, has left them behind.
    Source: https://docs.cloud.google.com/bigquery/docs/materialized-views-intro#limitations
    """
    resources = context.facts.resources
    found: set[str] = set()
    for view in context.declared.of_type(MaterializedView):
        live = resources.get(Ref("table", view.id))
        bases = (resources.get(Ref("table", name)) for name in needs(view))
        if live is not None and any(_is_younger(base, live) for base in bases if base is not None):
            found.add(view.id)
    return frozenset(found)


def _is_younger(base: Resource, view: Resource) -> bool:
    issued = max(int(view.body.get(key) or 0) for key in ("creationTime", "lastModifiedTime"))
    return int(base.body.get("creationTime") or 0) > issued
