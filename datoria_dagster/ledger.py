"""The append-only history of migrations, and the lease that lets in one at a time.

It lives in the dataset `datoria` of the platform's first project. `migrations` has a row per
event: a migration started, a step had an outcome, a migration finished. `executions` has a row
per execution that left no rows behind, for those leave no partition to be seen.
"""

import getpass
import json
import secrets
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from datoria_dagster.history import Event, History, Migration, fold, moment
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import Table
from datoria_dagster.model.types import INT64, STRING, TIMESTAMP, Field
from datoria_dagster.plan.step import Execute, Rebuild, Rename, Restore, Step
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    PreconditionFailed,
    Ref,
    Resource,
    Warehouse,
)

__all__ = [
    "DATASET",
    "Event",
    "History",
    "Lease",
    "Ledger",
    "LockHeld",
    "Migration",
    "Outcome",
]

DATASET = "datoria"
LEASE_SECONDS = 60
_HOLDER, _UNTIL = "lease-holder", "lease-until"

Status = Literal["done", "failed", "skipped"]


class LockHeld(DatoriaError):
    """Another migration holds the lease."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step. `error` is a sentence, empty unless it failed."""

    step: Step
    status: Status
    error: str = ""


class Ledger:
    """The ledger of a platform. Nothing is created before the first migration."""

    def __init__(self, warehouse: Warehouse, platform: Platform) -> None:
        datasets = platform.of_type(Dataset)
        first = datasets[0] if datasets else Dataset(project="datoria", name="none")
        self._warehouse = warehouse
        self._datasets = frozenset(dataset.id for dataset in datasets)
        self._dataset = Dataset(project=first.project, name=DATASET, location=first.location)
        self._migrations = _table(self._dataset, "migrations", _MIGRATION_FIELDS)
        self._executions = _table(self._dataset, "executions", _EXECUTION_FIELDS)

    def read(self) -> History:
        """Return the history of the platform's datasets; others may share the ledger."""
        rows = self._warehouse.rows(codec.ref(self._migrations))
        ordered = sorted(rows, key=lambda row: (int(row["sequence"]), int(row["event"])))
        return fold(ordered, self._datasets)

    def empty_executions(self) -> Mapping[tuple[str, str], datetime]:
        """Return (job, partition id) → when, for executions that left no rows."""
        rows = self._warehouse.rows(codec.ref(self._executions))
        return {(row["job"], row["partition"]): moment(row["at"]) for row in rows}

    def add_empty_execution(self, job: str, partition: str) -> None:
        """Note that an execution ran and left no rows."""
        self._ensure()
        row = {"job": job, "partition": partition, "at": _now().isoformat()}
        self._warehouse.append(codec.ref(self._executions), [row])

    def start(self, fingerprint: str) -> int:
        """Write that a migration begins, and return its sequence number."""
        sequence = self.read().next_sequence
        datasets = " ".join(sorted(self._datasets))
        values = {"fingerprint": fingerprint, "who": _who(), "datasets": datasets}
        row = _row(sequence, 0, "started", **values)
        self._warehouse.append(codec.ref(self._migrations), [row])
        return sequence

    def finish(self, sequence: int, outcomes: Sequence[Outcome], fingerprint: str) -> None:
        """Write every outcome, and that the migration has ended."""
        rows = [_outcome_row(sequence, n, outcome) for n, outcome in enumerate(outcomes, 1)]
        failed = any(outcome.status != "done" for outcome in outcomes)
        status = "failed" if failed else "done"
        rows.append(_row(sequence, len(rows) + 1, status, fingerprint=fingerprint, who=_who()))
        self._warehouse.append(codec.ref(self._migrations), rows)

    @contextmanager
    def lease(self) -> Generator["Lease"]:
        """Hold the lease while the block runs. Raises LockHeld, saying until when."""
        self._ensure()
        lease = Lease(self._warehouse, codec.ref(self._dataset))
        lease.take()
        try:
            yield lease
        finally:
            lease.release()

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


class Lease:
    """The right to migrate, for LEASE_SECONDS at a time, as labels of the ledger's dataset.

    Who is killed holds it no longer than that. It is taken by compare-and-swap on the etag.
    """

    def __init__(self, warehouse: Warehouse, dataset: Ref) -> None:
        self._warehouse = warehouse
        self._dataset = dataset
        self._holder = secrets.token_hex(8)
        self._until = 0.0

    def take(self) -> None:
        """Take the lease. Raises LockHeld."""
        found = self._read()
        until = int(_labels(found).get(_UNTIL, "0"))
        if until > time.time():
            ends = datetime.fromtimestamp(until, UTC).strftime("%H:%M:%S UTC")
            raise LockHeld(
                f"Another migration is running, or was killed: it holds the lease of "
                f"{self._dataset.id} until {ends}, and longer if it is alive. Try again then."
            )
        self._extend(found)

    def renew(self) -> None:
        """Extend the lease when half of it is over. Raises LockHeld when somebody took it."""
        if self._until - time.time() > LEASE_SECONDS / 2:
            return
        found = self._read()
        if _labels(found).get(_HOLDER) != self._holder:
            raise self._lost()
        self._extend(found)

    def release(self) -> None:
        """Give the lease back, if it is still ours."""
        found = self._read()
        if _labels(found).get(_HOLDER) == self._holder:
            labels = {_HOLDER: None, _UNTIL: None}
            self._warehouse.patch(self._dataset, {"labels": labels}, found.etag)

    def _read(self) -> Resource:
        return self._warehouse.read([self._dataset])[self._dataset]

    def _extend(self, found: Resource) -> None:
        until = int(time.time()) + LEASE_SECONDS
        labels = {_HOLDER: self._holder, _UNTIL: str(until)}
        try:
            self._warehouse.patch(self._dataset, {"labels": labels}, found.etag)
        except PreconditionFailed:
            raise self._lost() from None
        self._until = until

    def _lost(self) -> LockHeld:
        return LockHeld(
            f"Another migration took the lease of {self._dataset.id}. Try again when it has ended."
        )


def _labels(found: Resource) -> dict[str, str]:
    return found.body.get("labels") or {}


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
)
_EXECUTION_FIELDS = (
    Field("job", STRING, required=True),
    Field("partition", STRING, required=True),
    Field("at", TIMESTAMP, required=True),
)


def _table(dataset: Dataset, name: str, fields: tuple[Field, ...]) -> Table:
    return Table(dataset=dataset, name=name, schema=fields)


def _row(sequence: int, event: int, status: str, **values: str) -> dict[str, Any]:
    # Rows with the same keys are written at once.
    empty = dict.fromkeys((field.name for field in _MIGRATION_FIELDS), None)
    said = {"sequence": sequence, "event": event, "at": _now().isoformat(), "status": status}
    return {**empty, **said, **values}


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
        case _:
            pass
    return row


def _now() -> datetime:
    return datetime.now(UTC)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
