"""GoogleSQL into DuckDB's SQL: views and functions are inlined, tables are found.

Imports sqlglot, which costs 0.25 s: import this module only where SQL is really executed.
"""

import logging
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from datoria_dagster.warehouse.local import decimals, names, translation
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.duck import sql
from datoria_dagster.warehouse.local.ingestion import show_arrival
from datoria_dagster.warehouse.local.resources import fields_of, is_ingestion_time
from datoria_dagster.warehouse.port import (
    Body,
    NotFound,
    NotSupportedLocally,
    Ref,
    Refused,
    Resource,
)

# "Views can be nested to 16 levels": https://docs.cloud.google.com/bigquery/docs/views
MAX_NESTING = 16
# What sqlglot can't parse it also logs; the error that we raise says it.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())
_OTHERS = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command)


def query(catalog: Catalog, text: str) -> str:
    """Return one SELECT as DuckDB's SQL. Raises Refused for any other statement."""
    return sql(translation.translated(_Resolver(catalog).query(text)))


def empty_query(catalog: Catalog, text: str) -> str:
    """Return the SELECT without its rows, to learn its columns."""
    tree = translation.translated(_Resolver(catalog).query(text))
    return sql(tree.limit(0, copy=False))


def expression(catalog: Catalog, text: str) -> str:
    """Return a scalar expression as DuckDB's SQL."""
    tree = parse_expression(text).copy()
    return sql(translation.translated(_Resolver(catalog).resolve(tree, 0)))


def call(catalog: Catalog, ref: Ref, routine: Body) -> str:
    """Return a call of a function with NULL arguments, to find out whether its body is sound."""
    nulls: list[exp.Expr] = [exp.Null() for _ in routine.get("arguments") or ()]
    tree = _Resolver(catalog).inlined(ref, routine, nulls, 0)
    return sql(translation.translated(exp.select(tree)))


def parse_query(text: str) -> exp.Expr:
    """Return the tree of exactly one SELECT, which must not be changed: it is cached."""
    trees = _parse(text)
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise Refused(
            "A query only reads: it must be exactly one SELECT (WITH is welcome). "
            "Nothing was executed."
        )
    if trees[0].find(*_OTHERS) is not None:
        raise Refused("A query only reads: it must not hold another statement.")
    return trees[0]


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[exp.Expr, ...]:
    try:
        found = sqlglot.parse(text, dialect="bigquery")
    except (ParseError, TokenError) as error:
        raise Refused(f"Syntax error: {_first_reason(error)}") from None
    except RecursionError:
        raise Refused("The query nests too deeply to be parsed.") from None
    trees = tuple(
        tree for tree in found if tree is not None and not isinstance(tree, exp.Semicolon)
    )
    if not trees:
        raise Refused("Syntax error: the statement is empty.")
    return trees


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> exp.Expr:
    """Return the tree of one expression in parentheses, which must not be changed: it is cached."""
    tree = _parse(f"SELECT (\n{text}\n)")[0]
    projections = tree.expressions if isinstance(tree, exp.Select) else []
    if len(projections) != 1 or not isinstance(projections[0], exp.Paren | exp.Subquery):
        raise Refused(f"Syntax error: {text!r} is not one expression.")
    return projections[0]


def _first_reason(error: SqlglotError) -> str:
    details = getattr(error, "errors", None) or [{}]
    first: dict[str, Any] = details[0]
    if not first.get("description"):
        return str(error).splitlines()[0] + "."
    place = f" at [{first.get('line')}:{first.get('col')}]"
    return f"{str(first['description']).rstrip('.')}{place} near {str(first.get('highlight'))!r}."


class _Resolver:
    """Replaces what DuckDB does not know by what it does, from one state of the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.known: dict[Ref, Resource] = {}

    def query(self, text: str) -> exp.Query:
        tree = parse_query(text).copy()
        resolved = self.resolve(tree, 0)
        assert isinstance(resolved, exp.Query)  # noqa: S101  # checked by parse_query
        return resolved

    def resolve(self, tree: exp.Expr, level: int) -> exp.Expr:
        if level > MAX_NESTING:
            raise Refused(
                f"Views or functions nest deeper than {MAX_NESTING} levels, or in a circle."
            )
        tree = self._calls(tree, level)
        tables = [table for table in tree.find_all(exp.Table) if not _is_cte(table)]
        self._fetch(tables)
        for table in tables:
            self._table(table, level)
        return tree

    def _fetch(self, tables: list[exp.Table]) -> None:
        refs = {self._ref(table) for table in tables if not _is_sibling(table)}
        missing = refs - self.known.keys()
        if missing:
            self.known.update(self.catalog.find_all(missing))

    def _ref(self, table: exp.Table) -> Ref:
        if not isinstance(table.this, exp.Identifier):
            raise NotSupportedLocally(
                f"The embedded warehouse has no table function {table.this.sql('bigquery')}."
            )
        parts = ".".join(part.name for part in table.parts).split(".")
        if table.args.get("version") or table.args.get("when"):
            raise NotSupportedLocally("The embedded warehouse has no FOR SYSTEM_TIME AS OF.")
        if "INFORMATION_SCHEMA" in (part.upper() for part in parts):
            raise NotSupportedLocally("The embedded warehouse has no INFORMATION_SCHEMA.")
        if parts[-1].endswith("*"):
            raise NotSupportedLocally("The embedded warehouse has no wildcard tables.")
        needed = 3
        if len(parts) < needed:
            raise Refused(
                f'Table "{".".join(parts)}" must be qualified with a project and a dataset '
                "(for example `project.dataset.table`)."
            )
        return Ref("table", ".".join(parts))

    def _table(self, table: exp.Table, level: int) -> None:
        if _is_sibling(table):
            names.unnest_sibling(table)
            return
        ref = self._ref(table)
        found = self.known.get(ref)
        if found is None:
            raise self._not_found(ref)
        if found.body["type"] == "VIEW":
            replacement = self._view(found, level)
        elif not fields_of(found.body):
            raise Refused(f"{legacy(ref)} does not have a schema.")
        else:
            replacement = _physical(found, table)
        names.take_place(table, replacement, ref.parts[-1])

    def _not_found(self, ref: Ref) -> NotFound:
        home = self.catalog.find(ref.dataset)
        location = f" in location {home.body['location']}" if home else ""
        missing = ref if home else ref.dataset
        return NotFound(f"Not found: {legacy(missing)} was not found{location}")

    def _view(self, view: Resource, level: int) -> exp.Expr:
        tree = parse_query(view.body["view"]["query"]).copy()
        try:
            return exp.Subquery(this=self.resolve(tree, level + 1))
        except NotFound as error:
            raise NotFound(f"{error} (read by view {view.ref.id})") from None

    def _calls(self, tree: exp.Expr, level: int) -> exp.Expr:
        # From the inside out, so that arguments are resolved before they are copied.
        for node in reversed(list(tree.find_all(exp.Anonymous, exp.Dot))):
            name = names.routine_name(node)
            if name is None:
                continue
            inner = node.expression if isinstance(node, exp.Dot) else node
            replacement = self._call(name, inner.expressions, level)
            if node is tree:
                tree = replacement
            node.replace(replacement)
        return tree

    def _call(self, name: str, arguments: list[exp.Expr], level: int) -> exp.Expr:
        needed = 3
        if len(name.split(".")) < needed:
            raise Refused(f"Function not found: {name}; qualify it with its project and dataset.")
        ref = Ref("routine", name)
        found = self.known.get(ref) or self.catalog.find(ref)
        if found is None:
            raise NotFound(f"Function not found: {name}")
        self.known[ref] = found
        return self.inlined(ref, found.body, arguments, level)

    def inlined(self, ref: Ref, routine: Body, arguments: list[exp.Expr], level: int) -> exp.Expr:
        declared = routine.get("arguments") or []
        if len(declared) != len(arguments):
            raise Refused(
                f"Number of arguments does not match for function {ref.id}. "
                f"It takes {len(declared)}, and was given {len(arguments)}."
            )
        body = parse_expression(routine["definitionBody"]).copy()
        body = self.resolve(body, level + 1)
        values = {
            argument["name"].lower(): _cast(value, argument.get("dataType"))
            for argument, value in zip(declared, arguments, strict=True)
        }
        return _cast(names.substituted(body, values), routine.get("returnType"))


def _cast(value: exp.Expr, data_type: Body | None) -> exp.Expr:
    kind = type_text(data_type or {})
    if kind is None:
        return exp.Paren(this=value.copy())
    return exp.Cast(this=value.copy(), to=exp.DataType.build(kind, dialect="bigquery"))


def type_text(data_type: Body) -> str | None:
    """Return a StandardSqlDataType as GoogleSQL writes it; None for ANY TYPE."""
    kind = data_type.get("typeKind")
    if kind is None or kind in ("ANY TYPE", "ANY_TYPE", "TYPE_KIND_UNSPECIFIED"):
        return None
    if kind == "ARRAY":
        return f"ARRAY<{type_text(data_type['arrayElementType'])}>"
    if kind == "STRUCT":
        fields = (data_type.get("structType") or {}).get("fields") or []
        inner = ", ".join(f"`{field['name']}` {type_text(field['type'])}" for field in fields)
        return f"STRUCT<{inner}>"
    return str(kind)


def _is_cte(table: exp.Table) -> bool:
    if len(table.parts) > 1 or not isinstance(table.this, exp.Identifier):
        return False
    if "." in table.name:
        return False
    name = table.name.lower()
    scope: exp.Expr | None = table.parent
    while scope is not None:
        clause = scope.args.get("with_")
        if clause and any(cte.alias.lower() == name for cte in clause.expressions):
            return True
        scope = scope.parent
    return False


def _is_sibling(table: exp.Table) -> bool:
    """Whether it is `alias.column`, an array of another table of the same FROM."""
    return names.sibling(table) is not None


def _physical(found: Resource, table: exp.Table) -> exp.Expr:
    physical = exp.table_(found.ref.parts[-1], db=found.ref.dataset.id, quoted=True)
    decimals.declare(physical, fields_of(found.body))
    if not is_ingestion_time(found.body):
        return physical
    return show_arrival(found, physical, table)


def functions(text: str) -> frozenset[str]:
    """Return the names of the functions that an expression calls, in upper case."""
    found = parse_expression(text).find_all(exp.Func, exp.Column, exp.Subquery)
    return frozenset(name for node in found if (name := _called(node)) is not None)


def _called(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Cast | exp.Array | exp.Struct | exp.ParseJSON):
        return None
    if isinstance(node, exp.Column):
        return f"column {node.name}"
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    if isinstance(node, exp.Func):
        return node.sql_name()
    return "a subquery" if isinstance(node.this, exp.Query) else None
