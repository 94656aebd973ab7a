"""What a command works on, and the options that several commands share."""

import shlex
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from datoria_dagster.judge.verdict import Approval
from datoria_dagster.model.environment import in_dataset
from datoria_dagster.model.platform import Platform
from datoria_dagster.run.partitions import Span
from datoria_dagster.settings import WAREHOUSES, Settings, load_platform, open_warehouse
from datoria_dagster.warehouse.port import Warehouse

FORMATS = ("text", "json", "markdown")
FILE = click.Path(dir_okay=False, path_type=Path)

_Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a command works on."""

    settings: Settings
    dataset: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What a command must be told to work on the same staging copy."""
        return ("--dataset", self.dataset) if self.dataset else ()

    def platform(self) -> Platform:
        """Return the declared platform, moved to the staging dataset if there is one."""
        platform = load_platform(self.settings)
        return in_dataset(platform, self.dataset) if self.dataset else platform

    @contextmanager
    def warehouse(self) -> Generator[Warehouse]:
        """Open the warehouse for as long as the block runs."""
        warehouse = open_warehouse(self.settings)
        try:
            yield warehouse
        finally:
            warehouse.close()


def targeted(*, dataset: bool = False) -> Callable[[_Command], _Command]:
    """Give a command the options that say what it works on; it is called with the Target."""

    def decorate(command: _Command) -> _Command:
        def run(platform: str | None, warehouse: str | None, **rest: Any) -> Any:
            target = Target(Settings.load(platform, warehouse), rest.pop("dataset", None))
            return command(target, **rest)

        run.__doc__ = command.__doc__
        run.__name__ = command.__name__
        if dataset:
            text = "Work on a staging copy there (DATASET_<name> each, if there are several)."
            run = click.option("--dataset", metavar="PROJECT.DATASET", help=text)(run)
        choice = click.Choice(WAREHOUSES)
        run = click.option("--warehouse", type=choice, help="Where the platform lives.")(run)
        text = "Which platform; the current folder is on the import path."
        return click.option("--platform", metavar="MODULE:ATTRIBUTE", help=text)(run)

    return decorate


def approving(command: _Command) -> _Command:
    """Give a command the options that say what is let through and for how long it is kept."""
    text = "Keep what is destroyed for so many days; [tool.datoria] backup-days, or 7."
    command = click.option("--backup-days", type=int, metavar="N", help=text)(command)
    text = "Take no snapshots: what is destroyed is lost for good."
    command = click.option("--no-backup", is_flag=True, help=text)(command)
    text = "Admit this change, by its id, or by the object or column (repeatable)."
    command = click.option("--allow", multiple=True, metavar="PATH|ID", help=text)(command)
    return click.option("--force", is_flag=True, help="Admit every incompatible change.")(command)


def selecting(command: _Command) -> _Command:
    """Give a command the option that says which part of the declaration it is about."""
    text = "Migrate this object and what it needs, nothing else (repeatable)."
    return click.option("--select", multiple=True, metavar="ID", help=text)(command)


def approval(target: Target, what: Mapping[str, Any]) -> Approval:
    """Return what the options of `approving` say. Raises UsageError when they contradict."""
    days = what["backup_days"]
    if what["no_backup"] and days is not None:
        raise click.UsageError("--no-backup takes no snapshots: leave --backup-days out.")
    if days is not None and days < 1:
        raise click.UsageError("--backup-days is at least 1; to take no snapshots: --no-backup.")
    days = 0 if what["no_backup"] else days or target.settings.backup_days
    return Approval(force=what["force"], allow=what["allow"], backup_days=days)


def approval_words(what: Mapping[str, Any]) -> list[str]:
    """Return the options of `approving` and `selecting` that were given, as they are typed."""
    words = [word for name in what["select"] for word in ("--select", shlex.quote(name))]
    words += ["--force"] if what["force"] else []
    words += [word for name in what["allow"] for word in ("--allow", shlex.quote(name))]
    words += ["--no-backup"] if what["no_backup"] else []
    return words + (["--backup-days", str(what["backup_days"])] if what["backup_days"] else [])


def span_of(partition: str | None, first: str | None, last: str | None) -> Span | None:
    """Return which partitions a run is asked for, if it is. Raises UsageError."""
    if partition and (first or last):
        raise click.UsageError("Use --partition, or --from and --to, not both.")
    if bool(first) != bool(last):
        raise click.UsageError("--from and --to go together.")
    if partition:
        return Span(partition, partition)
    return Span(first, last) if first and last else None


formatted = click.option(
    "--format", "style", type=click.Choice(FORMATS), default="text", show_default=True
)
