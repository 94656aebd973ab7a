"""BigQuery: the port over the REST API, with resources as they come."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from google.cloud import bigquery

from datoria_dagster.model.ident import quote
from datoria_dagster.warehouse.bigquery import (
    cells,
    console,
    partitions,
    places,
    requests,
    statements,
)
from datoria_dagster.warehouse.bigquery.changes import Changes
from datoria_dagster.warehouse.bigquery.client import THREADS, Client, Failed
from datoria_dagster.warehouse.bigquery.jobs import Job, Jobs, What
from datoria_dagster.warehouse.bigquery.options import Options
from datoria_dagster.warehouse.bigquery.partitions import Facts
from datoria_dagster.warehouse.bigquery.quotas import Clock, Quotas, SystemClock
from datoria_dagster.warehouse.bigquery.survey import Surveyor
from datoria_dagster.warehouse.port import (
    Body,
    DryRun,
    NotFound,
    PartitionFacts,
    Ref,
    Refused,
    Resource,
    Result,
    Survey,
    Warehouse,
)
from datoria_dagster.warehouse.threads import in_parallel

K = TypeVar("K")
V = TypeVar("V")


class BigQueryWarehouse(Warehouse):
    """BigQuery through its official client, with the application default credentials.

    Nothing is opened before the first request. Threads may use it freely. A `client` that is
    given is used as it is, and left open.
    """

    name = "bigquery"
    threads = THREADS

    def __init__(
        self,
        options: Options | None = None,
        *,
        client: bigquery.Client | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._options = options or Options()
        self.maximum_bytes_billed = self._options.maximum_bytes_billed
        self._quotas = Quotas(clock or SystemClock())
        self._client = Client(self._options, self._quotas, client)
        self._changes = Changes(self._client)
        self._jobs = Jobs(self._client)
        self._places = places.Places(self._client)
        self._surveyor = Surveyor(self._client, self._jobs, self._places, self._options.project)

    def read(self, refs: Iterable[Ref]) -> Mapping[Ref, Resource]:
        """Return those of the resources that exist, by a request each, in parallel."""
        found = _in_parallel(self._find, tuple(dict.fromkeys(refs)))
        return {ref: resource for ref, resource in found.items() if resource is not None}

    def list(self, *datasets: str) -> tuple[Ref, ...]:
        """Return the tables, views and routines of datasets, which are listed in parallel."""
        with _told():
            return self._surveyor.members(datasets)

    def survey(self, datasets: Iterable[str], wanted: Collection[Ref]) -> Survey:
        """Return what lists of the datasets and queries of their metadata tell."""
        with _told():
            return self._surveyor.survey(datasets, wanted)

    def create(self, ref: Ref, body: Body) -> Resource:
        """Insert a resource."""
        with _told():
            self._note_partitioned(ref, body)
            return self._resource(ref, self._changes.create(ref, body))

    def patch(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Merge into a dataset or table."""
        if ref.kind == "routine":
            # https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
            raise Refused(f"{ref.id}: a routine can't be patched; replace it as a whole.")
        with _told():
            answer = self._changes.change(requests.patch(ref, body, etag), ref)
            return self._resource(ref, answer)

    def replace(self, ref: Ref, body: Body, etag: str | None) -> Resource:
        """Replace a whole routine."""
        if ref.kind != "routine":
            raise Refused(f"{ref.id} is a {ref.kind}; only a routine can be replaced as a whole.")
        with _told():
            answer = self._changes.change(requests.update(ref, body, etag), ref)
            return self._resource(ref, answer)

    def delete(self, ref: Ref, etag: str | None) -> None:
        """Delete a resource; a dataset must be empty."""
        with _told():
            self._changes.delete(ref, etag)
            if ref.kind == "dataset":
                self._places.forget(ref)

    def execute(self, statement: str) -> None:
        """Run one statement, once."""
        about = places.named(statement)
        with self._job(statement, "statement", about) as job:
            self._jobs.run(job)

    def validate(self, statement: str) -> None:
        """Dry-run one statement."""
        with self._job(statement, "statement", places.named(statement)) as job:
            self._jobs.dry_run(job)

    def dry_run(self, query: str) -> DryRun:
        """Validate a SELECT and estimate what it would read."""
        with self._job(query, "query", places.named(query)) as job:
            return self._validated(job)

    def query(self, query: str) -> Result:
        """Run one SELECT and return its rows; structs are dicts, JSON is text."""
        with self._job(query, "query", places.named(query)) as job:
            self._validated(job)
            return self._jobs.query(job)

    def write(self, query: str, destination: Ref, partition: str | None) -> int:
        """Replace a partition, or the whole table, by a SELECT's rows."""
        with self._job(query, "query", destination) as job:
            given = self._validated(job).fields
        table = self._get(destination)
        fitted = statements.fitted(query, given, table.body)
        with self._job(
            fitted, "write", destination, requests.overwrite(destination, partition)
        ) as job:
            return self._jobs.run(job)

    def count(self, ref: Ref) -> int:
        """Return the number of rows: as metadata, or by a query while rows are being streamed."""
        with _told():
            body = self._client.send(requests.get(ref, statistics=True))
        _check_stored(ref, body)
        if "streamingBuffer" not in body and "numRows" in body:
            return int(body["numRows"])
        sql = f"SELECT COUNT(*) AS n FROM {quote(ref.id)}"
        with self._job(sql, "query", ref) as job:
            return int(self._jobs.query(job).rows[0][0])

    def partitions(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[PartitionFacts, ...]]:
        """Return the partition facts of tables that have rows, by a query per dataset."""
        groups = partitions.groups(refs)
        found = _in_parallel(lambda group: self._facts(*group), groups)
        return {ref: facts for group in found.values() for ref, facts in group.items()}

    def policies(self, refs: Iterable[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        """Return the row access policies of those tables that have any, by a request each."""
        tables = tuple(dict.fromkeys(ref for ref in refs if ref.kind == "table"))
        found = _in_parallel(self._policies, tables)
        return {ref: names for ref, names in found.items() if names}

    def append(self, ref: Ref, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append JSON rows by one INSERT, whose rows are a parameter.

        insertAll leaves rows in a streaming buffer, which blocks what migrations do. A load job
        counts among the 5 metadata updates of a table in 10 seconds and the 1,500 of a day; an
        INSERT does not, and its rows are there at once.
        Source: https://docs.cloud.google.com/bigquery/quotas#data-manipulation-language-statements
        """
        if not rows:
            return
        table = self._get(ref)
        _check_stored(ref, table.body)
        sql, parameter = statements.insert(ref, table.body, rows)
        settings = {"parameterMode": "NAMED", "queryParameters": [parameter]}
        with self._job(sql, "append", ref, settings) as job:
            self._jobs.run(job)

    def rows(self, ref: Ref) -> tuple[Mapping[str, Any], ...]:
        """Return the rows of a small table in the form that `append` takes; never cached."""
        found = self._find(ref)
        fields = (found.body.get("schema") or {}).get("fields") if found else None
        if found is None or not fields:
            return ()
        _check_stored(ref, found.body)
        names = [field["name"] for field in fields]
        with _told():
            return tuple(
                dict(zip(names, map(cells.jsonable, cells.decode(fields, row)), strict=True))
                for page in self._client.pages(requests.data(ref))
                for row in page.get("rows", ())
            )

    @contextmanager
    def session(self, label: str = "") -> Generator[None]:
        """Label the jobs of the block as those of one migration."""
        before = self._jobs.migration
        self._jobs.migration = label or before
        try:
            yield
        finally:
            self._jobs.migration = before

    def cancel(self) -> None:
        """Cancel the jobs that are under way. BigQuery ends them when it can."""
        self._jobs.cancel()

    def page(self, ref: Ref) -> str:
        """Return the address in Google Cloud's console."""
        return console.page(ref)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _find(self, ref: Ref) -> Resource | None:
        with _told():
            body = self._changes.find(ref)
            return None if body is None else self._resource(ref, body)

    def _get(self, ref: Ref) -> Resource:
        with _told():
            return self._resource(ref, self._client.send(requests.get(ref)))

    def _resource(self, ref: Ref, body: Body) -> Resource:
        self._places.note(ref.dataset, body)
        self._note_partitioned(ref, body)
        return Resource(ref, requests.without_statistics(body), str(body.get("etag", "")))

    def _note_partitioned(self, ref: Ref, body: Body) -> None:
        if ref.kind == "table":
            partitioned = bool(body.get("timePartitioning") or body.get("rangePartitioning"))
            self._quotas.note_partitioned(ref.id, partitioned=partitioned)

    def _facts(self, dataset: Ref, tables: tuple[Ref, ...]) -> Facts:
        with _told():
            if self._places.location(dataset) is None:
                return {}
        with self._job(partitions.query(dataset, tables), "query", dataset) as job:
            return partitions.facts(tables, self._jobs.query(job).rows)

    def _policies(self, ref: Ref) -> tuple[str, ...]:
        with _told():
            try:
                pages = tuple(self._client.pages(requests.policies(ref)))
            except Failed as failed:
                # A view can't have any, and may be refused for it.
                if isinstance(failed.error, NotFound | Refused):
                    return ()
                raise
        found = [policy for page in pages for policy in page.get("rowAccessPolicies", ())]
        return tuple(sorted(each["rowAccessPolicyReference"]["policyId"] for each in found))

    def _validated(self, job: Job) -> DryRun:
        """Return what a query would do; refuse what is none."""
        statements.check_reads(statements.first_word(job.sql))
        statistics = self._jobs.dry_run(job)
        statements.check_reads(statistics.get("statementType", "SELECT"))
        fields = tuple(statistics.get("schema", {}).get("fields", ()))
        return DryRun(fields, int(statistics.get("totalBytesProcessed") or 0))

    @contextmanager
    def _job(
        self, sql: str, what: What, about: Ref | None, settings: Body | None = None
    ) -> Generator[Job]:
        """Give a job about a table or dataset; tell what goes wrong with it as the port does."""
        location = None
        try:
            location = self._places.location(about.dataset) if about else None
            yield self._made(sql, what, about, location, settings or {})
        except Failed as failed:
            if about and isinstance(failed.error, NotFound):
                self._places.forget(about.dataset)  # it may have been made anew elsewhere
            raise self._places.explained(failed.error, location) from None

    def _made(
        self, sql: str, what: What, about: Ref | None, location: str | None, settings: Body
    ) -> Job:
        project = self._options.project or (about.parts[0] if about else self._client.project)
        # DML counts among the updates of a table, but is not held up by them.
        changes = what in ("statement", "write") and statements.first_word(sql) != "INSERT"
        updated = about.id if about and changes else None
        return Job(
            sql=sql,
            what=what,
            project=project,
            location=location,
            target=about.id if about else "the query",
            repeatable=what in ("query", "write"),
            updates=("table", updated) if updated else None,
            settings=settings,
        )


@contextmanager
def _told() -> Generator[None]:
    """Tell a failure as the port does."""
    try:
        yield
    except Failed as failed:
        raise failed.error from None


def _in_parallel(act: Callable[[K], V], keys: Sequence[K]) -> dict[K, V]:
    """Return what `act` says of each key; the first error ends it."""
    return dict(zip(keys, in_parallel(act, keys, THREADS), strict=True))


def _check_stored(ref: Ref, body: Body) -> None:
    kind = body.get("type", "TABLE")
    if kind not in ("TABLE", "SNAPSHOT"):
        noun = str(kind).lower().replace("_", " ")
        raise Refused(f"{ref.id} is a {noun}, which has no rows of its own; query it.")
