"""What a warehouse can do for us, in our own types, and how it says no.

Resources are BigQuery's REST resources as dicts: datasets, tables (views too) and routines of
https://docs.cloud.google.com/bigquery/docs/reference/rest. A resource's etag changes with every
change of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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
class Result:
    """Rows of a query, with the REST field resources of its output columns."""

    fields: tuple[Body, ...]
    rows: tuple[tuple[Any, ...], ...]


class Warehouse(ABC):
    """The port. Every verb raises a `WarehouseError`; one that refuses has changed nothing."""

    name: str

    @abstractmethod
    def read(self, refs: Iterable[Ref]) -> Mapping[Ref, Resource]:
        """Return those of the resources that exist, in bulk."""

    @abstractmethod
    def list(self, dataset: str) -> tuple[Ref, ...]:
        """Return the tables, views and routines of a dataset, sorted; none if it does not exist."""

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
    def dry_run(self, query: str) -> tuple[Body, ...]:
        """Validate a SELECT and return the REST fields of its output. Costs nothing."""

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

    def session(self) -> AbstractContextManager[None]:
        """Hold what connects us while the block runs: several operations in a row are quicker."""
        return nullcontext()

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that is held."""
