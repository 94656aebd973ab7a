"""A SQL text with typed empty values in place of what does not exist yet, for a dry run.

Only what is replaced is another text, and it stays on its line, so that a line and a column that
BigQuery tells lead back to the text as it is written.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from datoria_dagster.model.ident import RESERVED_PREFIXES, quote
from datoria_dagster.model.platform import Object
from datoria_dagster.model.relations import Relation
from datoria_dagster.model.routines import AggregateFunction, ScalarFunction, TableFunction
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.parse import dialect, parse_any
from datoria_dagster.sql.references import call_span, calls, identify, is_system, span, tables

if TYPE_CHECKING:
    from sqlglot import exp

# A subquery can have an alias, joins and a PIVOT, but no FOR SYSTEM_TIME and no TABLESAMPLE.
_KEPT = frozenset({"this", "db", "catalog", "alias", "joins", "laterals", "pivots"})
# What an aggregate may have among its arguments.
_MODIFIERS = frozenset({"DISTINCT", "HAVING", "IGNORE", "LIMIT", "ORDER_BY", "RESPECT"})
_OPENING = frozenset({"L_PAREN", "L_BRACKET", "L_BRACE"})
_CLOSING = frozenset({"R_PAREN", "R_BRACKET", "R_BRACE"})
_QUOTES = re.compile(r"[`\s]")
_PSEUDO = re.compile("|".join(RESERVED_PREFIXES), re.IGNORECASE)
_TAB = 8
# https://docs.cloud.google.com/bigquery/quotas#query_jobs, with room for what stands around it.
_LONGEST = 1_000_000


class Impossible(Exception):
    """There is no stand-in for something of the text."""


class Edit(NamedTuple):
    """A text in place of what stands between two offsets."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class StoodIn:
    """A text as it is written, and what is put in place of parts of it, in order."""

    written: str
    edits: tuple[Edit, ...] = ()

    @property
    def text(self) -> str:
        """The text with the stand-ins."""
        return "".join(piece.text for piece in self._pieces())

    def within(self, before: str, after: str) -> "StoodIn":
        """Return the text inside another one."""
        end = len(self.written)
        # The text may end with a comment.
        last = Edit(end, end, f"\n{after}")
        return StoodIn(self.written, (Edit(0, 0, before), *self.edits, last))

    def offset(self, line: int, column: int) -> int:
        """Return where in the text as it is written a place is that BigQuery tells, from 1:1.

        That a tab counts as up to 8 columns is unverified.
        """
        lines = self.text.split("\n")
        found = lines[line - 1] if line <= len(lines) else ""
        before = (len(found[:length].expandtabs(_TAB)) for length in range(1, len(found) + 1))
        rest = sum(1 for _ in takewhile(lambda width: width < column, before))
        rest += sum(len(other) + 1 for other in lines[: line - 1])
        for start, end, text in self._pieces():
            if rest < len(text):
                return start + rest if end - start == len(text) else start
            rest -= len(text)
        return len(self.written)

    def _pieces(self) -> Iterator[Edit]:
        """Yield the whole text: what is kept as an edit by itself, and what is put in."""
        end = 0
        for edit in self.edits:
            yield Edit(end, edit.start, self.written[end : edit.start])
            lines = self.written.count("\n", edit.start, edit.end)
            yield edit._replace(text=edit.text + "\n" * lines)
            end = edit.end
        yield Edit(end, len(self.written), self.written[end:])


def stand_in(text: str, absent: Mapping[str, Object]) -> StoodIn:
    """Return a query or expression with stand-ins for those objects, as they are declared.

    Raises Impossible.
    """
    if not absent:
        return StoodIn(text)
    try:
        tree = parse_any(text)
        tokens = dialect().tokenize(text)
    except SqlError:
        raise Impossible from None
    edits = [*_relations(tree, text, absent), *_calls(tree, text, tokens, absent)]
    if edits and any(_PSEUDO.match(token.text) for token in tokens):
        raise Impossible  # a subquery has no pseudo-columns
    stood = StoodIn(text, tuple(sorted(edits)))
    if edits and len(stood.text.encode()) > _LONGEST:
        raise Impossible
    return stood


def nulls(columns: Iterable[tuple[str, Type]]) -> str:
    """Return the SELECT of one row of typed NULLs."""
    values = [f"{_null(type)} AS {quote(name)}" for name, type in columns]
    if not values:
        raise Impossible
    return f"SELECT {', '.join(values)}"


def _null(type: Type) -> str:
    return f"CAST(NULL AS {type.unparameterized})"


def _empty(fields: Sequence[Field]) -> str:
    return nulls((field.name, field.value_type) for field in fields)


def _relations(tree: "exp.Expr", text: str, absent: Mapping[str, Object]) -> Iterator[Edit]:
    for table in tables(tree):
        name = identify(table)
        if is_system(table) or (name.endswith("*") and _matches(name, absent)):
            raise Impossible
        found = absent.get(name)
        if isinstance(found, Relation):
            start, end = _checked(text, span(table), name)
            yield Edit(start, end, f"({_empty(found.fields)} LIMIT 0){_alias(table, found)}")


def _matches(wildcard: str, absent: Mapping[str, Object]) -> bool:
    return any(name.startswith(wildcard[:-1]) for name in absent)


def _alias(table: "exp.Table", found: Relation) -> str:
    """Return the alias that a name has by itself; a PIVOT hides it."""
    from sqlglot import exp

    if not isinstance(table.parent, exp.From | exp.Join | exp.Subquery) or any(
        value and key not in _KEPT for key, value in table.args.items()
    ):
        raise Impossible
    named = table.args.get("alias") or table.args.get("pivots")
    return "" if named else f" AS {quote(found.name)}"


def _calls(
    tree: "exp.Expr", text: str, tokens: Sequence[Any], absent: Mapping[str, Object]
) -> Iterator[Edit]:
    places = {token.start: place for place, token in enumerate(tokens)}
    for name, function in calls(tree):
        found = absent.get(name)
        if found is None:
            continue
        last = places.get(call_span(function)[0])
        if last is None:
            raise Impossible
        first = _first(tokens, last)
        start, _ = _checked(text, (tokens[first].start, tokens[last].end + 1), name)
        marks = _marks(tokens[last + 1 :])
        before, after = _value(found)
        # The arguments stay, and are validated.
        yield Edit(start, marks[0].end + 1, f"{before}({'' if function.expressions else 'TRUE'}")
        for comma in marks[1:-1]:
            yield Edit(comma.start, comma.end + 1, ") IS NULL AND (")
        yield Edit(marks[-1].start, marks[-1].end + 1, f") IS NULL{after}")


def _first(tokens: Sequence[Any], last: int) -> int:
    """Return the token with which a dotted name begins."""
    while last > 1 and tokens[last - 1].text == ".":
        last -= 2
    return last


def _marks(tokens: Sequence[Any]) -> list[Any]:
    """Return the brackets of the call that the tokens begin with, and its commas."""
    found = [tokens[0]]
    depth = 0
    for token in tokens:
        name = token.token_type.name
        depth += name in _OPENING
        depth -= name in _CLOSING
        if depth == 0:
            return [*found, token]
        if depth == 1 and (name in _MODIFIERS or token.text.upper() in _MODIFIERS):
            raise Impossible
        if depth == 1 and name == "COMMA":
            found.append(token)
    raise Impossible


def _value(found: Object) -> tuple[str, str]:
    """Return what stands around a condition so that both are a value of what is returned."""
    match found:
        case ScalarFunction():
            return "IF(", f", {_null(found.returns)}, NULL)"
        case AggregateFunction():
            return "ANY_VALUE(IF(", f", {_null(found.returns)}, NULL))"
        case TableFunction():
            return f"({_empty(found.returns)} FROM (SELECT 1) WHERE ", " LIMIT 0)"
        case _:
            raise Impossible


def _checked(text: str, place: tuple[int, int], name: str) -> tuple[int, int]:
    """Return the place of a name, if that is what stands there."""
    bare = _QUOTES.sub("", text[slice(*place)]).partition("$")[0]
    if bare not in (_QUOTES.sub("", name), _QUOTES.sub("", f"SAFE.{name}")):
        raise Impossible
    return place
