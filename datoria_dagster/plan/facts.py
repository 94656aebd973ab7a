"""What the planner is told of the warehouse: raw resources with etags, and what is ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from datoria_dagster.model.platform import Platform
from datoria_dagster.warehouse.port import Body, Ref, Resource


@dataclass(frozen=True, slots=True)
class Facts:
    """A reading of the warehouse. `sequence` is the number of the next migration."""

    platform: Platform
    resources: Mapping[Ref, Resource] = field(default_factory=dict[Ref, Resource])
    owned: frozenset[Ref] = frozenset()
    sequence: int = 1
    unmanaged: int = 0

    def etag(self, ref: Ref) -> str:
        """Return the etag that the resource had. Raises KeyError when it did not exist."""
        return self.resources[ref].etag

    def body(self, ref: Ref) -> Body:
        """Return the raw resource. Raises KeyError when it did not exist."""
        return self.resources[ref].body
