"""Who asks BigQuery: application default credentials, a service account's file, impersonation.

Source: https://docs.cloud.google.com/docs/authentication/application-default-credentials. What is
in a file is in no message.
"""

import os
from pathlib import Path

import google.auth
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from datoria_dagster.warehouse.bigquery.options import Options
from datoria_dagster.warehouse.port import Unavailable

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# The client itself sends its requests to the address that this one names.
_EMULATOR = "BIGQUERY_EMULATOR_HOST"
_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_ACCOUNT = "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"
# A file with the wrong content fails in all of these ways.
_UNREADABLE = (GoogleAuthError, OSError, ValueError, AttributeError, KeyError, TypeError)


def credentials(options: Options) -> tuple[Credentials, str | None]:
    """Return the credentials, and the project that they name. Raises Unavailable."""
    if is_emulated():
        return AnonymousCredentials(), None
    if options.credentials is None:
        found, project = _default()
    else:
        found, project = _of_file(options.credentials)
    account = _impersonated(options)
    if account is None:
        return found, project
    return impersonated_credentials.Credentials(found, account, list(_SCOPES)), project


def is_emulated() -> bool:
    """Tell whether requests go to a stand-in of BigQuery, which asks nobody who calls."""
    return bool(os.environ.get(_EMULATOR))


def described(options: Options) -> str:
    """Return whose credentials are used, for messages."""
    account, file = _impersonated(options), options.credentials or os.environ.get(_FILE)
    source = f"the credentials of {file}" if file else "the application default credentials"
    return f"{account} (impersonated with {source})" if account else source


def _impersonated(options: Options) -> str | None:
    return options.impersonate or os.environ.get(_ACCOUNT) or None


def _of_file(path: Path) -> tuple[Credentials, str | None]:
    try:
        found = service_account.Credentials.from_service_account_file(str(path), scopes=_SCOPES)
    except _UNREADABLE as error:
        raise _unreadable(path, "credentials = … under [tool.datoria]", error) from None
    return found, found.project_id


def _default() -> tuple[Credentials, str | None]:
    try:
        return google.auth.default(scopes=_SCOPES)
    except _UNREADABLE as error:
        if named := os.environ.get(_FILE):
            raise _unreadable(Path(named), _FILE, error) from None
        raise Unavailable(
            "There are no Google credentials, or they can't be read. Run "
            "`gcloud auth application-default login`, or name the file of a service account: "
            f"credentials = … under [tool.datoria], or {_FILE}."
        ) from None


def _unreadable(path: Path, named_by: str, error: Exception) -> Unavailable:
    what = "is not the file of a service account"
    if not path.exists():
        what = "does not exist"
    elif isinstance(error, OSError):
        what = f"can't be read ({error.strerror})"
    return Unavailable(
        f"{path}, which {named_by} names, {what}. Name a service account's key as Google Cloud "
        "gave it, or leave the setting out and run `gcloud auth application-default login`."
    )
