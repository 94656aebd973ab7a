"""What went wrong on the way to BigQuery or there, and the sentence that says it.

Sources: https://docs.cloud.google.com/bigquery/docs/error-messages (reasons),
https://googleapis.dev/python/google-api-core/latest/exceptions.html (what the client raises).
"""

import re
import traceback
from dataclasses import dataclass
from typing import Any, Literal

import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth

from datoria_dagster.warehouse.bigquery.values import without_values
from datoria_dagster.warehouse.port import (
    AlreadyExists,
    FilterRequired,
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
_TUNNEL = "Tunnel connection failed"
_WHO = "the Google credentials"
_NOT_IMPLEMENTED = 501
_DISABLED = re.compile(
    r"has not been used in project|it is disabled|API is not enabled", re.IGNORECASE
)
_CLOCK = re.compile(r"used too (early|late)|short-lived token|reasonable timeframe", re.IGNORECASE)
_IMPERSONATION = re.compile(r"impersonated|getAccessToken|iamcredentials", re.IGNORECASE)
# "Permission bigquery.tables.get denied on …", "does not have bigquery.jobs.create permission".
_PERMISSION = re.compile(
    r"[Pp]ermission (bigquery\.\w+\.\w+) denied|not have (bigquery\.\w+\.\w+) permission"
)
# A role that holds it: https://docs.cloud.google.com/bigquery/docs/access-control
_ROLES = (
    ("bigquery.jobs.", "roles/bigquery.jobUser"),
    ("bigquery.datasets.create", "roles/bigquery.user"),
    ("bigquery.datasets.get", "roles/bigquery.metadataViewer"),
    ("bigquery.datasets.", "roles/bigquery.dataOwner"),
    ("bigquery.rowAccessPolicies.", "roles/bigquery.dataOwner"),
    ("bigquery.tables.getData", "roles/bigquery.dataViewer"),
    ("bigquery.tables.get", "roles/bigquery.metadataViewer"),
    ("bigquery.tables.list", "roles/bigquery.metadataViewer"),
    ("bigquery.routines.get", "roles/bigquery.metadataViewer"),
    ("bigquery.routines.list", "roles/bigquery.metadataViewer"),
    ("bigquery.", "roles/bigquery.dataEditor"),
)


class Foreign(Exception):
    """An answer that is not BigQuery's."""


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
            case auth.GoogleAuthError():
                return _unauthorized(error)
            case requests.exceptions.SSLError():
                return Failure("final", "tls", "")
            case requests.exceptions.ProxyError():
                return Failure("final" if _TUNNEL in str(error) else "lost", "proxy", "")
            case Foreign() | AttributeError() if _is_foreign(error):
                return _FOREIGN
            case requests.exceptions.JSONDecodeError() if _is_page(error.doc):
                return _FOREIGN
            case requests.RequestException() | ConnectionError():
                return Failure("lost", "connection", "")
            case ValueError():  # a body that is cut off is no JSON
                return Failure("lost", "connection", "")
            case _:
                return None

    @staticmethod
    def of_job(result: dict[str, Any], sql: str = "") -> "Failure":
        """Return what a job's errorResult means; `sql` is what the job ran."""
        reason = str(result.get("reason", ""))
        nature: Nature = "busy" if reason in BUSY else "lost" if reason in BROKEN else "final"
        return Failure(nature, reason, without_values(str(result.get("message", "")), sql))

    def error(self, target: str, project: str, who: str = _WHO) -> WarehouseError:
        """Return the error that a caller sees; it names the target and the next step.

        `who` says whose credentials were used.
        """
        said = self.message or f"BigQuery refused {target}."
        match self.reason:
            case "notFound":
                return _not_found(said)
            case "duplicate":
                return AlreadyExists(said)
            case "conditionNotMet":
                return PreconditionFailed(f"{target} has changed since it was read. Plan again.")
            case _ if self.reason in _NEXT_STEPS or self.nature != "final":
                return Unavailable(self._unavailable(target, project, said, who))
            case _:
                required = "without a filter over column" in said
                return FilterRequired(said) if required else Refused(said)

    def _unavailable(self, target: str, project: str, said: str, who: str) -> str:
        reason = self.reason
        if reason == "accessDenied" and _DISABLED.search(self.message):
            reason = "accessNotConfigured"
        text = _NEXT_STEPS.get(reason, _NEXT_STEPS["connection"])
        return text.format(target=target, project=project, said=said, who=who, role=_role(said))


_FOREIGN = Failure("final", "foreign", "")
_NO_ANSWER = Failure("lost", "connection", "")
_NEXT_STEPS = {
    "connection": "BigQuery gave no answer about {target}, though it was asked several times. "
    "Check the network and run this again: it goes on from what is true.",
    "backendError": "BigQuery failed while it worked on {target}: it may or may not have been "
    "carried out. Run this again: it goes on from what is true.",
    "tls": "The connection to BigQuery is not trusted: its certificate can't be verified. "
    "Check the proxy and the certificates of this machine.",
    "proxy": "The proxy did not connect to BigQuery. Check HTTPS_PROXY and what the proxy allows: "
    "bigquery.googleapis.com and oauth2.googleapis.com.",
    "foreign": "What answered about {target} is not BigQuery: a proxy, or the sign-in page of a "
    "network. Check HTTPS_PROXY, or sign in to the network, and try again.",
    "credentials": "Google refuses {who}: they have expired or were revoked. Run "
    "`gcloud auth application-default login`, or use a valid key of a service account.",
    "clock": "Google refuses {who}: the clock of this machine is off. Set the clock and try again.",
    "impersonation": "Google refuses to act as {who}. Check the name of the service account, and "
    "ask for the role Service Account Token Creator on it.",
    "impersonationDisabled": "To act as {who}, enable the IAM Service Account Credentials API: "
    "`gcloud services enable iamcredentials.googleapis.com` in the project of the account.",
    "authError": "BigQuery doesn't accept {who}: they have expired or were revoked. Run "
    "`gcloud auth application-default login`, or use a valid key of a service account.",
    "accessDenied": "{said} This ran with {who}. {role}",
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


def _answered(error: GoogleAPICallError) -> Failure:
    status = int(error.code or 0)
    details: list[Any] = [found for found in error.errors if isinstance(found, dict)]
    first: dict[str, Any] = details[0] if details else {}
    fallback = "backendError" if status >= _SERVER_ERROR else _REASONS.get(status, "invalid")
    reason = str(first.get("reason") or fallback)
    said = str(first.get("message") or _without_address(error.message))
    if _is_page(said):
        # Google's own front answers with a page too when it is out of order.
        return Failure("lost", reason, "") if status >= _SERVER_ERROR else _FOREIGN
    return Failure(_nature(status, reason), reason, said)


def _is_page(text: str) -> bool:
    return text.lstrip().startswith("<")


def _is_foreign(error: Exception) -> bool:
    """Tell whether the client tripped over a refusal that has not BigQuery's form."""
    if isinstance(error, Foreign):
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1].f_globals.get("__name__") == "google.api_core.exceptions"


def _unauthorized(error: auth.GoogleAuthError) -> Failure:
    """Return why there is no token. Nothing was sent to BigQuery then."""
    cause = error.__cause__
    if isinstance(cause, requests.RequestException):
        return Failure.of(cause) or _NO_ANSWER
    if isinstance(error, auth.TransportError):
        return _NO_ANSWER
    said = str(error)
    if _CLOCK.search(said):
        return Failure("final", "clock", "")
    reason = "impersonation" if _IMPERSONATION.search(said) else "credentials"
    if reason == "impersonation" and _DISABLED.search(said):
        reason = "impersonationDisabled"
    return Failure("busy" if error.retryable else "final", reason, "")


def _role(said: str) -> str:
    """Return whom to ask for what, from the permission that BigQuery names, if it does."""
    found = _PERMISSION.search(said)
    if found is None:
        return "Ask for a role that allows it, or use other credentials."
    permission = found[1] or found[2]
    role = next(role for prefix, role in _ROLES if permission.startswith(prefix))
    return f"Ask for a role that holds {permission}, as {role}, or use other credentials."


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
