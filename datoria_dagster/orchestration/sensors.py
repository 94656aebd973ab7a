"""The merge sensor: a declaration that the ledger has not seen last asks for one migration."""

from datetime import UTC, datetime

import dagster as dg

from datoria_dagster.gate import superseded_by
from datoria_dagster.ledger import Ledger
from datoria_dagster.migration import platform_fingerprint
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.migration import JOB

INTERVAL_SECONDS = 60


def build_merge_sensor(platform: Platform, connection: Connection) -> dg.SensorDefinition:
    """Return the sensor `migrate_on_merge`, which is off until somebody switches it on.

    A merge reloads the code location, and with it the declaration that the sensor holds. One
    migration is requested per declaration and ledger state, so that one that stops is not tried
    again until either changes, and a revert to an earlier declaration is. A code location that
    was loaded before newer code migrated is behind: it asks for nothing, for that would undo it.
    """
    loaded = datetime.now(UTC)

    @dg.sensor(
        name="migrate_on_merge",
        job_name=JOB,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Requests one migration when the declaration differs from the last applied.",
    )
    def migrate_on_merge() -> dg.RunRequest | dg.SkipReason:
        try:
            with opened(connection) as warehouse:
                history = Ledger(warehouse, platform).read()
        except DatoriaError as error:
            return dg.SkipReason(f"The ledger can't be read: {error}")
        applied, fingerprint = history.applied, platform_fingerprint(platform)
        if applied is not None and applied.fingerprint == fingerprint:
            return dg.SkipReason(f"Migration {applied.sequence} applied this declaration.")
        newer = superseded_by(fingerprint, history)
        if newer is not None and newer.started > loaded:
            return dg.SkipReason(
                f"The warehouse was migrated by newer code (migration {newer.sequence}, by "
                f"{newer.who}): reload this code location, or deploy that code here."
            )
        return dg.RunRequest(run_key=f"{applied.sequence if applied else 0}->{fingerprint}")

    return migrate_on_merge
