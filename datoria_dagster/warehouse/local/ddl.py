"""DDL statements read into values. Strict: what isn't known here is refused by name.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from dataclasses import dataclass, field
from typing import Literal

from datoria_dagster.warehouse.local import options, partitioning
from datoria_dagster.warehouse.local.resources import normal_fields
from datoria_dagster.warehouse.local.tokens import Tokens, standard_type
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

Existing = Literal["refuse", "replace", "skip"]


@dataclass(frozen=True)
class Create:
    """CREATE TABLE, VIEW or FUNCTION. `query` fills a table; None leaves it empty."""

    ref: Ref
    body: Body
    existing: Existing
    query: str | None = None
    has_columns: bool = True


@dataclass(frozen=True)
class Clone:
    """CREATE [SNAPSHOT] TABLE … CLONE. `expires` is an expression."""

    ref: Ref
    source: Ref
    existing: Existing
    snapshot: bool
    options: Body = field(default_factory=dict)
    expires: str | None = None


@dataclass(frozen=True)
class Drop:
    """DROP. `kind` is the type that the table must have, or FUNCTION."""

    ref: Ref
    kind: Literal["TABLE", "VIEW", "SNAPSHOT", "FUNCTION"]
    if_exists: bool


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


ColumnAction = SetType | SetDefault | DropNotNull | DescribeColumn
Action = AddColumn | DropColumn | RenameColumn | ColumnAction | SetOptions | RenameTo


@dataclass(frozen=True)
class Alter:
    """ALTER TABLE or VIEW, action by action."""

    ref: Ref
    kind: Literal["TABLE", "VIEW"]
    if_exists: bool
    actions: tuple[Action, ...]


Statement = Create | Clone | Drop | Alter


def parse(text: str) -> Statement:
    """Return the statement. Raises Refused for bad syntax, NotSupportedLocally for other kinds."""
    tokens = Tokens(text)
    if tokens.accept("CREATE"):
        return _create(tokens)
    if tokens.accept("DROP"):
        return _drop(tokens)
    if tokens.accept("ALTER"):
        return _alter(tokens)
    raise _unknown(text)


def _unknown(text: str) -> NotSupportedLocally:
    words = " ".join(text.split()[:3]).upper()
    return NotSupportedLocally(
        f"The embedded warehouse can't execute {words}…: it runs CREATE, ALTER and DROP of tables, "
        "views and SQL functions."
    )


def _create(tokens: Tokens) -> Statement:
    replace = tokens.accept("OR", "REPLACE")
    snapshot = tokens.accept("SNAPSHOT")
    kind = next((k for k in ("TABLE", "VIEW", "FUNCTION") if tokens.accept(k)), None)
    if kind is None or tokens.peek("FUNCTION"):
        raise _unknown(tokens.text)
    skip = tokens.accept("IF", "NOT", "EXISTS")
    existing: Existing = "replace" if replace else "skip" if skip else "refuse"
    ref = tokens.ref("routine" if kind == "FUNCTION" else "table")
    if kind == "FUNCTION":
        return _create_function(tokens, ref, existing)
    if kind == "VIEW":
        return _create_view(tokens, ref, existing)
    if snapshot or tokens.peek("CLONE") or tokens.peek("COPY"):
        return _clone(tokens, ref, existing, snapshot=snapshot)
    return _create_table(tokens, ref, existing)


def _create_table(tokens: Tokens, ref: Ref, existing: Existing) -> Create:
    fields = _columns(tokens)
    cut = partitioning.parse(tokens, fields) if tokens.accept("PARTITION", "BY") else {}
    body: Body = {"schema": {"fields": fields}, **cut}
    if tokens.accept("CLUSTER", "BY"):
        body["clustering"] = {"fields": _names(tokens)}
    body.update(options.resource(tokens.options()))
    query = tokens.rest() if tokens.accept("AS") else None
    tokens.end()
    return Create(ref, body, existing, query, has_columns=bool(fields))


def _columns(tokens: Tokens) -> list[Body]:
    fields: list[Body] = []
    if not tokens.accept("("):
        return fields
    while not tokens.accept(")"):
        field, column_options = tokens.column()
        fields.append(options.described(field, column_options))
        if not tokens.peek(")"):
            tokens.expect(",")
    return normal_fields(fields)


def _names(tokens: Tokens) -> list[str]:
    names = [tokens.word()]
    while tokens.accept(","):
        names.append(tokens.word())
    return names


def _create_view(tokens: Tokens, ref: Ref, existing: Existing) -> Create:
    if tokens.peek("("):
        raise NotSupportedLocally(
            f"{ref.id}: the embedded warehouse has no column list of a view; name the columns in "
            "its query."
        )
    body = options.resource(tokens.options())
    tokens.expect("AS")
    return Create(ref, {**body, "view": {"query": tokens.rest(), "useLegacySql": False}}, existing)


def _create_function(tokens: Tokens, ref: Ref, existing: Existing) -> Create:
    arguments: list[Body] = []
    tokens.expect("(")
    while not tokens.accept(")"):
        name = tokens.word()
        arguments.append({"name": name, "dataType": _argument_type(tokens)})
        if not tokens.peek(")"):
            tokens.expect(",")
    body: Body = {"routineType": "SCALAR_FUNCTION", "language": "SQL", "arguments": arguments}
    if tokens.accept("RETURNS"):
        body["returnType"] = standard_type(tokens.data_type())
    if tokens.peek("LANGUAGE") or tokens.peek("REMOTE"):
        raise NotSupportedLocally(f"{ref.id}: the embedded warehouse has SQL functions only.")
    tokens.expect("AS")
    body["definitionBody"] = tokens.inside()
    body.update(options.resource(tokens.options()))
    tokens.end()
    return Create(ref, body, existing)


def _argument_type(tokens: Tokens) -> Body:
    if tokens.accept("ANY", "TYPE"):
        return {}
    return standard_type(tokens.data_type())


def _clone(tokens: Tokens, ref: Ref, existing: Existing, *, snapshot: bool) -> Clone:
    if not tokens.accept("CLONE"):
        tokens.expect("COPY")
    source = tokens.ref("table")
    if tokens.peek("FOR"):
        raise NotSupportedLocally("The embedded warehouse has no FOR SYSTEM_TIME AS OF.")
    given = tokens.options()
    expires = given.pop("expiration_timestamp", None)
    tokens.end()
    if expires is not None and not snapshot:
        raise NotSupportedLocally("The embedded warehouse keeps an expiration of snapshots only.")
    return Clone(ref, source, existing, snapshot, options.resource(given), expires)


def _drop(tokens: Tokens) -> Drop:
    snapshot = tokens.accept("SNAPSHOT")
    for kind in ("TABLE", "VIEW", "FUNCTION"):
        if tokens.accept(kind):
            if_exists = tokens.accept("IF", "EXISTS")
            ref = tokens.ref("routine" if kind == "FUNCTION" else "table")
            tokens.end()
            return Drop(ref, "SNAPSHOT" if snapshot else kind, if_exists)
    raise _unknown(tokens.text)


def _alter(tokens: Tokens) -> Alter:
    kind: Literal["TABLE", "VIEW"] = "VIEW" if tokens.accept("VIEW") else "TABLE"
    if kind == "TABLE" and not tokens.accept("TABLE"):
        raise _unknown(tokens.text)
    if_exists = tokens.accept("IF", "EXISTS")
    ref = tokens.ref("table")
    actions = [_action(tokens)]
    while tokens.accept(","):
        actions.append(_action(tokens))
    tokens.end()
    if len({type(action) for action in actions}) > 1:
        raise Refused("ALTER TABLE can't mix kinds of actions in one statement.")
    return Alter(ref, kind, if_exists, tuple(actions))


def _action(tokens: Tokens) -> Action:
    if tokens.accept("ADD", "COLUMN"):
        absent = tokens.accept("IF", "NOT", "EXISTS")
        field, given = tokens.column()
        return AddColumn(normal_fields([options.described(field, given)])[0], absent)
    if tokens.accept("DROP", "COLUMN"):
        if_exists = tokens.accept("IF", "EXISTS")
        return DropColumn(tokens.path(), if_exists)
    if tokens.accept("RENAME", "COLUMN"):
        if_exists = tokens.accept("IF", "EXISTS")
        old = tokens.path()
        tokens.expect("TO")
        return RenameColumn(old, tokens.path(), if_exists)
    if tokens.accept("RENAME", "TO"):
        return RenameTo(tokens.path())
    if tokens.accept("SET"):
        return SetOptions(options.resource(tokens.options()))
    if tokens.accept("ALTER", "COLUMN"):
        return _column_action(tokens)
    raise NotSupportedLocally(f"The embedded warehouse doesn't know ALTER TABLE … {tokens.rest()}.")


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
