"""The append-only history of migrations, in a dataset of its own: `Platform.ledger`.

`migrations` has a row per event: a migration started, a step had an outcome, a migration finished.
`executions` has a row per execution that left no rows behind, for those leave no partition to be
seen, and per execution that a migration overtook. The labels of the dataset say who migrates.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.ledger.commit import commit
from datoria_dagster.ledger.history import VERSION, History, fold, moment
from datoria_dagster.ledger.lease import Holder, Lease, holder, released, user
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import Table
from datoria_dagster.model.types import INT64, STRING, TIMESTAMP, Field
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Execute, Rebuild, Rename, Restore, Snapshot, Step
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import AlreadyExists, Resource, Warehouse

# Of one INSERT; a request may have 10 MB.
# Source: https://docs.cloud.google.com/bigquery/quotas#query_jobs
_ROWS = 1_000

Status = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step. `error` is a sentence, empty unless it failed."""

    step: Step
    status: Status
    error: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of an execution; `partition` is "" where there is none.

    It left no rows (`empty`), or a migration overtook what was written then (`overtaken`).
    """

    job: str
    partition: str
    outcome: Literal["empty", "overtaken"]
    at: datetime


class Ledger:
    """The ledger of a platform. Nothing is created before the first migration."""

    def __init__(self, warehouse: Warehouse, platform: Platform) -> None:
        self._warehouse = warehouse
        self._datasets = frozenset(dataset.id for dataset in platform.of_type(Dataset))
        self._folder = platform.folder
        self._dataset = platform.ledger
        self._migrations = _table(self._dataset, "migrations", _MIGRATION_FIELDS)
        self._executions = _table(self._dataset, "executions", _EXECUTION_FIELDS)

    def read(self) -> History:
        """Return the history of the platform's datasets; others may share the ledger."""
        rows = self._warehouse.rows(codec.ref(self._migrations))
        ordered = sorted(rows, key=lambda row: (int(row["sequence"]), int(row["event"])))
        return fold(ordered, self._datasets)

    def executions(self) -> tuple[Noted, ...]:
        """Return what was noted of executions: what the partitions do not tell themselves."""
        rows = self._warehouse.rows(codec.ref(self._executions))
        return tuple(
            Noted(row["job"], row["partition"], row.get("outcome") or "empty", moment(row["at"]))
            for row in rows
        )

    def note(self, *executions: Noted) -> None:
        """Add to what is noted of executions."""
        self._ensure()
        rows = [{**asdict(noted), "at": noted.at.isoformat()} for noted in executions]
        self._warehouse.append(codec.ref(self._executions), rows)

    def start(self, plan: Plan) -> int:
        """Write that a migration begins, and return its sequence number."""
        sequence = self.read().next_sequence
        row = _row(
            sequence,
            0,
            "started",
            fingerprint=plan.platform_fingerprint,
            selected=json.dumps(plan.selected),
            who=user(),
            datasets=" ".join(sorted(self._datasets)),
            commit=commit(self._folder),
            approval=plan.approval.model_dump_json(),
            changes=json.dumps([_change(finding) for finding in plan.findings]),
        )
        self._warehouse.append(codec.ref(self._migrations), [row])
        return sequence

    def finish(self, sequence: int, outcomes: Sequence[Outcome], fingerprint: str) -> None:
        """Write every outcome, and that the migration has ended."""
        rows = [_outcome_row(sequence, n, outcome) for n, outcome in enumerate(outcomes, 1)]
        failed = any(outcome.status != "done" for outcome in outcomes)
        status = "failed" if failed else "done"
        rows.append(_row(sequence, len(rows) + 1, status, fingerprint=fingerprint, who=user()))
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            self._warehouse.append(codec.ref(self._migrations), part)

    @property
    def id(self) -> str:
        """The id of the ledger's dataset."""
        return self._dataset.id

    def holder(self) -> Holder | None:
        """Return who holds the lease."""
        ref = codec.ref(self._dataset)
        found = self._warehouse.read([ref]).get(ref)
        return holder(found) if found else None

    def release(self, held: Holder) -> None:
        """Take the lease from its holder. Raises LockHeld when it is another one by now."""
        released(codec.ref(self._dataset), held, self._warehouse)

    @contextmanager
    def lease(self) -> Generator["Lease"]:
        """Hold the lease while the block runs. Raises LockHeld, saying who has it."""
        self._ensure()
        lease = Lease(self._warehouse, codec.ref(self._dataset))
        with lease.held():
            yield lease

    def _ensure(self) -> None:
        wanted = (self._dataset, self._migrations, self._executions)
        existing = self._warehouse.read([codec.ref(found) for found in wanted])
        for found in wanted:
            ref = codec.ref(found)
            if ref in existing:
                self._widen(found, existing[ref])
            else:
                try:
                    self._warehouse.create(ref, codec.resource(found))
                except AlreadyExists:
                    continue  # somebody else began at the same time

    def _widen(self, found: Dataset | Table, live: Resource) -> None:
        """Add the columns that a ledger of an older version lacks."""
        if isinstance(found, Table):
            fields = live.body["schema"]["fields"]
            known = {field["name"] for field in fields}
            new = [codec.field_resource(f) for f in found.fields if f.name not in known]
            if new:
                body = {"schema": {"fields": [*fields, *new]}}
                self._warehouse.patch(live.ref, body, live.etag)


_MIGRATION_FIELDS = (
    Field("sequence", INT64, required=True),
    Field("event", INT64, required=True),
    Field("at", TIMESTAMP, required=True),
    Field("status", STRING, required=True),
    Field("fingerprint", STRING),
    Field("datasets", STRING),
    Field("who", STRING),
    Field("object", STRING),
    Field("object_kind", STRING),
    Field("resource_kind", STRING),
    Field("step", STRING),
    Field("statement", STRING),
    Field("error", STRING),
    Field("source", STRING),
    Field("renamed", STRING),
    Field("version", INT64),
    Field("commit", STRING),
    Field("approval", STRING),
    Field("changes", STRING),
    Field("backup", STRING),
    Field("selected", STRING),
)
_EXECUTION_FIELDS = (
    Field("job", STRING, required=True),
    Field("partition", STRING, required=True),
    Field("at", TIMESTAMP, required=True),
    Field("outcome", STRING),
)


# What is kept of a change; what it breaks, and why it matters, is told by the plan.
_CHANGE = ("object", "path", "kind", "severity", "rule", "says")


def _table(dataset: Dataset, name: str, fields: tuple[Field, ...]) -> Table:
    return Table(dataset=dataset, name=name, schema=fields)


def _row(sequence: int, event: int, status: str, **values: str) -> dict[str, Any]:
    # Rows with the same keys are written at once.
    empty = dict.fromkeys((field.name for field in _MIGRATION_FIELDS), None)
    said = {"sequence": sequence, "event": event, "at": _now().isoformat(), "status": status}
    return {**empty, "version": VERSION, **said, **values}


def _change(finding: Finding) -> dict[str, str]:
    return {name: str(getattr(finding, name)) for name in _CHANGE}


def _outcome_row(sequence: int, event: int, outcome: Outcome) -> dict[str, Any]:
    step = outcome.step
    row = _row(
        sequence,
        event,
        outcome.status,
        object=step.object,
        object_kind=step.object_kind,
        resource_kind=step.resource_kind,
        step=step.kind,
        statement=step.statement,
        error=outcome.error,
    )
    match step:
        case Rename() | Restore():
            row["source"] = step.source
        case Execute() | Rebuild() if step.renamed:
            row["renamed"] = json.dumps(step.renamed)
        case Snapshot():
            row["backup"] = step.copy_id
        case _:
            pass
    return row


def _now() -> datetime:
    return datetime.now(UTC)
