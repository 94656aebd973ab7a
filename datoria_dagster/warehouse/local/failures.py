"""What DuckDB's errors mean in the words of the port. A value of a row is in none of them."""

import re
from typing import TYPE_CHECKING

from datoria_dagster.warehouse.port import (
    NotSupportedLocally,
    Refused,
    Unavailable,
    WarehouseError,
)

if TYPE_CHECKING:
    import duckdb

# What begins the text of an `error(…)` that is no value: written here, or a literal of the query.
SAID = "said: "
_FUNCTION = re.compile(
    r"Function with name \"?([^\s\"]+?)\"? (?:does not exist|is not in the catalog)"
)
_NO_MATCH = re.compile(r"No function matches the given name and argument types '([^']*)'")
_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_PHYSICAL = re.compile(r"\b_datoria_\w+\.?")
# These speak of the text of a query and of names, and never have seen a row.
_ABOUT_THE_QUERY = ("BinderException", "CatalogException", "DependencyException")
_UNSUPPORTED = ("ParserException", "SyntaxException", "NotImplementedException")
_BROKEN = (
    *("IOException", "OutOfMemoryException", "FatalException", "InterruptException"),
    *("InternalException", "TransactionException"),
)
_COLUMN = re.compile(r" when casting from source column ([^\n]+)$")
# A value may hold quotes and line breaks: what a message says is read from where no value stands.
_WRONG: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (r"^Could not (?:convert|cast) .* to ([A-Z]\w*(?:\([\d, ]+\))?)\.?$", r"a value is no \1"),
        (r"^Could not parse string .* according to format", "a text is not of the given format"),
        (r"^Type (\w+) with value .* type (\w+)$", r"a value is out of range for \2"),
        (r"^(Overflow in \w+) of (\w+) \(", r"\1 of \2"),
        (r"^invalid (date|timestamp) field format", r"a text is no \1"),
        (r"^(date|time|timestamp)(?: field)?(?: value)? out of range", r"a \1 is out of range"),
        (r"^Malformed JSON", "a text is not JSON"),
        (r"^Could not decode string .* base64", "a text is not base64"),
        (r"^(NOT NULL constraint failed: .*)$", r"\1"),
        (r"^Division by zero", "division by zero"),
        (r"^More than one row returned by a subquery", "a scalar subquery returns several rows"),
    )
)
_OTHER = "a value is not one that the query can work with"
_TYPES = {"DOUBLE": "FLOAT64", "VARCHAR": "STRING", "BLOB": "BYTES", "BOOLEAN": "BOOL"}


def plain(error: "duckdb.Error") -> WarehouseError:
    """Return the port's error that says what DuckDB said, in one sentence."""
    text, name = str(error), type(error).__name__
    if name in _ABOUT_THE_QUERY:
        return _of_query(text)
    if name in _UNSUPPORTED:
        return NotSupportedLocally(
            f"The embedded warehouse can't run this construct: {_sentence(text)}"
        )
    if name in _BROKEN:
        return Unavailable(f"The embedded warehouse failed: {_sentence(text)}")
    return _of_value(_PREFIX.sub("", text.split("\n\nLINE ", maxsplit=1)[0]))


def _of_query(text: str) -> WarehouseError:
    missing = _FUNCTION.search(text)
    if missing:
        return NotSupportedLocally(
            f"The embedded warehouse has no function {missing.group(1).upper()}. "
            "If BigQuery has it, this query runs there only."
        )
    unfit = _NO_MATCH.search(text)
    if unfit:
        return NotSupportedLocally(
            f"The embedded warehouse can't apply {unfit.group(1)}. Cast the arguments; "
            "if BigQuery accepts the call as it is, this query runs there only."
        )
    return Refused(_sentence(text))


def _of_value(text: str) -> Refused:
    if text.startswith(SAID):
        return Refused(_sentence(text.removeprefix(SAID)))
    column = _COLUMN.search(text)
    said = text[: column.start()] if column else text
    where = f" (column {_PHYSICAL.sub('', column[1])})" if column else ""
    for pattern, sentence in _WRONG:
        if found := pattern.search(said):
            wrong = re.sub(r"\w+$", _type, found.expand(sentence))
            return Refused(f"Bad value: {wrong.rstrip('.')}{where}.")
    return Refused(f"Bad value: {_OTHER}{where}.")


def _type(word: re.Match[str]) -> str:
    return _TYPES.get(word[0], word[0])


def _sentence(text: str) -> str:
    lines = [line.strip() for line in text.split("\n\nLINE ", maxsplit=1)[0].splitlines()]
    first = _PHYSICAL.sub("", _PREFIX.sub("", " ".join(line for line in lines if line)))
    return first if first.endswith((".", "!", "?")) else f"{first}."
