"""Markdown, for pull requests and for Dagster's pages."""

from collections.abc import Sequence
from typing import Any

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.report.words import advice, comparison, headline, heaviest_first, notes

# How the statement of a step begins that is a request, and not GoogleSQL.
_REQUESTS = ("datasets.", "tables.", "routines.")
_COLUMNS = ("", "object", "column", "change", "breaks", "instead")


def render_plan(plan: Plan) -> str:
    """Return the plan: the verdict, a table of the changes, the statements, what to do next."""
    blocks = [f"**{headline(plan)}**", *_changes(plan)]
    statements = [
        _statement(step.statement) for step in plan.steps if step.kind not in ("adopt", "release")
    ]
    if statements:
        blocks.append("```sql\n" + "\n".join(statements) + "\n```")
    blocks += ["\n".join(block) for block in (notes(plan), _fenced(advice(plan))) if block]
    return "\n\n".join(blocks) + "\n"


def render_comparison(plan: Plan, compared: str) -> str:
    """Return what a comparison of files found: the verdict and a table of the changes."""
    return "\n\n".join([f"**{comparison(plan, compared)}**", *_changes(plan)]) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a markdown table; bars and line breaks in values are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(_escape(str(cell)) for cell in line) + " |" for line in lines
    )


def _changes(plan: Plan) -> list[str]:
    rows = [_row(finding) for finding in heaviest_first(plan.findings)]
    if not rows:
        return []
    # Columns that hold nothing take the room of those that do.
    told = [n for n in range(len(_COLUMNS)) if any(row[n] for row in rows)]
    return [table([_COLUMNS[n] for n in told], [[row[n] for n in told] for row in rows])]


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


def _statement(text: str) -> str:
    return f"-- {text}" if text.startswith(_REQUESTS) else f"{text};"


def _fenced(lines: tuple[str, ...]) -> list[str]:
    """Return the advice; between its first line and its last stand commands."""
    if len(lines) < 3:  # noqa: PLR2004
        return list(lines)
    return [lines[0], "", "```", *(line.removeprefix("  ") for line in lines[1:]), "```"]


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
