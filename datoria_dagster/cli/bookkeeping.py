"""The commands that look after the ledger: `history` and `lock`."""

import shlex

import click

from datoria_dagster.cli import terminal
from datoria_dagster.cli.target import Target, formatted, targeted
from datoria_dagster.ledger.history import Migration
from datoria_dagster.model.base import DatoriaError


@click.command()
@click.argument("sequence", type=int, required=False)
@formatted
@targeted(dataset=True)
def history(target: Target, sequence: int | None, style: str) -> None:
    """List the migrations, the newest first, or tell all of one: that with number SEQUENCE."""
    from datoria_dagster.ledger.ledger import Ledger
    from datoria_dagster.report import document
    from datoria_dagster.report import history as report

    with target.warehouse() as warehouse:
        migrations = Ledger(warehouse, target.platform()).read().migrations
    if sequence is not None:
        _show(_numbered(sequence, migrations), target.words, style)
    elif style == "json":
        found = [report.document(migration) for migration in reversed(migrations)]
        click.echo(document.dump(found), nl=False)
    elif migrations:
        terminal.show_rows(*report.rows(migrations), style)
    else:
        click.echo("No migration yet.", err=True)


def _numbered(sequence: int, migrations: tuple[Migration, ...]) -> Migration:
    for found in migrations:
        if found.sequence == sequence:
            return found
    raise DatoriaError(
        f"There is no migration {sequence} of this platform. `datoria history` lists them."
    )


def _show(found: Migration, words: tuple[str, ...], style: str) -> None:
    from datoria_dagster.report import document, history

    if style == "json":
        click.echo(document.dump(history.document(found)), nl=False)
        return
    click.echo(history.summary(found))
    for columns, rows in (history.changes(found), history.steps(found)):
        if rows:
            click.echo()
            terminal.show_rows(columns, rows, style)
    if kept := history.backups(found):
        click.echo("\nTo bring back what was there before, until it expires:")
    for name in kept:
        click.echo(f"  {shlex.join(('datoria', 'restore', name, *words))}")


@click.group()
def lock() -> None:
    """Look at the lease that lets in one migration at a time, or take it away."""


@lock.command()
@targeted(dataset=True)
def show(target: Target) -> None:
    """Say who holds the lease, since when and until when."""
    from datoria_dagster.ledger.ledger import Ledger

    with target.warehouse() as warehouse:
        ledger = Ledger(warehouse, target.platform())
        held = ledger.holder()
    if held is None:
        click.echo(f"Nobody holds the lease of {ledger.id}.")
        return
    since, until = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (held.since, held.until))
    click.echo(f"{held.who} holds the lease of {ledger.id} since {since}.")
    if held.has_run_out:
        click.echo(f"It ran out at {until}: the next migration takes it over.")
    else:
        click.echo(f"It lasts until {until}, and longer while its holder is alive.")


@lock.command()
@click.option("--yes", is_flag=True, help="Take it away without asking.")
@targeted(dataset=True)
def release(target: Target, yes: bool) -> None:  # noqa: FBT001
    """Take the lease away: a migration that holds it stops before its next step."""
    from datoria_dagster.ledger.ledger import Ledger

    with target.warehouse() as warehouse:
        ledger = Ledger(warehouse, target.platform())
        held = ledger.holder()
        if held is None:
            click.echo(f"Nobody holds the lease of {ledger.id}: nothing to release.")
            return
        question = f"{held.who} may be migrating. Take the lease away?"
        terminal.confirm(question, needed=not (yes or held.has_run_out))
        ledger.release(held)
    click.echo(f"Released: {held.who} no longer holds the lease of {ledger.id}.")
