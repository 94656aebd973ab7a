"""The one way for a migration to flow: introspect → diff → judge → plan."""

import hashlib
import json
from typing import Any

from datoria_dagster.diff.compare import compare
from datoria_dagster.guards import etags, guarded
from datoria_dagster.introspect import introspect
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.plan.build import build
from datoria_dagster.plan.document import Plan
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Warehouse


def plan_migration(
    platform: Platform,
    warehouse: Warehouse,
    approval: Approval | None = None,
    *,
    scope: frozenset[str] | None = None,
) -> Plan:
    """Return what would bring the warehouse to the declaration. Changes nothing.

    With a `scope`, only of the objects with these ids. Raises DeclarationError when a changed
    object's SQL is wrong, and WarehouseError when the warehouse can't be read.
    """
    with warehouse.session():
        facts = introspect(warehouse, platform, scope)
        declared = platform if scope is None else _scoped(platform, scope)
        changes = compare(facts.platform, declared, facts.renamed)
        changes = guarded(changes, facts, warehouse)
    _check(platform, frozenset(change.object for change in changes))
    wanted = approval or Approval()
    findings = judge(changes, facts.platform, platform, wanted, etags(changes, facts))
    plan = build(changes, findings, facts, declared, wanted.backup_days)
    if not plan.steps:
        return plan
    return plan.model_copy(update={"platform_fingerprint": platform_fingerprint(platform)})


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


def _scoped(platform: Platform, scope: frozenset[str]) -> Platform:
    return Platform({name: found for name, found in platform.objects.items() if name in scope})


def _check(platform: Platform, changed: frozenset[str]) -> None:
    code = {name for name in changed if name in platform.objects}
    if not code:
        return
    from datoria_dagster.sql.check import problems

    found = problems(platform, only=frozenset(code))
    if found:
        raise DeclarationError("\n\n".join(found))
