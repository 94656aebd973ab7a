"""The one way for a migration to flow: introspect → diff → judge → plan."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from datoria_dagster.diff.compare import compare
from datoria_dagster.guards import etags, guarded
from datoria_dagster.introspect import Reading, introspect, reread
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.plan.build import build
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.facts import Facts
from datoria_dagster.selection import narrowed, needed
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref, Warehouse

# The steps that only change the ledger.
_NOTES = ("adopt", "release")


def plan_migration(
    platform: Platform,
    warehouse: Warehouse,
    approval: Approval | None = None,
    *,
    scope: frozenset[str] | None = None,
    reading: Reading = "bulk",
) -> Plan:
    """Return what would bring the warehouse to the declaration. Changes nothing.

    With a `scope`, only of the objects with these ids, which are read exactly: to be looked at, and
    not to be applied. Raises DeclarationError when a changed object's SQL is wrong, and
    WarehouseError when the warehouse can't be read.
    """
    declared = platform if scope is None else platform.only(scope)
    wanted = approval or Approval()
    with warehouse.session():
        facts = introspect(warehouse, platform, scope, reading)
        plan = _planned(platform, warehouse, wanted, facts, declared)
        while unread := _unread(plan, facts):
            facts = reread(facts, unread, warehouse, platform)
            plan = _planned(platform, warehouse, wanted, facts, declared)
    if not plan.steps or scope is not None:
        return plan
    return plan.model_copy(update={"platform_fingerprint": platform_fingerprint(platform)})


def plan_part(
    platform: Platform,
    ids: Iterable[str],
    warehouse: Warehouse,
    approval: Approval | None = None,
    reading: Reading = "bulk",
) -> tuple[Plan, Platform]:
    """Return what would bring these objects and what they need, and the platform it leads to.

    All else is left as it lives, and judged so. Raises as `plan_migration` does.
    """
    selected = tuple(sorted(ids))
    chosen = needed(selected, platform)
    wanted = approval or Approval()
    with warehouse.session():
        facts = introspect(warehouse, platform, None, reading)
        part = narrowed(platform, chosen, facts)
        plan = _planned(part, warehouse, wanted, facts, part)
        while unread := _unread(plan, facts):
            facts = reread(facts, unread, warehouse, platform)
            part = narrowed(platform, chosen, facts)
            plan = _planned(part, warehouse, wanted, facts, part)
    declared = platform_fingerprint(platform)
    applies = declared if plan.steps else ""
    if platform_fingerprint(part) == declared:
        selected = ()  # nothing else differs: it is the whole declaration that is brought
    else:
        # What is only noted can wait for who migrates that.
        steps = (s for s in plan.steps if s.kind not in _NOTES or s.object in chosen)
        plan = plan.model_copy(update={"steps": tuple(steps)})
    return plan.model_copy(update={"platform_fingerprint": applies, "selected": selected}), part


def _planned(
    platform: Platform,
    warehouse: Warehouse,
    approval: Approval,
    facts: Facts,
    declared: Platform,
) -> Plan:
    changes = compare(facts.platform, declared, facts.renamed)
    changes = guarded(changes, facts, warehouse)
    _check(platform, frozenset(change.object for change in changes))
    findings = judge(changes, facts.platform, platform, approval, etags(changes, facts))
    return build(changes, findings, facts, declared, approval)


def _unread(plan: Plan, facts: Facts) -> frozenset[Ref]:
    """Return what a plan depends on and only bulk metadata tells of."""
    needed = {ref for step in plan.steps for ref in (step.ref, *step.expectations)}
    return facts.surveyed & needed


def platform_fingerprint(platform: Platform) -> str:
    """Return a hash of everything managed, the same in any order of declaration."""
    prints = {name: object_fingerprint(found) for name, found in platform.managed.items()}
    return _hash(prints)


def object_fingerprint(found: Managed) -> str:
    """Return a hash of one object, as its REST resource and, for a view, its columns."""
    return _hash(codec.full_resource(found))


def shape_fingerprint(found: Managed) -> str:
    """Return a hash of what of an object can alter rows: not of what is only said about it."""
    return _hash(_unsaid(codec.full_resource(found)))


def _unsaid(value: Any) -> Any:
    match value:
        case dict():
            said = ("description", "friendlyName", "labels")
            return {key: _unsaid(item) for key, item in value.items() if key not in said}
        case list():
            return [_unsaid(item) for item in value]
        case _:
            return value


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _check(platform: Platform, changed: frozenset[str]) -> None:
    code = {name for name in changed if name in platform.objects}
    if not code:
        return
    from datoria_dagster.sql.check import problems

    found = problems(platform, only=frozenset(code))
    if found:
        raise DeclarationError("\n\n".join(found))
