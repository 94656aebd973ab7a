"""What the command line shows on stdout, in the format that was asked for."""

import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any

import click

from datoria_dagster.plan.document import Plan


def show_plan(plan: Plan, style: str) -> None:
    """Show a plan, and what to do next."""
    from datoria_dagster.report import document, markdown, text

    if style == "json":
        shown = document.render_plan(plan)
    elif style == "markdown":
        shown = markdown.render_plan(plan)
    else:
        shown = text.render_plan(plan, color=_color(), width=_width())
    click.echo(shown, nl=False)


def confirm(question: str, *, needed: bool) -> None:
    """Ask, if there is somebody to ask. Raises Abort."""
    if needed and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


def show_comparison(plan: Plan, compared: str, style: str) -> None:
    """Show the changes between two files, which have no steps and no next step."""
    from datoria_dagster.report import document, markdown, text

    if style == "json":
        shown = document.render_plan(plan, steps=False)
    elif style == "markdown":
        shown = markdown.render_comparison(plan, compared)
    else:
        shown = text.render_comparison(plan, compared, color=_color(), width=_width())
    click.echo(shown, nl=False)


def show_restoring(plan: Plan, words: Sequence[str]) -> None:
    """Show on stderr how to get back what an applied plan has kept; `words` end each command."""
    from datoria_dagster.report.words import restoring

    for line in restoring(plan, words):
        click.echo(line, err=True)


def show_executions(executions: Sequence[Any], style: str) -> None:
    """Show what would run."""
    from datoria_dagster.report import document, runs

    if style == "json":
        listed = [
            {"job": e.job.name, "partition": e.partition_id or None, "reason": e.reason}
            for e in executions
        ]
        click.echo(document.dump({"executions": listed}), nl=False)
        return
    click.echo(runs.headline(executions))
    if executions:
        click.echo()
        show_rows(*runs.planned(executions), style)


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], style: str) -> None:
    """Show rows under their columns."""
    from datoria_dagster.report import document, markdown, text

    if style == "json":
        click.echo(document.dump([dict(zip(columns, row, strict=True)) for row in rows]), nl=False)
    elif style == "markdown":
        click.echo(markdown.table(columns, rows))
    else:
        click.echo(text.table(columns, rows, color=_color(), width=_width()))


def _color() -> bool:
    return sys.stdout.isatty()


def _width() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else 10_000
