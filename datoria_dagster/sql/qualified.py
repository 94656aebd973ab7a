"""A query with every name resolved, made in one pass. Imports sqlglot: import this when needed."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.resolver import Resolver
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import Schema

from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.datatypes import GoogleSql, from_type, struct_of
from datoria_dagster.sql.errors import SqlError, unknown_name
from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.references import identify, is_system, references, routines, span, tables

Schemas = Mapping[str, tuple[Field, ...]]
_DIALECT = GoogleSql()


class Unsure(Exception):
    """The query holds something whose columns can't be told offline."""


class Resolved(NamedTuple):
    """A query with stars expanded and columns qualified, and its scopes, inner ones first."""

    tree: exp.Query
    scopes: tuple[Scope, ...]
    catalog: "Catalog"


class Catalog(Schema):
    """The relations and routines that one query names, as sqlglot asks for them."""

    def __init__(self, relations: Schemas, functions: Mapping[str, Type]) -> None:
        self._columns = {
            name: {field.name.lower(): field for field in fields}
            for name, fields in relations.items()
        }
        # sqlglot folds the case of some parts of a routine's name.
        folded = [name.lower() for name in functions]
        self._functions = {
            name.lower(): type
            for name, type in functions.items()
            if folded.count(name.lower()) == 1
        }
        self._types: dict[int, exp.DataType] = {}

    @property
    def dialect(self) -> GoogleSql:
        return _DIALECT

    @property
    def supported_table_args(self) -> tuple[str, ...]:
        return ("this", "db", "catalog")

    @property
    def empty(self) -> bool:
        return False

    def fields(self, table: Any) -> Mapping[str, Field]:
        """Return the columns of a relation by their lower-cased names; none if it is unknown."""
        return self._columns.get(identify(table), {})

    def add_table(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def column_names(self, table: Any, *_args: Any, **_kwargs: Any) -> Sequence[str]:
        return tuple(self.fields(table))

    def get_column_type(self, table: Any, column: Any, *_args: Any, **_kwargs: Any) -> exp.DataType:
        name = column if isinstance(column, str) else column.name
        field = self.fields(table).get(name.lower())
        if field is None:
            return exp.DType.UNKNOWN.into_expr()
        if id(field) not in self._types:
            self._types[id(field)] = struct_of(field)
        return self._types[id(field)]

    def get_udf_type(self, udf: Any, *_args: Any, **_kwargs: Any) -> exp.DataType:
        parts = udf.parent.flatten() if isinstance(udf.parent, exp.Dot) else (udf,)
        found = self._functions.get(".".join(part.name for part in parts).lower())
        return exp.DType.UNKNOWN.into_expr() if found is None else from_type(found)


def resolve(query: str, schemas: Schemas, functions: Mapping[str, Type]) -> Resolved:
    """Return the query resolved against what it names; cached.

    Raises SqlError for an unknown relation or column, Unsure where that can't be told.
    """
    return _resolve(
        query,
        tuple((name, schemas[name]) for name in references(query) if name in schemas),
        tuple((name, functions[name]) for name in routines(query) if name in functions),
    )


@lru_cache(maxsize=256)
def _resolve(
    query: str,
    schemas: tuple[tuple[str, tuple[Field, ...]], ...],
    functions: tuple[tuple[str, Type], ...],
) -> Resolved:
    relations = dict(schemas)
    tree = parse(query)
    _refuse_unknown_relations(query, tree, relations)
    tree = _marked(tree.copy())
    catalog = Catalog(relations, dict(functions))
    try:
        normalize_identifiers(tree, dialect=_DIALECT, store_original_column_identifiers=True)
        tree = qualify_tables(tree, dialect=_DIALECT)
        tree = qualify_columns(tree, catalog, allow_partial_qualification=True)
        resolved = Resolved(tree, tuple(traverse_scope(tree)), catalog)
        _refuse_unknown_columns(query, resolved)
    except (
        SqlglotError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise Unsure(str(error)) from None
    except RecursionError:
        raise Unsure("it nests too deep") from None
    return resolved


def _marked(tree: exp.Query) -> exp.Query:
    """Give every written column a position, and every output without a name BigQuery's."""
    for column in tree.find_all(exp.Column):
        column.this.meta.setdefault("start", 0)
        column.this.meta.setdefault("end", 0)
    for select in tree.find_all(exp.Select):
        nameless = [item for item in select.selects if not _has_name(item)]
        for number, item in enumerate(nameless):
            item.replace(exp.alias_(item.copy(), f"f{number}_"))
    return tree


def _has_name(item: exp.Expr) -> bool:
    """Tell whether an output has a name: an alias, or the last part of a path.

    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#implicit_aliases
    """
    path = isinstance(item, exp.Dot) and isinstance(item.expression, exp.Identifier)
    subquery = isinstance(item, exp.Subquery) and bool(item.alias)
    return path or subquery or item.is_star or isinstance(item, exp.Alias | exp.Column)


def is_written(column: exp.Column) -> bool:
    """Tell whether the text names this column, rather than a star or USING."""
    return "start" in column.this.meta


def _refuse_unknown_relations(query: str, tree: exp.Query, relations: Schemas) -> None:
    for table in tables(tree):
        if is_system(table) or "*" in table.name:
            raise Unsure(f"{identify(table)} has no declared columns")
        name = identify(table)
        if name not in relations:
            raise SqlError(f"{name} is not declared.", query, span(table))
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            raise Unsure("a table function has no declared columns")


def _refuse_unknown_columns(query: str, resolved: Resolved) -> None:
    for scope in resolved.scopes:
        if scope.pivots:
            raise Unsure("PIVOT and UNPIVOT are not followed")
        if isinstance(scope.expression, exp.Select):
            resolver = Resolver(scope, resolved.catalog)
            for column in scope.columns:
                _refuse_unknown_column(query, scope, resolver, column)
    for dot in resolved.tree.find_all(exp.Dot):
        _refuse_unknown_field(query, dot)


def _refuse_unknown_column(
    query: str, scope: Scope, resolver: Resolver, column: exp.Column
) -> None:
    name, table = column.name, column.table
    if isinstance(column.this, exp.Star) or isinstance(column, exp.Pseudocolumn):
        return
    if not table:
        owner = scope
        while owner.can_be_correlated and owner.parent:
            owner = owner.parent
            if name in Resolver(owner, resolver.schema).all_columns:
                return
        if any(_has_open_columns(source) for _, source in scope.selected_sources.values()):
            return
        found = [s for s in scope.selected_sources if name in resolver.get_source_columns(s)]
        if len(found) > 1:
            raise _wrong(
                query, column, f"Column {name} is ambiguous: {' and '.join(found)} have it."
            )
        raise _unknown(query, column, resolver.all_columns)
    if table in scope.selected_sources:
        columns = resolver.get_source_columns(table)
        if columns and "*" not in columns and name not in columns:
            raise _unknown(query, column, columns)
    elif not scope.can_be_correlated:
        raise _unknown(query, column, resolver.all_columns, f"{table}.{name}")


def _has_open_columns(source: exp.Expr | Scope) -> bool:
    """Tell whether it is an array whose elements may be structs of unknown fields."""
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Unnest):
        return False
    found = source.expression.type
    return found is None or found.is_type(exp.DType.UNKNOWN)


def _refuse_unknown_field(query: str, dot: exp.Dot) -> None:
    owner = dot.this.type
    if owner is None or not isinstance(dot.expression, exp.Identifier):
        return
    if owner.this == exp.DType.ARRAY:
        raise _wrong(
            query,
            dot.expression,
            f"Field {dot.name} is read of an array. Use UNNEST or [OFFSET(0)].",
        )
    if owner.this == exp.DType.STRUCT:
        names = [field.name for field in owner.expressions]
        if names and dot.name.lower() not in [name.lower() for name in names]:
            raise _unknown(query, dot.expression, names, what="field")


def _unknown(
    query: str, node: exp.Expr, known: Iterable[str], name: str = "", what: str = "column"
) -> SqlError:
    return unknown_name(name or node.name, what, query, _span(node), set(known))


def _wrong(query: str, node: exp.Expr, sentence: str) -> SqlError:
    return SqlError(sentence, query, _span(node))


def _span(node: exp.Expr) -> tuple[int, int]:
    meta = (node.this if isinstance(node, exp.Column) else node).meta
    return (meta.get("start", 0), meta.get("end", 0) + 1)
