"""What of the Dagster side can be switched on, and how often it looks."""

import logging
from dataclasses import dataclass

from datoria_dagster.orchestration.notifications import Notifier, OnFailure
from datoria_dagster.settings import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class GitBranch:
    """The branch that a code location is deployed from.

    `repository` is an address, as `git ls-remote` takes it, or a folder, which may be relative to
    that of the platform's code.
    """

    repository: str = "."
    branch: str = "main"

    def __post_init__(self) -> None:
        for name in (self.repository, self.branch):
            if not name or name.startswith("-"):
                raise SettingsError(
                    f"GitBranch: {name!r} is neither a repository nor a branch; write "
                    'GitBranch(repository=".", branch="main"), say.'
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatoriaSettings:
    """What `build_definitions` adds to the assets, their jobs, the deploy and the merge.

    `deploy_schedule` is a cron expression, UTC. `watch` adds the sensor that reports a code
    location behind its branch, `drift_minutes` a check for changes that were made by hand, and the
    sensor that makes it that often. `automation` gives each job asset an AutomationCondition, and
    adds the sensor that evaluates them, in place of the one that runs what a migration made stale.

    A migration waits `wait_minutes` for another one to end, and runs in the Dagster pool
    `migration_pool`; `on_failure` is called when one is refused or fails, with the page of the run
    if `webserver_url` says where Dagster's pages are.
    """

    deploy_schedule: str = "0 5 * * *"
    watch: GitBranch | None = None
    drift_minutes: int | None = None
    automation: bool = False
    wait_minutes: float = 10
    migration_pool: str = "datoria_migration"
    on_failure: OnFailure | None = None
    webserver_url: str = ""

    def __post_init__(self) -> None:
        if self.wait_minutes < 0:
            raise SettingsError(
                f"DatoriaSettings: wait_minutes is {self.wait_minutes}; it must be at least 0."
            )
        if self.drift_minutes is not None and self.drift_minutes < 1:
            raise SettingsError(
                f"DatoriaSettings: drift_minutes is {self.drift_minutes}; it must be at least 1, "
                "or None to look for no drift."
            )

    def notifier(self, run_id: str, log: logging.Logger) -> Notifier:
        """Return what hands the failure of a run's migration on."""
        return Notifier(self.on_failure, self.webserver_url, run_id, log)
