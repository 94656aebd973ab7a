"""GoogleSQL text to a syntax tree. Trees are cached by their text: never change one."""

import logging
import re
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from datoria_dagster.sql.errors import SqlError

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.errors import ParseError

__all__ = [
    "DATE_PARTS",
    "SqlError",
    "dialect",
    "parse",
    "parse_any",
    "parse_expression",
    "parse_statement",
]

# Everything up to a string, a quoted name or a comment that is opened and never closed.
_CLOSED = re.compile(
    r"""(?:(?:--|\#)[^\n]*|/\*.*?\*/|'''(?:\\.|.)*?'''|\"\"\"(?:\\.|.)*?\"\"\"
    |'(?!'')(?:\\.|[^'\\])*'|"(?!"")(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`
    |[^'"`/\#-]|/(?!\*)|-)*+""",
    re.DOTALL | re.VERBOSE,
)
DATE_PARTS = re.compile(
    "(MICRO|MILLI)?SECOND|MINUTE|HOUR|DAY|DAYOFWEEK|DAYOFYEAR|(ISO)?WEEK|MONTH|QUARTER|(ISO)?YEAR"
    "|(SUN|MON|TUES|WEDNES|THURS|FRI|SATUR)DAY",
    re.IGNORECASE,
)
_SELECT = re.compile(r"\bSELECT\b", re.IGNORECASE)
_SELECT_OF_SOMETHING = re.compile(
    r"\bSELECT\s+(?!(?:ALL|AS|DISTINCT|EXCEPT|FROM|GROUP|HAVING|INTERSECT|LIMIT|ORDER|QUALIFY|UNION"
    r"|WHERE|WINDOW|WITH)\b)[\w`*('\"\[@]",
    re.IGNORECASE,
)
_BEGINS_QUERY = re.compile(r"\s*(SELECT|WITH|FROM)\b", re.IGNORECASE)


@cache
def dialect() -> "BigQuery":
    """Return GoogleSQL; what sqlglot logs is silenced, for its errors say it all."""
    from datoria_dagster.sql.parser import Parsed

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    return Parsed()


def parse(text: str, place: str = "") -> "exp.Query":
    """Return the tree of one query. `place` names the text in errors.

    Raises SqlError when it does not parse, is no query, or is more than one statement.
    """
    try:
        return _query(text)
    except SqlError as error:
        raise error.with_place(place) from None


def parse_expression(text: str, place: str = "") -> "exp.Expr":
    """Return the tree of one expression: a routine's body, a default. Raises SqlError."""
    try:
        return _expression(text)
    except SqlError as error:
        raise error.with_place(place) from None


@lru_cache(maxsize=512)
def parse_any(text: str) -> "exp.Expr":
    """Return the tree of an expression or a query, whichever it is. Raises SqlError."""
    if _BEGINS_QUERY.match(text):
        return _query(text)
    try:
        return _expression(text)
    except SqlError:
        return _query(text)


def parse_statement(text: str) -> "exp.Expr":
    """Return the tree of one statement of a script, of any kind. Raises SqlError."""
    trees = _checked(text, None)
    if len(trees) != 1 or trees[0] is None:
        raise SqlError("There is no statement here.", text, (0, 0))
    return trees[0]


@lru_cache(maxsize=512)
def _query(text: str) -> "exp.Query":
    from sqlglot import exp

    trees = [
        tree
        for tree in _checked(text, None)
        if tree is not None and not isinstance(tree, exp.Semicolon)
    ]
    if not trees:
        raise SqlError("There is no SQL here.", text, (0, 0))
    if not isinstance(trees[0], exp.Query):
        word = re.match(r"\w*", text[_start(text) :])
        length = len(word.group()) if word else 1
        raise SqlError("This is not a query.", text, (_start(text), _start(text) + length))
    if len(trees) > 1:
        start = _second(text)
        raise SqlError("There is a second statement; keep one query.", text, (start, start + 1))
    if _may_be_empty(text) and any(not s.expressions for s in trees[0].find_all(exp.Select)):
        raise SqlError("A SELECT names no column.", text, (_start(text), _start(text) + 1))
    return trees[0]


def _may_be_empty(text: str) -> bool:
    """Tell whether a SELECT may name no column; the tree, which is slower, tells for sure."""
    return len(_SELECT.findall(text)) != len(_SELECT_OF_SOMETHING.findall(text))


@lru_cache(maxsize=512)
def _expression(text: str) -> "exp.Expr":
    from sqlglot import exp

    trees = _checked(text, exp.Condition)
    if len(trees) != 1 or trees[0] is None:
        raise SqlError("There is no expression here.", text, (0, 0))
    return trees[0]


def _checked(text: str, into: Any) -> "list[exp.Expr | None]":
    from sqlglot.errors import ParseError, TokenError

    try:
        return dialect().parse_into(into, text) if into else dialect().parse(text)
    except TokenError:
        closed = _CLOSED.match(text)
        start = closed.end() if closed else 0
        raise SqlError(
            "A string, quoted name or comment is opened here and never closed.",
            text,
            (start, start + 1),
        ) from None
    except ParseError as error:
        raise _readable(text, error) from None
    except (AttributeError, LookupError, TypeError, ValueError):  # sqlglot stumbles over a few
        raise SqlError("This SQL can't be read; something is missing.", text, (0, 0)) from None
    except RecursionError:
        raise SqlError("This SQL nests too deep to be read.", text, (0, 0)) from None


def _readable(text: str, error: "ParseError") -> SqlError:
    found = error.errors[0] if error.errors else {}
    token = str(found.get("highlight") or "")
    lines = text.split("\n")
    line = min(int(found.get("line") or 1), len(lines))
    end = sum(len(before) + 1 for before in lines[: line - 1]) + int(found.get("col") or 0)
    return SqlError(
        _sentence(str(found.get("description") or ""), token), text, (end - len(token), end)
    )


def _sentence(description: str, token: str) -> str:
    if "Unexpected token" in description:
        return f"`{token}` is not expected here."
    if "SENTINEL" in description or description.startswith("Required keyword"):
        return f"Something is missing after `{token}`."
    if description.startswith("Expecting "):
        return f"`{description.removeprefix('Expecting ')}` is missing near `{token}`."
    return f"{description.partition(' but got <')[0]}, near `{token}`."


def _start(text: str) -> int:
    tokens = dialect().tokenize(text)
    return tokens[0].start if tokens else 0


def _second(text: str) -> int:
    tokens = dialect().tokenize(text)
    for before, token in pairwise(tokens):
        if before.token_type.name == "SEMICOLON" and token.token_type.name != "SEMICOLON":
            return token.start
    return tokens[-1].start
