"""The merge sensor: a declaration that the ledger has not seen last asks for one migration."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from datoria_dagster.gate import superseded_by
from datoria_dagster.ledger.history import History, Migration
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.migration import platform_fingerprint
from datoria_dagster.orchestration import runs
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.metadata import Shown
from datoria_dagster.orchestration.migration import JOB, VERSION_TAG, schema_event
from datoria_dagster.orchestration.ticks import INTERVAL_SECONDS, guarded, refuse_during_migration

NAME = "migrate_on_merge"


def build_merge_sensor(graph: Graph, connection: Connection) -> dg.SensorDefinition:
    """Return the sensor `migrate_on_merge`, which is off until somebody switches it on.

    A merge reloads the code location, and with it the declaration that the sensor holds. One
    migration is requested per declaration and ledger state, so that one that stops is not tried
    again until either changes, and a revert to an earlier declaration is. A code location that
    was loaded before newer code migrated is behind: it asks for nothing, for that would undo it.
    What somebody migrated outside of Dagster is shown by the schema assets.
    """
    loaded, platform = datetime.now(UTC), graph.platform

    def migrate_on_merge(
        context: dg.SensorEvaluationContext,
    ) -> dg.SkipReason | dg.RunRequest | dg.SensorResult:
        fingerprint = platform_fingerprint(platform)
        running = runs.under_way(context.instance, runs.ledger_tags(platform), JOB)
        if running is not None:
            return dg.SkipReason(runs.waits_for(JOB, running))
        with opened(connection) as warehouse:
            ledger = Ledger(warehouse, platform)
            history = ledger.read()
            applied = history.applied
            if applied is not None and applied.fingerprint == fingerprint:
                return _show(context, graph, history, applied)
            refuse_during_migration(ledger)
        newer = superseded_by(fingerprint, history)
        if newer is not None and newer.started > loaded:
            return _overtaken(newer)
        run_key = f"{history.done[-1].sequence if history.done else 0}->{fingerprint}"
        return _asked_for(context, run_key) or dg.RunRequest(run_key=run_key)

    return dg.SensorDefinition(
        name=NAME,
        evaluation_fn=guarded(migrate_on_merge),
        job_name=JOB,
        minimum_interval_seconds=INTERVAL_SECONDS,
        description="Requests one migration when the declaration differs from the last applied.",
    )


def _overtaken(newer: Migration) -> dg.SkipReason:
    return dg.SkipReason(
        f"The warehouse was migrated by newer code (migration {newer.sequence}, by {newer.who}): "
        "reload this code location, or deploy that code here."
    )


def _asked_for(context: dg.SensorEvaluationContext, run_key: str) -> dg.SkipReason | None:
    """Return that the migration was asked for already: Dagster would skip it without a word."""
    tags = {"dagster/sensor_name": NAME, "dagster/run_key": run_key}
    origin = context.code_location_origin
    if origin is not None:
        tags["dagster/code_location"] = origin.location_name
    asked = runs.find(context.instance, tags, limit=1)
    if not asked:
        return None
    return dg.SkipReason(
        f"Migration of this declaration was asked for already; {_ended(asked[0])}. It is asked for "
        "again when the declaration or the ledger has changed; to try it before, launch the job "
        f"`{JOB}`."
    )


def _ended(run: dg.DagsterRun) -> str:
    if run.status == dg.DagsterRunStatus.FAILURE:
        return f"it stopped or failed in run {run.run_id}, which says why"
    if run.status == dg.DagsterRunStatus.CANCELED:
        return f"run {run.run_id} was canceled"
    return f"run {run.run_id} found nothing to change"


def _show(
    context: dg.SensorEvaluationContext, graph: Graph, history: History, applied: Migration
) -> dg.SkipReason | dg.SensorResult:
    """Report the schemas that were migrated elsewhere, once; the cursor says up to when."""
    reason = dg.SkipReason(f"Migration {applied.sequence} applied this declaration.")
    cursor = context.cursor or "0"
    if cursor == str(applied.sequence):
        return reason
    shown = int(cursor) if cursor.isdigit() else 0
    metadata = {"migration": dg.MetadataValue.int(applied.sequence)}
    changed = _changed(graph, history, shown if shown < applied.sequence else 0)
    events = [schema_event(graph, found, metadata) for found in changed]
    known = _versions(context.instance, [event.asset_key for event in events])
    return dg.SensorResult(
        skip_reason=reason,
        cursor=str(applied.sequence),
        asset_events=[e for e in events if known.get(e.asset_key) != (e.tags or {})[VERSION_TAG]],
    )


def _versions(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]
) -> Mapping[dg.AssetKey, str | None]:
    """Return the versions of the schemas as they are shown."""
    entries = [record.asset_entry for record in instance.get_asset_records(keys)] if keys else []
    latest = {entry.asset_key: entry.last_materialization for entry in entries}
    events = {key: entry.asset_materialization for key, entry in latest.items() if entry}
    return {key: (event.tags or {}).get(VERSION_TAG) for key, event in events.items() if event}


def _changed(graph: Graph, history: History, shown: int) -> Iterator[Shown]:
    """Yield what was changed after the migration `shown`; everything when that is 0."""
    names = {
        event.object
        for migration in history.migrations
        for event in migration.events
        if migration.sequence > shown
    }
    for name in graph.schemas:
        found = graph.platform.objects[name]
        if isinstance(found, Shown) and (not shown or name in names):
            yield found
