"""JSON, for programs. Its shape is a promise."""

import json
from typing import Any

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Rebuild, Step


def render_plan(plan: Plan, *, steps: bool = True) -> str:
    """Return the plan; without steps for a comparison of files."""
    document: dict[str, Any] = {
        "verdict": plan.verdict,
        "changes": [_change(finding) for finding in plan.findings],
    }
    if steps:
        document["steps"] = [
            {"object": step.object, "kind": step.kind, "statement": step.statement, **_cost(step)}
            for step in plan.steps
        ]
        document["unvalidated"] = list(plan.unvalidated)
    document["fingerprint"] = plan.fingerprint
    return dump(document)


def dump(value: Any) -> str:
    """Return JSON as it is printed: two spaces deep, dates and decimals as text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def _cost(step: Step) -> dict[str, Any]:
    if not isinstance(step, Rebuild):
        return {}
    return {"bytes": step.bytes, "affordable": step.affordable}


def _change(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "object": finding.object,
        "object_kind": finding.object_kind,
        "path": finding.path,
        "kind": finding.kind,
        "severity": finding.severity,
        "means": finding.means,
        "rule": finding.rule,
        "says": finding.says,
        "instead": finding.instead,
        "breaks": list(finding.breaks),
        "admitted": finding.admitted,
    }
