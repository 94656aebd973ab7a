"""Routines: persistent functions that queries call.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

from typing import Any, ClassVar, Self

from pydantic import field_validator, model_validator

from datoria_dagster.model.base import Model
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.ident import check_column, check_routine, quote
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Type

MAX_ARGUMENTS = 256


class Argument(Model):
    """An argument of a routine."""

    name: str
    type: Type

    def __init__(self, name: str, type: Type, **unexpected: Any) -> None:
        super().__init__(name=name, type=type, **unexpected)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_column(name)


class ScalarFunction(Model):
    """A SQL scalar function: `body` is an expression over the arguments."""

    kind: ClassVar[str] = "scalar_function"

    dataset: Dataset
    name: str
    arguments: tuple[Argument, ...] = ()
    returns: Type
    body: Sql
    description: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_routine(name)

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if len(self.arguments) > MAX_ARGUMENTS:
            raise ValueError(f"{len(self.arguments)} arguments; BigQuery allows {MAX_ARGUMENTS}.")
        names = [argument.name.lower() for argument in self.arguments]
        if len(set(names)) < len(names):
            raise ValueError("two arguments have the same name (compared without case).")
        self.body.render()
        return self

    @property
    def id(self) -> str:
        """`project.dataset.name`."""
        return f"{self.dataset.id}.{self.name}"

    def render(self, execution: Partition | None) -> str:  # noqa: ARG002
        """Return the qualified, back-quoted name."""
        return quote(self.id)


AnyRoutine = ScalarFunction
