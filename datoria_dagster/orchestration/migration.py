"""The asset `migration`: one op that plans, applies, and reports each object that it changed."""

from collections.abc import Sequence
from typing import Any, cast

import dagster as dg

from datoria_dagster.apply import apply
from datoria_dagster.judge.verdict import BACKUP_DAYS, Approval
from datoria_dagster.ledger import Outcome
from datoria_dagster.migration import plan_migration, shape_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Managed
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.translator import Shown, describe
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Adopt
from datoria_dagster.report import markdown, text
from datoria_dagster.warehouse.port import Warehouse

JOB = "migrate"
OP = "migration"
# Constant, so that a migration alone does not make every job look out of date.
DATA_VERSION = dg.DataVersion("migrated")


class MigrationConfig(dg.Config):
    """What a run lets through: `force` everything incompatible, `allow` just these.

    `allow` holds addresses or ids. Snapshots are kept for `backup_days`; for 0 none is taken.
    """

    force: bool = False
    allow: list[str] = []  # noqa: RUF012 - pydantic copies it
    backup_days: int = BACKUP_DAYS


def build_migration_asset(graph: Graph, connection: Connection) -> dg.AssetsDefinition:
    """Return the executable asset of step 1."""

    @dg.multi_asset(specs=[graph.migration], name=OP)
    def migration(
        context: dg.AssetExecutionContext, config: MigrationConfig
    ) -> dg.MaterializeResult[Any]:
        try:
            approval = Approval(
                force=config.force, allow=tuple(config.allow), backup_days=config.backup_days
            )
            with opened(connection) as warehouse:
                plan = plan_migration(graph.platform, warehouse, approval)
                _refuse(plan)
                _apply(context, graph, plan, warehouse)
        except DatoriaError as error:
            raise dg.Failure(description=str(error)) from None
        return dg.MaterializeResult(data_version=DATA_VERSION, metadata=_metadata(plan))

    return migration


def _refuse(plan: Plan) -> None:
    if plan.applicable:
        return
    raise dg.Failure(
        description=(
            f"Nothing was migrated: the plan is {plan.verdict}.\n\n"
            f"{text.render_changes(plan)}\n\n{_remedy(plan)}"
        ),
        metadata=_metadata(plan),
        allow_retries=False,
    )


def _remedy(plan: Plan) -> str:
    if plan.verdict == "impossible":
        return "No run config admits these changes: follow `instead`."
    known = [finding.address for finding in plan.findings if not finding.severity.is_compatible]
    return (
        "Follow `instead`, or admit the loss by the run config of the job `migrate`:\n"
        f"ops: {{migration: {{config: {{allow: [{', '.join(known)}]}}}}}}"
    )


def _apply(
    context: dg.AssetExecutionContext, graph: Graph, plan: Plan, warehouse: Warehouse
) -> None:
    outcomes: list[Outcome] = []
    try:
        apply(plan, graph.platform, warehouse, outcomes.append)
    finally:
        # What was done before a failure is done: it is reported all the same.
        _report(context, graph, plan, outcomes)


def _report(
    context: dg.AssetExecutionContext, graph: Graph, plan: Plan, outcomes: Sequence[Outcome]
) -> None:
    # A view that is only refreshed is as it was, and must not make its readers look out of date.
    changed = {finding.object for finding in plan.findings}
    changed |= {step.object for step in plan.steps if isinstance(step, Adopt)}
    for name in dict.fromkeys(o.step.object for o in outcomes if o.status == "done"):
        found = graph.platform.objects.get(name)
        if name in changed and name in graph.schemas and isinstance(found, Shown):
            context.log_event(_materialization(graph, plan, found))


def _materialization(graph: Graph, plan: Plan, found: Shown) -> dg.AssetMaterialization:
    own = plan.model_copy(
        update={
            "findings": tuple(f for f in plan.findings if f.object == found.id),
            "steps": tuple(s for s in plan.steps if s.object == found.id),
        }
    )
    return dg.AssetMaterialization(
        asset_key=graph.schemas[found.id].key,
        metadata=describe(found) | _metadata(own),
        tags={"dagster/data_version": shape_fingerprint(cast("Managed", found))},
    )


def _metadata(plan: Plan) -> dict[str, dg.MetadataValue]:
    return {
        "plan": dg.MetadataValue.md(markdown.render_plan(plan)),
        "verdict": dg.MetadataValue.text(plan.verdict),
    }
