"""The only entry to the rules: `judge(changes, …)`."""

from collections.abc import Iterable

from datoria_dagster.diff.change import Change
from datoria_dagster.judge import datasets, fields, routines, tables, views
from datoria_dagster.judge.impact import Impact
from datoria_dagster.judge.rule import Means, Rule, Severity
from datoria_dagster.judge.verdict import Approval, Finding
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform

# The first rule that fits counts: what is particular to a kind of object comes first.
RULES: tuple[Rule, ...] = (
    *views.RULES,
    *routines.RULES,
    *datasets.RULES,
    *tables.RULES,
    *fields.RULES,
)
NO_RULE = "NO_RULE"
_BY_KIND = {kind: tuple(r for r in RULES if r.on is kind) for kind in {r.on for r in RULES}}


class UnmatchedAllowance(DatoriaError):
    """`--allow` names a change that the plan does not hold."""


def judge(
    changes: Iterable[Change], before: Platform, after: Platform, approval: Approval
) -> tuple[Finding, ...]:
    """Return a finding per change, in order. A change without a rule is impossible.

    Raises UnmatchedAllowance when `approval.allow` names something that does not change.
    """
    impact = Impact(before, after)
    findings = tuple(_judge(change, impact, approval) for change in changes)
    unmatched = set(approval.allow) - {finding.address for finding in findings}
    if unmatched:
        known = ", ".join(f.address for f in findings if not f.severity.is_compatible) or "none"
        raise UnmatchedAllowance(
            f"Allowing {', '.join(sorted(unmatched))} matches no change. "
            f"Incompatible changes of this plan: {known}."
        )
    return findings


def rule_of(change: Change) -> Rule | None:
    """Return the rule that speaks on the change, or None."""
    for rule in _BY_KIND.get(type(change), ()):
        if rule.where(change):
            return rule
    return None


def _judge(change: Change, impact: Impact, approval: Approval) -> Finding:
    rule = rule_of(change)
    severity = rule.severity if rule else Severity.DESTRUCTIVE
    means = rule.means if rule else Means.IMPOSSIBLE
    admitted = severity.is_compatible or approval.force or change.address in approval.allow
    return Finding(
        object=change.object,
        object_kind=change.object_kind,
        path=change.path,
        kind=change.kind,
        severity=severity,
        means=means,
        rule=rule.id if rule else NO_RULE,
        says=rule.says.format(change=change) if rule else f"no rule speaks on {change.kind}",
        instead=rule.instead.format(change=change) if rule else "report it; it is not applied",
        source=rule.source if rule else "",
        breaks=impact.breaks(change) if rule and rule.hurts else (),
        admitted=admitted and means is not Means.IMPOSSIBLE,
    )
