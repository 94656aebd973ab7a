"""DDL statements carried out, each as a whole or not at all."""

from datetime import datetime
from typing import assert_never

from datoria_dagster.warehouse.local import (
    acceptance,
    alterations,
    changes,
    contents,
    filling,
    googlesql,
    outputs,
    partitions,
    physical,
    resources,
)
from datoria_dagster.warehouse.local.catalog import Catalog, legacy, milliseconds, now
from datoria_dagster.warehouse.local.ddl import Alter, Clone, Create, Drop, Statement
from datoria_dagster.warehouse.local.resources import fields_of, is_ingestion_time
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Refused, Resource


def run(catalog: Catalog, statement: Statement) -> None:
    """Carry out a statement."""
    match statement:
        case Create():
            _create(catalog, statement)
        case Clone():
            _clone(catalog, statement)
        case Drop():
            _drop(catalog, statement)
        case Alter():
            _alter(catalog, statement)
        case _:
            assert_never(statement)


def _create(catalog: Catalog, statement: Create) -> None:
    ref = statement.ref
    catalog.get(ref.dataset)
    current = catalog.find(ref)
    if current is not None and statement.existing == "skip":
        return
    if ref.kind == "routine":
        _create_function(catalog, statement, current)
    elif "view" in statement.body:
        _create_view(catalog, statement, current)
    else:
        _create_table(catalog, statement, current)


def _create_function(catalog: Catalog, statement: Create, current: Resource | None) -> None:
    if current is None or statement.existing == "refuse":
        changes.create_routine(catalog, statement.ref, statement.body)
    else:
        changes.replace_routine(catalog, current, statement.body)


def _create_view(catalog: Catalog, statement: Create, current: Resource | None) -> None:
    if current is not None and statement.existing == "replace":
        _check_kind(current, "VIEW")
        # What is not said again (labels, descriptions) is lost, as BigQuery loses it.
        catalog.remove(statement.ref)
    changes.create_table(catalog, statement.ref, statement.body)


def _create_table(catalog: Catalog, statement: Create, current: Resource | None) -> None:
    ref, body = statement.ref, statement.body
    home = catalog.get(ref.dataset)
    if current is not None and statement.existing != "replace":
        catalog.check_absent(ref)
    found = _run_query(catalog, statement)
    if not statement.has_columns:
        body = resources.with_fields(body, list(map(outputs.unmarked, found)))
    after = resources.table(ref, body, home.body["location"])
    if current is not None:
        _check_replaceable(current, after)
        changes.delete(catalog, current)
    changes.create_table(catalog, ref, body)
    if statement.query is not None:
        table = catalog.get(ref)
        stage = filling.by_position(table, found)
        contents.replace_all(catalog, table, stage)


def _run_query(catalog: Catalog, statement: Create) -> tuple[Body, ...]:
    if statement.query is None:
        if not statement.has_columns:
            raise Refused(f"CREATE TABLE {statement.ref.id} needs a column list or a query.")
        return ()
    if is_ingestion_time(statement.body):
        raise Refused("CREATE TABLE … AS SELECT can't make a table partitioned by ingestion time.")
    return filling.staged(catalog, googlesql.query(catalog, statement.query))


def _check_replaceable(current: Resource, after: Body) -> None:
    _check_kind(current, "TABLE")
    new, old = partitions.describe(after), partitions.describe(current.body)
    if new != old:
        raise Refused(
            "Cannot replace a table with a different partitioning spec. Instead, DROP the table, "
            f"and then recreate it. New partitioning spec is {new} and existing spec is {old}"
        )


def _check_kind(current: Resource, kind: str) -> None:
    actual = current.body["type"]
    if actual != kind:
        name = legacy(current.ref).removeprefix("Table ")
        raise Refused(
            f"{name} is not allowed for this operation because it is currently a {actual}."
        )


def _clone(catalog: Catalog, statement: Clone) -> None:
    ref = statement.ref
    home = catalog.get(ref.dataset)
    source = catalog.get(statement.source)
    current = catalog.find(ref)
    if source.body["type"] == "VIEW":
        raise Refused(f"{legacy(source.ref)} is a view, which can't be cloned.")
    if current is not None:
        if statement.existing == "skip":
            return
        if statement.existing == "refuse" or current.body["type"] != "TABLE":
            catalog.check_absent(ref)
        changes.delete(catalog, current)
    if source.body["location"] != home.body["location"]:
        raise Refused(f"{legacy(ref)} and {legacy(source.ref)} are not in the same location.")
    acceptance.check_name(ref)
    _copy_rows(catalog, source.ref, ref)
    catalog.add(ref, _clone_body(catalog, statement, source))


def _copy_rows(catalog: Catalog, source: Ref, target: Ref) -> None:
    catalog.cursor.execute(
        f"CREATE TABLE {physical.table_name(target)} AS FROM {physical.table_name(source)}"
    )
    counts = {facts.id: facts.rows for facts in catalog.facts((source.id,)).get(source.id, ())}
    catalog.replace_facts(target.id, counts)


def _clone_body(catalog: Catalog, statement: Clone, source: Resource) -> Body:
    dropped = ("creationTime", "expirationTime", "snapshotDefinition", "cloneDefinition", "id")
    body = {key: value for key, value in source.body.items() if key not in dropped}
    kind = "SNAPSHOT" if statement.snapshot else "TABLE"
    base = {"baseTableReference": source.body["tableReference"]}
    moment = now().isoformat().replace("+00:00", "Z")
    if statement.snapshot:
        body["snapshotDefinition"] = {**base, "snapshotTime": moment}
    else:
        body["cloneDefinition"] = {**base, "cloneTime": moment}
    if statement.expires is not None:
        body["expirationTime"] = _moment(catalog, statement.expires)
    merged = resources.merged(body, statement.options)
    return resources.table(statement.ref, merged, source.body["location"], kind)


def _moment(catalog: Catalog, expression: str) -> str:
    sql = f"SELECT CAST({googlesql.expression(catalog, expression)} AS TIMESTAMPTZ)"
    row = catalog.cursor.execute(sql).fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise Refused(f"expiration_timestamp is no TIMESTAMP: {expression}.")
    if row[0] <= now():
        raise Refused(f"expiration_timestamp is in the past: {expression}.")
    return milliseconds(row[0])


def _drop(catalog: Catalog, statement: Drop) -> None:
    current = catalog.find(statement.ref)
    if current is None:
        if statement.if_exists:
            return
        raise NotFound(f"Not found: {legacy(statement.ref)}")
    if statement.kind != "FUNCTION":
        _check_kind(current, statement.kind)
    changes.delete(catalog, current)


def _alter(catalog: Catalog, statement: Alter) -> None:
    current = catalog.find(statement.ref)
    if current is None:
        if statement.if_exists:
            return
        raise NotFound(f"Not found: {legacy(statement.ref)}")
    _check_kind(current, statement.kind)
    for action in statement.actions:
        current = alterations.apply(catalog, current, action)
    if not fields_of(current.body):
        raise Refused(f"{legacy(current.ref)}: a table needs at least one column.")
