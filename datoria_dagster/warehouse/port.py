"""What a warehouse can do for us, in our own types, and how it says no.

Resources are BigQuery's REST resources as dicts: datasets, tables (views too) and routines of
https://docs.cloud.google.com/bigquery/docs/reference/rest. A resource's etag changes with every
change of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from datoria_dagster.model.base import DatoriaError

Body = dict[str, Any]
ResourceKind = Literal["dataset", "table", "routine"]


class WarehouseError(DatoriaError):
    """A warehouse said no, or nothing."""


class NotFound(WarehouseError):
    """404: the object does not exist."""


class AlreadyExists(WarehouseError):
    """409: an object of this name exists."""


class PreconditionFailed(WarehouseError):
    """412: the object changed since its etag was read."""


class Refused(WarehouseError):
    """400: the warehouse can't or won't do this; nothing changed."""


class FilterRequired(Refused):
    """400: a query reads a table without the filter on its partitions that it requires.

    A view's query may be so: its readers add the filter.
    """


class NotSupportedLocally(WarehouseError):
    """BigQuery can do this; the embedded warehouse can't. The message names the construct."""


class Unavailable(WarehouseError):
    """The warehouse can't be reached or opened."""


@dataclass(frozen=True, order=True, slots=True)
class Ref:
    """The address of a resource: `id` is `project.dataset` or `project.dataset.name`."""

    kind: ResourceKind
    id: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Project, dataset and, except for a dataset, name. A project may hold dots and a colon."""
        return tuple(self.id.rsplit(".", 1 if self.kind == "dataset" else 2))

    @property
    def dataset(self) -> "Ref":
        """The dataset that it lives in, or itself."""
        return Ref("dataset", ".".join(self.parts[:2]))


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the warehouse has it."""

    ref: Ref
    body: Body
    etag: str


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """What is known of one partition. `id` is "" for a table without partitions. Times in UTC."""

    id: str
    rows: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Survey:
    """What lists and bulk metadata tell of datasets.

    `members` are all tables, views and routines; `resources` those that a list tells whole.
    `outlines` are bodies, each once, that say all that can be declared, and have no etag: they
    may be a little old, so nothing is planned on them. To be read once; it ends without an error.
    """

    members: tuple[Ref, ...]
    resources: Mapping[Ref, Resource] = field(default_factory=dict[Ref, Resource])
    outlines: Iterator[tuple[Ref, Body]] = field(default_factory=lambda: iter(()))


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a query, with the REST field resources of its output columns."""

    fields: tuple[Body, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a query would do: the REST fields of its output, and how many bytes it would read.

    `bytes` is None where the warehouse can't tell.
    """

    fields: tuple[Body, ...]
    bytes: int | None = None


class Warehouse(ABC):
    """The port. Every verb raises a `WarehouseError`; one that refuses has changed nothing.

    `threads` is how many callers at once are served quicker than one after the other, and
    `maximum_bytes_billed` what one job may read, None for any amount.
    """

    name: str
    threads: int = 1
    maximum_bytes_billed: int | None = None

    @abstractmethod
    def read(self, refs: Iterable[Ref]) -> Mapping[Ref, Resource]:
        """Return those of the resources that exist, in bulk."""

    @abstractmethod
    def list(self, *datasets: str) -> tuple[Ref, ...]:
        """Return the tables, views and routines of datasets, sorted; none of what is not there."""

    def survey(self, datasets: Iterable[str], wanted: Collection[Ref]) -> Survey:  # noqa: ARG002
        """Return what can be known of datasets with few requests, outlines of what is wanted.

        This one knows no more than `list` does; all else is to be read.
        """
        return Survey(self.list(*datasets))

    @abstractmethod
    def create(self, ref: Ref, body: Body) -> Resource:
        """Insert a resource. Raises AlreadyExists, Refused, NotFound (dataset, a view's inputs)."""

    @abstractmethod
    def patch(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Merge into a dataset or table as REST's PATCH does; None deletes a key.

        Raises PreconditionFailed when the etag is not the current one.
        """

    @abstractmethod
    def replace(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Replace a whole resource, as `routines.update` does."""

    @abstractmethod
    def delete(self, ref: Ref, etag: str | None) -> None:
        """Delete a resource (a table with its rows). Raises NotFound, PreconditionFailed."""

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run one DDL statement. GoogleSQL."""

    @abstractmethod
    def validate(self, statement: str) -> None:
        """Find out whether one DDL statement would be refused. Changes nothing."""

    @abstractmethod
    def dry_run(self, query: str) -> DryRun:
        """Validate a SELECT that is meant to run. Costs nothing."""

    @abstractmethod
    def query(self, query: str) -> Result:
        """Run one SELECT and return its rows."""

    @abstractmethod
    def write(self, query: str, destination: Ref, partition: str | None) -> int:
        """Replace a partition (None: the whole table) by a SELECT's rows and return their count.

        Can't create a table or change a schema: columns are matched by name, and a query whose
        columns don't fit is Refused before anything changes. Atomic.
        """

    @abstractmethod
    def count(self, ref: Ref) -> int:
        """Return the number of rows of a table."""

    @abstractmethod
    def partitions(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[PartitionFacts, ...]]:
        """Return the partition facts of tables, by partition id. Metadata only: reads no rows."""

    @abstractmethod
    def policies(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        """Return the row access policies of tables that have any, sorted.

        The embedded warehouse keeps them and what they block; it does not filter rows by them.
        """

    @abstractmethod
    def append(self, ref: Ref, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append JSON rows to a table, without a query. Atomic."""

    @abstractmethod
    def rows(self, ref: Ref) -> tuple[Mapping[str, Any], ...]:
        """Return all rows of a small table, without a query; none if it does not exist."""

    def session(self, label: str = "") -> AbstractContextManager[None]:  # noqa: ARG002
        """Hold what connects us while the block runs: several operations in a row are quicker.

        The `label` marks what runs in the block, where the warehouse keeps a record of it.
        """
        return nullcontext()

    def cancel(self) -> None:
        """Ask the statements and queries that are under way, in any thread, to end.

        Each of them then raises, or has been carried out. What begins afterwards is not affected.
        """
        return

    def page(self, ref: Ref) -> str:  # noqa: ARG002
        """Return the address of a web page that shows a resource, "" where there is none."""
        return ""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that is held."""
