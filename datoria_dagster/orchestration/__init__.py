"""The only door to Dagster."""

from datoria_dagster.orchestration.definitions import build_definitions
from datoria_dagster.orchestration.deploy import deploy
from datoria_dagster.orchestration.translator import AssetData, DatoriaTranslator

__all__ = ["AssetData", "DatoriaTranslator", "build_definitions", "deploy"]
