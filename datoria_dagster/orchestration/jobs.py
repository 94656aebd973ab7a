"""The asset of a job: one op that passes the gate and then fills the partitions asked for."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from datoria_dagster.gate import Overtaken, run_watched
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.jobs import Job
from datoria_dagster.orchestration import partitions
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.gate import failure, refuse_pending
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.metadata import Metadata, code, page, repeated
from datoria_dagster.run.execute import Done, RunFailed
from datoria_dagster.run.executions import Execution


def build_job_asset(
    graph: Graph, job: Job, spec: dg.AssetSpec, connection: Connection
) -> dg.AssetsDefinition:
    """Return the executable asset of a job. A range of partitions is one run of one op."""

    @dg.multi_asset(
        specs=[spec],
        name=f"job_{job.name}",
        backfill_policy=partitions.backfill_policy(job),
    )
    def run(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        shown = repeated(spec)
        try:
            with opened(connection) as warehouse, warehouse.session():
                refuse_pending(graph, job, warehouse)
                shown = graph.lineage.of_job(job) | shown | page(job.destination, warehouse)
                executions = _executions(job, context.partition_keys if job.start else ())
                results = run_watched(executions, graph.platform, warehouse)
        except Overtaken as overtaken:
            raise failure(overtaken.refusal, graph) from None
        except RunFailed as failed:
            _report_done(context, spec, shown, failed.results)
            raise dg.Failure(description=str(failed)) from None
        except DatoriaError as error:
            raise dg.Failure(description=str(error)) from None
        return _result(context, shown, results)

    return run


def _executions(job: Job, keys: Sequence[str]) -> list[Execution]:
    # Dagster gives the keys of ranges of integers in the order of a set.
    wanted = sorted(job.cut.parse(key) for key in keys)
    return [Execution(job, partition, "materialized") for partition in wanted or [None]]


def _result(
    context: dg.AssetExecutionContext, shown: Metadata, results: Sequence[Done]
) -> dg.MaterializeResult[Any]:
    for done in results:
        partition = done.execution.partition
        if partition is None:
            return dg.MaterializeResult(metadata=shown | _metadata(done))
        context.add_asset_metadata(shown | _metadata(done), partition_key=partition.id)
    return dg.MaterializeResult()


def _report_done(
    context: dg.AssetExecutionContext, spec: dg.AssetSpec, shown: Metadata, results: Sequence[Done]
) -> None:
    """Log what was written before a failure: Dagster takes a step for all or nothing."""
    for done in results:
        partition = done.execution.partition
        if done.status == "done" and partition is not None:
            event = dg.AssetMaterialization(
                spec.key, partition=partition.id, metadata=shown | _metadata(done)
            )
            context.log_event(event)


def _metadata(done: Done) -> Metadata:
    job, partition = done.execution.job, done.execution.partition
    name = "dagster/partition_row_count" if partition else "dagster/row_count"
    return {name: dg.MetadataValue.int(done.rows), "sql": code(job.query, partition)}
