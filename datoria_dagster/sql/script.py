"""The body of a procedure: statements, told apart without following their control flow."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from datoria_dagster.sql.words import Word, string

_TOKEN = re.compile(
    r"""(?P<comment>(?:--|\#)[^\n]*|/\*.*?\*/)
    |(?P<string>[rRbB]{0,2}(?:'''(?:\\.|.)*?'''|\"\"\"(?:\\.|.)*?\"\"\"
        |'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))
    |(?P<name>`(?:\\.|[^`\\])*`|[^\W\d]\w*)
    |(?P<space>\s+)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_PATH = re.compile(r"(?:`[^`]+`|[^\W\d][\w-]*)(?:\s*\.\s*(?:`[^`]+`|[^\W\d]\w*))*")
_PARTS = 3
# What begins a condition, with the word that ends it.
_CONDITIONS = {
    **dict.fromkeys(("IF", "ELSEIF", "EXCEPTION", "WHEN", "CASE"), "THEN"),
    **dict.fromkeys(("WHILE", "FOR"), "DO"),
    "UNTIL": "END",
}
# What stands before a statement, or before the expression that it evaluates.
_SKIPPED = frozenset({"BEGIN", "CALL", "ELSE", "LOOP", "REPEAT", "RETURN", "SET"})

_SPELLED = """
ALL AND AS BEGIN BETWEEN BREAK BY CALL CASE COMMIT CONTINUE CREATE DECLARE DEFAULT DELETE
DISTINCT DO DROP ELSE ELSEIF END ERROR EXCEPTION EXECUTE EXISTS FALSE FOR FROM GROUP HAVING IF
IMMEDIATE IN INSERT INTO IS ITERATE JOIN LEAVE LIKE LIMIT LOOP MATCHED MERGE MESSAGE NOT NULL ON
OR ORDER RAISE REPEAT REPLACE RETURN ROLLBACK SELECT SET TABLE TEMP THEN TRANSACTION TRUE
TRUNCATE UNION UNTIL UPDATE USING VALUES VIEW WHEN WHERE WHILE WITH BOOL BYTES DATE DATETIME
FLOAT64 INT64 NUMERIC STRING TIME TIMESTAMP
"""
_KEYWORDS = frozenset(_SPELLED.split())


class Statement(NamedTuple):
    """A statement, or a condition, and where it starts in its script."""

    text: str
    start: int


class _Token(NamedTuple):
    word: str  # upper-cased; "" for what is no name
    mark: str  # a punctuation mark; "" for what is none
    start: int
    end: int


@lru_cache(maxsize=1024)
def statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a script, and the conditions of its control flow, in order.

    Of SET and CALL what they evaluate: `x = 1`, `project.dataset.name(1)`.
    """
    found: list[Statement] = []
    part: list[_Token] = []
    for token in _tokens(text):
        if token.mark == ";":
            found += _pieces(text, part)
            part = []
        else:
            part.append(token)
    return (*found, *_pieces(text, part))


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a script between its semicolons, control flow and all; no empty ones."""
    ends = [token.start for token in _tokens(text) if token.mark == ";"]
    starts = [0, *(end + 1 for end in ends)]
    parts = (text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True))
    return tuple(part for part in parts if any(True for _ in _tokens(part)))


def raw_words(text: str) -> tuple[Word, ...]:
    """Return the words of a text that does not parse, without layout, comments, keywords' case."""
    return tuple(
        string(found[0]) if found["string"] else (found.lastgroup or "", _folded(found[0]))
        for found in _TOKEN.finditer(text)
        if not found["comment"] and not found["space"]
    )


@lru_cache(maxsize=1024)
def names(text: str) -> tuple[str, ...]:
    """Return what is named in three parts, sorted: relations, routines, paths of columns too."""
    bare = _TOKEN.sub(lambda found: " " if found["comment"] or found["string"] else found[0], text)
    paths = ("".join(path.replace("`", "").split()) for path in _PATH.findall(bare))
    return tuple(sorted({path for path in paths if path.count(".") == _PARTS - 1}))


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        if found["comment"] is None and found["space"] is None:
            word = (found["name"] or "").upper()
            yield _Token(word, found["other"] or "", found.start(), found.end())


def _folded(word: str) -> str:
    return upper if (upper := word.upper()) in _KEYWORDS else word


def _pieces(text: str, tokens: list[_Token]) -> Iterator[Statement]:
    while tokens and tokens[0].word != "END":
        ending = _CONDITIONS.get(tokens[0].word)
        if tokens[0].word in _SKIPPED:
            tokens = tokens[1:]
        elif ending is None:
            yield _statement(text, tokens)
            return
        else:
            length = _condition(tokens, ending)
            if length > 1:
                yield _statement(text, tokens[1:length])
            tokens = tokens[length + 1 :]


def _statement(text: str, tokens: list[_Token]) -> Statement:
    return Statement(text[tokens[0].start : tokens[-1].end], tokens[0].start)


def _condition(tokens: list[_Token], ending: str) -> int:
    """Return the number of tokens before the word that ends a condition."""
    depth = 0
    for position, token in enumerate(tokens[1:], start=1):
        if depth == 0 and token.word == ending:
            return position
        depth += (token.mark == "(") + (token.word == "CASE")
        depth -= (token.mark == ")") + (token.word == "END")
    return len(tokens)
