"""What is wrong with a SQL text, shown where it is wrong."""

import difflib
from collections.abc import Iterable
from typing import Self

from datoria_dagster.model.base import DeclarationError

_WIDTH = 100


class SqlError(DeclarationError):
    """A SQL text is wrong, from one offset to another. `line` and `column` count from 1.

    The message is a sentence, then the place and the line with a caret under the token.
    """

    def __init__(self, sentence: str, text: str, span: tuple[int, int], place: str = "") -> None:
        start, end = span
        begin = text.rfind("\n", 0, start) + 1
        self.sentence = sentence
        self.text = text
        self.span = span
        self.line = text.count("\n", 0, start) + 1
        self.column = start - begin + 1
        where = ":".join(filter(None, (place, str(self.line), str(self.column))))
        excerpt = _excerpt(text[begin:].split("\n", 1)[0], self.line, start - begin, end - start)
        super().__init__(f"{sentence}\n  --> {where}\n{excerpt}")

    def with_place(self, place: str) -> Self:
        """Return the error with a name for its text."""
        return type(self)(self.sentence, self.text, self.span, place)


def _excerpt(line: str, number: int, column: int, length: int) -> str:
    first = max(0, column - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[first : first + _WIDTH].expandtabs(1).rstrip()
    carets = "^" * max(1, min(length, len(shown) - column + first))
    gutter = " " * len(str(number))
    text = f" {number} | {shown}".rstrip()
    return f" {gutter} |\n{text}\n {gutter} | {' ' * (column - first)}{carets}"


def unknown_name(
    name: str, what: str, text: str, span: tuple[int, int], known: Iterable[str]
) -> SqlError:
    """Return the error for a name that nothing has; it suggests the most similar one."""
    close = difflib.get_close_matches(name.rpartition(".")[2].lower(), sorted(known), n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return SqlError(f"There is no {what} {name}.{hint}", text, span)
