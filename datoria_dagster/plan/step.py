"""One order to a warehouse, with what must still be true when it is carried out. A closed union."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator

from datoria_dagster.judge.verdict import BACKUP_DAYS
from datoria_dagster.model.base import Model
from datoria_dagster.warehouse.port import Ref, ResourceKind

ABSENT = "absent"
# The path that a column had, and its new last name.
ColumnRename = tuple[str, str]


class BaseStep(Model):
    """What all steps carry. `statement` is for people; the other values are what is done.

    `expects` is the etag of the object, ABSENT, or None where an earlier step of the plan has
    changed the object already. Steps of one `level` on different objects don't need one another;
    levels follow one another.
    """

    object: str
    object_kind: str
    resource_kind: ResourceKind
    statement: str
    expects: str | None = None
    level: int = 0

    @property
    def ref(self) -> Ref:
        """The address of the resource that the step changes."""
        return Ref(self.resource_kind, self.object)

    @property
    def expectations(self) -> dict[Ref, str]:
        """The etag, or ABSENT, of each resource whose state the step depends on."""
        return {} if self.expects is None else {self.ref: self.expects}


class _FromSource(BaseStep):
    """A step that makes the object of another one, `source`, which it expects to be unchanged."""

    source: str
    source_expects: str | None = None

    @property
    def source_ref(self) -> Ref:
        """The address of what the object is made of."""
        return Ref(self.resource_kind, self.source)

    @property
    def expectations(self) -> dict[Ref, str]:
        """The etag, or ABSENT, of each resource whose state the step depends on."""
        found = super().expectations
        if self.source_expects is not None:
            found[self.source_ref] = self.source_expects
        return found


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
    """Run `statement`, which changes metadata only.

    `returns` are the REST fields that `query`, of a materialized view, must turn out to return;
    `renamed` are the columns that get another name.
    """

    kind: Literal["execute"] = "execute"
    query: str = ""
    returns: tuple[dict[str, Any], ...] | None = None
    renamed: tuple[ColumnRename, ...] = ()


class Rename(_FromSource):
    """Run `statement`, which gives the table `source` the name of the object."""

    kind: Literal["rename"] = "rename"


class Snapshot(BaseStep):
    """Run `statement`, which keeps the rows of the object in `copy_id` before they are changed.

    They are kept for `days`.
    """

    kind: Literal["snapshot"] = "snapshot"
    copy_id: str
    days: int = BACKUP_DAYS


class Rebuild(BaseStep):
    """Copy a table into one that is made by `body`, which then takes its place.

    `insert` copies all rows, those that match `condition` if there is one; `partition` is the
    partition that a row of the old table goes to, as an expression, "" if there are none.
    `renamed` are the columns that get another name. `bytes` is what the copy reads by an estimate
    of the warehouse, None where it has none; `affordable`: no more than a job may read.
    """

    kind: Literal["rebuild"] = "rebuild"
    aside_id: str
    body: dict[str, Any]
    insert: str
    condition: str = ""
    partition: str = ""
    renamed: tuple[ColumnRename, ...] = ()
    bytes: int | None = None
    affordable: bool = True


class Restore(_FromSource):
    """Run `statement`, which makes the table anew as it is in the snapshot `source`."""

    kind: Literal["restore"] = "restore"


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
    Create
    | Patch
    | Replace
    | Execute
    | Rename
    | Snapshot
    | Rebuild
    | Restore
    | Drop
    | Adopt
    | Release,
    Discriminator("kind"),
]
