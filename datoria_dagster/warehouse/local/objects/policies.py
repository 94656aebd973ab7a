"""Row access policies: kept beside a table's resource, as BigQuery keeps them.

They are named and block what BigQuery lets them block; rows are not filtered here.
Source: https://docs.cloud.google.com/bigquery/docs/row-level-security-intro
"""

import json
from collections.abc import Iterable

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.port import AlreadyExists, Body, NotFound, Ref, Refused, Resource

_KIND = "policy"


def names(catalog: Catalog, refs: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
    """Return the names of the policies of those tables that have any, sorted."""
    wanted = {ref.id: ref for ref in refs}
    rows = catalog.cursor.execute(
        "SELECT dataset, id FROM _datoria.resources "
        "WHERE kind = ? AND dataset IN (SELECT unnest(CAST(? AS VARCHAR[]))) ORDER BY id",
        [_KIND, sorted(wanted)],
    ).fetchall()
    found: dict[Ref, tuple[str, ...]] = {}
    for table, name in rows:
        ref = wanted[table]
        found[ref] = (*found.get(ref, ()), name)
    return found


def filters(catalog: Catalog, table: Ref) -> dict[str, str]:
    """Return what the policies of a table filter by, in order of their names."""
    rows = catalog.cursor.execute(
        "SELECT id, body FROM _datoria.resources WHERE kind = ? AND dataset = ? ORDER BY id",
        [_KIND, table.id],
    ).fetchall()
    return {name: str(json.loads(body)["filterPredicate"]) for name, body in rows}


def check_none(catalog: Catalog, table: Resource, done: str) -> None:
    """Refuse what can't be done to a table while it has policies.

    Google's pages disagree on columns that no policy names; the stricter one holds here:
    https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_drop_column_statement
    """
    if found := names(catalog, [table.ref]).get(table.ref):
        raise Refused(
            f"{legacy(table.ref)} has row access policies ({', '.join(found)}): its columns can't "
            f"be {done}."
        )


def add(catalog: Catalog, table: Ref, name: str, body: Body) -> None:
    """Keep a policy under a name that is free."""
    if name in names(catalog, [table]).get(table, ()):
        raise AlreadyExists(f"Already Exists: Row access policy {name} on {legacy(table)}")
    catalog.cursor.execute(
        "INSERT INTO _datoria.resources (kind, dataset, id, etag, body) VALUES (?, ?, ?, '', ?)",
        [_KIND, table.id, name, json.dumps(body, ensure_ascii=False)],
    )


def remove(catalog: Catalog, table: Ref, name: str) -> None:
    """Forget one policy."""
    if name not in names(catalog, [table]).get(table, ()):
        raise NotFound(f"Not found: Row access policy {name} on {legacy(table)}")
    catalog.cursor.execute(
        "DELETE FROM _datoria.resources WHERE kind = ? AND dataset = ? AND id = ?",
        [_KIND, table.id, name],
    )


def remove_all(catalog: Catalog, table: Ref) -> None:
    """Forget all policies of a table."""
    catalog.cursor.execute(
        "DELETE FROM _datoria.resources WHERE kind = ? AND dataset = ?", [_KIND, table.id]
    )


def move(catalog: Catalog, old: Ref, new: Ref) -> None:
    """Carry the policies over to the table's new name."""
    catalog.cursor.execute(
        "UPDATE _datoria.resources SET dataset = ? WHERE kind = ? AND dataset = ?",
        [new.id, _KIND, old.id],
    )


def copy(catalog: Catalog, source: Ref, target: Ref) -> None:
    """Give a clone or a snapshot the policies of its base."""
    catalog.cursor.execute(
        "INSERT INTO _datoria.resources (kind, dataset, id, etag, body) "
        "SELECT kind, ?, id, etag, body FROM _datoria.resources WHERE kind = ? AND dataset = ?",
        [target.id, _KIND, source.id],
    )
