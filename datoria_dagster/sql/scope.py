"""The names that an expression in a query sees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from datoria_dagster.sql.values import COMPUTED, MISSING, Columns, Row, Several, Value, several


@dataclass(frozen=True)
class Source:
    """Something in FROM: its alias ("" without one), a row's columns, and what the alias gives."""

    alias: str
    columns: Columns
    value: Value
    is_open: bool = False

    @staticmethod
    def of(alias: str, row: Row) -> "Source":
        """Return the source of such rows."""
        return Source(alias, row.columns, row, row.is_open)

    @staticmethod
    def elements(alias: str, array: Value) -> "Source":
        """Return the source of an array's elements; the fields of a struct are its columns."""
        element = array.element()
        inside = element.fields()
        if inside is None:
            inside = ((alias, element),) if alias else ()
        return Source(alias, inside, element, is_open=element is COMPUTED)

    def column(self, name: str) -> Value | None:
        """Return the column of a name; several when the name is not unique."""
        return several(value for known, value in self.columns if known == name)


@dataclass
class Scope:
    """What FROM makes visible, then what the query around makes visible.

    `ctes`: common table expressions by name. `merged`: columns of USING. `aliases`: names of
    outputs, which ORDER BY, GROUP BY, HAVING and QUALIFY see first.
    """

    around: "Scope | None" = None
    ctes: Mapping[str, Row] = field(default_factory=dict[str, Row])
    sources: list[Source] = field(default_factory=list[Source])
    merged: dict[str, Value] = field(default_factory=dict[str, Value])
    aliases: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def inner(self) -> "Scope":
        """Return the empty scope of a query inside."""
        return Scope(self, self.ctes)

    def with_ctes(self, ctes: Mapping[str, Row]) -> "Scope":
        """Return the scope with more common table expressions."""
        return replace(self, ctes={**self.ctes, **ctes})

    def with_aliases(self, aliases: Mapping[str, Value]) -> "Scope":
        """Return the scope of the clauses that see the names of outputs."""
        return replace(self, aliases=aliases)

    def find(self, parts: Sequence[str]) -> Value | None:
        """Return what a path gives, lower-cased parts; None for a first name that is not known.

        The alias of something in FROM hides columns of the same name.
        """
        scope: Scope | None = self
        while scope is not None:
            value = scope.own(parts[0], is_path=len(parts) > 1)
            if value is not None:
                return _follow(value, parts[1:])
            scope = scope.around
        return None

    def alias(self, name: str) -> Value | None:
        """Return what an alias in FROM gives, here or around."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.alias == name:
                    return source.value
            scope = scope.around
        return None

    def known(self) -> set[str] | None:
        """Return the names that are visible; None when some of them can't be told."""
        names: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            if any(source.is_open for source in scope.sources):
                return None
            names |= {name for source in scope.sources for name, _ in source.columns}
            names |= {source.alias for source in scope.sources} | set(scope.aliases)
            scope = scope.around
        return names

    def join_using(self, names: Sequence[str], first: int) -> Iterator[Value]:
        """Make the columns of these names one, of the sources from number `first` and before it.

        Yields them.
        """
        for name in names:
            left = self.merged.get(name) or several(s.column(name) for s in self.sources[:first])
            right = several(source.column(name) for source in self.sources[first:])
            sides = tuple(side for side in (left, right) if side is not None)
            self.merged[name] = Several(sides)
            yield from sides

    def star(self) -> Row:
        """Return what `SELECT *` gives: columns of USING once and first."""
        rest = tuple(
            (name, value)
            for source in self.sources
            for name, value in source.columns
            if name not in self.merged
        )
        columns = (*self.merged.items(), *rest)
        return Row(columns, any(source.is_open for source in self.sources))

    def own(self, name: str, *, is_path: bool) -> Value | None:
        """Return what a name gives here; None when only the scopes around may know it."""
        alias = next((source.value for source in self.sources if source.alias == name), None)
        if name in self.aliases and not (is_path and alias is not None):
            return self.aliases[name]
        if alias is not None:
            return alias
        return self.merged.get(name) or several(s.column(name) for s in self.sources)


def _follow(value: Value, path: Sequence[str]) -> Value:
    for name in path:
        value = value.field(name) or MISSING
    return value
