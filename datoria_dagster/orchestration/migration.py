"""The asset `migration`: one op that plans, applies, and reports each object that it changed."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import dagster as dg
from pydantic import Field

from datoria_dagster.apply.apply import ApplyError, StalePlan, apply
from datoria_dagster.judge.verdict import BACKUP_DAYS, Approval
from datoria_dagster.ledger.lease import LockHeld
from datoria_dagster.ledger.ledger import Outcome
from datoria_dagster.migration import plan_migration, plan_part, shape_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Managed
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.metadata import Shown, page, repeated
from datoria_dagster.orchestration.notifications import Notifier
from datoria_dagster.orchestration.settings import DatoriaSettings
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Adopt
from datoria_dagster.report import markdown, text
from datoria_dagster.report.words import headline
from datoria_dagster.selection import resolved
from datoria_dagster.validation import validated
from datoria_dagster.warehouse.port import Warehouse

JOB = "migrate"
OP = "migration"
# Constant, so that a migration alone does not make every job look out of date.
DATA_VERSION = dg.DataVersion("migrated")
VERSION_TAG = "dagster/data_version"
# After which a migration looks again whether another one has ended.
WAIT_SECONDS = 15.0
# Of the plan as Dagster keeps it; the text of thousands of statements would slow its pages down.
_LONGEST = 200_000


class MigrationConfig(dg.Config):
    """What a run lets through, and of what; Dagster's launchpad shows what each is for."""

    force: bool = Field(default=False, description="Apply every incompatible change.")
    allow: list[str] = Field(
        default=[],
        description="Apply just these incompatible changes: paths, or ids as the plan prints them.",
    )
    backup_days: int = Field(
        default=BACKUP_DAYS,
        description="How long the snapshots of what is lost are kept; 0 takes none.",
    )
    select: list[str] = Field(
        default=[],
        description="Migrate just these, and what they need: ids of objects, or asset keys.",
    )
    plan_only: bool = Field(default=False, description="Show the plan, and apply nothing.")


def build_migration_asset(
    graph: Graph, connection: Connection, settings: DatoriaSettings
) -> dg.AssetsDefinition:
    """Return the executable asset of step 1."""
    # A run that only plans materializes nothing.
    spec = graph.migration.replace_attributes(skippable=True)

    @dg.multi_asset(specs=[spec], name=OP, pool=settings.migration_pool)
    def migration(
        context: dg.AssetExecutionContext, config: MigrationConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        attempt = _Attempt(context, graph, settings)
        with attempt.told(), opened(connection) as warehouse:
            plan = attempt.prepare(config, warehouse)
            if config.plan_only:
                return
            refuse(plan, attempt.notifier)
            attempt.apply(plan, warehouse)
        yield dg.MaterializeResult(data_version=DATA_VERSION, metadata=_metadata(plan))

    return migration


def refuse(plan: Plan, notifier: Notifier) -> None:
    """Raise `dagster.Failure`, with the plan, when it holds changes that are not admitted."""
    if plan.applicable:
        return
    description = (
        f"Nothing was migrated: the plan is {plan.verdict}.\n\n"
        f"{text.render_changes(plan)}\n\n{_remedy(plan)}"
    )
    notifier.notify("refused", description, plan)
    raise dg.Failure(description, metadata=_metadata(plan), allow_retries=False)


def _remedy(plan: Plan) -> str:
    if plan.verdict == "impossible":
        return "No run config admits these changes: follow `instead`."
    known = [finding.address for finding in plan.findings if not finding.severity.is_compatible]
    return (
        "Follow `instead`, or admit the loss by the run config of the job `migrate`:\n"
        f"ops: {{migration: {{config: {{allow: [{', '.join(known)}]}}}}}}"
    )


class _Attempt:
    """One try of a run to migrate."""

    def __init__(
        self, context: dg.AssetExecutionContext, graph: Graph, settings: DatoriaSettings
    ) -> None:
        self.plan: Plan | None = None
        self.notifier = settings.notifier(context.run.run_id, context.log)
        self._context = context
        self._graph = graph
        self._tries = int(settings.wait_minutes * 60 / WAIT_SECONDS)

    def prepare(self, config: MigrationConfig, warehouse: Warehouse) -> Plan:
        """Make the plan, and post it before anything is changed."""
        platform = self._graph.platform
        approval = Approval(
            force=config.force, allow=tuple(config.allow), backup_days=config.backup_days
        )
        if config.select:
            ids = resolved(config.select, platform, _keys(self._graph))
            plan, platform = plan_part(platform, ids, warehouse, approval)
        else:
            plan = plan_migration(platform, warehouse, approval)
        self.plan = plan = validated(plan, platform, warehouse)
        self._context.log.info(headline(plan))
        if config.plan_only or not plan.is_empty:
            key = self._graph.migration.key
            self._context.log_event(dg.AssetObservation(key, metadata=_metadata(plan)))
        return plan

    def apply(self, plan: Plan, warehouse: Warehouse) -> None:
        """Apply the plan, and report what was changed, also before a failure: it is done."""
        outcomes: list[Outcome] = []
        try:
            apply(plan, self._graph.platform, warehouse, outcomes.append)
        finally:
            _report(self._context, self._graph, plan, outcomes, warehouse)

    @contextmanager
    def told(self) -> Generator[None]:
        """Turn what goes wrong in the block into what Dagster shows, and hand it on."""
        try:
            yield
        except (LockHeld, StalePlan) as error:
            self._wait(error)
        except ApplyError as error:
            states = _states(error.outcomes)
            raise self._failure(str(error), _table(states)) from None
        except DatoriaError as error:
            raise self._failure(str(error)) from None
        except dg.Failure:
            raise
        except Exception as error:
            said = str(error).partition("\n")[0]
            self.notifier.notify("failed", f"{type(error).__name__}: {said}", self.plan)
            raise

    def _wait(self, error: DatoriaError) -> None:
        """Ask for another try, as nothing was changed. Another migration is at work, or was."""
        if self._context.retry_number >= self._tries:
            raise self._failure(str(error)) from None
        self._context.log.info(str(error))
        seconds = WAIT_SECONDS if isinstance(error, LockHeld) else 0
        raise dg.RetryRequested(self._tries, seconds) from error

    def _failure(
        self, description: str, metadata: Mapping[str, dg.MetadataValue] | None = None
    ) -> dg.Failure:
        self.notifier.notify("failed", description, self.plan)
        shown = _metadata(self.plan) if self.plan else {}
        return dg.Failure(description, metadata={**shown, **(metadata or {})})


def _keys(graph: Graph) -> dict[str, str]:
    """Return asset key → id."""
    specs = (*graph.schemas.items(), *graph.data.items())
    return {spec.key.to_user_string(): name for name, spec in specs}


def _states(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return object → what became of it, in the order of the plan."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.step.object, []).append(outcome)
    return {name: _state(own) for name, own in found.items()}


def _state(outcomes: Sequence[Outcome]) -> str:
    failed = next((outcome for outcome in outcomes if outcome.status == "failed"), None)
    if failed is not None:
        return f"failed: {failed.error}"
    done = sum(outcome.status == "done" for outcome in outcomes)
    if done == len(outcomes):
        return "done"
    return f"{done} of {len(outcomes)} steps done" if done else "not done"


def _table(states: Mapping[str, str]) -> dict[str, dg.MetadataValue]:
    rows = markdown.table(("object", "state"), list(states.items()))
    return {"objects": dg.MetadataValue.md(rows[:_LONGEST])}


def _report(
    context: dg.AssetExecutionContext,
    graph: Graph,
    plan: Plan,
    outcomes: Sequence[Outcome],
    warehouse: Warehouse,
) -> None:
    # A view that is only refreshed is as it was, and must not make its readers look out of date.
    own = _by_object(plan)
    for name in dict.fromkeys(o.step.object for o in outcomes if o.status == "done"):
        found, part = graph.platform.objects.get(name), own[name]
        changed = part.findings or any(isinstance(step, Adopt) for step in part.steps)
        if changed and name in graph.schemas and isinstance(found, Shown):
            event = schema_event(graph, found, _metadata(part) | page(found, warehouse))
            context.log_event(event)


def _by_object(plan: Plan) -> Mapping[str, Plan]:
    """Return object → what of the plan is about it."""
    findings: dict[str, list[Any]] = {}
    steps: dict[str, list[Any]] = {}
    for finding in plan.findings:
        findings.setdefault(finding.object, []).append(finding)
    for step in plan.steps:
        steps.setdefault(step.object, []).append(step)
    return {
        name: plan.model_copy(
            update={"findings": tuple(findings.get(name, ())), "steps": tuple(found)}
        )
        for name, found in steps.items()
    }


def schema_event(
    graph: Graph, found: Shown, metadata: Mapping[str, dg.MetadataValue]
) -> dg.AssetMaterialization:
    """Return that the schema of an object is as it is declared."""
    spec = graph.schemas[found.id]
    return dg.AssetMaterialization(
        asset_key=spec.key,
        metadata=graph.lineage.of_schema(found) | repeated(spec) | dict(metadata),
        tags={VERSION_TAG: shape_fingerprint(cast("Managed", found))},
    )


def _metadata(plan: Plan) -> dict[str, dg.MetadataValue]:
    shown = markdown.render_plan(plan)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}\n\n… and more: `datoria migrate --plan` shows all of it."
    return {
        "plan": dg.MetadataValue.md(shown),
        "verdict": dg.MetadataValue.text(plan.verdict),
    }
