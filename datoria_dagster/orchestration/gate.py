"""The gate as Dagster shows it: a failure that is not retried, with the plan and a link."""

import dagster as dg

from datoria_dagster import gate
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.orchestration.connection import Connection, configured, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.report import markdown
from datoria_dagster.selection import resolved
from datoria_dagster.warehouse.port import Warehouse


def require_migrated(
    platform: Platform, *tables: Object | str, warehouse: Connection = configured
) -> None:
    """Raise `dagster.Failure` when tables, or what they need, are not as they are declared.

    For assets of your own that read or write what the platform declares: call it first. Tables,
    views and routines are given as they are declared, or by id, with or without the project. What
    is not declared, and a warehouse that can't be asked, is a failure too.
    """
    names = [table if isinstance(table, str) else table.id for table in tables]
    try:
        ids = sorted(resolved(names, platform))
        head = f"{', '.join(ids)} must not be read or written now"
        with opened(warehouse) as live:
            refused = gate.refused(head, platform, ids, live)
    except DatoriaError as error:
        raise dg.Failure(str(error)) from None
    if refused is not None:
        raise failure(refused)


def refuse_pending(graph: Graph, job: Job, warehouse: Warehouse) -> None:
    """Raise `dagster.Failure` when anything that the job touches is not as it is declared."""
    refused = gate.refusal(graph.platform, [job], warehouse)
    if refused is not None:
        raise failure(refused, graph)


def failure(refusal: gate.Refusal, graph: Graph | None = None) -> dg.Failure:
    """Return what Dagster shows of a refusal: the plan, and a link to the migration."""
    link = {"migration": dg.MetadataValue.asset(graph.migration.key)} if graph else {}
    shown = dg.MetadataValue.md(markdown.render_plan(refusal.plan))
    return dg.Failure(refusal.text, metadata={"plan": shown, **link}, allow_retries=False)
