"""When a step is taken. Within a phase, what is needed comes before what needs it."""

from enum import IntEnum
from typing import NamedTuple

from datoria_dagster.plan.step import BaseStep


class Phase(IntEnum):
    """The order of a migration: expand, move the code over, contract, tidy up."""

    DATASETS = 0
    UNREFER = 1  # foreign keys that go, or stand in the way
    UNKEY = 2  # primary keys, which nothing refers to any more
    EXPAND = 3  # tables: rename, create, add, relax, widen, rebuild; external tables
    CODE = 4  # views, materialized views and functions: create and change
    PROCEDURES = 5  # they may name all of it
    RETIRE = 6  # code that left the code
    CONTRACT = 7  # tables: drop columns that nothing declared reads any more, expire sooner
    KEYS = 8  # primary keys
    REFERENCES = 9  # foreign keys, which refer to primary keys
    REFRESH = 10  # views whose inputs changed: BigQuery stores their schema when they are issued
    DROP = 11  # tables that left the code
    LEDGER = 12  # adopt, release


class Draft(NamedTuple):
    """A step that has its phase, but not yet its place."""

    phase: Phase
    step: BaseStep
