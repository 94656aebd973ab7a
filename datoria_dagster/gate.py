"""Whether jobs may run: the real diff of just what they touch, and what to say of it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from datoria_dagster.history import History, Migration
from datoria_dagster.ledger import Ledger
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.run.executions import stale
from datoria_dagster.selection import touched
from datoria_dagster.warehouse.port import Warehouse

_SHOWN = 20


def pending(platform: Platform, names: Iterable[str], warehouse: Warehouse) -> Plan:
    """Return the plan for jobs, or other objects, and all that they need. Sends no SQL."""
    ids = touched(names, platform) & platform.managed.keys()
    return plan_migration(platform, warehouse, scope=ids)


def refusal(platform: Platform, jobs: Sequence[Job], warehouse: Warehouse) -> str | None:
    """Return why the jobs must not run now and what to do about it; None when they may."""
    return _said(not_run(jobs), platform, jobs, warehouse)


def doubt(platform: Platform, jobs: Sequence[Job], warehouse: Warehouse) -> str | None:
    """Return why what the jobs have just written is in doubt; None when nothing was migrated."""
    return _said(overtaken(jobs), platform, jobs, warehouse)


def _said(head: str, platform: Platform, jobs: Sequence[Job], warehouse: Warehouse) -> str | None:
    plan = pending(platform, (job.id for job in jobs), warehouse)
    return None if is_migrated(plan) else explain(head, platform, plan, warehouse)


def is_migrated(plan: Plan) -> bool:
    """Tell whether a plan changes nothing; what is only to be noted in the ledger can wait."""
    return not plan.findings and not plan.unfinished


def is_at_rest(plan: Plan, platform: Platform, warehouse: Warehouse) -> bool:
    """Tell whether there is nothing to migrate, to note in the ledger or to run."""
    return plan.is_empty and not stale(platform, warehouse, datetime.now(UTC))


def not_run(jobs: Sequence[Job]) -> str:
    """Return the beginning of a refusal to run jobs."""
    if len(jobs) == 1:
        return f"Job {jobs[0].name} was not run, and none of its SQL was sent"
    return f"The {len(jobs)} jobs were not run, and none of their SQL was sent"


def overtaken(jobs: Sequence[Job]) -> str:
    """Return the beginning of what is said of jobs that a migration has overtaken."""
    if len(jobs) == 1:
        subject, when = f"job {jobs[0].name} touches", "it ran"
    else:
        subject, when = f"the {len(jobs)} jobs touch", "they ran"
    return f"What {subject} was changed while {when}, and what was written may be of both states"


def explain(head: str, platform: Platform, plan: Plan, warehouse: Warehouse) -> str:
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
    return "\n".join([head, "In this, older, declaration differ:", *lines, tail])


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
