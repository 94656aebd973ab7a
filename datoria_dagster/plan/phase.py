"""When a step is taken. Within a phase, what is needed comes before what needs it."""

from enum import IntEnum
from typing import NamedTuple

from datoria_dagster.plan.step import BaseStep


class Phase(IntEnum):
    """The order of a migration: expand, move the code over, contract, tidy up."""

    DATASETS = 0
    EXPAND = 1  # tables: create, add, relax, widen, rebuild
    CODE = 2  # views and functions: create and change
    RETIRE = 3  # views and functions that left the code
    CONTRACT = 4  # tables: drop columns that nothing declared reads any more
    REFRESH = 5  # views whose inputs changed: BigQuery stores their schema when they are issued
    DROP = 6  # tables that left the code
    LEDGER = 7  # adopt, release


class Draft(NamedTuple):
    """A step that has its phase, but not yet its place."""

    phase: Phase
    step: BaseStep
