"""DDL statements carried out, each as a whole or not at all."""

from datetime import datetime
from typing import assert_never

from datoria_dagster.warehouse.local import kinds, resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy, milliseconds, now
from datoria_dagster.warehouse.local.objects import (
    alterations,
    changes,
    inheritance,
    policies,
    policing,
    routines,
    tables,
)
from datoria_dagster.warehouse.local.queries import googlesql, outputs
from datoria_dagster.warehouse.local.resources import fields_of, is_ingestion_time
from datoria_dagster.warehouse.local.rows import contents, filling, inserting, partitions, physical
from datoria_dagster.warehouse.local.rules import acceptance, properties
from datoria_dagster.warehouse.local.syntax import options, schemas
from datoria_dagster.warehouse.local.syntax.actions import Action, SetOptions
from datoria_dagster.warehouse.local.syntax.ddl import (
    Alter,
    Clone,
    Create,
    CreatePolicy,
    Drop,
    DropPolicy,
    Insert,
    Statement,
)
from datoria_dagster.warehouse.local.syntax.schemas import AlterSchema, CreateSchema, DropSchema
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Refused, Resource

_NOT_CLONED = (
    "creationTime",
    "expirationTime",
    "snapshotDefinition",
    "cloneDefinition",
    "id",
    "streamingBuffer",
)
# A kind of table in statements: its type, where that is written otherwise.
_TYPES = {"MATERIALIZED VIEW": kinds.MATERIALIZED_VIEW, "EXTERNAL TABLE": kinds.EXTERNAL}


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
        case CreatePolicy():
            policing.create(catalog, statement)
        case DropPolicy():
            policing.drop(catalog, statement)
        case Insert():
            inserting.insert(catalog, statement)
        case CreateSchema() | AlterSchema() | DropSchema():
            schemas.run(catalog, statement)
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
    elif (kind := tables.defined_type(statement.body)) is not None:
        _create_defined(catalog, statement, current, kind)
    else:
        _create_table(catalog, statement, current)


def _create_function(catalog: Catalog, statement: Create, current: Resource | None) -> None:
    if current is None or statement.existing == "refuse":
        routines.create(catalog, statement.ref, statement.body)
    else:
        routines.replace(catalog, current, statement.body)


def _create_defined(
    catalog: Catalog, statement: Create, current: Resource | None, kind: str
) -> None:
    if current is not None and statement.existing == "replace":
        _check_kind(current, kind)
        # What is not said again (labels, descriptions) is lost, as BigQuery loses it.
        catalog.remove(statement.ref)
    tables.create(catalog, statement.ref, _evaluated(catalog, statement.body))


def _create_table(catalog: Catalog, statement: Create, current: Resource | None) -> None:
    ref, body = statement.ref, _evaluated(catalog, statement.body)
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
    tables.create(catalog, ref, body)
    if statement.query is not None:
        table = catalog.get(ref)
        stage = filling.by_position(table, fields_of(table.body), found)
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
    if not kinds.is_stored(source.body):
        raise Refused(f"{legacy(source.ref)} is {kinds.noun(source.body)}, which can't be cloned.")
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
    body = _clone_body(catalog, statement, source)
    after = inheritance.copied(home.body, body)
    acceptance.check_table(ref, after)
    properties.check_future(after)
    catalog.add(ref, after)
    policies.copy(catalog, source.ref, ref)


def _copy_rows(catalog: Catalog, source: Ref, target: Ref) -> None:
    catalog.cursor.execute(
        f"CREATE TABLE {physical.table_name(target)} AS FROM {physical.table_name(source)}"
    )
    counts = {facts.id: facts.rows for facts in catalog.facts((source.id,)).get(source.id, ())}
    catalog.replace_facts(target.id, counts)


def _clone_body(catalog: Catalog, statement: Clone, source: Resource) -> Body:
    body = {key: value for key, value in source.body.items() if key not in _NOT_CLONED}
    kind = "SNAPSHOT" if statement.snapshot else "TABLE"
    base = {"baseTableReference": source.body["tableReference"]}
    moment = now().isoformat().replace("+00:00", "Z")
    if statement.snapshot:
        body["snapshotDefinition"] = {**base, "snapshotTime": moment}
        # https://docs.cloud.google.com/bigquery/docs/table-snapshots-intro#limitations
        body = resources.merged(body, {"timePartitioning": {"expirationMs": None}})
    else:
        body["cloneDefinition"] = {**base, "cloneTime": moment}
    merged = resources.merged(body, _evaluated(catalog, statement.options))
    return resources.table(statement.ref, merged, source.body["location"], kind)


def _evaluated(catalog: Catalog, body: Body) -> Body:
    """Return the body with values for the expressions in it."""
    return {
        key: _milliseconds(catalog, value) if isinstance(value, options.Moment) else value
        for key, value in body.items()
    }


def _milliseconds(catalog: Catalog, expression: str) -> str:
    sql = f"SELECT CAST({googlesql.expression(catalog, expression)} AS TIMESTAMPTZ)"
    row = catalog.cursor.execute(sql).fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise Refused(f"expiration_timestamp is no TIMESTAMP: {expression}.")
    return milliseconds(row[0])


def _drop(catalog: Catalog, statement: Drop) -> None:
    current = catalog.find(statement.ref)
    if current is None:
        if statement.if_exists:
            return
        raise NotFound(f"Not found: {legacy(statement.ref)}")
    if statement.ref.kind == "routine":
        routines.check_drop(current, statement.kind)
    else:
        _check_kind(current, _TYPES.get(statement.kind, statement.kind))
    changes.delete(catalog, current)


def _alter(catalog: Catalog, statement: Alter) -> None:
    current = catalog.find(statement.ref)
    if current is None:
        if statement.if_exists:
            return
        raise NotFound(f"Not found: {legacy(statement.ref)}")
    _check_kind(current, _TYPES.get(statement.kind, statement.kind))
    for action in statement.actions:
        current = alterations.apply(catalog, current, _with_values(catalog, action))
    if not fields_of(current.body):
        raise Refused(f"{legacy(current.ref)}: a table needs at least one column.")


def _with_values(catalog: Catalog, action: Action) -> Action:
    if isinstance(action, SetOptions):
        return SetOptions(_evaluated(catalog, action.options))
    return action
