"""A dataset: where relations and routines live."""

from typing import ClassVar

from pydantic import Field, field_validator

from datoria_dagster.model.base import Model
from datoria_dagster.model.ident import check_dataset, check_labels, check_project


class Dataset(Model):
    """A dataset. Its location can't be changed once it exists.

    Source: https://docs.cloud.google.com/bigquery/docs/datasets-intro
    """

    kind: ClassVar[str] = "dataset"

    project: str
    name: str
    location: str = "US"
    description: str = ""
    labels: dict[str, str] = Field(default_factory=dict)

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
        return location.upper() if location.lower() in ("us", "eu") else location.lower()

    @property
    def id(self) -> str:
        """`project.dataset`."""
        return f"{self.project}.{self.name}"
