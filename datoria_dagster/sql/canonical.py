"""Whether two SQL texts say the same. In doubt they do not."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from datoria_dagster.sql.parse import DATE_PARTS, SqlError, dialect, parse, parse_expression
from datoria_dagster.sql.references import is_array, is_cte, span, tables
from datoria_dagster.sql.script import raw_words, split
from datoria_dagster.sql.words import Word, simplified, string

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

_QUALIFIED = 3
_NAME_TOKENS = ("VAR", "IDENTIFIER", "DOT", "DASH", "NUMBER")


def same_query(a: str, b: str) -> bool:
    """Tell whether two queries differ in nothing but how they are written.

    Layout, comments, a last semicolon, the case of keywords and of names that BigQuery folds,
    back-quotes, parentheses and words that are not needed, and the spelling of literals make no
    difference. What does not parse is compared word by word.
    """
    return a == b or _query_words(a) == _query_words(b)


def same_expression(a: str, b: str) -> bool:
    """Tell the same of two expressions: bodies of routines, defaults."""
    return a == b or _expression_words(a) == _expression_words(b)


def same_script(a: str, b: str) -> bool:
    """Tell the same of two lists of statements: bodies of procedures."""
    return a == b or _script_words(a) == _script_words(b)


@lru_cache(maxsize=4096)
def _query_words(text: str) -> tuple[Word, ...]:
    try:
        return simplified(_words(text, parse(text)))
    except SqlError:
        return raw_words(text)


@lru_cache(maxsize=4096)
def _expression_words(text: str) -> tuple[Word, ...]:
    try:
        return simplified(_words(text, parse_expression(text)))
    except SqlError:
        return raw_words(text)


@lru_cache(maxsize=1024)
def _script_words(text: str) -> tuple[tuple[Word, ...], ...]:
    return tuple(_query_words(statement) for statement in split(text))


def _words(text: str, tree: "exp.Expr") -> Iterator[Word]:
    tokens = dialect().tokenize(text)
    while tokens and tokens[-1].token_type.name == "SEMICOLON":
        tokens.pop()
    names = _names(text, tree)
    paths = _paths(tokens, tree)
    aliases = _aliases(tree)
    position = 0
    while position < len(tokens):
        if tokens[position].start in aliases and not _follows(tokens, position, "ALIAS"):
            yield "keyword", "AS"
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


def _aliases(tree: "exp.Expr") -> frozenset[int]:
    """Return where aliases start that can stand without AS."""
    from sqlglot import exp

    kinds = exp.Alias | exp.TableAlias | exp.PivotAlias | exp.PropertyEQ | exp.Unnest
    return frozenset(
        name.meta["start"]
        for name in tree.find_all(exp.Identifier)
        if "start" in name.meta and isinstance(name.parent, kinds)
    )


def _word(text: str, tokens: "list[Token]", position: int) -> Word:
    token = tokens[position]
    written = text[token.start : token.end + 1]
    match token.token_type.name:
        case "VAR" if _is_builtin(tokens, position) or _is_part(tokens, position):
            return "keyword", token.text.upper()
        case "VAR" | "IDENTIFIER" | "PARAMETER":
            return token.token_type.name, written
        case "NUMBER" | "HEX_STRING":
            return "NUMBER", written.lower()
        case name if name.endswith("STRING"):
            return string(written)
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
        DATE_PARTS.fullmatch(tokens[position].text)
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
        if opens and len(parts) >= _QUALIFIED and not _follows(tokens, position, "DOT"):
            return end + 1 - position, ("routine", ".".join(parts))
        return None
    return None


def _follows(tokens: "list[Token]", position: int, kind: str) -> bool:
    return position > 0 and tokens[position - 1].token_type.name == kind


def _paths(tokens: "list[Token]", tree: "exp.Expr") -> dict[int, tuple[str, int]]:
    """Return the relations by where their names start, with where they end."""
    positions = {token.start: position for position, token in enumerate(tokens)}
    found: dict[int, tuple[str, int]] = {}
    for table in tables(tree):
        start, end = span(table)
        position = positions.get(start)
        if len(table.parts) == _QUALIFIED and position is not None and end:
            # Of `p.d`.t sqlglot knows the place of the last part alone.
            while _follows(tokens, position, "DOT"):
                position -= 2
            found[tokens[position].start] = (".".join(part.name for part in table.parts), end)
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
