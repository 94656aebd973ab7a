"""What can be set about the way to BigQuery."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How BigQuery is reached, and how much a job may read.

    Jobs run in `project`; without one, in the project of what they are about. `credentials` is
    the file of a service account, in place of the application default credentials; `impersonate`
    is the service account whose rights are borrowed. A job that would bill more than
    `maximum_bytes_billed` fails before it reads anything.
    Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job
    """

    project: str | None = None
    credentials: Path | None = None
    impersonate: str | None = None
    maximum_bytes_billed: int | None = None
