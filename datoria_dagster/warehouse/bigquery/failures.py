"""What went wrong on the way to BigQuery or there, and the sentence that says it.

Sources: https://docs.cloud.google.com/bigquery/docs/error-messages (reasons),
https://googleapis.dev/python/google-api-core/latest/exceptions.html (what the client raises).
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth

from datoria_dagster.warehouse.port import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    Refused,
    Unavailable,
    WarehouseError,
)

# "lost": nobody knows whether the server acted. "busy": it did not, and says to come back.
# "expired": it did not; the client gets a new token. "final": the same request fails again.
Nature = Literal["lost", "busy", "expired", "final"]

BUSY = ("rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded")
BROKEN = ("backendError", "internalError", "badGateway", "jobBackendError", "jobInternalError")
_REASONS: dict[int, str] = {
    401: "authError",
    403: "accessDenied",
    404: "notFound",
    409: "duplicate",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_DISABLED = re.compile(
    r"has not been used in project|it is disabled|API is not enabled", re.IGNORECASE
)
# What BigQuery quotes of the data when a value does not fit.
_ABOUT_VALUES = re.compile(
    r"\b(bad \w+|could not (cast|parse|convert)|invalid (date|time|datetime|timestamp|interval|"
    r"numeric|json|value)|out of range|overflow|division by zero|too long|while reading data|"
    r"value has length|cannot be cast|failed to parse)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_TAIL = re.compile(r"((?:value|by zero|overflow|range): )(?!Could|Cannot|Invalid).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is none: BigQuery's reason and message, "" without one."""

    nature: Nature
    reason: str
    message: str

    @staticmethod
    def of(error: Exception) -> "Failure | None":
        """Return what an exception of the client means; None when it is not the client's."""
        match error:
            case GoogleAPICallError():
                return _answered(error)
            case requests.exceptions.SSLError():
                return Failure("final", "tls", "")
            case auth.TransportError() | requests.RequestException() | ConnectionError():
                return Failure("lost", "connection", "")
            case auth.GoogleAuthError():
                return Failure("busy" if error.retryable else "final", "credentials", "")
            case ValueError():  # a body that is cut off is no JSON
                return Failure("lost", "connection", "")
            case _:
                return None

    @staticmethod
    def of_job(result: dict[str, Any]) -> "Failure":
        """Return what a job's errorResult means."""
        reason = str(result.get("reason", ""))
        nature: Nature = "busy" if reason in BUSY else "lost" if reason in BROKEN else "final"
        return Failure(nature, reason, without_values(str(result.get("message", ""))))

    def error(self, target: str, project: str) -> WarehouseError:
        """Return the error that a caller sees; it names the target and the next step."""
        said = self.message or f"BigQuery refused {target}."
        match self.reason:
            case "notFound":
                return _not_found(said)
            case "duplicate":
                return AlreadyExists(said)
            case "conditionNotMet":
                return PreconditionFailed(f"{target} has changed since it was read. Plan again.")
            case _ if self.reason in _NEXT_STEPS or self.nature != "final":
                return Unavailable(self._unavailable(target, project, said))
            case _:
                return Refused(said)

    def _unavailable(self, target: str, project: str, said: str) -> str:
        reason = self.reason
        if reason == "accessDenied" and _DISABLED.search(self.message):
            reason = "accessNotConfigured"
        text = _NEXT_STEPS.get(reason, _NEXT_STEPS["connection"])
        return text.format(target=target, project=project, said=said)


_NEXT_STEPS = {
    "connection": "BigQuery gave no answer about {target}, though it was asked several times. "
    "Check the network and run this again: it goes on from what is true.",
    "backendError": "BigQuery failed while it worked on {target}: it may or may not have been "
    "carried out. Run this again: it goes on from what is true.",
    "tls": "The connection to BigQuery is not trusted: its certificate can't be verified. "
    "Check the proxy and the certificates of this machine.",
    "credentials": "The Google credentials don't work: they are missing, expired or revoked. Run "
    "`gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name the file "
    "of a service account. To impersonate one, the role Service Account Token Creator is needed.",
    "authError": "BigQuery doesn't accept the credentials: they have expired or were revoked. Run "
    "`gcloud auth application-default login` and try again.",
    "accessDenied": "{said} Ask for a role that holds the permission, or use other credentials.",
    "accessNotConfigured": "The BigQuery API is disabled in the project {project}. Enable it with "
    "`gcloud services enable bigquery.googleapis.com --project {project}`, wait a minute and try "
    "again.",
    "billingNotEnabled": "The project {project} has no billing account, which this needs. Link "
    "one, or run jobs in another project: project = … under [tool.datoria].",
    "quotaExceeded": "{said} A quota is used up, so nothing more was tried. What was done stays "
    "done; run this again when the quota is free, or ask for a higher one.",
    "rateLimitExceeded": "{said} BigQuery kept refusing for its rate. What was done stays done; "
    "run this again later.",
    "stopped": "The job on {target} was cancelled. Run this again when it may run.",
    "bytesBilledLimitExceeded": "{said} Raise maximum-bytes-billed under [tool.datoria], or read "
    "less.",
}
_NEXT_STEPS.update(
    {
        **dict.fromkeys(BROKEN, _NEXT_STEPS["backendError"]),
        **dict.fromkeys(BUSY, _NEXT_STEPS["rateLimitExceeded"]),
        **dict.fromkeys(("forbidden", "insufficientPermissions"), _NEXT_STEPS["accessDenied"]),
    }
)


def without_values(message: str) -> str:
    """Return BigQuery's message without the values of rows that it may quote."""
    if not _ABOUT_VALUES.search(message):
        return message
    return _TAIL.sub(r"\1…", _QUOTED.sub("'…'", message))


def _answered(error: GoogleAPICallError) -> Failure:
    status = int(error.code or 0)
    details: list[Any] = [found for found in error.errors if isinstance(found, dict)]
    first: dict[str, Any] = details[0] if details else {}
    fallback = "backendError" if status >= _SERVER_ERROR else _REASONS.get(status, "invalid")
    reason = str(first.get("reason") or fallback)
    message = str(first.get("message") or _without_address(error.message))
    return Failure(_nature(status, reason), reason, message)


def _nature(status: int, reason: str) -> Nature:
    if reason in BUSY:
        return "busy"
    if status == _NOT_IMPLEMENTED:
        return "final"
    if status >= _SERVER_ERROR or reason in BROKEN:
        return "lost"
    return "expired" if status == 401 else "final"  # noqa: PLR2004  # Unauthorized


def _without_address(message: str | None) -> str:
    # The client begins with the verb and the address of the request.
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", message or "")


def _not_found(said: str) -> WarehouseError:
    if said.startswith("Not found: Project"):
        return Unavailable(
            f"{said.rstrip('.')}. There is no such project, or these credentials can't see it. "
            "Correct the project of the declared datasets, or use other credentials."
        )
    return NotFound(said)
