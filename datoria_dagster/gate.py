"""Whether jobs may run: the real diff of just what they touch, and what to say of it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from datoria_dagster.ledger import History, Ledger, Migration
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.run.executions import stale
from datoria_dagster.sql.needs import needs
from datoria_dagster.warehouse.port import Warehouse

_SHOWN = 20


def pending(platform: Platform, jobs: Iterable[Job], warehouse: Warehouse) -> Plan:
    """Return the plan for what the jobs write and read. Metadata only: sends no SQL."""
    ids = frozenset[str]().union(*(touches(platform, job) for job in jobs))
    return plan_migration(platform, warehouse, scope=ids & platform.managed.keys())


def refusal(platform: Platform, jobs: Iterable[Job], warehouse: Warehouse) -> str | None:
    """Return why the jobs must not run now and what to do about it; None when they may."""
    jobs = tuple(jobs)
    plan = pending(platform, jobs, warehouse)
    return None if is_migrated(plan) else explain(platform, jobs, plan, warehouse)


def is_migrated(plan: Plan) -> bool:
    """Tell whether a plan changes nothing; what is only to be noted in the ledger can wait."""
    return not plan.findings and not plan.unfinished


def is_at_rest(plan: Plan, platform: Platform, warehouse: Warehouse) -> bool:
    """Tell whether there is nothing to migrate, to note in the ledger or to run."""
    return plan.is_empty and not stale(platform, warehouse, datetime.now(UTC))


def touches(platform: Platform, job: Job) -> frozenset[str]:
    """Return the ids of the destination and of all that is read, through views and routines."""
    found = {job.destination.id}
    frontier = {job.destination.id, *_declared(platform, job)}
    while frontier:
        found |= frontier
        frontier = {
            name for known in frontier for name in _declared(platform, platform.objects[known])
        } - found
    return frozenset(found)


def _declared(platform: Platform, found: Object) -> tuple[str, ...]:
    return tuple(name for name in needs(found) if name in platform.objects)


def explain(platform: Platform, jobs: tuple[Job, ...], plan: Plan, warehouse: Warehouse) -> str:
    """Return the refusal: what is pending, and the command that resolves it.

    Code that is older than the warehouse is told so, and never to migrate: that would undo
    what newer code has done.
    """
    if len(jobs) == 1:
        subject, whose = f"Job {jobs[0].name} was", "its"
    else:
        subject, whose = f"The {len(jobs)} jobs were", "their"
    lines = [f"  {line}" for line in _lines(plan)]
    newer = superseded_by(platform_fingerprint(platform), Ledger(warehouse, platform).read())
    if newer is None:
        head = f"{subject} not run, and none of {whose} SQL was sent: a migration is pending."
        return "\n".join([head, *lines, *_remedy(plan)])
    head = (
        f"{subject} not run, and none of {whose} SQL was sent: the warehouse was migrated by newer "
        f"code (migration {newer.sequence}, by {newer.who})."
    )
    tail = "Deploy that code here, or reload this code location if it is already there."
    return "\n".join([head, "In this, older, declaration differ:", *lines, tail])


def superseded_by(fingerprint: str, history: History) -> Migration | None:
    """Return the newest migration when this declaration was applied earlier and is not the last."""
    if history.applied is None or history.applied.fingerprint == fingerprint:
        return None
    earlier = (found for found in history.migrations if found.status == "done")
    return history.applied if any(found.fingerprint == fingerprint for found in earlier) else None


def _lines(plan: Plan) -> list[str]:
    lines = [f"{finding.address}: {finding.says}" for finding in plan.findings]
    lines += [f"{name}: a migration of it was cut off" for name in plan.unfinished]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"… and {more} more"] if more > 0 else lines


def _remedy(plan: Plan) -> list[str]:
    if plan.applicable:
        return ["Run `datoria migrate`, or materialize the asset `migration`, and then this again."]
    return [
        "Some of it is not backwards compatible: `datoria migrate --plan` says whom it breaks, and",
        "what to do instead. Mend it, run `datoria migrate`, and then this again.",
    ]
