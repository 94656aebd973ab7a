"""The assets of a platform, and the job that materializes the first of them."""

import dagster as dg

from datoria_dagster.orchestration.connection import Connection
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.jobs import build_job_asset
from datoria_dagster.orchestration.migration import JOB, build_migration_asset
from datoria_dagster.orchestration.runs import ledger_tags
from datoria_dagster.orchestration.settings import DatoriaSettings


def build_assets(graph: Graph, connection: Connection, settings: DatoriaSettings) -> dg.Definitions:
    """Return the migration, an asset per job, what nothing here materializes, and `migrate`."""
    jobs = [build_job_asset(graph, job, spec, connection) for job, spec in graph.jobs]
    migrate = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(graph.migration.key).without_checks(),
        tags=ledger_tags(graph.platform),
        executor_def=dg.in_process_executor,
        description="Step 1 of a deploy: migrates the warehouse to what the code declares.",
    )
    return dg.Definitions(
        assets=[build_migration_asset(graph, connection, settings), *jobs, *graph.external],
        jobs=[migrate],
    )
