"""CREATE, ALTER and DROP SCHEMA: what GoogleSQL calls a dataset.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_schema_statement
"""

from dataclasses import dataclass

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.objects import changes
from datoria_dagster.warehouse.local.syntax import options
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, Ref, Refused


@dataclass(frozen=True)
class CreateSchema:
    """CREATE SCHEMA."""

    ref: Ref
    body: Body
    if_not_exists: bool


@dataclass(frozen=True)
class AlterSchema:
    """ALTER SCHEMA: `change` is a patch, in which labels are all labels."""

    ref: Ref
    change: Body
    if_exists: bool


@dataclass(frozen=True)
class DropSchema:
    """DROP SCHEMA; with CASCADE also what is in it."""

    ref: Ref
    if_exists: bool
    cascade: bool


SchemaStatement = CreateSchema | AlterSchema | DropSchema


def parse_create(tokens: Tokens) -> CreateSchema:
    """Consume what follows CREATE SCHEMA."""
    absent = tokens.accept("IF", "NOT", "EXISTS")
    ref = _ref(tokens)
    body: Body = {}
    if tokens.accept("DEFAULT", "COLLATE"):
        body["defaultCollation"] = tokens.string()
    body.update(options.resource(tokens.options(), options.DATASET))
    tokens.end()
    return CreateSchema(ref, body, absent)


def parse_alter(tokens: Tokens) -> AlterSchema:
    """Consume what follows ALTER SCHEMA."""
    if_exists = tokens.accept("IF", "EXISTS")
    ref = _ref(tokens)
    tokens.expect("SET")
    if tokens.accept("DEFAULT", "COLLATE"):
        change: Body = {"defaultCollation": tokens.string()}
    else:
        change = options.resource(tokens.options(), options.DATASET)
    tokens.end()
    return AlterSchema(ref, change, if_exists)


def parse_drop(tokens: Tokens) -> DropSchema:
    """Consume what follows DROP SCHEMA."""
    if_exists = tokens.accept("IF", "EXISTS")
    ref = _ref(tokens)
    cascade = tokens.accept("CASCADE")
    if not cascade:
        tokens.accept("RESTRICT")
    tokens.end()
    return DropSchema(ref, if_exists, cascade)


def _ref(tokens: Tokens) -> Ref:
    name = tokens.path()
    if "." not in name:
        raise Refused(f'"{name}" must be qualified with a project.')
    return Ref("dataset", name)


def run(catalog: Catalog, statement: SchemaStatement) -> None:
    """Carry out a statement."""
    ref, current = statement.ref, catalog.find(statement.ref)
    match statement:
        case CreateSchema():
            if current is None or not statement.if_not_exists:
                changes.create_dataset(catalog, ref, statement.body)
        case AlterSchema():
            if current is not None or not statement.if_exists:
                _alter(catalog, statement)
        case DropSchema():
            if current is not None or not statement.if_exists:
                _drop(catalog, statement)


def _alter(catalog: Catalog, statement: AlterSchema) -> None:
    current = catalog.get(statement.ref)
    change = dict(statement.change)
    if "labels" in change:
        # A statement says all labels; a PATCH would merge them.
        change["labels"] = {**dict.fromkeys(current.body.get("labels") or {}), **change["labels"]}
    changes.patch_dataset(catalog, current, change)


def _drop(catalog: Catalog, statement: DropSchema) -> None:
    current = catalog.get(statement.ref)
    if statement.cascade:
        for member in catalog.members(statement.ref.id):
            changes.delete(catalog, catalog.get(member))
    changes.delete(catalog, current)
