"""The only door to Dagster."""

from datoria_dagster.orchestration.component import DatoriaComponent
from datoria_dagster.orchestration.definitions import build_definitions
from datoria_dagster.orchestration.deploy import deploy
from datoria_dagster.orchestration.gate import require_migrated
from datoria_dagster.orchestration.notifications import MigrationFailure
from datoria_dagster.orchestration.settings import DatoriaSettings, GitBranch
from datoria_dagster.orchestration.translator import AssetData, DatoriaTranslator

__all__ = [
    "AssetData",
    "DatoriaComponent",
    "DatoriaSettings",
    "DatoriaTranslator",
    "GitBranch",
    "MigrationFailure",
    "build_definitions",
    "deploy",
    "require_migrated",
]
