"""Markdown, for pull requests and for Dagster's pages."""

from collections.abc import Sequence
from typing import Any

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.report.words import advice, headline, notes


def render_plan(plan: Plan) -> str:
    """Return the plan: the verdict, a table of the changes, the statements, what to do next."""
    blocks = [f"**{headline(plan)}**"]
    if plan.findings:
        columns = ("", "object", "column", "change", "breaks", "instead")
        blocks.append(table(columns, [_row(finding) for finding in plan.findings]))
    statements = [step.statement for step in plan.steps if step.kind not in ("adopt", "release")]
    if statements:
        blocks.append("```sql\n" + ";\n".join(statements) + ";\n```")
    blocks += ["\n".join(block) for block in (notes(plan), advice(plan)) if block]
    return "\n\n".join(blocks) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a markdown table; bars and line breaks in values are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(_escape(str(cell)) for cell in line) + " |" for line in lines
    )


def _row(finding: Finding) -> Sequence[str]:
    safe = finding.severity.is_compatible
    return (
        f"{finding.severity}{' (forced)' if finding.admitted and not safe else ''}",
        f"`{finding.object}`",
        f"`{finding.path}`" if finding.path else "",
        finding.says,
        "<br>".join(finding.breaks),
        "" if safe else finding.instead,
    )


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
