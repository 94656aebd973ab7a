"""Refusals in the form of BigQuery's REST API.

Source: https://docs.cloud.google.com/bigquery/docs/error-messages
"""

from dataclasses import dataclass

from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    NotSupportedLocally,
    PreconditionFailed,
    Refused,
    WarehouseError,
)

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
}
# The HTTP status of a job's error when jobs.query or jobs.getQueryResults answers with it.
_OF_JOBS = {
    "accessDenied": 403,
    "backendError": 400,
    "bytesBilledLimitExceeded": 400,
    "duplicate": 409,
    "internalError": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 400,
}
_RENAMED = {
    "backendError": "jobBackendError",
    "internalError": "jobInternalError",
    "rateLimitExceeded": "jobRateLimitExceeded",
}


@dataclass
class ApiError(Exception):
    """An answer that is no success. `location` is what of the request is wrong, or empty."""

    status: int
    reason: str
    message: str
    location: str = ""

    def __str__(self):
        return f"{self.status} {self.reason}: {self.message}"

    @property
    def proto(self):
        """The ErrorProto, as in a job's errorResult."""
        place = {"location": self.location} if self.location else {}
        return {"reason": self.reason, **place, "message": self.message}

    @property
    def body(self):
        """The body of the response."""
        place = {"locationType": "other"} if self.location else {}
        error = {"message": self.message, "domain": "global", **self.proto, **place}
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "errors": [error],
                "status": _STATUSES[self.status],
            }
        }


def invalid(message, reason="invalid"):
    return ApiError(400, reason, message)


def lacking(what):
    """BigQuery has this and the test server has not; the message names it."""
    return ApiError(501, "notImplemented", f"The test server has no {what}; BigQuery has.")


def of_warehouse(error: WarehouseError, refused="invalid"):
    """Return the answer that says what the warehouse said."""
    text = str(error)
    place = "query" if refused == "invalidQuery" else ""
    match error:
        case NotFound():
            return ApiError(404, "notFound", text)
        case AlreadyExists():
            return ApiError(409, "duplicate", text)
        case PreconditionFailed():
            return ApiError(412, "conditionNotMet", text)
        case NotSupportedLocally():
            return ApiError(501, "notImplemented", text)
        case Refused():
            return ApiError(400, refused, text, place)
        case _:
            return ApiError(503, "backendError", text)


def of_job(error):
    """Return the answer of jobs.query and jobs.getQueryResults to a job that failed."""
    reason = _RENAMED.get(error.reason, error.reason)
    return ApiError(_OF_JOBS.get(error.reason, 400), reason, error.message, error.location)
