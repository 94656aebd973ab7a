"""Declarative automation: a condition per job asset, as an alternative to the schedule."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg

from datoria_dagster import gate
from datoria_dagster.model.jobs import Job
from datoria_dagster.orchestration import runs
from datoria_dagster.orchestration.connection import Connection, opened
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.ticks import INTERVAL_SECONDS
from datoria_dagster.run.executions import stale
from datoria_dagster.run.graph import upstream_jobs
from datoria_dagster.warehouse.port import Warehouse

NAME = "automation"
# As many as Dagster evaluates in one sensor with conditions of our own.
_MOST = 500

_Due = Mapping[str, frozenset[str]]


@dataclass
class Board:
    """What is due, read from the warehouse once in a tick, however many assets ask for it."""

    graph: Graph
    connection: Connection
    _read: dict[datetime, _Due] = field(default_factory=dict)

    def due(self, job: Job, now: datetime) -> frozenset[str] | None:
        """Return the ids of a job's due partitions, "" where it has none; None: nothing is due."""
        if now not in self._read:
            with opened(self.connection) as warehouse:
                self._read = {now: _due(self.graph, warehouse, now)}
        return self._read[now].get(job.name)


def _due(graph: Graph, warehouse: Warehouse, now: datetime) -> _Due:
    platform = graph.platform
    found = runs.by_job(stale(platform, warehouse, now))
    waiting = {f"job:{name}" for name in found}
    ready = {
        job.id: frozenset(partition.id for partition in wanted) or frozenset({""})
        for job, wanted in found.values()
        if not waiting & set(upstream_jobs(platform, job))
    }
    if not ready or gate.is_migrated(gate.pending(platform, list(ready), warehouse)):
        return {name.removeprefix("job:"): wanted for name, wanted in ready.items()}
    return {
        name.removeprefix("job:"): wanted
        for name, wanted in ready.items()
        if gate.is_migrated(gate.pending(platform, [name], warehouse))
    }


class Due(dg.AutomationCondition[dg.AssetKey]):
    """True for the partitions of a job that are stale, when no upstream job is and it may run.

    It asks the warehouse, and not Dagster's event log: for what changed there outside of Dagster,
    through views, as `invalidated_by_changes`, `ignoring_changes` and the cooldown say. Nothing is
    due while a migration of what the job touches is pending; what changed meanwhile is due then.
    """

    def __init__(self, job: Job, board: Board) -> None:
        self._job, self._board = job, board

    @property
    def name(self) -> str:
        return "due"

    @property
    def description(self) -> str:
        return "Stale in the warehouse, with nothing stale upstream and no migration pending"

    def evaluate(
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        due = self._board.due(self._job, context.evaluation_time)
        asked = context.candidate_subset
        if due is None:
            return dg.AutomationResult(context, context.get_empty_subset())
        if self._job.start is not None:
            known = asked.expensively_compute_partition_keys()
            asked = asked.compute_intersection_with_partition_keys(due & known)
        return dg.AutomationResult(context, asked)


def with_automation(graph: Graph, connection: Connection) -> Graph:
    """Return the graph, with a condition on each job asset that has none of a translator's."""
    board = Board(graph, connection)
    filled = {
        job.destination.id: spec.replace_attributes(automation_condition=_condition(job, board))
        for job, spec in graph.jobs
        if spec.automation_condition is None
    }
    return Graph(graph.platform, graph.migration, graph.schemas, {**graph.data, **filled})


def _condition(job: Job, board: Board) -> dg.AutomationCondition[dg.AssetKey]:
    # What was asked for is not asked for again before it is due anew: a run that fails is left
    # to people.
    condition, asked = Due(job, board), dg.AutomationCondition
    handled = asked.newly_requested() | asked.newly_updated()
    return condition.newly_true().since(handled) & condition & ~asked.in_progress()


def build_automation_sensors(graph: Graph) -> Iterator[dg.SensorDefinition]:
    """Yield the sensors that evaluate the conditions; they are off until they are switched on."""
    keys = [spec.key for _, spec in graph.jobs]
    for start in range(0, len(keys), _MOST):
        with warnings.catch_warnings():
            # Dagster's daemon knows no condition of our own; where it does, is marked as beta.
            warnings.simplefilter("ignore", dg.BetaWarning)
            yield dg.AutomationConditionSensorDefinition(
                f"{NAME}_{start // _MOST + 1}" if start else NAME,
                target=dg.AssetSelection.assets(*keys[start : start + _MOST]),
                run_tags=runs.ledger_tags(graph.platform),
                use_user_code_server=True,
                minimum_interval_seconds=INTERVAL_SECONDS,
                description="Runs what is stale, upstream first, while no migration is pending.",
            )
