"""The actions of ALTER TABLE, read into values.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_column_statement
and the sections after it.
"""

from dataclasses import dataclass

from datoria_dagster.warehouse.local.resources import normal_fields
from datoria_dagster.warehouse.local.syntax import elements, options
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref


@dataclass(frozen=True)
class AddColumn:
    """ADD COLUMN, with the column in REST's normal form."""

    field: Body
    if_not_exists: bool


@dataclass(frozen=True)
class DropColumn:
    """DROP COLUMN."""

    name: str
    if_exists: bool


@dataclass(frozen=True)
class RenameColumn:
    """RENAME COLUMN."""

    old: str
    new: str
    if_exists: bool


@dataclass(frozen=True)
class SetType:
    """ALTER COLUMN SET DATA TYPE; `field` has the new type and mode."""

    name: str
    field: Body
    if_exists: bool


@dataclass(frozen=True)
class SetDefault:
    """ALTER COLUMN SET DEFAULT; None is DROP DEFAULT."""

    name: str
    default: str | None
    if_exists: bool


@dataclass(frozen=True)
class DropNotNull:
    """ALTER COLUMN DROP NOT NULL."""

    name: str
    if_exists: bool


@dataclass(frozen=True)
class DescribeColumn:
    """ALTER COLUMN SET OPTIONS."""

    name: str
    options: dict[str, str]
    if_exists: bool


@dataclass(frozen=True)
class SetOptions:
    """SET OPTIONS of a table or view."""

    options: Body


@dataclass(frozen=True)
class RenameTo:
    """RENAME TO another name in the same dataset."""

    name: str


@dataclass(frozen=True)
class AddConstraint:
    """ADD PRIMARY KEY or ADD FOREIGN KEY: `constraint` is a piece of `tableConstraints`."""

    constraint: Body
    if_not_exists: bool


@dataclass(frozen=True)
class DropConstraint:
    """DROP CONSTRAINT; None is DROP PRIMARY KEY."""

    name: str | None
    if_exists: bool


ColumnAction = SetType | SetDefault | DropNotNull | DescribeColumn
KeyAction = AddConstraint | DropConstraint
Action = AddColumn | DropColumn | RenameColumn | ColumnAction | KeyAction | SetOptions | RenameTo


def parse(tokens: Tokens, ref: Ref) -> Action:
    """Consume one action on a table."""
    if tokens.accept("ADD"):
        return _add(tokens, ref)
    if tokens.accept("DROP"):
        return _drop(tokens)
    if tokens.accept("RENAME", "COLUMN"):
        if_exists = tokens.accept("IF", "EXISTS")
        old = tokens.path()
        tokens.expect("TO")
        return RenameColumn(old, tokens.path(), if_exists)
    if tokens.accept("RENAME", "TO"):
        return RenameTo(tokens.path())
    if tokens.accept("SET", "DEFAULT", "COLLATE"):
        return SetOptions({"defaultCollation": tokens.string()})
    if tokens.accept("SET"):
        return SetOptions(options.resource(tokens.options()))
    if tokens.accept("ALTER", "COLUMN"):
        return _column_action(tokens)
    raise NotSupportedLocally(f"The embedded warehouse doesn't know ALTER TABLE … {tokens.rest()}.")


def _add(tokens: Tokens, ref: Ref) -> Action:
    if tokens.accept("COLUMN"):
        absent = tokens.accept("IF", "NOT", "EXISTS")
        field, given = tokens.column()
        return AddColumn(normal_fields([options.described(field, given)])[0], absent)
    constraint, absent = elements.constraint(tokens, ref)
    return AddConstraint(constraint, absent)


def _drop(tokens: Tokens) -> Action:
    if tokens.accept("COLUMN"):
        if_exists = tokens.accept("IF", "EXISTS")
        return DropColumn(tokens.path(), if_exists)
    if tokens.accept("PRIMARY", "KEY"):
        return DropConstraint(None, tokens.accept("IF", "EXISTS"))
    tokens.expect("CONSTRAINT")
    if_exists = tokens.accept("IF", "EXISTS")
    return DropConstraint(tokens.path(), if_exists)


def _column_action(tokens: Tokens) -> ColumnAction:
    if_exists = tokens.accept("IF", "EXISTS")
    name = tokens.path()
    if tokens.accept("SET", "DATA", "TYPE"):
        kind = normal_fields([{"name": name, **tokens.data_type()}])[0]
        return SetType(name, kind, if_exists)
    if tokens.accept("SET", "DEFAULT"):
        return SetDefault(name, tokens.until(","), if_exists)
    if tokens.accept("DROP", "DEFAULT"):
        return SetDefault(name, None, if_exists)
    if tokens.accept("DROP", "NOT", "NULL"):
        return DropNotNull(name, if_exists)
    if tokens.accept("SET"):
        return DescribeColumn(name, tokens.options(), if_exists)
    raise NotSupportedLocally(f"The embedded warehouse doesn't know ALTER COLUMN {tokens.rest()}.")
