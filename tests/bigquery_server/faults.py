"""A script of faults: which request fails, how, and whether the server had acted by then."""

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.bigquery_server.errors import ApiError
from tests.bigquery_server.messages import Response, answer

_API = "BigQuery API has not been used in project acme before or it is disabled. Enable it by "
_TOKEN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential."
)
_UNAVAILABLE = ApiError(503, "backendError", "Service Unavailable: visit the status dashboard.")
_RATE = "Exceeded rate limits: too many API requests per user per method for this user_method."
# Answers in place of acting.
REFUSALS = {
    "unavailable": _UNAVAILABLE,
    "bad_gateway": ApiError(502, "badGateway", "Bad Gateway"),
    "internal": ApiError(
        500,
        "internalError",
        "An internal error occurred and the request could "
        "not be completed. This is usually caused by a transient issue.",
    ),
    "rate_limited": ApiError(403, "rateLimitExceeded", _RATE),
    "too_many_requests": ApiError(429, "rateLimitExceeded", _RATE),
    "quota_exceeded": ApiError(
        403, "quotaExceeded", "Quota exceeded: Your project exceeded quota."
    ),
    "access_denied": ApiError(
        403, "accessDenied", "Access Denied: Permission denied, or it may not exist."
    ),
    "api_disabled": ApiError(403, "accessNotConfigured", _API + "visiting the console."),
    "precondition_failed": ApiError(412, "conditionNotMet", "Precondition check failed."),
    "expired_token": ApiError(401, "authError", _TOKEN, "Authorization"),
}
# What happens to the answer of a server that has acted.
LOSSES = ("reset_after", "unavailable_after", "slow", "truncated", "malformed")
KINDS = (*REFUSALS, "reset_before", *LOSSES, "job_failed")
_BROKEN = {
    "reset_before": "reset",
    "reset_after": "reset",
    "slow": "timeout",
    "truncated": "truncated",
}


@dataclass(frozen=True)
class Fault:
    """One line of the script.

    `match` is a pattern (as of a file name) over "method address": "tables.patch *.orders",
    "jobs.insert *", "*". The first `skip` matches are spared, the next `times` (None: all) fail.
    "slow" answers when the client has given up; "job_failed" is a backendError of the job itself.
    """

    match: str
    kind: str
    times: int | None = 1
    skip: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; those are {', '.join(KINDS)}.")


class Script:
    """The faults that are still to come."""

    def __init__(self, faults=()):
        self._faults = [[fault, 0] for fault in faults]
        self._mutex = threading.Lock()

    def add(self, *faults):
        with self._mutex:
            self._faults += [[fault, 0] for fault in faults]

    def clear(self):
        with self._mutex:
            self._faults.clear()

    def take(self, call):
        """Return the kind of fault that this call meets, or empty. Every line counts its own."""
        text, kind = f"{call.name} {call.address}", ""
        with self._mutex:
            for line in self._faults:
                fault, seen = line
                if not fnmatchcase(text, fault.match):
                    continue
                line[1] += 1
                last = None if fault.times is None else fault.skip + fault.times
                if seen >= fault.skip and (last is None or seen < last):
                    kind = kind or fault.kind
        return kind


def damaged(kind, response):
    """Return what becomes of an answer that a fault meets on its way."""
    if kind == "unavailable_after":
        return of_error(_UNAVAILABLE)
    body = response.body[: len(response.body) // 2] if kind == "malformed" else response.body
    return Response(response.status, response.headers, body, _BROKEN.get(kind, ""))


def of_error(error):
    """Return an error as a response."""
    return answer(error.status, error.body)
