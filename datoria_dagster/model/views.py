"""What is made of a query and read like a table: views and materialized views.

Source: https://docs.cloud.google.com/bigquery/docs/views-intro and
https://docs.cloud.google.com/bigquery/docs/materialized-views-intro
"""

from datetime import timedelta
from typing import ClassVar, Self

import pydantic
from pydantic import model_validator

from datoria_dagster.model.tables import Clustered, Labelled
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field, walk


class View(Labelled):
    """A logical view. Its schema is a contract: the names and types that the query returns."""

    kind: ClassVar[str] = "view"

    query: Sql

    @model_validator(mode="after")
    def _validate_columns(self) -> Self:
        _check_columns(self.fields)
        self.query.render()  # a view has no execution date: fails here and not in production
        return self


class MaterializedView(Clustered):
    """A materialized view. Its query can't be changed: another one is another view in its place."""

    kind: ClassVar[str] = "materialized_view"

    query: Sql
    enable_refresh: bool = True
    refresh_interval_minutes: float = pydantic.Field(default=30, ge=1, le=7 * 24 * 60)
    max_staleness: timedelta | None = None
    allow_non_incremental_definition: bool = False

    @model_validator(mode="after")
    def _validate_columns(self) -> Self:
        _check_columns(self.fields)
        for path, field in walk(self.fields):
            if field.description:
                raise ValueError(
                    f"column {path!r} has a description, but a materialized view's columns can't."
                )
        self.query.render()
        return self


def _check_columns(fields: tuple[Field, ...]) -> None:
    for path, field in walk(fields):
        if field.required:
            raise ValueError(f"column {path!r} is required, but a view's columns never are.")
        if field.default is not None:
            raise ValueError(f"column {path!r} has a default, but a view stores no rows.")
        if field.type.max_length or field.type.precision:
            bare = field.type.unparameterized
            raise ValueError(f"column {path!r} is {field.type}, but a view returns {bare}.")
        if field.policy_tag or field.renamed_from or field.collation or field.rounding_mode:
            raise ValueError(
                f"column {path!r} of a view has a name, a type and a description, nothing else."
            )
