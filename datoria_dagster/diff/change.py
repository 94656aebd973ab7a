"""Every difference that can be stated, as a fact with both sides in it. A closed union."""

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from datoria_dagster.model.base import Model
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.routines import Argument, Body
from datoria_dagster.model.types import Field, Mode, Type

Guard = Literal["ROW_ACCESS_POLICIES", "STREAMING_BUFFER"]
Role = Literal["PARTITIONING", "CLUSTERING", "PRIMARY_KEY", "FOREIGN_KEY"]


class BaseChange(Model):
    """What all changes carry: whose it is, and for a column its dotted path.

    `guards` is what on the live table stands in the way of more than a patch: ROW_ACCESS_POLICIES,
    STREAMING_BUFFER.
    """

    kind: ClassVar[str]

    object: str
    object_kind: str
    path: str = ""
    guards: tuple[Guard, ...] = ()

    @property
    def fact(self) -> str:
        """What a finding and the JSON of a plan call the change."""
        return self.kind

    @property
    def address(self) -> str:
        """What `--allow` names: the object, or the object and the path."""
        return f"{self.object}.{self.path}" if self.path else self.object

    @property
    def column(self) -> str:
        """The top-level column that the path begins with."""
        return self.path.partition(".")[0]

    @property
    def is_nested(self) -> bool:
        """Whether the path leads into a STRUCT."""
        return "." in self.path

    def with_guards(self, guards: tuple[Guard, ...]) -> Self:
        """Return the change with what stands in its way."""
        return self.model_copy(update={"guards": guards})


class ObjectAdded(BaseChange):
    """The object is declared and does not exist."""

    kind: ClassVar[str] = "object_added"
    after: Managed


class ObjectRemoved(BaseChange):
    """The object is ours and left the code."""

    kind: ClassVar[str] = "object_removed"
    before: Managed


class ObjectRenamed(BaseChange):
    """A table has another name. The object is the new one; both sides are ids."""

    kind: ClassVar[str] = "object_renamed"
    before: str
    after: str


class ObjectKindChanged(BaseChange):
    """Something of another kind has the object's name."""

    kind: ClassVar[str] = "object_kind_changed"
    before: Managed
    after: Managed


class DescriptionChanged(BaseChange):
    """An object's description, or with a path a column's."""

    kind: ClassVar[str] = "description_changed"
    before: str
    after: str


class LabelsChanged(BaseChange):
    """An object's labels."""

    kind: ClassVar[str] = "labels_changed"
    before: dict[str, str]
    after: dict[str, str]

    @property
    def was(self) -> str:
        """The side before, in words."""
        return _words(self.before)

    @property
    def becomes(self) -> str:
        """The side after, in words."""
        return _words(self.after)


class OptionChanged(BaseChange):
    """An option of an object, or with a path of a column, by BigQuery's name for it.

    `option` is also the name of the attribute of the model. The sides are in the model's units.
    """

    kind: ClassVar[str] = "option_changed"
    option: str
    before: Any
    after: Any

    @property
    def fact(self) -> str:
        """The option's name and what happened to it, as in `friendly_name_changed`."""
        return f"{self.option}_changed"

    @property
    def was(self) -> str:
        """The side before, in words."""
        return _words(self.before)

    @property
    def becomes(self) -> str:
        """The side after, in words."""
        return _words(self.after)


def _words(value: Any) -> str:
    match value:
        case None | "" | ():
            return "none"
        case dict():
            return ", ".join(f"{key}={text}" for key, text in value.items()) or "none"
        case tuple():
            return ", ".join(map(str, value))
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


class ForeignKeyAdded(BaseChange):
    """A foreign key is declared that the table doesn't have."""

    kind: ClassVar[str] = "foreign_key_added"
    after: ForeignKey


class ForeignKeyRemoved(BaseChange):
    """A foreign key of the table is not declared, or differently."""

    kind: ClassVar[str] = "foreign_key_removed"
    before: ForeignKey


class LocationChanged(BaseChange):
    """A dataset's location."""

    kind: ClassVar[str] = "location_changed"
    before: str
    after: str


class PartitioningChanged(BaseChange):
    """How a table is partitioned."""

    kind: ClassVar[str] = "partitioning_changed"
    before: Partitioning
    after: Partitioning


class ClusteringChanged(BaseChange):
    """How a table is clustered; the order counts."""

    kind: ClassVar[str] = "clustering_changed"
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def both(self) -> str:
        """The two sides in words."""
        was, now = (", ".join(names) or "nothing" for names in (self.before, self.after))
        return f"{now}, was {was}"


class FieldAdded(BaseChange):
    """A column, or a field of a STRUCT, is new."""

    kind: ClassVar[str] = "field_added"
    after: Field


class FieldRemoved(BaseChange):
    """A column, or a field of a STRUCT, is gone.

    `beside` names what is added next to it with the same type and mode: is it a rename? `roles`
    is what the live table uses the column for.
    """

    kind: ClassVar[str] = "field_removed"
    before: Field
    beside: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()

    @property
    def hints(self) -> str:
        """What to declare if it is a rename, per column that it may have become."""
        old = self.before.name
        return " or ".join(f'Field("{new}", …, renamed_from="{old}")' for new in self.beside)


class FieldTypeChanged(BaseChange):
    """A column's type. `in_array`: the column, or a struct above it, is repeated.

    `roles` is what the live table uses the column for.
    """

    kind: ClassVar[str] = "field_type_changed"
    before: Type
    after: Type
    in_array: bool = False
    roles: tuple[Role, ...] = ()


class FieldModeChanged(BaseChange):
    """A column's mode."""

    kind: ClassVar[str] = "field_mode_changed"
    before: Mode
    after: Mode


class FieldDefaultChanged(BaseChange):
    """A column's default value, as GoogleSQL."""

    kind: ClassVar[str] = "field_default_changed"
    before: str | None
    after: str | None


class FieldRenamed(BaseChange):
    """A column has another name. The path ends with the old one; both sides are last names.

    The parents in the path have their new names. `roles` is what the live table uses it for.
    """

    kind: ClassVar[str] = "field_renamed"
    before: str
    after: str
    roles: tuple[Role, ...] = ()


class QueryChanged(BaseChange):
    """A view's query."""

    kind: ClassVar[str] = "query_changed"
    before: str
    after: str


class BodyChanged(BaseChange):
    """A routine's body: its text, its language, or what else belongs to it."""

    kind: ClassVar[str] = "body_changed"
    before: Body
    after: Body


class ArgumentsChanged(BaseChange):
    """A routine's arguments: their number, order, names, types or modes."""

    kind: ClassVar[str] = "arguments_changed"
    before: tuple[Argument, ...]
    after: tuple[Argument, ...]


class ReturnTypeChanged(BaseChange):
    """What a scalar or aggregate function returns. A table function's columns are fields."""

    kind: ClassVar[str] = "return_type_changed"
    before: Type
    after: Type


Change = (
    ObjectAdded
    | ObjectRemoved
    | ObjectRenamed
    | ObjectKindChanged
    | DescriptionChanged
    | LabelsChanged
    | OptionChanged
    | ForeignKeyAdded
    | ForeignKeyRemoved
    | LocationChanged
    | PartitioningChanged
    | ClusteringChanged
    | FieldAdded
    | FieldRemoved
    | FieldRenamed
    | FieldTypeChanged
    | FieldModeChanged
    | FieldDefaultChanged
    | QueryChanged
    | BodyChanged
    | ArgumentsChanged
    | ReturnTypeChanged
)
