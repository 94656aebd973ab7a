"""The platform as a component: `dg scaffold defs datoria_dagster.orchestration.DatoriaComponent`."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import dagster as dg
from dagster.components.component_scaffolding import scaffold_component

from datoria_dagster.orchestration.connection import Connection
from datoria_dagster.orchestration.definitions import build_definitions
from datoria_dagster.orchestration.settings import DatoriaSettings, GitBranch
from datoria_dagster.settings import Settings, load_platform, open_warehouse
from datoria_dagster.warehouse.port import Warehouse
