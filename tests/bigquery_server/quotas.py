"""Quotas by their documented figures, against the server's clock.

Source: https://docs.cloud.google.com/bigquery/quotas
"""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass

from tests.bigquery_server.errors import ApiError

_DAY = 86_400
_WINDOW = 10
_STREAMING = ("tabledata.insertAll",)


@dataclass(frozen=True)
class Quotas:
    """Figures: requests by second and method, updates by 10 seconds, loads by day."""

    requests: int = 100
    jobs_get: int = 1_000
    table_inserts: int = 10
    table_updates: int = 5
    partitioned_table_updates: int = 50
    dataset_updates: int = 5
    routine_updates: int = 5
    table_writes_per_day: int = 1_500


class Meter:
    """Counts what was let through; what was refused doesn't count."""

    def __init__(self, quotas, clock):
        self.quotas = quotas
        self._clock = clock
        self._times = defaultdict(deque)
        self._mutex = threading.Lock()

    def request(self, call):
        """Let a request through, or raise."""
        if self.quotas is None or call in _STREAMING:
            return
        self._spend(("request", call), self._rate(call), 1, _TOO_MANY.format("API requests"))

    def _rate(self, call):
        special = {"tables.insert": self.quotas.table_inserts, "jobs.get": self.quotas.jobs_get}
        return special.get(call, self.quotas.requests)

    def dataset(self, ref):
        if self.quotas is not None:
            message = "too many dataset metadata update operations for this dataset"
            self._spend(
                ref, self.quotas.dataset_updates, _WINDOW, f"Exceeded rate limits: {message}"
            )

    def routine(self, ref):
        if self.quotas is not None:
            message = "too many routine update operations for this routine"
            self._spend(
                ref, self.quotas.routine_updates, _WINDOW, f"Exceeded rate limits: {message}"
            )

    def table(self, ref, *, partitioned):
        """Let an update of a table's metadata through, or raise."""
        if self.quotas is None:
            return
        kind = "partitioned table" if partitioned else "table"
        limit = self.quotas.partitioned_table_updates if partitioned else self.quotas.table_updates
        message = f"Exceeded rate limits: too many {kind} update operations for this table"
        self._spend(ref, limit, _WINDOW, message)

    def write(self, ref):
        """Let a job write a table, or raise: this quota is by day."""
        if self.quotas is not None:
            self._spend(("write", ref), self.quotas.table_writes_per_day, _DAY, "")

    def _spend(self, key, limit, seconds, message):
        with self._mutex:
            times, now = self._times[key], self._clock.now()
            while times and times[0] <= now - seconds:
                times.popleft()
            if len(times) < limit:
                times.append(now)
                return
        if not message:
            raise ApiError(403, "quotaExceeded", _WRITES)
        raise ApiError(403, "rateLimitExceeded", f"{message}. {_MORE}")


_MORE = "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
_TOO_MANY = "Exceeded rate limits: too many {} per user per method for this user_method"
_WRITES = (
    "Quota exceeded: Your table exceeded quota for imports or query appends per table. " + _MORE
)
