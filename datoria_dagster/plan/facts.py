"""What the planner is told of the warehouse: raw resources with etags, and what is ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from datoria_dagster.model.platform import Platform
from datoria_dagster.warehouse.port import Body, Ref, Resource


@dataclass(frozen=True, slots=True)
class Facts:
    """A reading of the warehouse. `sequence` is the number of the next migration.

    `asides` says of a table that is absent where its complete copy is, left by a rebuild that was
    cut off: the platform has the table as if it stood in its place. `renamed` are the columns that
    were renamed before: (object, old path, new name). `surveyed` are known to be as declared, but
    only from bulk metadata: they have no resource, and no step may be planned on them.
    """

    platform: Platform
    resources: Mapping[Ref, Resource] = field(default_factory=dict[Ref, Resource])
    owned: frozenset[Ref] = frozenset()
    sequence: int = 1
    unmanaged: int = 0
    asides: Mapping[str, str] = field(default_factory=dict[str, str])
    renamed: frozenset[tuple[str, str, str]] = frozenset()
    surveyed: frozenset[Ref] = frozenset()

    def etag(self, ref: Ref) -> str:
        """Return the etag that the resource had. Raises KeyError when it did not exist.

        Of what is surveyed it is not known, and empty.
        """
        return "" if ref in self.surveyed else self.resources[ref].etag

    def body(self, ref: Ref) -> Body:
        """Return the raw resource. Raises KeyError when it did not exist."""
        return self.resources[ref].body
