"""DDL statements read into values. Strict: what isn't known here is refused by name.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from dataclasses import dataclass
from typing import Literal, TypeVar, assert_never

from datoria_dagster.warehouse.local.resources import merged
from datoria_dagster.warehouse.local.syntax import (
    actions,
    elements,
    options,
    partitioning,
    relation_syntax,
    routine_syntax,
    schemas,
)
from datoria_dagster.warehouse.local.syntax.actions import Action, SetOptions
from datoria_dagster.warehouse.local.syntax.schemas import AlterSchema, DropSchema, SchemaStatement
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

Existing = Literal["refuse", "replace", "skip"]
TableKind = Literal["TABLE", "VIEW", "MATERIALIZED VIEW", "EXTERNAL TABLE", "SNAPSHOT"]
RoutineKind = Literal["FUNCTION", "AGGREGATE FUNCTION", "TABLE FUNCTION", "PROCEDURE"]
_Kind = TypeVar("_Kind", TableKind, RoutineKind)
_TABLES: tuple[TableKind, ...] = ("MATERIALIZED VIEW", "EXTERNAL TABLE", "TABLE", "VIEW")
_ROUTINES: tuple[RoutineKind, ...] = (
    "AGGREGATE FUNCTION",
    "TABLE FUNCTION",
    "FUNCTION",
    "PROCEDURE",
)


@dataclass(frozen=True)
class Create:
    """CREATE of a table, view or routine. `query` fills a table; None leaves it empty."""

    ref: Ref
    body: Body
    existing: Existing
    query: str | None = None
    has_columns: bool = True


@dataclass(frozen=True)
class Clone:
    """CREATE [SNAPSHOT] TABLE … CLONE."""

    ref: Ref
    source: Ref
    existing: Existing
    snapshot: bool
    options: Body


@dataclass(frozen=True)
class Drop:
    """DROP. `kind` is what the table or routine must be."""

    ref: Ref
    kind: TableKind | RoutineKind
    if_exists: bool


@dataclass(frozen=True)
class CreatePolicy:
    """CREATE ROW ACCESS POLICY; `condition` filters rows, `grantees` may see those."""

    ref: Ref
    name: str
    existing: Existing
    condition: str
    grantees: str | None


@dataclass(frozen=True)
class DropPolicy:
    """DROP ROW ACCESS POLICY; None is all of them."""

    ref: Ref
    name: str | None
    if_exists: bool


@dataclass(frozen=True)
class Insert:
    """INSERT INTO … SELECT or VALUES; without names, the columns are the table's own."""

    ref: Ref
    names: tuple[str, ...] | None
    query: str


@dataclass(frozen=True)
class Alter:
    """ALTER TABLE, VIEW or MATERIALIZED VIEW, action by action."""

    ref: Ref
    kind: TableKind
    if_exists: bool
    actions: tuple[Action, ...]


Statement = Create | Clone | Drop | Alter | CreatePolicy | DropPolicy | Insert | SchemaStatement


def parse(text: str) -> Statement:
    """Return the statement. Raises Refused for bad syntax, NotSupportedLocally for other kinds."""
    tokens = Tokens(text)
    if tokens.accept("CREATE"):
        return _create(tokens)
    if tokens.accept("DROP"):
        return _drop(tokens)
    if tokens.accept("ALTER"):
        return _alter(tokens)
    if tokens.accept("INSERT"):
        return _insert(tokens)
    raise _unknown(text)


def _unknown(text: str) -> NotSupportedLocally:
    words = " ".join(text.split()[:3]).upper()
    return NotSupportedLocally(
        f"The embedded warehouse can't execute {words}…: it runs CREATE, ALTER and DROP of tables, "
        "views and routines."
    )


def _create(tokens: Tokens) -> Statement:
    replace = tokens.accept("OR", "REPLACE")
    if tokens.accept("ROW", "ACCESS", "POLICY"):
        return _create_policy(tokens, replace=replace)
    if tokens.accept("SCHEMA"):
        return schemas.parse_create(tokens)
    routine = _kind(tokens, _ROUTINES)
    if routine is not None:
        return _create_routine(tokens, routine, replace=replace)
    return _create_relation(tokens, replace=replace)


def _kind(tokens: Tokens, kinds: tuple[_Kind, ...]) -> _Kind | None:
    return next((kind for kind in kinds if tokens.accept(*kind.split())), None)


def _existing(tokens: Tokens, *, replace: bool) -> Existing:
    skip = tokens.accept("IF", "NOT", "EXISTS")
    return "replace" if replace else "skip" if skip else "refuse"


def _create_relation(tokens: Tokens, *, replace: bool) -> Create | Clone:
    snapshot = tokens.accept("SNAPSHOT")
    kind = _kind(tokens, _TABLES)
    if kind is None:
        raise _unknown(tokens.text)
    existing = _existing(tokens, replace=replace)
    ref = tokens.ref("table")
    if kind == "VIEW":
        return _create_view(tokens, ref, existing)
    if kind == "MATERIALIZED VIEW":
        return Create(ref, relation_syntax.materialized_view(tokens), existing)
    if kind == "EXTERNAL TABLE":
        return Create(ref, relation_syntax.external_table(tokens, ref), existing)
    if snapshot or tokens.peek("CLONE") or tokens.peek("COPY"):
        return _clone(tokens, ref, existing, snapshot=snapshot)
    return _create_table(tokens, ref, existing)


def _create_routine(tokens: Tokens, kind: RoutineKind, *, replace: bool) -> Create:
    existing = _existing(tokens, replace=replace)
    ref = tokens.ref("routine")
    match kind:
        case "TABLE FUNCTION":
            body = routine_syntax.table_function(tokens, ref)
        case "PROCEDURE":
            body = routine_syntax.procedure(tokens, ref)
        case "FUNCTION" | "AGGREGATE FUNCTION":
            aggregate = kind == "AGGREGATE FUNCTION"
            body = routine_syntax.function(tokens, ref, aggregate=aggregate)
        case _:
            assert_never(kind)
    tokens.end()
    return Create(ref, body, existing)


def _create_table(tokens: Tokens, ref: Ref, existing: Existing) -> Create:
    fields, keys = elements.table(tokens, ref)
    body: Body = {"schema": {"fields": fields}, "tableConstraints": keys}
    if tokens.accept("DEFAULT", "COLLATE"):
        body["defaultCollation"] = tokens.string()
    if tokens.accept("PARTITION", "BY"):
        body.update(partitioning.parse(tokens, fields))
    if tokens.accept("CLUSTER", "BY"):
        body["clustering"] = {"fields": _names(tokens)}
    body = merged(body, options.resource(tokens.options()))
    query = tokens.rest() if tokens.accept("AS") else None
    tokens.end()
    return Create(ref, body, existing, query, has_columns=bool(fields))


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
    body = options.resource(tokens.options(), options.VIEW)
    tokens.expect("AS")
    return Create(ref, {**body, "view": {"query": tokens.rest(), "useLegacySql": False}}, existing)


def _clone(tokens: Tokens, ref: Ref, existing: Existing, *, snapshot: bool) -> Clone:
    if not tokens.accept("CLONE"):
        tokens.expect("COPY")
    source = tokens.ref("table")
    if tokens.peek("FOR"):
        raise NotSupportedLocally("The embedded warehouse has no FOR SYSTEM_TIME AS OF.")
    given = options.resource(tokens.options())
    tokens.end()
    return Clone(ref, source, existing, snapshot, given)


def _drop(tokens: Tokens) -> Drop | DropPolicy | DropSchema:
    if tokens.accept("SCHEMA"):
        return schemas.parse_drop(tokens)
    if tokens.peek("ROW") or tokens.peek("ALL"):
        return _drop_policy(tokens)
    snapshot = tokens.accept("SNAPSHOT", "TABLE")
    kind = "SNAPSHOT" if snapshot else _kind(tokens, _ROUTINES) or _kind(tokens, _TABLES)
    if kind is None:
        raise _unknown(tokens.text)
    if_exists = tokens.accept("IF", "EXISTS")
    ref = tokens.ref("routine" if kind in _ROUTINES else "table")
    tokens.end()
    return Drop(ref, kind, if_exists)


def _create_policy(tokens: Tokens, *, replace: bool) -> CreatePolicy:
    skip = tokens.accept("IF", "NOT", "EXISTS")
    name = tokens.word()
    tokens.expect("ON")
    ref = tokens.ref("table")
    grantees = None
    if tokens.accept("GRANT", "TO"):
        grantees = tokens.inside()
    tokens.expect("FILTER", "USING")
    condition = tokens.inside()
    tokens.end()
    existing: Existing = "replace" if replace else "skip" if skip else "refuse"
    return CreatePolicy(ref, name, existing, condition, grantees)


def _drop_policy(tokens: Tokens) -> DropPolicy:
    if tokens.accept("ALL"):
        tokens.expect("ROW", "ACCESS", "POLICIES", "ON")
        ref = tokens.ref("table")
        tokens.end()
        return DropPolicy(ref, None, if_exists=False)
    tokens.expect("ROW", "ACCESS", "POLICY")
    if_exists = tokens.accept("IF", "EXISTS")
    name = tokens.word()
    tokens.expect("ON")
    ref = tokens.ref("table")
    tokens.end()
    return DropPolicy(ref, name, if_exists)


def _insert(tokens: Tokens) -> Insert:
    tokens.accept("INTO")
    ref = tokens.ref("table")
    names: tuple[str, ...] | None = None
    if tokens.peek("(") and not tokens.peek("(", "SELECT") and not tokens.peek("(", "WITH"):
        tokens.expect("(")
        names = tuple(_names(tokens))
        tokens.expect(")")
    if not tokens.accept("VALUES"):
        return Insert(ref, names, tokens.rest())
    rows = [f"SELECT {tokens.inside()}"]
    while tokens.accept(","):
        rows.append(f"SELECT {tokens.inside()}")
    tokens.end()
    return Insert(ref, names, " UNION ALL ".join(rows))


def _alter(tokens: Tokens) -> Alter | AlterSchema:
    if tokens.accept("SCHEMA"):
        return schemas.parse_alter(tokens)
    kind = _kind(tokens, _TABLES)
    if kind is None or kind == "EXTERNAL TABLE":
        raise _unknown(tokens.text)
    if_exists = tokens.accept("IF", "EXISTS")
    ref = tokens.ref("table")
    if kind == "MATERIALIZED VIEW":
        return Alter(ref, kind, if_exists, (_view_options(tokens),))
    found = [actions.parse(tokens, ref)]
    while tokens.accept(","):
        found.append(actions.parse(tokens, ref))
    tokens.end()
    if len({type(action) for action in found}) > 1:
        raise Refused("ALTER TABLE can't mix kinds of actions in one statement.")
    return Alter(ref, kind, if_exists, tuple(found))


def _view_options(tokens: Tokens) -> SetOptions:
    tokens.expect("SET")
    if not tokens.peek("OPTIONS"):
        raise tokens.error("expected OPTIONS")
    found = SetOptions(relation_syntax.view_options(tokens.options()))
    tokens.end()
    return found
