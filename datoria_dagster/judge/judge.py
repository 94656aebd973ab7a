"""The only entry to the rules: `judge(changes, …)`."""

from collections.abc import Iterable, Mapping
from functools import cache

from datoria_dagster.diff.change import BaseChange, Change, FieldRenamed
from datoria_dagster.judge import (
    datasets,
    external,
    fields,
    guards,
    keys,
    kinds,
    materialized,
    options,
    routines,
    tables,
    types,
    views,
)
from datoria_dagster.judge.approval import (
    UnmatchedAllowance,
    identity,
    names,
    refuse_unmatched,
)
from datoria_dagster.judge.impact import Impact
from datoria_dagster.judge.rule import Means, Rule, Severity
from datoria_dagster.judge.verdict import Approval, Finding
from datoria_dagster.model.platform import Platform

__all__ = ["NO_RULE", "RULES", "SECTIONS", "UnmatchedAllowance", "judge", "rule_of"]

# The first rule that fits counts: what stands in the way of the others comes first, and what is
# for all kinds of objects last.
SECTIONS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("What blocks a change", guards.RULES),
    ("Kinds of objects", kinds.RULES),
    ("Tables", tables.RULES),
    ("Options of tables", options.TABLE_RULES),
    ("Keys", keys.RULES),
    ("Columns of tables", fields.RULES),
    ("Types of columns", types.RULES),
    ("Options of columns", options.COLUMN_RULES),
    ("Views", views.RULES),
    ("Materialized views", materialized.RULES),
    ("External tables", external.RULES),
    ("Routines", routines.RULES),
    ("Datasets", datasets.RULES),
    ("All objects", options.COMMON_RULES),
)
RULES: tuple[Rule, ...] = tuple(rule for _, rules in SECTIONS for rule in rules)
NO_RULE = "NO_RULE"


def judge(
    changes: Iterable[Change],
    before: Platform,
    after: Platform,
    approval: Approval,
    etags: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return a finding per change, in order. A change without a rule is impossible.

    `etags` holds those of the live objects, by id. Raises UnmatchedAllowance when `approval.allow`
    names something that does not change, or no longer in that way.
    """
    impact = Impact(before, after)
    allowed = frozenset(approval.allow)
    findings: list[Finding] = []
    known: set[str] = set()
    for change in changes:
        id = identity(change, (etags or {}).get(change.object, ""))  # noqa: A001
        called = names(change, id) if allowed else ()
        known.update(called)
        admitted = approval.force or not allowed.isdisjoint(called)
        findings.append(_judge(change, id, impact, admitted=admitted))
    refuse_unmatched(allowed, findings, known)
    return tuple(findings)


def rule_of(change: Change) -> Rule | None:
    """Return the rule that speaks on the change, or None."""
    for rule in _rules_for(type(change), change.object_kind):
        if rule.holds(change):
            return rule
    return None


@cache
def _rules_for(change: type[BaseChange], object_kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.is_for(change, object_kind))


def _judge(change: Change, id: str, impact: Impact, *, admitted: bool) -> Finding:  # noqa: A002
    rule = rule_of(change)
    severity = rule.severity if rule else Severity.DESTRUCTIVE
    means = rule.means if rule else Means.IMPOSSIBLE
    return Finding(
        id=id,
        object=change.object,
        object_kind=change.object_kind,
        path=change.path,
        kind=change.fact,
        severity=severity,
        means=means,
        rule=rule.id if rule else NO_RULE,
        says=rule.says.format(change=change) if rule else f"no rule speaks on {change.fact}",
        instead=rule.instead.format(change=change) if rule else "report it; it is not applied",
        source=rule.source if rule else "",
        breaks=impact.breaks(change, rule.hurts) if rule else (),
        admitted=(admitted or severity.is_compatible) and means is not Means.IMPOSSIBLE,
        renamed_to=change.after if isinstance(change, FieldRenamed) else "",
    )
