"""Every difference that can be stated, as a fact with both sides in it. A closed union."""

from typing import ClassVar

from datoria_dagster.model.base import Model
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.routines import Argument
from datoria_dagster.model.types import Field, Mode, Type


class BaseChange(Model):
    """What all changes carry: whose it is, and for a column its dotted path."""

    kind: ClassVar[str]

    object: str
    object_kind: str
    path: str = ""

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


class ObjectAdded(BaseChange):
    """The object is declared and does not exist."""

    kind: ClassVar[str] = "object_added"
    after: Managed


class ObjectRemoved(BaseChange):
    """The object is ours and left the code."""

    kind: ClassVar[str] = "object_removed"
    before: Managed


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
    """A column, or a field of a STRUCT, is gone."""

    kind: ClassVar[str] = "field_removed"
    before: Field


class FieldTypeChanged(BaseChange):
    """A column's type. `in_array`: the column, or a struct above it, is repeated."""

    kind: ClassVar[str] = "field_type_changed"
    before: Type
    after: Type
    in_array: bool = False


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


class QueryChanged(BaseChange):
    """A view's query."""

    kind: ClassVar[str] = "query_changed"
    before: str
    after: str


class BodyChanged(BaseChange):
    """A function's body."""

    kind: ClassVar[str] = "body_changed"
    before: str
    after: str


class ArgumentsChanged(BaseChange):
    """A function's arguments: their number, order, names or types."""

    kind: ClassVar[str] = "arguments_changed"
    before: tuple[Argument, ...]
    after: tuple[Argument, ...]


class ReturnTypeChanged(BaseChange):
    """What a function returns."""

    kind: ClassVar[str] = "return_type_changed"
    before: Type
    after: Type


Change = (
    ObjectAdded
    | ObjectRemoved
    | ObjectKindChanged
    | DescriptionChanged
    | LabelsChanged
    | LocationChanged
    | PartitioningChanged
    | ClusteringChanged
    | FieldAdded
    | FieldRemoved
    | FieldTypeChanged
    | FieldModeChanged
    | FieldDefaultChanged
    | QueryChanged
    | BodyChanged
    | ArgumentsChanged
    | ReturnTypeChanged
)
