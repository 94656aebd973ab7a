"""Whether jobs may run: the real diff of just what they touch, and what to say of it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from datoria_dagster.ledger.history import History, Migration
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.run.execute import Done, OnDone, RunFailed, run_all
from datoria_dagster.run.executions import Execution, jobs_of, note_overtaken, stale
from datoria_dagster.selection import touched
from datoria_dagster.warehouse.port import Warehouse

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something must not be run, or what it wrote is in doubt, and the plan that shows it."""

    text: str
    plan: Plan


class Overtaken(DatoriaError):
    """A migration changed what jobs touch while they ran. `results` says what became of all."""

    def __init__(self, refusal: Refusal, results: tuple[Done, ...]) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal
        self.results = results


def pending(platform: Platform, names: Iterable[str], warehouse: Warehouse) -> Plan:
    """Return the plan for jobs, or other objects, and all that they need. Sends no SQL."""
    ids = touched(names, platform) & platform.managed.keys()
    return plan_migration(platform, warehouse, scope=ids)


def refusal(platform: Platform, jobs: Sequence[Job], warehouse: Warehouse) -> Refusal | None:
    """Return why the jobs must not run now and what to do about it; None when they may."""
    return refused(_not_run(jobs), platform, [job.id for job in jobs], warehouse)


def refused(
    head: str, platform: Platform, names: Iterable[str], warehouse: Warehouse
) -> Refusal | None:
    """Return what begins with `head` when jobs, or other objects, are not as they are declared."""
    plan = pending(platform, names, warehouse)
    if is_migrated(plan):
        return None
    return Refusal(_explained(head, platform, plan, warehouse), plan)


def run_watched(
    executions: Sequence[Execution],
    platform: Platform,
    warehouse: Warehouse,
    on_done: OnDone | None = None,
) -> tuple[Done, ...]:
    """Run as `run_all` does, and look again afterwards, also when that fails or is interrupted.

    What was written while a migration changed what it touches counts as stale from then on.
    Raises Overtaken, and as `run_all` does.
    """
    try:
        results = run_all(executions, platform, warehouse, on_done)
    except RunFailed as failed:
        try:
            doubt = _doubt(_written(failed.results), platform, warehouse)
        except DatoriaError:
            raise failed from None  # it is as likely as not the reason of both
        if doubt is None:
            raise
        both = replace(doubt, text=f"{doubt.text}\n\n{failed}")
        raise Overtaken(both, failed.results) from None
    except BaseException:
        # Any of them may have been written. What can't be asked by now is left as it is.
        with suppress(DatoriaError):
            _doubt(executions, platform, warehouse)
        raise
    if doubt := _doubt(_written(results), platform, warehouse):
        raise Overtaken(doubt, results)
    return results


def _written(results: Sequence[Done]) -> list[Execution]:
    return [done.execution for done in results if done.status == "done"]


def _doubt(
    written: Sequence[Execution], platform: Platform, warehouse: Warehouse
) -> Refusal | None:
    """Return why what was written is in doubt, after noting it; None when nothing was migrated."""
    if not written:
        return None
    jobs = jobs_of(written)
    doubt = refused(_overtaken(jobs), platform, [job.id for job in jobs], warehouse)
    if doubt is None:
        return None
    note_overtaken(written, platform, warehouse)
    return replace(doubt, text=f"{doubt.text}\nWhat was written counts as stale from now on.")


def is_migrated(plan: Plan) -> bool:
    """Tell whether a plan changes nothing; what is only to be noted in the ledger can wait."""
    return not plan.findings and not plan.unfinished


def is_at_rest(plan: Plan, platform: Platform, warehouse: Warehouse) -> bool:
    """Tell whether there is nothing to migrate, to note in the ledger or to run."""
    return plan.is_empty and not stale(platform, warehouse, datetime.now(UTC))


def _not_run(jobs: Sequence[Job]) -> str:
    """Return the beginning of a refusal to run jobs."""
    if len(jobs) == 1:
        return f"Job {jobs[0].name} was not run, and none of its SQL was sent"
    return f"The {len(jobs)} jobs were not run, and none of their SQL was sent"


def _overtaken(jobs: Sequence[Job]) -> str:
    """Return the beginning of what is said of jobs that a migration has overtaken."""
    if len(jobs) == 1:
        subject, when = f"job {jobs[0].name} touches", "it ran"
    else:
        subject, when = f"the {len(jobs)} jobs touch", "they ran"
    return f"What {subject} was changed while {when}, and what was written may be of both states"


def _explained(head: str, platform: Platform, plan: Plan, warehouse: Warehouse) -> str:
    """Return a refusal: what is pending, and the command that resolves it.

    Code that is older than the warehouse is told so, and never to migrate: that would undo
    what newer code has done.
    """
    lines = [f"  {line}" for line in _lines(plan)]
    newer = superseded_by(platform_fingerprint(platform), Ledger(warehouse, platform).read())
    if newer is None:
        return "\n".join([f"{head}: a migration is pending.", *lines, *_remedy(plan)])
    head += (
        f": the warehouse was migrated by newer code (migration {newer.sequence}, by {newer.who})."
    )
    tail = "Deploy that code here, or reload this code location if it is already there."
    return "\n".join([head, "This older declaration differs in:", *lines, tail])


def superseded_by(fingerprint: str, history: History) -> Migration | None:
    """Return the newest migration when this declaration was applied earlier and is not the last."""
    last = history.done[-1] if history.done else None
    if last is None or last.fingerprint == fingerprint:
        return None
    return last if any(found.fingerprint == fingerprint for found in history.done) else None


def _lines(plan: Plan) -> list[str]:
    lines = [f"{finding.address}: {finding.says}" for finding in plan.findings]
    lines += [f"{name}: a migration of it was cut off" for name in plan.unfinished]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"… and {more} more"] if more > 0 else lines


def _remedy(plan: Plan) -> list[str]:
    if plan.applicable:
        return ["Run `datoria migrate`, or launch `migrate` in Dagster, and then this again."]
    return [
        "Some of it is not backwards compatible: `datoria migrate --plan` says whom it breaks, and",
        "what to do instead. Mend it, run `datoria migrate`, and then this again.",
    ]
