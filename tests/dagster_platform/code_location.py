"""The shop as a Dagster code location; DATORIA_WAREHOUSE_PATH says which warehouse file."""

import dagster as dg

from datoria_dagster.orchestration import build_definitions
from tests.dagster_platform import platform

# Jobs as a user might define them: one asset, and nothing of what it needs.
only_daily = dg.define_asset_job("only_daily", selection=[dg.AssetKey(["shop", "daily"])])
only_customers = dg.define_asset_job(
    "only_customers", selection=[dg.AssetKey(["shop", "customers"])]
)

defs = dg.Definitions.merge(
    build_definitions(platform),
    dg.Definitions(jobs=[only_daily, only_customers], executor=dg.in_process_executor),
)
