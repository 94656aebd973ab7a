"""One order to a warehouse, with what must still be true when it is carried out. A closed union."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator

from datoria_dagster.model.base import Model
from datoria_dagster.warehouse.port import Ref, ResourceKind

ABSENT = "absent"


class BaseStep(Model):
    """What all steps carry. `statement` is for people; the other values are what is done.

    `expects` is the etag of the object, ABSENT, or None where an earlier step of the plan has
    changed the object already.
    """

    object: str
    object_kind: str
    resource_kind: ResourceKind
    statement: str
    expects: str | None = None

    @property
    def ref(self) -> Ref:
        """The address of the resource that the step changes."""
        return Ref(self.resource_kind, self.object)


class _Issue(BaseStep):
    """Send a resource. `returns`: the REST fields that a view's query must turn out to return."""

    body: dict[str, Any]
    returns: tuple[dict[str, Any], ...] | None = None


class Create(_Issue):
    """Insert a resource."""

    kind: Literal["create"] = "create"


class Patch(_Issue):
    """Merge into a resource."""

    kind: Literal["patch"] = "patch"


class Replace(BaseStep):
    """Replace a whole resource."""

    kind: Literal["replace"] = "replace"
    body: dict[str, Any]


class Execute(BaseStep):
    """Run `statement`, which changes metadata only."""

    kind: Literal["execute"] = "execute"


class Snapshot(BaseStep):
    """Run `statement`, which keeps the rows of the object in `copy_id` before they are changed."""

    kind: Literal["snapshot"] = "snapshot"
    copy_id: str


class Rebuild(BaseStep):
    """Run `statement`, which rewrites a table; the number of its rows must stay."""

    kind: Literal["rebuild"] = "rebuild"


class Drop(BaseStep):
    """Delete a resource."""

    kind: Literal["drop"] = "drop"


class Adopt(BaseStep):
    """Write into the ledger that an object that existed before is ours from now on."""

    kind: Literal["adopt"] = "adopt"


class Release(BaseStep):
    """Write into the ledger that an object is no longer ours; it stays as it is."""

    kind: Literal["release"] = "release"


Step = Annotated[
    Create | Patch | Replace | Execute | Snapshot | Rebuild | Drop | Adopt | Release,
    Discriminator("kind"),
]
