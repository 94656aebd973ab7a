"""What DuckDB's errors mean in the words of the port."""

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

_FUNCTION = re.compile(
    r"Function with name \"?([^\s\"]+?)\"? (?:does not exist|is not in the catalog)"
)
_NO_MATCH = re.compile(r"No function matches the given name and argument types '([^']*)'")
_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_PHYSICAL = re.compile(r"\b_datoria_\w+\.?")
_VALUE_ERRORS = ("ConversionException", "OutOfRangeException", "ConstraintException")


def plain(error: "duckdb.Error") -> WarehouseError:
    """Return the port's error that says what DuckDB said, in one sentence."""
    text = str(error)
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
    reason = _sentence(text)
    name = type(error).__name__
    if name in ("ParserException", "SyntaxException", "NotImplementedException"):
        return NotSupportedLocally(f"The embedded warehouse can't run this construct: {reason}")
    if name in ("IOException", "OutOfMemoryException", "FatalException", "InterruptException"):
        return Unavailable(f"The embedded warehouse failed: {reason}")
    if name in _VALUE_ERRORS or name == "InvalidInputException":
        return Refused(f"Bad value: {reason}")
    return Refused(reason)


def _sentence(text: str) -> str:
    lines = [line.strip() for line in text.split("\n\nLINE ", maxsplit=1)[0].splitlines()]
    first = _PHYSICAL.sub("", _PREFIX.sub("", " ".join(line for line in lines if line)))
    return first if first.endswith((".", "!", "?")) else f"{first}."
