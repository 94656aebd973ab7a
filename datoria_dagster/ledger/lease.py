"""The right to migrate, for a minute at a time, as labels of the ledger's dataset.

It is taken, renewed and released by compare-and-swap on the dataset's etag. Who is killed holds it
until it runs out; who loses it finds out before the next step.
"""

import getpass
import os
import re
import secrets
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.warehouse.port import (
    PreconditionFailed,
    Ref,
    Resource,
    Warehouse,
    WarehouseError,
)

LEASE_SECONDS = 60
# For how long it is taken to be ours without looking.
VERIFY_SECONDS = 5
BEAT_SECONDS = 10
_TRIES = 3
_HOLDER, _SINCE, _UNTIL = "lease-holder", "lease-since", "lease-until"
_USER, _HOST, _PROCESS = "lease-user", "lease-host", "lease-process"
_LABELS = (_HOLDER, _SINCE, _UNTIL, _USER, _HOST, _PROCESS)
# https://docs.cloud.google.com/bigquery/docs/labels-intro#requirements
_NOT_IN_LABELS = re.compile(r"[^a-z0-9_-]")
_LABEL_LENGTH = 63


class LockHeld(DatoriaError):
    """Another migration holds the lease, or took it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, with the etag of the dataset that says so. Times in UTC."""

    token: str
    user: str
    host: str
    process: str
    since: datetime
    until: datetime
    etag: str

    @property
    def who(self) -> str:
        """User, computer and process, for people."""
        return f"{self.user} on {self.host} (process {self.process})" if self.user else "somebody"

    @property
    def has_run_out(self) -> bool:
        """Whether the next migration takes it over."""
        return self.until.timestamp() <= time.time()


def holder(found: Resource) -> Holder | None:
    """Return who holds the lease, as the labels of the ledger's dataset say."""
    labels: dict[str, str] = found.body.get("labels") or {}
    if not labels.get(_HOLDER):
        return None
    until = _moment(labels.get(_UNTIL, "0"))
    return Holder(
        labels[_HOLDER],
        *(labels.get(label, "") for label in (_USER, _HOST, _PROCESS)),
        since=_moment(labels.get(_SINCE, "0")),
        until=until,
        etag=found.etag,
    )


def released(dataset: Ref, held: Holder, warehouse: Warehouse) -> None:
    """Take the lease from its holder, who stops at the next step. Raises LockHeld."""
    try:
        warehouse.patch(dataset, {"labels": dict.fromkeys(_LABELS)}, held.etag)
    except PreconditionFailed:
        raise LockHeld(
            f"The lease of {dataset.id} has changed since it was read: its holder is alive, or "
            "another one took it. Look again with `datoria lock show`."
        ) from None


class Lease:
    """The lease of one migration. Threads may use it freely."""

    def __init__(self, warehouse: Warehouse, dataset: Ref) -> None:
        self._warehouse = warehouse
        self._dataset = dataset
        self._mutex = Lock()
        self._token = secrets.token_hex(8)
        self._since = self._until = self._verified = 0.0

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the lease while the block runs, however long a statement takes. Raises LockHeld."""
        self.take()
        ended = Event()
        heart = Thread(target=self._beat, args=(ended,), name="datoria-lease", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
            self.release()

    def take(self) -> None:
        """Take the lease, also from one who let it run out. Raises LockHeld."""
        found = self._read()
        held = holder(found)
        if held is not None and not held.has_run_out:
            raise LockHeld(
                f"Another migration is running: {held.who} holds the lease of {self._dataset.id} "
                f"until {held.until:%H:%M:%S} UTC, and longer if it is alive. Try again then; "
                "`datoria lock show` tells more."
            )
        self._since = time.time()
        try:
            self._extend(found)
        except PreconditionFailed:
            raise self._lost(holder(self._read())) from None

    def verify(self) -> None:
        """Make sure that the lease is ours, and for longer than a moment. Raises LockHeld."""
        with self._mutex:
            now = time.time()
            recent = 0 <= now - self._verified < VERIFY_SECONDS
            if not recent or self._is_half_over(now):
                self._check(now)

    def renew(self) -> None:
        """Extend the lease when half of it is over. Raises LockHeld."""
        with self._mutex:
            now = time.time()
            if self._is_half_over(now):
                self._verified = 0.0
                self._check(now)

    def release(self) -> None:
        """Give the lease back, if it is still ours. If that fails, it runs out."""
        with self._mutex, suppress(WarehouseError, LockHeld):
            held = holder(self._read())
            if held is not None and held.token == self._token:
                released(self._dataset, held, self._warehouse)

    def _beat(self, ended: Event) -> None:
        while not ended.wait(BEAT_SECONDS):
            # What is wrong is found by the next step, which looks again then.
            with suppress(DatoriaError):
                self.renew()

    def _is_half_over(self, now: float) -> bool:
        return self._until - now <= LEASE_SECONDS / 2

    def _check(self, now: float) -> None:
        for _ in range(_TRIES):
            found = self._read()
            held = holder(found)
            if held is None or held.token != self._token:
                raise self._lost(held)
            try:
                if self._is_half_over(now):
                    self._extend(found)
            except PreconditionFailed:
                continue  # somebody may have changed something else of the dataset
            self._verified = now
            return
        raise self._lost(None)

    def _read(self) -> Resource:
        return self._warehouse.read([self._dataset])[self._dataset]

    def _extend(self, found: Resource) -> None:
        now = int(time.time())
        labels = {
            _HOLDER: self._token,
            _SINCE: str(int(self._since)),
            _UNTIL: str(now + LEASE_SECONDS),
            _USER: _label(user()),
            _HOST: _label(socket.gethostname()),
            _PROCESS: str(os.getpid()),
        }
        self._warehouse.patch(self._dataset, {"labels": labels}, found.etag)
        self._until, self._verified = now + LEASE_SECONDS, time.time()

    def _lost(self, held: Holder | None) -> LockHeld:
        if held is None:
            return LockHeld(
                f"The lease of {self._dataset.id} was taken away, by `datoria lock release` or "
                "another migration. Migrate again when nobody else does."
            )
        return LockHeld(
            f"Another migration took the lease of {self._dataset.id}: {held.who} holds it until "
            f"{held.until:%H:%M:%S} UTC. Try again when it has ended."
        )


def user() -> str:
    """Return who works here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _label(text: str) -> str:
    return _NOT_IN_LABELS.sub("-", text.lower())[:_LABEL_LENGTH]


def _moment(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)  # not ours: as if it had run out
