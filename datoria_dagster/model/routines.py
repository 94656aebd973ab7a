"""Routines: functions that queries call, and procedures.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from datoria_dagster.model.base import Model
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.declared import Declared
from datoria_dagster.model.ident import check_column, check_connection, check_routine, quote
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field, Type, check_unique, walk

MAX_ARGUMENTS = 256
ArgumentMode = Literal["IN", "OUT", "INOUT"]


class Argument(Model):
    """An argument of a routine. `mode` is for procedures, `aggregate=False` for aggregates."""

    name: str
    type: Type
    mode: ArgumentMode = "IN"
    aggregate: bool = True

    def __init__(
        self,
        name: str,
        type: Type,
        *,
        mode: ArgumentMode = "IN",
        aggregate: bool = True,
        **unexpected: Any,
    ) -> None:
        super().__init__(name=name, type=type, mode=mode, aggregate=aggregate, **unexpected)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_column(name)


class JavaScript(Model):
    """A body in JavaScript: `JavaScript("return x + 1;")`. `libraries` are `gs://…` files.

    `deterministic` that is None keeps what the server takes it for.
    """

    code: str
    libraries: tuple[str, ...] = ()
    deterministic: bool | None = None

    def __init__(self, code: str, **given: Any) -> None:
        super().__init__(code=code, **given)


class Remote(Model):
    """A body that runs at an HTTPS endpoint. `connection` is `project.location.name`."""

    connection: str
    endpoint: str
    max_batching_rows: int | None = None
    user_defined_context: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it

    @field_validator("connection")
    @classmethod
    def _check_connection(cls, name: str) -> str:
        return check_connection(name)

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if not self.endpoint.startswith("https://"):
            raise ValueError(f"endpoint {self.endpoint!r} must be an https:// address.")
        return self


Body = Sql | JavaScript | Remote


class Routine(Declared):
    """What all routines have."""

    kind: ClassVar[str]

    dataset: Dataset
    name: str
    arguments: tuple[Argument, ...] = ()
    description: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_routine(name)

    @model_validator(mode="after")
    def _validate_arguments(self) -> Self:
        if len(self.arguments) > MAX_ARGUMENTS:
            raise ValueError(f"{len(self.arguments)} arguments; BigQuery allows {MAX_ARGUMENTS}.")
        names = [argument.name.lower() for argument in self.arguments]
        if len(set(names)) < len(names):
            raise ValueError("two arguments have the same name (compared without case).")
        for argument in self.arguments:
            if argument.mode != "IN" and self.kind != "procedure":
                raise ValueError(f"argument {argument.name!r} is {argument.mode}: not a procedure.")
            if argument.type.name == "INT64" and isinstance(
                getattr(self, "body", None), JavaScript
            ):
                raise ValueError(
                    f"argument {argument.name!r} is INT64, which JavaScript doesn't have in "
                    "BigQuery. Take FLOAT64 or STRING."
                )
            if not argument.aggregate and self.kind != "aggregate_function":
                raise ValueError(f"argument {argument.name!r}: aggregate=False is for aggregates.")
        return self

    @property
    def id(self) -> str:
        """`project.dataset.name`."""
        return f"{self.dataset.id}.{self.name}"

    @property
    def query(self) -> Sql | None:
        """The SQL that the routine consists of; None for one in another language."""
        body = getattr(self, "body", None)
        return body if isinstance(body, Sql) else None

    @property
    def text(self) -> str:
        """The SQL or JavaScript of its body; nothing for a remote function."""
        body = getattr(self, "body", None)
        if isinstance(body, JavaScript):
            return body.code
        return body.render() if isinstance(body, Sql) else ""

    def render(self, execution: Partition | None) -> str:  # noqa: ARG002
        """Return the qualified, back-quoted name."""
        return quote(self.id)


class ScalarFunction(Routine):
    """A scalar function: `body` is an expression over the arguments, JavaScript, or remote."""

    kind: ClassVar[str] = "scalar_function"

    returns: Type
    body: Sql | JavaScript | Remote

    @model_validator(mode="after")
    def _validate_body(self) -> Self:
        _ = self.text
        return self


class AggregateFunction(Routine):
    """An aggregate function: `body` is an aggregate expression over the arguments, or JavaScript.

    Source: https://docs.cloud.google.com/bigquery/docs/user-defined-aggregates
    """

    kind: ClassVar[str] = "aggregate_function"

    returns: Type
    body: Sql | JavaScript

    @model_validator(mode="after")
    def _validate_body(self) -> Self:
        _ = self.text
        return self


class TableFunction(Routine):
    """A table function: `body` is a query over the arguments, `returns` the columns it yields.

    Source: https://docs.cloud.google.com/bigquery/docs/table-functions
    """

    kind: ClassVar[str] = "table_function"

    returns: tuple[Field, ...]
    body: Sql

    @model_validator(mode="after")
    def _validate_returns(self) -> Self:
        if not self.returns:
            raise ValueError("a table function returns at least one column.")
        check_unique(self.returns)
        for path, field in walk(self.returns):
            bare = Field(field.name, field.type, repeated=field.repeated)
            if field != bare or field.type.max_length or field.type.precision:
                raise ValueError(f"column {path!r} has a name and a bare type, nothing else.")
        _ = self.text
        return self


class Procedure(Routine):
    """A stored procedure: `body` is a list of statements, without BEGIN and END.

    `strict_mode`: BigQuery refuses a body that names what does not exist.
    Source: https://docs.cloud.google.com/bigquery/docs/procedures
    """

    kind: ClassVar[str] = "procedure"

    body: Sql
    strict_mode: bool = True

    @model_validator(mode="after")
    def _validate_body(self) -> Self:
        _ = self.text
        return self


AnyRoutine = ScalarFunction | AggregateFunction | TableFunction | Procedure
