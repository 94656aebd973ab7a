"""The command line. Results go to stdout; progress and prose to stderr.

Exit codes: 0 done, or a plan that can be applied; 1 an error; 2 wrong usage; 3 stopped by
incompatible changes; 4 stopped by impossible ones; 130 interrupted.
"""

import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from datoria_dagster.cli import terminal
from datoria_dagster.cli.bookkeeping import history, lock
from datoria_dagster.cli.target import (
    FILE,
    Target,
    approval,
    approval_words,
    approving,
    formatted,
    selecting,
    span_of,
    targeted,
)
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.warehouse.port import Warehouse

INCOMPATIBLE, IMPOSSIBLE, INTERRUPTED = 3, 4, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="datoria-dagster", message="datoria %(version)s")
def cli() -> None:
    """Declare a BigQuery platform in Python, migrate it, run its jobs."""


@cli.command()
@click.option("--plan", "only_plan", is_flag=True, help="Print the plan; apply nothing.")
@approving
@selecting
@click.option("--out", type=FILE, metavar="FILE", help="With --plan: save the plan there.")
@click.option("--plan-file", type=FILE, metavar="FILE", help="Apply exactly this saved plan.")
@click.option("--yes", is_flag=True, help="Apply forced changes without asking.")
@click.option(
    "--read",
    "reading",
    type=click.Choice(["bulk", "exact"]),
    default="bulk",
    show_default=True,
    help="Read what seems as declared from bulk metadata, or each object by itself.",
)
@formatted
@targeted(dataset=True)
def migrate(target: Target, only_plan: bool, yes: bool, style: str, **what: Any) -> None:  # noqa: FBT001
    """Bring the warehouse to the declaration. Stops when a change is not backwards compatible."""
    admitted = approval(target, what)
    _refuse_mixture(what, only_plan=only_plan)
    platform = target.platform()
    with target.warehouse() as warehouse:
        plan = _plan(platform, warehouse, admitted, what)
        if what["out"]:
            _save(plan, what["out"])
        terminal.show_plan(plan, style)
        if only_plan or not plan.applicable:
            if plan.applicable and plan.steps and style == "text" and not what["out"]:
                again = " ".join(("datoria migrate", *approval_words(what), *target.words))
                click.echo(f"\nNothing was applied. Apply it with: {again}", err=True)
            sys.exit(_code(plan))
        terminal.confirm("Apply the forced changes?", needed=bool(plan.forced) and not yes)
        _apply(plan, platform, warehouse)
        terminal.show_restoring(plan, target.words)


@cli.command()
@click.argument("snapshot")
@click.option("--yes", is_flag=True, help="Replace the table without asking.")
@targeted(dataset=True)
def restore(target: Target, snapshot: str, yes: bool) -> None:  # noqa: FBT001
    """Bring a table back from a snapshot.

    SNAPSHOT is its name, as acme.shop.orders__before_3. The table that it replaces is kept in a
    snapshot too.
    """
    from datoria_dagster.report import words
    from datoria_dagster.restore import plan_restore

    platform = target.platform()
    with target.warehouse() as warehouse:
        plan = plan_restore(snapshot, platform, warehouse, target.settings.backup_days)
        click.echo("\n".join(words.replacing(plan, snapshot)))
        terminal.confirm("Replace the table?", needed=not yes)
        _apply(plan, platform, warehouse)
        terminal.show_restoring(plan, target.words)


@cli.command()
@click.option("--plan", "only_plan", is_flag=True, help="List what would run; run nothing.")
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only this job (repeatable).")
@click.option("--partition", metavar="P", help="Run this partition, stale or not.")
@click.option("--from", "first", metavar="P", help="With --to: run all partitions between.")
@click.option("--to", "last", metavar="P")
@formatted
@targeted(dataset=True)
def run(target: Target, only_plan: bool, jobs: tuple[str, ...], style: str, **span: Any) -> None:  # noqa: FBT001
    """Run the jobs: the partitions that never ran, or are older than what they read."""
    from datoria_dagster import gate
    from datoria_dagster.report import runs
    from datoria_dagster.run.graph import ordered_jobs

    platform = target.platform()
    with target.warehouse() as warehouse:
        chosen = ordered_jobs(platform, jobs or None)
        executions = _executions(platform, warehouse, jobs, span_of(**span))
        refusal = gate.refusal(platform, chosen, warehouse)
        if only_plan:
            terminal.show_executions(executions, style)
            if refusal:
                click.echo(f"\n{refusal.text}", err=True)
            return
        if refusal:
            raise DatoriaError(refusal.text)
        if style == "text" or not executions:
            click.echo(runs.headline(executions), err=style != "text")
        if executions:
            _run(executions, platform, warehouse, style)


@cli.command()
@targeted()
def deploy(target: Target) -> None:
    """Migrate, then run what is stale: both steps through Dagster, recorded in its instance."""
    from datoria_dagster.gate import is_at_rest
    from datoria_dagster.migration import plan_migration

    platform = target.platform()
    with target.warehouse() as warehouse:
        # Known before Dagster is loaded, which takes longer.
        with warehouse.session():
            at_rest = is_at_rest(plan_migration(platform, warehouse), platform, warehouse)
        if at_rest:
            click.echo("Nothing to migrate, nothing to run.")
            return
        _deploy(platform, warehouse)


def _deploy(platform: Platform, warehouse: Warehouse) -> None:
    from datoria_dagster.orchestration.deploy import MigrationStopped
    from datoria_dagster.orchestration.deploy import deploy as deploy_platform

    try:
        deployed = deploy_platform(platform, warehouse, on_event=_say)
    except MigrationStopped as stopped:
        terminal.show_plan(stopped.plan, "text")
        sys.exit(_code(stopped.plan))
    if deployed.plan.findings:
        terminal.show_plan(deployed.plan, "text")
    if deployed.jobs:
        click.echo()
        columns = ("job", "partitions", "rows", "seconds")
        rows = [(j.job, j.partitions, j.rows, round(j.seconds, 1)) for j in deployed.jobs]
        terminal.show_rows(columns, rows, "text")


@cli.command()
@targeted()
def check(target: Target) -> None:
    """Validate the whole platform, offline."""
    from datoria_dagster.report.words import count
    from datoria_dagster.sql.check import problems

    platform = target.platform()
    found = problems(platform)
    if found:
        raise DatoriaError("\n\n".join((*found, f"{count(len(found), 'problem')}.")))
    click.echo(f"{count(len(platform), 'object')}, no problem found.")


@cli.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@formatted
@targeted()
def diff(target: Target, old: Path, new: Path, style: str) -> None:  # noqa: ARG001
    """Compare two files, as `bq show --format=prettyjson` prints them, and judge the change."""
    from datoria_dagster.cli.files import read_pair
    from datoria_dagster.diff.compare import compare
    from datoria_dagster.judge.judge import judge
    from datoria_dagster.report import words

    pair = read_pair(old, new)
    before, after = (Platform({found.id: found}) for found in (pair.before, pair.after))
    plan = Plan(findings=judge(compare(before, after), before, after, Approval()))
    compared = words.COLUMNS if pair.columns_only else words.COMPARED[pair.after.kind]
    terminal.show_comparison(plan, compared, style)
    sys.exit(_code(plan))


@cli.command()
@click.argument("query")
@formatted
@targeted()
def query(target: Target, query: str, style: str) -> None:
    """Read: run one SELECT on the configured warehouse and print its rows."""
    with target.warehouse() as warehouse:
        result = warehouse.query(query)
    columns = [field["name"] for field in result.fields]
    terminal.show_rows(columns, result.rows, style)


cli.add_command(history)
cli.add_command(lock)


def main() -> None:
    """Run the command line; an error that a user can mend is one message and exit code 1."""
    # A platform is many small objects that stay: collecting them again and again costs a tenth.
    gc.set_threshold(100_000, 50, 100)
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            _fail(str(abort.__cause__) or "Interrupted; nothing more was done.", INTERRUPTED)
        _fail("Stopped; nothing more was done.")
    except DatoriaError as error:
        _fail(str(error))


def _say(text: str) -> None:
    click.echo(text, err=True)


def _fail(message: str, code: int = 1) -> NoReturn:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    sys.exit(code)


def _refuse_mixture(what: dict[str, Any], *, only_plan: bool) -> None:
    if what["out"] and not only_plan:
        raise click.UsageError("--out saves a plan: use it with --plan.")
    if what["plan_file"] and (only_plan or approval_words(what)):
        raise click.UsageError("--plan-file applies a plan as it was made: use it alone.")


def _plan(
    platform: Platform, warehouse: Warehouse, admitted: Approval, what: dict[str, Any]
) -> Plan:
    from datoria_dagster.migration import plan_migration, plan_part
    from datoria_dagster.plan.document import read_plan
    from datoria_dagster.selection import resolved
    from datoria_dagster.validation import validated

    if saved := what["plan_file"]:
        return _saved(read_plan(saved), platform, saved)
    if names := what["select"]:
        ids = resolved(names, platform)
        plan, platform = plan_part(platform, ids, warehouse, admitted, what["reading"])
    else:
        plan = plan_migration(platform, warehouse, admitted, reading=what["reading"])
    return validated(plan, platform, warehouse)


def _saved(plan: Plan, platform: Platform, path: Path) -> Plan:
    from datoria_dagster.migration import platform_fingerprint

    if plan.steps and plan.platform_fingerprint != platform_fingerprint(platform):
        raise DatoriaError(
            f"{path}: the plan is stale: the declaration has changed since. Nothing was applied. "
            "Make a new plan."
        )
    return plan


def _code(plan: Plan) -> int:
    if plan.applicable:
        return 0
    return IMPOSSIBLE if plan.verdict == "impossible" else INCOMPATIBLE


def _save(plan: Plan, path: Path) -> None:
    from datoria_dagster.plan.document import to_json

    try:
        path.write_text(to_json(plan), encoding="utf-8")
    except OSError as error:
        raise DatoriaError(f"{path}: cannot save the plan: {error.strerror or error}.") from None
    click.echo(f"Saved to {path}. Apply it with: datoria migrate --plan-file {path}", err=True)


def _apply(plan: Plan, platform: Platform, warehouse: Warehouse) -> None:
    from datoria_dagster.apply.apply import apply
    from datoria_dagster.report.progress import progress
    from datoria_dagster.report.words import count

    with progress("Migrating", len(plan.steps)) as advance:
        outcomes = apply(plan, platform, warehouse, lambda _: advance())
    if outcomes:
        click.echo(f"\nApplied: {count(len(outcomes), 'step')}.", err=True)


def _executions(
    platform: Platform, warehouse: Warehouse, jobs: Sequence[str], span: Any
) -> tuple[Any, ...]:
    from datoria_dagster.run.executions import Execution, stale
    from datoria_dagster.run.graph import ordered_jobs
    from datoria_dagster.run.partitions import within

    now = datetime.now(UTC)
    if span is None:
        return stale(platform, warehouse, now, jobs=jobs or None)
    if not jobs:
        raise click.UsageError("Say which job's partitions: --job NAME.")
    return tuple(
        Execution(job, partition, "asked for")
        for job in ordered_jobs(platform, jobs)
        for partition in within(job, span, now)
    )


def _run(executions: tuple[Any, ...], platform: Platform, warehouse: Warehouse, style: str) -> None:
    from datoria_dagster.gate import Overtaken, run_watched
    from datoria_dagster.report import runs
    from datoria_dagster.report.progress import progress
    from datoria_dagster.run.execute import RunFailed

    try:
        with progress("Running", len(executions)) as advance:
            results = run_watched(executions, platform, warehouse, lambda _: advance())
    except (RunFailed, Overtaken) as error:
        terminal.show_rows(*runs.ran(error.results), style)
        raise
    terminal.show_rows(*runs.ran(results), style)


if __name__ == "__main__":
    main()
