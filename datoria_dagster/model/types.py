"""BigQuery's column types, by BigQuery's names, and the columns made of them.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-types
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from datoria_dagster.model.base import DeclarationError, Model
from datoria_dagster.model.ident import check_column, quote
from datoria_dagster.model.template import Sql, literal

TypeName = Literal[
    "INT64",
    "FLOAT64",
    "NUMERIC",
    "BIGNUMERIC",
    "BOOL",
    "STRING",
    "BYTES",
    "DATE",
    "DATETIME",
    "TIME",
    "TIMESTAMP",
    "GEOGRAPHY",
    "JSON",
    "INTERVAL",
    "RANGE",
    "STRUCT",
    "ARRAY",
]
Mode = Literal["NULLABLE", "REQUIRED", "REPEATED"]
Collation = Literal["", "und:ci"]
RoundingMode = Literal["ROUND_HALF_AWAY_FROM_ZERO", "ROUND_HALF_EVEN"]
MAX_DEPTH = 15
MAX_DESCRIPTION = 1024
_SIZED = ("STRING", "BYTES")
_POLICY_TAG = re.compile(
    r"projects/[\w.:-]+/locations/[\w-]+/taxonomies/[\w-]+/policyTags/[\w-]+", re.ASCII
)
# name: (most digits before the point, most after it)
_DECIMAL_DIGITS = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}


class Type(Model):
    """One BigQuery type. `max_length` is in characters (STRING) or bytes (BYTES).

    `fields` belong to a STRUCT, `element` to a RANGE or an ARRAY. A column that is an array is
    declared with `Field(repeated=True)`; `ARRAY` is for the arguments of routines.
    """

    name: TypeName
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    element: "Type | None" = None
    fields: "tuple[Field, ...]" = ()

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if self.max_length is not None and self.max_length < 1:
            raise ValueError(f"{self.name}({self.max_length}): the length must be at least 1.")
        if self.name == "STRUCT" and not self.fields:
            raise ValueError("STRUCT needs at least one field.")
        if self.precision is not None:
            self._validate_decimal(self.precision, self.scale or 0)
        check_unique(self.fields)
        return self

    def _validate_decimal(self, precision: int, scale: int) -> None:
        whole, fraction = _DECIMAL_DIGITS[self.name]
        if not (0 <= scale <= fraction and max(1, scale) <= precision <= scale + whole):
            raise ValueError(
                f"{self.name}({precision}, {scale}): the scale is 0 to {fraction}, "
                f"and at most {whole} digits stand before the point."
            )

    def __call__(self, *parameters: int) -> "Type":
        """Return this type with its parameters: `STRING(20)`, `NUMERIC(10, 2)`."""
        if self.name in _SIZED and len(parameters) == 1:
            return Type(name=self.name, max_length=parameters[0])
        if self.name in _DECIMAL_DIGITS and len(parameters) in (1, 2):
            scale = parameters[1] if len(parameters) == 2 else 0  # noqa: PLR2004
            return Type(name=self.name, precision=parameters[0], scale=scale)
        given = ", ".join(map(str, parameters))
        raise DeclarationError(f"{self.name}({given}) is not a type of BigQuery.")

    def __str__(self) -> str:
        """Return the type as GoogleSQL writes it."""
        if self.name == "STRUCT":
            return f"STRUCT<{', '.join(f'{quote(f.name)} {f.sql_type}' for f in self.fields)}>"
        if self.element is not None:
            return f"{self.name}<{self.element}>"
        parameters = [p for p in (self.max_length, self.precision, self.scale or None) if p]
        return f"{self.name}({', '.join(map(str, parameters))})" if parameters else self.name

    def __repr__(self) -> str:
        return str(self)

    @property
    def unparameterized(self) -> "Type":
        """The type without length, precision and scale, at every depth: what a view returns."""
        return Type(
            name=self.name,
            element=self.element and self.element.unparameterized,
            fields=tuple(
                f.model_copy(update={"type": f.type.unparameterized}) for f in self.fields
            ),
        )


def check_unique(fields: "tuple[Field, ...]") -> None:
    """Raise ValueError when two names differ in nothing but case, or hints contradict."""
    names = [field.name.lower() for field in fields]
    if len(set(names)) < len(names):
        twice = next(field.name for field in fields if names.count(field.name.lower()) > 1)
        raise ValueError(f"two columns are called {twice!r} (names are compared without case).")
    _check_hints([field for field in fields if field.renamed_from], fields)


def _check_hints(hinted: "list[Field]", fields: "tuple[Field, ...]") -> None:
    staying = {field.name.lower() for field in fields if not field.renamed_from}
    seen: dict[str, str] = {}
    for field in hinted:
        old = (field.renamed_from or "").lower()
        if old in staying:
            raise ValueError(
                f"{field.name!r} is renamed_from {field.renamed_from!r}, which is declared too. "
                "Remove that column, or the hint."
            )
        if old in seen:
            raise ValueError(
                f"{seen[old]!r} and {field.name!r} are both renamed_from {field.renamed_from!r}. "
                "Keep one of the hints."
            )
        seen[old] = field.name


class Field(Model):
    """A column. `default` is the value of rows that leave it out, for future writes only.

    A default is a Python value (a typed literal) or an expression, `sql("CURRENT_DATE()")`; it is
    kept as GoogleSQL. Source: https://docs.cloud.google.com/bigquery/docs/default-values

    `policy_tag`, `collation` and `rounding_mode` that are None keep what the server has; "" means
    none. `renamed_from` is the name that the column had: a hint, without effect once applied.
    """

    name: str
    type: Type
    required: bool = False
    repeated: bool = False
    description: str = ""
    default: str | None = None
    policy_tag: str | None = None
    collation: Collation | None = None
    rounding_mode: RoundingMode | None = None
    renamed_from: str | None = None

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        type: Type,
        *,
        required: bool = False,
        repeated: bool = False,
        description: str = "",
        default: Sql | bool | float | str | bytes | Decimal | date | datetime | None = None,
        policy_tag: str | None = None,
        collation: Collation | None = None,
        rounding_mode: RoundingMode | None = None,
        renamed_from: str | None = None,
        **unexpected: Any,
    ) -> None:
        super().__init__(
            name=name,
            type=type,
            required=required,
            repeated=repeated,
            description=description,
            default=default,
            policy_tag=policy_tag,
            collation=collation,
            rounding_mode=rounding_mode,
            renamed_from=renamed_from,
            **unexpected,
        )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_column(name)

    @field_validator("renamed_from")
    @classmethod
    def _check_renamed_from(cls, name: str | None) -> str | None:
        return None if name is None else check_column(name)

    @field_validator("policy_tag")
    @classmethod
    def _check_policy_tag(cls, tag: str | None) -> str | None:
        if tag and not _POLICY_TAG.fullmatch(tag):
            raise ValueError(
                f"policy tag {tag!r} must be projects/P/locations/L/taxonomies/T/policyTags/N."
            )
        return tag

    @field_validator("default", mode="before")
    @classmethod
    def _render_default(cls, default: Any) -> str | None:
        return None if default is None else literal(default)

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if self.required and self.repeated:
            raise ValueError("a column is REQUIRED or REPEATED, not both: an array is never NULL.")
        if self.type.name == "ARRAY":
            raise ValueError("an array column is declared with repeated=True.")
        if len(self.description) > MAX_DESCRIPTION:
            raise ValueError(f"a column's description has at most {MAX_DESCRIPTION} characters.")
        self._validate_options()
        return self

    def _validate_options(self) -> None:
        if self.policy_tag is not None and self.type.name == "STRUCT":
            raise ValueError("a policy tag belongs to a leaf field, not to a STRUCT.")
        if self.collation is not None and self.type.name != "STRING":
            raise ValueError(f"collation is for STRING columns; this one is {self.type}.")
        if self.rounding_mode is not None and self.type.name not in _DECIMAL_DIGITS:
            raise ValueError(f"a rounding mode is for NUMERIC columns; this one is {self.type}.")
        if self.renamed_from is not None and self.renamed_from.lower() == self.name.lower():
            raise ValueError("it is renamed_from its own name; leave the hint out.")

    @property
    def mode(self) -> Mode:
        """BigQuery's mode of the column."""
        return "REPEATED" if self.repeated else "REQUIRED" if self.required else "NULLABLE"

    @property
    def sql_type(self) -> str:
        """The type as GoogleSQL writes it inside a STRUCT: `ARRAY<…>` when repeated."""
        return f"ARRAY<{self.type}>" if self.repeated else str(self.type)

    @property
    def value_type(self) -> Type:
        """The type of the column's value: an array when it is repeated."""
        return Type(name="ARRAY", element=self.type) if self.repeated else self.type

    def with_mode(self, mode: Mode) -> "Field":
        """Return the field with another mode."""
        return self.model_copy(
            update={"required": mode == "REQUIRED", "repeated": mode == "REPEATED"}
        )

    def with_fields(self, fields: "tuple[Field, ...]") -> "Field":
        """Return the STRUCT field with other fields."""
        return self.model_copy(update={"type": self.type.model_copy(update={"fields": fields})})


Type.model_rebuild()


def walk(fields: tuple[Field, ...], parent: str = "") -> Iterator[tuple[str, Field]]:
    """Yield every field with its dotted path, parents before children."""
    for field in fields:
        path = f"{parent}{field.name}"
        yield path, field
        yield from walk(field.type.fields, f"{path}.")


def depth(fields: tuple[Field, ...]) -> int:
    """Return how deep the fields nest; a flat list has depth 1, no fields 0."""
    return max((1 + depth(field.type.fields) for field in fields), default=0)


INT64 = Type(name="INT64")
FLOAT64 = Type(name="FLOAT64")
NUMERIC = Type(name="NUMERIC")
BIGNUMERIC = Type(name="BIGNUMERIC")
BOOL = Type(name="BOOL")
STRING = Type(name="STRING")
BYTES = Type(name="BYTES")
DATE = Type(name="DATE")
DATETIME = Type(name="DATETIME")
TIME = Type(name="TIME")
TIMESTAMP = Type(name="TIMESTAMP")
GEOGRAPHY = Type(name="GEOGRAPHY")
JSON = Type(name="JSON")
INTERVAL = Type(name="INTERVAL")


def RANGE(element: Type) -> Type:
    """A range of DATE, DATETIME or TIMESTAMP."""
    if element.name not in ("DATE", "DATETIME", "TIMESTAMP"):
        raise DeclarationError(f"RANGE<{element}>: a range is of DATE, DATETIME or TIMESTAMP.")
    return Type(name="RANGE", element=element)


def ARRAY(element: Type) -> Type:
    """An array, for the arguments and results of routines. A column uses `repeated=True`."""
    return Type(name="ARRAY", element=element)


def STRUCT(*fields: "Field") -> Type:
    """A struct of fields, which may be structs again: `STRUCT(Field("city", STRING))`."""
    return Type(name="STRUCT", fields=fields)
