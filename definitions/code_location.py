"""The platform as Dagster assets: `dagster dev` loads this module."""

from datoria_dagster.orchestration import build_definitions
from definitions import platform

defs = build_definitions(platform)
