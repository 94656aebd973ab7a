"""Words of SQL that say the same in several ways, made one."""

import re
from collections.abc import Iterable, Iterator, Sequence

# One word: what it is, and what of its text matters.
Word = tuple[str, str]

_NOW = frozenset({"CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP"})
_ALIASES = {
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "BOOLEAN": "BOOL",
    "<>": "!=",
}
_NOISE = frozenset({("INNER", "JOIN"), ("OUTER", "JOIN"), (",", "FROM")})
# Between one of these and one of those stands a whole expression: its parentheses say nothing.
_OPENERS = frozenset(
    {"(", ",", "[", "SELECT", "WHERE", "HAVING", "QUALIFY", "ON", "WHEN", "THEN", "ELSE"}
)
_CLOSERS = frozenset(
    {")", ",", "]", "AS", "FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT"}
    | {"WINDOW", "THEN", "ELSE", "END", "DESC", "JOIN", "LEFT", "RIGHT", "FULL", "CROSS"}
    | {"UNION", "INTERSECT"}
)
_OPENING = (("keyword", "("), ("keyword", "["))
_CLOSING = (("keyword", ")"), ("keyword", "]"))
_QUERIES = frozenset({"SELECT", "WITH", "FROM"})
_LITERAL = re.compile(r"([rRbB]{0,2})('''|\"\"\"|'|\")(.*)\2", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL | re.IGNORECASE
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def string(written: str) -> Word:
    """Return a string or bytes literal as its value, however it is quoted.

    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/lexical
    """
    found = _LITERAL.fullmatch(written)
    if found is None:
        return "STRING", written
    prefix, _, body = found.groups()
    value = body if "r" in prefix.lower() else _ESCAPE.sub(_unescape, body)
    return ("BYTES" if "b" in prefix.lower() else "STRING"), value


def simplified(words: Iterable[Word]) -> tuple[Word, ...]:
    """Return the words without those that say nothing."""
    kept = [
        (kind, _ALIASES.get(text, text)) if kind == "keyword" else (kind, text)
        for kind, text in words
    ]
    return tuple(_without_parentheses(list(_without_noise(kept))))


def _without_noise(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words without optional ones: `INNER`, `OUTER`, `ASC`, `()` after CURRENT_DATE."""
    texts = [text if kind == "keyword" else "" for kind, text in words]
    skip = 0
    for position, word in enumerate(words):
        after = texts[position + 1 : position + 3]
        if skip:
            skip -= 1
        elif (texts[position], *after[:1]) not in _NOISE and texts[position] != "ASC":
            yield word
            skip = 2 if texts[position] in _NOW and after == ["(", ")"] else 0


def _without_parentheses(words: list[Word]) -> list[Word]:
    pairs = _pairs(words)
    dropped: set[int] = set()
    for start, end in pairs.items():
        if _is_whole(words, start, end) and _is_one_expression(words, start, end):
            dropped |= {start, end}
    return [word for position, word in enumerate(words) if position not in dropped]


def _pairs(words: list[Word]) -> dict[int, int]:
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for position, word in enumerate(words):
        if word == ("keyword", "("):
            opened.append(position)
        elif word == ("keyword", ")") and opened:
            pairs[opened.pop()] = position
    return pairs


def _is_whole(words: list[Word], start: int, end: int) -> bool:
    """Tell whether nothing before or after a pair of parentheses binds to what is in it."""
    opens = start == 0 or (words[start - 1][0] == "keyword" and words[start - 1][1] in _OPENERS)
    last = end == len(words) - 1
    return opens and (last or (words[end + 1][0] == "keyword" and words[end + 1][1] in _CLOSERS))


def _is_one_expression(words: list[Word], start: int, end: int) -> bool:
    """Tell whether it is no list, no query inside another one, and not empty."""
    inside = words[start + 1 : end]
    is_query = bool(inside) and inside[0][0] == "keyword" and inside[0][1] in _QUERIES
    if not inside or (is_query and (start, end) != (0, len(words) - 1)):
        return False
    depth = 0
    for word in () if is_query else inside:
        depth += (word in _OPENING) - (word in _CLOSING)
        if depth == 0 and word == ("keyword", ","):
            return False
    return True


def _unescape(found: re.Match[str]) -> str:
    escape = found[1]
    if len(escape) > 1:
        digits, base = (escape, 8) if escape.isdigit() else (escape[1:], 16)
        code = int(digits, base)
        return chr(code) if code <= 0x10FFFF else found[0]  # noqa: PLR2004 - Unicode's last
    return _ESCAPES.get(escape, escape)
