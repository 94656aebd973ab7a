"""A dataset: where relations and routines live."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from datoria_dagster.model.base import Model
from datoria_dagster.model.ident import (
    check_dataset,
    check_kms_key,
    check_labels,
    check_location,
    check_project,
)
from datoria_dagster.model.types import Collation, RoundingMode


class Dataset(Model):
    """A dataset. Its location can't be changed once it exists.

    The defaults are for tables that are created later. Of `max_time_travel_hours` and what follows
    it, None keeps what the server has.
    Source: https://docs.cloud.google.com/bigquery/docs/datasets-intro
    """

    kind: ClassVar[str] = "dataset"

    project: str
    name: str
    location: str = "US"
    description: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    friendly_name: str = ""
    default_table_expiration_days: float | None = Field(default=None, gt=0)
    default_partition_expiration_days: float | None = Field(default=None, gt=0)
    max_time_travel_hours: int | None = Field(default=None, ge=48, le=168, multiple_of=24)
    default_collation: Collation | None = None
    default_rounding_mode: RoundingMode | None = None
    default_kms_key_name: str | None = None
    storage_billing_model: Literal["LOGICAL", "PHYSICAL"] | None = None

    @field_validator("project")
    @classmethod
    def _check_project(cls, project: str) -> str:
        return check_project(project)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_dataset(name)

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        return check_labels(labels)

    @field_validator("location")
    @classmethod
    def _fold_location(cls, location: str) -> str:
        # The API answers in the case that it was given; "EU" and "eu" are one place.
        check_location(location)
        return location.upper() if location.lower() in ("us", "eu") else location.lower()

    @field_validator("default_kms_key_name")
    @classmethod
    def _check_kms_key(cls, name: str | None) -> str | None:
        return check_kms_key(name) if name else name

    @property
    def id(self) -> str:
        """`project.dataset`."""
        return f"{self.project}.{self.name}"
