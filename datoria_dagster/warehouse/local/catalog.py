"""The resources and partition facts inside one transaction."""

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datoria_dagster.warehouse.port import (
    AlreadyExists,
    Body,
    NotFound,
    PartitionFacts,
    PreconditionFailed,
    Ref,
    Resource,
    ResourceKind,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_MILLISECONDS = 1000
_FEW = 50


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


def milliseconds(moment: datetime) -> str:
    """Return a moment as REST writes it."""
    return str(int(moment.timestamp() * _MILLISECONDS))


def legacy(ref: Ref) -> str:
    """Return the address as BigQuery's messages write it: `Table project:dataset.name`."""
    project, *rest = ref.parts
    return f"{ref.kind.capitalize()} {project}:{'.'.join(rest)}"


class Catalog:
    """What exists. Bodies are complete REST resources, etag and times included."""

    def __init__(self, cursor: "Connection") -> None:
        self.cursor = cursor

    def find_all(self, refs: Iterable[Ref]) -> dict[Ref, Resource]:
        """Return those that exist, with one query."""
        wanted = {(ref.kind, ref.id): ref for ref in refs}
        among, values = _among({id_ for _, id_ in wanted})
        sql = f"SELECT kind, id, etag, body FROM _datoria.resources WHERE id IN ({among})"
        rows = self.cursor.execute(sql, values).fetchall()
        return {
            wanted[kind, id_]: Resource(wanted[kind, id_], json.loads(body), etag)
            for kind, id_, etag, body in rows
            if (kind, id_) in wanted
        }

    def find(self, ref: Ref) -> Resource | None:
        """Return the resource, or None."""
        row = self.cursor.execute(
            "SELECT etag, body FROM _datoria.resources WHERE kind = ? AND id = ?",
            [ref.kind, ref.id],
        ).fetchone()
        return None if row is None else Resource(ref, json.loads(row[1]), row[0])

    def get(self, ref: Ref) -> Resource:
        """Return the resource, or raise NotFound."""
        found = self.find(ref)
        if found is None:
            raise NotFound(f"Not found: {legacy(ref)}")
        return found

    def get_current(self, ref: Ref, etag: str | None) -> Resource:
        """Return the resource when it has this etag (None: any), or raise PreconditionFailed."""
        found = self.get(ref)
        if etag is not None and etag != found.etag:
            raise PreconditionFailed(
                f"Precondition check failed: {legacy(ref)} has changed since it was read. "
                "Read it again."
            )
        return found

    def check_absent(self, ref: Ref) -> None:
        """Raise AlreadyExists for a name that is taken."""
        if self.find(ref) is not None:
            raise AlreadyExists(f"Already Exists: {legacy(ref)}")

    def members(self, dataset: str) -> tuple[Ref, ...]:
        """Return what a dataset holds, sorted."""
        rows = self.cursor.execute(
            "SELECT kind, id FROM _datoria.resources "
            "WHERE dataset = ? AND kind IN ('table', 'routine')",
            [dataset],
        ).fetchall()
        return tuple(sorted(Ref(kind, id_) for kind, id_ in rows))

    def all(self, kind: ResourceKind | None) -> dict[Ref, Resource]:
        """Return all resources, or those of one kind, in order of their ids."""
        sql = (
            "SELECT kind, id, etag, body FROM _datoria.resources "
            "WHERE kind = coalesce(?, kind) AND kind <> 'policy' ORDER BY id, kind"
        )
        rows = self.cursor.execute(sql, [kind]).fetchall()
        refs = ((Ref(kind, id_), etag, body) for kind, id_, etag, body in rows)
        return {ref: Resource(ref, json.loads(body), etag) for ref, etag, body in refs}

    def neighbours(self, ref: Ref) -> list[str]:
        """Return the ids of the same kind that differ from this one in nothing but case."""
        rows = self.cursor.execute(
            "SELECT id FROM _datoria.resources WHERE kind = ? AND lower(id) = lower(?) AND id <> ?",
            [ref.kind, ref.id, ref.id],
        ).fetchall()
        return [id_ for (id_,) in rows]

    def add(self, ref: Ref, body: Body) -> Resource:
        """Insert a resource that does not exist yet."""
        found = _stamped(ref, body)
        self.cursor.execute(
            "INSERT INTO _datoria.resources (kind, dataset, id, etag, body) VALUES (?, ?, ?, ?, ?)",
            [ref.kind, ref.dataset.id, ref.id, found.etag, _text(found.body)],
        )
        return found

    def put(self, ref: Ref, body: Body) -> Resource:
        """Replace a resource, under a new etag."""
        found = _stamped(ref, body)
        self.cursor.execute(
            "UPDATE _datoria.resources SET etag = ?, body = ? WHERE kind = ? AND id = ?",
            [found.etag, _text(found.body), ref.kind, ref.id],
        )
        return found

    def annotate(self, ref: Ref, body: Body) -> None:
        """Replace what the body says of a table's rows, under the etag that it has."""
        self.cursor.execute(
            "UPDATE _datoria.resources SET body = ? WHERE kind = ? AND id = ?",
            [_text(body), ref.kind, ref.id],
        )

    def remove(self, ref: Ref) -> None:
        """Forget a resource and its partition facts."""
        self.cursor.execute(
            "DELETE FROM _datoria.resources WHERE kind = ? AND id = ?", [ref.kind, ref.id]
        )
        if ref.kind == "table":
            self.cursor.execute("DELETE FROM _datoria.partitions WHERE id = ?", [ref.id])

    def facts(self, ids: Iterable[str]) -> dict[str, tuple[PartitionFacts, ...]]:
        """Return the partition facts by table id, in order of partition."""
        among, values = _among(ids)
        sql = (
            'SELECT id, "partition", "rows", modified FROM _datoria.partitions '
            f'WHERE id IN ({among}) ORDER BY id, "partition"'
        )
        rows = self.cursor.execute(sql, values).fetchall()
        found: dict[str, list[PartitionFacts]] = {}
        for id_, partition, count, modified in rows:
            facts = PartitionFacts(partition, count, modified.replace(tzinfo=UTC))
            found.setdefault(id_, []).append(facts)
        return {id_: tuple(facts) for id_, facts in found.items()}

    def replace_facts(self, id_: str, counts: Mapping[str, int]) -> None:
        """Set the facts of a whole table that has just been written."""
        self.cursor.execute("DELETE FROM _datoria.partitions WHERE id = ?", [id_])
        self.set_facts(id_, counts)

    def set_facts(self, id_: str, counts: Mapping[str, int]) -> None:
        """Set the facts of partitions that have just been written; one without rows is gone."""
        moment = now().replace(tzinfo=None)
        for partition, count in counts.items():
            self.cursor.execute(
                'DELETE FROM _datoria.partitions WHERE id = ? AND "partition" = ?', [id_, partition]
            )
            if count or not partition:
                self.cursor.execute(
                    "INSERT INTO _datoria.partitions VALUES (?, ?, ?, ?)",
                    [id_, partition, count, moment],
                )

    def add_facts(self, id_: str, counts: Mapping[str, int]) -> None:
        """Add rows that have just been appended."""
        before = {facts.id: facts.rows for facts in self.facts((id_,)).get(id_, ())}
        self.set_facts(id_, {key: count + before.get(key, 0) for key, count in counts.items()})

    def move_facts(self, old: str, new: str) -> None:
        """Carry the facts of a table over to its new name."""
        self.cursor.execute("UPDATE _datoria.partitions SET id = ? WHERE id = ?", [new, old])


def _among(ids: Iterable[str]) -> tuple[str, list[Any]]:
    """Return what goes into `IN (…)`, and its parameters. A few are quicker one by one."""
    values = sorted(set(ids))
    if 0 < len(values) <= _FEW:
        return ", ".join("?" * len(values)), values
    return "SELECT unnest(CAST(? AS VARCHAR[]))", [values]


def _stamped(ref: Ref, body: Body) -> Resource:
    etag = secrets.token_urlsafe(16)
    moment = milliseconds(now())
    times = {"creationTime": body.get("creationTime", moment), "lastModifiedTime": moment}
    return Resource(ref, {**body, **times, "etag": etag}, etag)


def _text(body: Body) -> str:
    return json.dumps(body, ensure_ascii=False)
