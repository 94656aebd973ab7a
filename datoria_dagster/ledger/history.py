"""The ledger as a value: what its rows add up to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.warehouse.port import Ref

# Of the rows of the ledger. A newer version may mean something else by them.
VERSION = 3


class NewerLedger(DatoriaError):
    """The ledger was written by a version that knows more than this one."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the history keeps of a step. `backup` is the snapshot that it took."""

    object: str
    object_kind: str
    step: str
    status: str
    statement: str
    error: str
    backup: str


@dataclass(slots=True)
class Migration:
    """A migration of the past. `ended` is None when it was cut off.

    What an older version did not write is empty: `commit`, `approval`, `changes` and `selected`,
    the ids of the part of the declaration that it was for.
    """

    sequence: int
    fingerprint: str
    who: str
    started: datetime
    ended: datetime | None = None
    status: str = "cut off"
    events: tuple[Event, ...] = ()
    commit: str = ""
    approval: Mapping[str, Any] = field(default_factory=dict[str, Any])
    changes: tuple[Mapping[str, str], ...] = ()
    selected: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many steps were done."""
        return sum(event.status == "done" for event in self.events)


@dataclass(frozen=True, slots=True)
class History:
    """The ledger as read: migrations, the newest last, and the resources that are ours.

    `next_sequence` is the number that the next migration gets. `renamed` are the columns that were
    renamed, as (object, old path, new name).
    """

    migrations: tuple[Migration, ...] = ()
    owned: frozenset[Ref] = frozenset()
    next_sequence: int = 1
    renamed: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def applied(self) -> Migration | None:
        """The last migration to a whole declaration that was done, all of it."""
        whole = [found for found in self.done if not found.selected]
        return whole[-1] if whole else None

    @property
    def done(self) -> tuple[Migration, ...]:
        """The migrations that were done, all of what they were for. A restored table is none."""
        return tuple(m for m in self.migrations if m.status == "done" and m.fingerprint)


class _Folded:
    """The state that the rows of the ledger add up to."""

    def __init__(self) -> None:
        self.migrations: dict[int, Migration] = {}
        self.events: dict[int, list[Event]] = {}
        self.owned: set[Ref] = set()
        self.renamed: set[tuple[str, str, str]] = set()

    def add(self, migration: Migration, row: Mapping[str, Any]) -> None:
        """Add a row of a migration: the outcome of a step, or the end."""
        if not row.get("step"):
            migration.status = row["status"]
            migration.ended = moment(row["at"])
            return
        names = ("object", "object_kind", "step", "status", "statement", "error", "backup")
        event = Event(*(str(row.get(name) or "") for name in names))
        self.events.setdefault(migration.sequence, []).append(event)
        ref = Ref(row["resource_kind"], event.object)
        if event.status == "done" and ref.kind != "dataset":
            self._own(ref, event.step, row.get("source") or "")
            self._rename(event.object, json.loads(row.get("renamed") or "[]"))

    def _own(self, ref: Ref, step: str, source: str) -> None:
        match step:
            case "create" | "adopt":
                self.owned.add(ref)
            case "restore":
                self.owned.add(ref)
                self._forget(ref.id)
            case "rename":
                self.owned.discard(Ref(ref.kind, source))
                self.owned.add(ref)
                moved = {(ref.id, old, new) for name, old, new in self.renamed if name == source}
                self._forget(source)
                self.renamed |= moved
            case "drop":
                self.owned.discard(ref)
                self._forget(ref.id)
            case "release":
                self.owned.discard(ref)
            case _:
                pass

    def _rename(self, name: str, columns: Sequence[tuple[str, str]]) -> None:
        # What gets another name now no longer has the one that it got before.
        gone = {old.rpartition(".")[2].lower() for old, _ in columns}
        self.renamed = {
            known for known in self.renamed if known[0] != name or known[2].lower() not in gone
        }
        self.renamed |= {(name, old, new) for old, new in columns}

    def _forget(self, name: str) -> None:
        self.renamed = {known for known in self.renamed if known[0] != name}


def fold(rows: Sequence[Mapping[str, Any]], datasets: frozenset[str]) -> History:
    """Return the history of these datasets; `rows` are those of the ledger, in order.

    Raises NewerLedger.
    """
    if any(int(row.get("version") or 0) > VERSION for row in rows):
        raise NewerLedger(
            "The ledger was written by a newer version of datoria, which may mean something else "
            "by it. Nothing was changed. Update with `pip install --upgrade datoria-dagster`."
        )
    found = _Folded()
    for row in rows:
        sequence = int(row["sequence"])
        if row["status"] == "started":
            if datasets & set((row.get("datasets") or "").split()):
                found.migrations[sequence] = _begun(row)
        elif sequence in found.migrations:
            found.add(found.migrations[sequence], row)
    for sequence, events in found.events.items():
        found.migrations[sequence].events = tuple(events)
    last = max((int(row["sequence"]) for row in rows), default=0)
    # What lives in a dataset that is not declared is not ours to drop.
    ours = frozenset(ref for ref in found.owned if ref.dataset.id in datasets)
    migrations = tuple(found.migrations.values())
    return History(migrations, ours, last + 1, frozenset(found.renamed))


def _begun(row: Mapping[str, Any]) -> Migration:
    return Migration(
        int(row["sequence"]),
        row["fingerprint"],
        row["who"],
        moment(row["at"]),
        commit=row.get("commit") or "",
        approval=json.loads(row.get("approval") or "{}"),
        changes=tuple(json.loads(row.get("changes") or "[]")),
        selected=tuple(json.loads(row.get("selected") or "[]")),
    )


def moment(value: str | datetime) -> datetime:
    """Return a time of the ledger, in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
