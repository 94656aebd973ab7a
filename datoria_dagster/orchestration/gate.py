"""The gate as Dagster shows it: a failure that is not retried, with the plan and a link."""

import dagster as dg

from datoria_dagster import gate
from datoria_dagster.model.jobs import Job
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.report import markdown
from datoria_dagster.warehouse.port import Warehouse


def require_migrated(graph: Graph, job: Job, warehouse: Warehouse) -> None:
    """Raise `dagster.Failure` when anything that the job touches is not as it is declared."""
    plan = gate.pending(graph.platform, (job,), warehouse)
    if gate.is_migrated(plan):
        return
    raise dg.Failure(
        description=gate.explain(graph.platform, (job,), plan, warehouse),
        metadata={
            "plan": dg.MetadataValue.md(markdown.render_plan(plan)),
            "migration": dg.MetadataValue.asset(graph.migration.key),
        },
        allow_retries=False,
    )
