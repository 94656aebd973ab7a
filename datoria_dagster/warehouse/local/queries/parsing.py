"""GoogleSQL as trees: exactly one SELECT, or exactly one expression. Trees are cached.

Imports sqlglot, which costs 0.25 s: import this module only where SQL is really executed.
"""

import logging
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from datoria_dagster.warehouse.port import Refused

# What sqlglot can't parse it also logs; the error that we raise says it.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())
_OTHERS = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command)


def parse_query(text: str) -> exp.Expr:
    """Return the tree of exactly one SELECT, which must not be changed: it is cached."""
    trees = parse(text)
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise Refused(
            "A query only reads: it must be exactly one SELECT (WITH is welcome). "
            "Nothing was executed."
        )
    if trees[0].find(*_OTHERS) is not None:
        raise Refused("A query only reads: it must not hold another statement.")
    return trees[0]


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[exp.Expr, ...]:
    """Return the trees of statements, at least one; they must not be changed."""
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


def statements_of(text: str) -> tuple[exp.Expr, ...]:
    """Return the trees of what can be parsed; they must not be changed."""
    try:
        return tuple(tree for tree in parse(text) if not isinstance(tree, exp.Command))
    except Refused:
        return ()


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> exp.Expr:
    """Return the tree of one expression in parentheses, which must not be changed: it is cached."""
    tree = parse(f"SELECT (\n{text}\n)")[0]
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
