"""What is handed on when a migration is refused or fails, for a chat or a pager."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.plan.document import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFailure:
    """A migration that changed nothing because it was `refused`, or that `failed`.

    `text` is what the run says; `plan` is None where none could be made. `url` is the page of the
    run, "" where `DatoriaSettings.webserver_url` is not set.
    """

    kind: Literal["refused", "failed"]
    text: str
    plan: Plan | None
    run_id: str
    url: str


OnFailure = Callable[[MigrationFailure], None]


@dataclass(frozen=True, slots=True)
class Notifier:
    """Hands failures of one run on. What goes wrong in that is logged, and hides nothing."""

    on_failure: OnFailure | None
    webserver_url: str
    run_id: str
    log: logging.Logger

    @contextmanager
    def handing_on(self) -> Generator[None]:
        """Hand on what goes wrong in the block before there is a plan, and raise it."""
        try:
            yield
        except DatoriaError as error:
            self.notify("failed", str(error), None)
            raise

    def notify(self, kind: Literal["refused", "failed"], text: str, plan: Plan | None) -> None:
        """Call `on_failure`, if there is one."""
        if self.on_failure is None:
            return
        url = f"{self.webserver_url.rstrip('/')}/runs/{self.run_id}" if self.webserver_url else ""
        failure = MigrationFailure(kind=kind, text=text, plan=plan, run_id=self.run_id, url=url)
        said = "was refused" if kind == "refused" else "failed"
        try:
            self.on_failure(failure)
        except Exception:  # it is somebody else's code: anything may go wrong in it
            self.log.exception("on_failure could not hand on that the migration %s.", said)
