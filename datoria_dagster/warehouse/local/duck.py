"""Pieces of DuckDB's SQL in a tree of GoogleSQL."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datoria_dagster.warehouse.local.failures import SAID
from datoria_dagster.warehouse.local.rows.physical import text
from datoria_dagster.warehouse.port import NotSupportedLocally


def sql(node: exp.Expr) -> str:
    """Return a translated node as DuckDB's SQL. Raises NotSupportedLocally."""
    try:
        return node.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise NotSupportedLocally(
            f"The embedded warehouse can't run this query: {reason}."
        ) from None


def opaque(written: str) -> exp.Expr:
    """Return a node that is DuckDB's SQL already."""
    return exp.Var(this=written)


def said(sentence: str) -> str:
    """Return the expression that fails with this sentence, which holds no value of a row."""
    return f"error({text(SAID + sentence)})"


def literal(node: exp.Expr | None) -> str:
    """Return the text of a unit or a string literal, in upper case."""
    return node.name.upper() if node is not None else ""
