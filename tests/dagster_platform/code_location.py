"""The shop as a Dagster code location; DATORIA_WAREHOUSE_PATH says which warehouse file.

With it, what a user might add: jobs of one asset and nothing of what it needs, and a schedule, a
sensor and a condition that know nothing of migrations. They are at work while a daemon is.
"""

from datetime import UTC, datetime

import dagster as dg

from datoria_dagster.orchestration import DatoriaTranslator, build_definitions
from tests.dagster_platform import platform

# A daemon loads this once.
LOADED = datetime.now(UTC).isoformat()
DAILY, MONTHLY, CUSTOMERS = (
    dg.AssetKey(["shop", name]) for name in ("daily", "monthly", "customers")
)
only_daily = dg.define_asset_job("only_daily", selection=[DAILY])
only_customers = dg.define_asset_job("only_customers", selection=[CUSTOMERS])


@dg.schedule(
    job=only_customers,
    cron_schedule="* * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def every_minute(context):
    return dg.RunRequest()


@dg.sensor(job=only_customers, default_status=dg.DefaultSensorStatus.RUNNING)
def once(context):
    return dg.RunRequest(run_key=LOADED)


class Eager(DatoriaTranslator):
    """Gives a condition to the months."""

    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        if spec.key != MONTHLY:
            return spec
        condition = dg.AutomationCondition.missing() & ~dg.AutomationCondition.in_progress()
        return spec.replace_attributes(automation_condition=condition)


eager = dg.AutomationConditionSensorDefinition(
    "eager",
    target=[MONTHLY],
    default_status=dg.DefaultSensorStatus.RUNNING,
)

defs = dg.Definitions.merge(
    build_definitions(platform, translator=Eager()),
    dg.Definitions(
        jobs=[only_daily, only_customers],
        schedules=[every_minute],
        sensors=[once, eager],
        executor=dg.in_process_executor,
    ),
)
