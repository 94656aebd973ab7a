"""The embedded warehouse: the port over one DuckDB file, or memory."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, assert_never

from datoria_dagster.warehouse.local import kinds
from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.objects import changes, policies, routines, streaming, tables
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.local.rows import contents, jsonrows, partitions, physical
from datoria_dagster.warehouse.local.store import WAIT_SECONDS, Store
from datoria_dagster.warehouse.port import (
    Body,
    DryRun,
    PartitionFacts,
    Ref,
    Refused,
    Resource,
    ResourceKind,
    Result,
    Warehouse,
)


class LocalWarehouse(Warehouse):
    """BigQuery's behaviour on this machine. Without a path it lives in memory.

    A file is shared: other processes wait up to `wait` seconds for it, then raise Unavailable.
    Instances of one process that have the same path are one; threads may use them freely.
    """

    name = "local"

    def __init__(self, path: Path | None = None, *, wait: float = WAIT_SECONDS) -> None:
        self.path = path
        self._store = Store(path, wait)

    @contextmanager
    def session(self, label: str = "") -> Generator[None]:  # noqa: ARG002
        """Keep the file open for several operations: quicker, but no other process gets it."""
        with self._store.session():
            yield

    def cancel(self) -> None:
        """Interrupt what DuckDB does in any thread; it is undone."""
        self._store.cancel()

    def read(self, refs: Iterable[Ref]) -> Mapping[Ref, Resource]:
        """Return those of the resources that exist."""
        wanted = tuple(refs)
        if not wanted or self._store.absent:
            return {}
        with self._store.reading() as catalog:
            return catalog.find_all(wanted)

    def list(self, *datasets: str) -> tuple[Ref, ...]:
        """Return the tables, views and routines of datasets."""
        if self._store.absent:
            return ()
        with self._store.reading() as catalog:
            found = [catalog.members(dataset) for dataset in dict.fromkeys(datasets)]
        return tuple(sorted(ref for members in found for ref in members))

    def create(self, ref: Ref, body: Body) -> Resource:
        """Insert a resource."""
        with self._store.writing() as catalog:
            match ref.kind:
                case "dataset":
                    return changes.create_dataset(catalog, ref, body)
                case "table":
                    return tables.create(catalog, ref, body)
                case "routine":
                    return routines.create(catalog, ref, body)
                case _:
                    assert_never(ref.kind)

    def patch(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Merge into a dataset or table."""
        with self._store.writing() as catalog:
            current = catalog.get_current(ref, etag)
            match ref.kind:
                case "dataset":
                    return changes.patch_dataset(catalog, current, body)
                case "table":
                    return tables.patch(catalog, current, body)
                case "routine":
                    # https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
                    raise Refused(f"{ref.id}: a routine can't be patched; replace it as a whole.")
                case _:
                    assert_never(ref.kind)

    def replace(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Replace a whole routine."""
        if ref.kind != "routine":
            raise Refused(f"{ref.id} is a {ref.kind}; only a routine can be replaced as a whole.")
        with self._store.writing() as catalog:
            current = catalog.get_current(ref, etag)
            return routines.replace(catalog, current, body)

    def delete(self, ref: Ref, etag: str | None) -> None:
        """Delete a resource, with its rows; a dataset must be empty."""
        with self._store.writing() as catalog:
            changes.delete(catalog, catalog.get_current(ref, etag))

    def execute(self, statement: str) -> None:
        """Run one DDL statement."""
        from datoria_dagster.warehouse.local.objects import statements  # noqa: PLC0415  # imports sqlglot
        from datoria_dagster.warehouse.local.syntax import ddl  # noqa: PLC0415  # imports sqlglot

        parsed = ddl.parse(statement)
        with self._store.writing() as catalog:
            statements.run(catalog, parsed)

    def validate(self, statement: str) -> None:
        """Carry out one DDL statement and undo it."""
        from datoria_dagster.warehouse.local.objects import statements  # noqa: PLC0415  # imports sqlglot
        from datoria_dagster.warehouse.local.syntax import ddl  # noqa: PLC0415  # imports sqlglot

        parsed = ddl.parse(statement)
        with self._store.reading() as catalog:
            statements.run(catalog, parsed)

    def dry_run(self, query: str) -> DryRun:
        """Return the REST fields of a SELECT's output."""
        from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

        with self._store.reading() as catalog:
            cursor = catalog.cursor.execute(googlesql.dry_query(catalog, query))
            return DryRun(outputs.fields(cursor))

    def query(self, query: str) -> Result:
        """Run one SELECT and return its rows; structs are dicts, JSON is text."""
        from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

        with self._store.reading() as catalog:
            cursor = catalog.cursor.execute(googlesql.query(catalog, query))
            fields = outputs.fields(cursor)
            rows = cursor.fetchall()
        return Result(fields, tuple(tuple(map(outputs.plain, row)) for row in rows))

    def write(self, query: str, destination: Ref, partition: str | None) -> int:
        """Replace a partition, or the whole table, by a SELECT's rows."""
        from datoria_dagster.warehouse.local.queries import googlesql  # noqa: PLC0415  # imports sqlglot

        with self._store.writing() as catalog:
            table = _writable(catalog, destination)
            if partition is not None:
                partitions.check_id(destination, table.body, partition)
            stage = contents.from_query(catalog, table, googlesql.query(catalog, query))
            if partition is None:
                return contents.replace_all(catalog, table, stage)
            return contents.replace_partition(catalog, table, stage, partition)

    def count(self, ref: Ref) -> int:
        """Return the number of rows of a table."""
        with self._store.reading() as catalog:
            table = catalog.get(ref)
            kinds.check_stored(table)
            sql = f"SELECT count(*) FROM {physical.table_name(ref)}"
            row = catalog.cursor.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def partitions(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[PartitionFacts, ...]]:
        """Return the partition facts of those tables that have any."""
        wanted = {ref.id: ref for ref in refs}
        if not wanted or self._store.absent:
            return {}
        with self._store.reading() as catalog:
            return {wanted[id_]: facts for id_, facts in catalog.facts(wanted).items()}

    def policies(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        """Return the row access policies of those tables that have any; rows aren't filtered."""
        wanted = tuple(refs)
        if not wanted or self._store.absent:
            return {}
        with self._store.reading() as catalog:
            return policies.names(catalog, wanted)

    def resources(self, kind: ResourceKind | None = None) -> Mapping[Ref, Resource]:
        """Return all that exists, or all of one kind, in order of ids."""
        if self._store.absent:
            return {}
        with self._store.reading() as catalog:
            return catalog.all(kind)

    def filters(self, ref: Ref) -> Mapping[str, str]:
        """Return the row access policies of a table, with what they filter by."""
        if self._store.absent:
            return {}
        with self._store.reading() as catalog:
            return policies.filters(catalog, ref)

    def append(self, ref: Ref, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append JSON rows: times as ISO 8601 text, BYTES as base64, decimals as text."""
        with self._store.writing() as catalog:
            table = _writable(catalog, ref)
            for _, alike in groupby(rows, key=tuple):
                stage = jsonrows.staged(catalog, table, tuple(alike))
                contents.append(catalog, table, stage)

    def stream(self, ref: Ref, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows as `tabledata.insertAll` does: until `flush`, they are in a streaming buffer.

        What the buffer blocks is blocked. Unlike BigQuery's, its rows are in snapshots and clones.
        """
        with self._store.writing() as catalog:
            table = _writable(catalog, ref)
            for _, alike in groupby(rows, key=tuple):
                stage = jsonrows.staged(catalog, table, tuple(alike))
                contents.append(catalog, table, stage)
            streaming.fill(catalog, table, len(rows))

    def flush(self, ref: Ref) -> None:
        """Empty the streaming buffer of a table, as time does in BigQuery."""
        with self._store.writing() as catalog:
            streaming.empty(catalog, catalog.get(ref))

    def rows(self, ref: Ref) -> tuple[Mapping[str, Any], ...]:
        """Return the rows of a small table in the form that `append` takes."""
        if self._store.absent:
            return ()
        with self._store.reading() as catalog:
            table = catalog.find(ref)
            if table is None or not fields_of(table.body):
                return ()
            kinds.check_stored(table)
            names = [field["name"] for field in fields_of(table.body)]
            selected = ", ".join(map(physical.readable, fields_of(table.body)))
            sql = f"SELECT {selected} FROM {physical.table_name(ref)}"
            found = catalog.cursor.execute(sql).fetchall()
        return tuple(dict(zip(names, map(outputs.jsonable, row), strict=True)) for row in found)

    def load(self, ref: Ref, body: Body, path: Path) -> int:
        """Replace a table by a parquet file's rows as a load job does; return their count.

        The table is created from `body` when it is missing.
        """
        with self._store.writing() as catalog:
            if catalog.find(ref) is None:
                tables.create(catalog, ref, body)
            table = _writable(catalog, ref)
            stage = contents.from_parquet(catalog, table, path)
            return contents.replace_all(catalog, table, stage)

    def close(self) -> None:
        """Let go of the file; memory is lost."""
        self._store.close()


def _writable(catalog: Catalog, ref: Ref) -> Resource:
    table = catalog.get(ref)
    contents.check_writable(table)
    return table
