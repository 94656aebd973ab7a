"""The ledger as a value: what its rows add up to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datoria_dagster.warehouse.port import Ref


@dataclass(frozen=True, slots=True)
class Event:
    """What the history keeps of a step."""

    object: str
    object_kind: str
    step: str
    status: str
    statement: str
    error: str


@dataclass(slots=True)
class Migration:
    """A migration of the past. `ended` is None when it was cut off."""

    sequence: int
    fingerprint: str
    who: str
    started: datetime
    ended: datetime | None = None
    status: str = "cut off"
    events: tuple[Event, ...] = ()


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
        """The last migration that was done, all of it. A table that was restored is none."""
        done = [found for found in self.migrations if found.status == "done" and found.fingerprint]
        return done[-1] if done else None


class _Folded:
    """The state that the rows of the ledger add up to."""

    def __init__(self) -> None:
        self.migrations: dict[int, Migration] = {}
        self.owned: set[Ref] = set()
        self.renamed: set[tuple[str, str, str]] = set()

    def add(self, migration: Migration, row: Mapping[str, Any]) -> None:
        """Add a row of a migration: the outcome of a step, or the end."""
        if not row.get("step"):
            migration.status = row["status"]
            migration.ended = moment(row["at"])
            return
        names = ("object", "object_kind", "step", "status", "statement", "error")
        event = Event(*(str(row.get(name) or "") for name in names))
        migration.events = (*migration.events, event)
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
    """Return the history of these datasets; `rows` are those of the ledger, in order."""
    found = _Folded()
    for row in rows:
        sequence = int(row["sequence"])
        if row["status"] == "started":
            if datasets & set((row.get("datasets") or "").split()):
                started = moment(row["at"])
                migration = Migration(sequence, row["fingerprint"], row["who"], started)
                found.migrations[sequence] = migration
        elif sequence in found.migrations:
            found.add(found.migrations[sequence], row)
    last = max((int(row["sequence"]) for row in rows), default=0)
    # What lives in a dataset that is not declared is not ours to drop.
    ours = frozenset(ref for ref in found.owned if ref.dataset.id in datasets)
    migrations = tuple(found.migrations.values())
    return History(migrations, ours, last + 1, frozenset(found.renamed))


def moment(value: str | datetime) -> datetime:
    """Return a time of the ledger, in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
