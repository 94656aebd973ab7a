"""Whether two SQL texts say the same. In doubt they do not."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from datoria_dagster.sql.parse import SqlError, dialect, parse, parse_expression
from datoria_dagster.sql.references import is_array, is_cte, span, tables

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

# One token: what it is, and what of its text matters.
Word = tuple[str, str]
_QUALIFIED = 3
_PARTS = re.compile(
    "(MICRO|MILLI)?SECOND|MINUTE|HOUR|DAY|DAYOFWEEK|DAYOFYEAR|(ISO)?WEEK|MONTH|QUARTER|(ISO)?YEAR"
    "|(SUN|MON|TUES|WEDNES|THURS|FRI|SATUR)DAY",
    re.IGNORECASE,
)
_NAME_TOKENS = ("VAR", "IDENTIFIER", "DOT", "DASH", "NUMBER")


def same_query(a: str, b: str) -> bool:
    """Tell whether two queries differ in nothing but how they are written.

    Layout, comments, a last semicolon, the case of keywords and of names that BigQuery folds,
    and back-quotes that are not needed make no difference. What does not parse is compared as text.
    """
    return a == b or _same(_query_words, a, b)


def same_expression(a: str, b: str) -> bool:
    """Tell the same of two expressions: bodies of routines, defaults."""
    return a == b or _same(_expression_words, a, b)


def _same(words: Callable[[str], tuple[Word, ...]], a: str, b: str) -> bool:
    try:
        return words(a) == words(b)
    except SqlError:
        return False


@lru_cache(maxsize=4096)
def _query_words(text: str) -> tuple[Word, ...]:
    return tuple(_words(text, parse(text)))


@lru_cache(maxsize=4096)
def _expression_words(text: str) -> tuple[Word, ...]:
    return tuple(_words(text, parse_expression(text)))


def _words(text: str, tree: "exp.Expr") -> Iterator[Word]:
    tokens = dialect().tokenize(text)
    while tokens and tokens[-1].token_type.name == "SEMICOLON":
        tokens.pop()
    names = _names(text, tree)
    paths = _paths(tree)
    position = 0
    while position < len(tokens):
        path = paths.get(tokens[position].start)
        if path is not None:
            name, end = path
            yield "relation", name
            while position < len(tokens) and tokens[position].start < end:
                position += 1
            continue
        length, word = _routine(tokens, position) or (
            1,
            names.get(tokens[position].start) or _word(text, tokens, position),
        )
        yield word
        position += length


def _word(text: str, tokens: "list[Token]", position: int) -> Word:
    token = tokens[position]
    written = text[token.start : token.end + 1]
    match token.token_type.name:
        case "VAR" if _is_builtin(tokens, position) or _is_part(tokens, position):
            return "keyword", token.text.upper()
        case "VAR" | "IDENTIFIER" | "NUMBER" | "PARAMETER":
            return token.token_type.name, written
        case "STRING" if "\\" not in written:
            return "STRING", token.text
        case name if name.endswith("STRING"):
            return name, written
        case _:
            return "keyword", " ".join(token.text.upper().split())


def _is_builtin(tokens: "list[Token]", position: int) -> bool:
    after = tokens[position + 1].token_type.name if position + 1 < len(tokens) else ""
    before = tokens[position - 1].token_type.name if position else ""
    return after == "L_PAREN" and before not in ("DOT", "PARAMETER", "ALIAS")


def _is_part(tokens: "list[Token]", position: int) -> bool:
    """Tell whether it is a part of a date, as in `DATE_TRUNC(d, MONTH)`. Names come before this."""
    before = tokens[position - 1].token_type.name if position else ""
    return before in ("COMMA", "NUMBER", "L_PAREN") and bool(
        _PARTS.fullmatch(tokens[position].text)
    )


def _routine(tokens: "list[Token]", position: int) -> tuple[int, Word] | None:
    """Read `project.dataset.name(`, however it is quoted. Names of routines keep their case."""
    parts: list[str] = []
    end = position
    while end < len(tokens) and tokens[end].token_type.name in ("VAR", "IDENTIFIER"):
        parts += tokens[end].text.split(".")
        if end + 1 < len(tokens) and tokens[end + 1].token_type.name == "DOT":
            end += 2
            continue
        opens = end + 1 < len(tokens) and tokens[end + 1].token_type.name == "L_PAREN"
        if opens and len(parts) >= _QUALIFIED and not _follows_dot(tokens, position):
            return end + 1 - position, ("routine", ".".join(parts))
        return None
    return None


def _follows_dot(tokens: "list[Token]", position: int) -> bool:
    return position > 0 and tokens[position - 1].token_type.name == "DOT"


def _paths(tree: "exp.Expr") -> dict[int, tuple[str, int]]:
    """Return the relations by where their names start, with where they end."""
    found: dict[int, tuple[str, int]] = {}
    for table in tables(tree):
        if len(table.parts) == _QUALIFIED and all("start" in part.meta for part in table.parts):
            start, end = span(table)
            found[start] = (".".join(part.name for part in table.parts), end)
    return found


def _names(text: str, tree: "exp.Expr") -> dict[int, Word]:
    """Return the identifiers by where they stand, without back-quotes.

    Their case is folded where BigQuery does, except that the names of a row's columns show in JSON.
    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/lexical
    """
    from sqlglot import exp

    folds = "json" not in text.lower()
    found: dict[int, Word] = {}
    for name in tree.find_all(exp.Identifier):
        if "start" not in name.meta:
            continue
        if re.fullmatch(r"[^\W\d]\w*", name.name) and _is_folded(name):
            found[name.meta["start"]] = ("name", name.name.lower() if folds else name.name)
        else:
            found[name.meta["start"]] = ("exact", text[name.meta["start"] : name.meta["end"] + 1])
    return found


def _is_folded(name: "exp.Identifier") -> bool:
    from sqlglot import exp

    match name.parent:
        case exp.Alias() | exp.TableAlias() | exp.Join() | exp.Star():
            return True
        case exp.Column() as column if name.arg_key == "this":
            # A field of a JSON value keeps its case; a column of a relation's alias does not.
            return not column.table or (not column.args.get("db") and _is_alias(column))
        case exp.Column() as column:
            return column.args.get("db") is None
        case exp.Table() as table:
            return is_cte(table) and not is_array(table)
        case _:
            return False


def _is_alias(column: "exp.Column") -> bool:
    from sqlglot import exp

    select = column.find_ancestor(exp.Select)
    while select is not None:
        start = select.args.get("from_")
        items = [start, *select.args.get("joins", [])] if start is not None else []
        for item in items:
            if item.this.alias_or_name.lower() == column.table.lower():
                return not isinstance(item.this, exp.Unnest)
        select = select.find_ancestor(exp.Select)
    return False
