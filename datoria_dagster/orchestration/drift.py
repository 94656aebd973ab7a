"""Drift: what somebody changed by hand after the last migration, as an asset check."""

from dataclasses import dataclass

import dagster as dg

from datoria_dagster.gate import is_migrated
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import plan_migration, platform_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration import migration, runs
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.ticks import guarded, refuse_during_migration
from datoria_dagster.plan.document import Plan
from datoria_dagster.report import markdown, text
from datoria_dagster.warehouse.port import Warehouse

CHECK = "drift"
SENSOR = "drift"
_DESCRIPTION = "Whether the warehouse is as the last migration left it, or was changed by hand."


@dataclass(frozen=True, slots=True)
class Drift:
    """The warehouse compared with the declaration. `known` when the declaration was applied."""

    plan: Plan
    known: bool
    says: str

    @property
    def passed(self) -> bool:
        """Whether nothing is known to be otherwise than it is declared."""
        return is_migrated(self.plan)

    @property
    def metadata(self) -> dict[str, dg.MetadataValue]:
        """The plan, and the objects that it is about."""
        objects = dict.fromkeys(finding.object for finding in self.plan.findings)
        return {
            "plan": dg.MetadataValue.md(markdown.render_plan(self.plan)),
            "objects": dg.MetadataValue.text(", ".join(objects) or "none"),
        }


def look_for_drift(platform: Platform, warehouse: Warehouse) -> Drift:
    """Compare. What differs before a declaration is applied is pending, and no drift.

    Raises LockHeld while somebody migrates.
    """
    ledger = Ledger(warehouse, platform)
    refuse_during_migration(ledger)
    applied = ledger.read().applied
    plan = plan_migration(platform, warehouse)
    if is_migrated(plan):
        return Drift(plan, known=True, says="The warehouse is as it is declared.")
    if applied is None or applied.fingerprint != platform_fingerprint(platform):
        return Drift(
            plan,
            known=False,
            says="A migration is pending: what differs may be its own. Migrate, and look again.",
        )
    return Drift(
        plan,
        known=True,
        says=(
            f"The warehouse is not as migration {applied.sequence} left it. To migrate would undo "
            f"what was done by hand:\n\n{text.render_changes(plan)}"
        ),
    )


def build_drift_check(graph: Graph, connection: Connection) -> dg.AssetChecksDefinition:
    """Return the check `drift` of the migration asset, for a look at any time."""

    @dg.asset_check(asset=graph.migration.key, name=CHECK, description=_DESCRIPTION)
    def drift() -> dg.AssetCheckResult:
        try:
            with opened(connection) as warehouse:
                found = look_for_drift(graph.platform, warehouse)
        except DatoriaError as error:
            raise dg.Failure(description=str(error)) from None
        return dg.AssetCheckResult(
            passed=found.passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=found.says,
            metadata=found.metadata,
        )

    return drift


def build_drift_sensor(graph: Graph, connection: Connection, minutes: int) -> dg.SensorDefinition:
    """Return the sensor `drift`, which is off until somebody switches it on.

    It reports the result of the check when that has changed; the cursor is the last one.
    """

    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        tags = runs.ledger_tags(graph.platform)
        running = runs.under_way(context.instance, tags, migration.JOB)
        if running is not None:
            return dg.SkipReason(runs.waits_for(migration.JOB, running))
        with opened(connection) as warehouse:
            found = look_for_drift(graph.platform, warehouse)
        state = "as declared" if found.passed else runs.plan_state(found.plan)
        if not found.known or context.cursor == state:
            return dg.SkipReason(found.says)
        return dg.SensorResult(
            skip_reason=found.says, cursor=state, asset_events=[_evaluation(graph, found)]
        )

    return dg.SensorDefinition(
        name=SENSOR,
        evaluation_fn=guarded(look),
        minimum_interval_seconds=minutes * 60,
        description="Reports what somebody changed by hand in the warehouse.",
    )


def _evaluation(graph: Graph, found: Drift) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=graph.migration.key,
        check_name=CHECK,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.says,
        metadata=found.metadata,
    )
