"""BigQuery's limits, kept by waiting before a request and not by being refused after it.

Source: https://docs.cloud.google.com/bigquery/quotas
"""

import time
from collections import defaultdict, deque
from dataclasses import dataclass
from threading import Lock
from typing import Protocol


class Clock(Protocol):
    """What tells the time and lets it pass; both in seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` of something in any `seconds`."""

    count: int
    seconds: float


# Requests arrive later than they are sent, some more than others: hence a margin.
_WINDOW = 10.5
# 100 in a second per user and method: in small groups, and some are left to others who share it.
METHOD = Limit(8, 0.1)
METHODS = {"tables.insert": Limit(1, 0.105)}
# Metadata updates of one table: inserts, patches, DDL and the jobs that overwrite it.
TABLE = Limit(5, _WINDOW)
PARTITIONED_TABLE = Limit(50, _WINDOW)
DATASET = Limit(5, _WINDOW)
ROUTINE = Limit(5, _WINDOW)


class _Bucket:
    """The tokens of one limit: a moment is given to each who asks, in the order of asking."""

    def __init__(self, limit: Limit) -> None:
        self._seconds = limit.seconds
        self._given: deque[float] = deque(maxlen=limit.count)

    def reserve(self, now: float) -> float:
        """Return the moment from which the asker may go on."""
        full = len(self._given) == self._given.maxlen
        moment = max(now, self._given[0] + self._seconds) if full else now
        self._given.append(moment)
        return moment


class Quotas:
    """The limits of a user, shared by all threads of a warehouse."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = Lock()
        self._buckets: dict[tuple[str, Limit], _Bucket] = {}
        self._limits: dict[str, Limit] = defaultdict(lambda: TABLE)

    def note_partitioned(self, table: str, *, partitioned: bool) -> None:
        """Remember which of the two limits a table has."""
        self._limits[table] = PARTITIONED_TABLE if partitioned else TABLE

    def pace(self, method: str) -> None:
        """Wait until a method may be called."""
        self._wait(method, METHODS.get(method, METHOD))

    def pace_update(self, kind: str, id_: str) -> None:
        """Wait until a table, dataset or routine may be changed."""
        limit = {"dataset": DATASET, "routine": ROUTINE}.get(kind) or self._limits[id_]
        self._wait(f"{kind} {id_}", limit)

    def _wait(self, name: str, limit: Limit) -> None:
        now = self.clock.now()
        with self._lock:
            bucket = self._buckets.get((name, limit)) or _Bucket(limit)
            self._buckets[name, limit] = bucket
            moment = bucket.reserve(now)
        if moment > now:
            self.clock.sleep(moment - now)
