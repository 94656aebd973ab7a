"""What a name in a query stands for: a stored column or a path in it, a row, a result."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from datoria_dagster.model.types import Field

# A relation, and a column or struct path of it, lower-cased and dotted.
Place = tuple[str, str]


class Value(ABC):
    """What a path in a query gives."""

    @abstractmethod
    def stored(self) -> "Iterator[tuple[str, Stored]]":
        """Yield the stored columns that it shows, each with the path in the value, `.a.b`."""

    @abstractmethod
    def field(self, name: str) -> "Value | None":
        """Return a field of a struct; None when it has no such field."""

    @abstractmethod
    def element(self) -> "Value":
        """Return what an array holds."""

    @abstractmethod
    def fields(self) -> "Columns | None":
        """Return the fields of a struct; None when there are none, or none that are known."""


Columns = tuple[tuple[str, Value], ...]


class Computed(Value):
    """A result: what it was computed of is noted already."""

    def stored(self) -> "Iterator[tuple[str, Stored]]":
        return iter(())

    def field(self, name: str) -> Self:  # noqa: ARG002
        return self

    def element(self) -> Self:
        return self

    def fields(self) -> None:
        return None


COMPUTED = Computed()
# The argument of a routine.
ARGUMENT = Computed()
# A field that a row or a struct does not have.
MISSING = Computed()


@dataclass(frozen=True)
class Stored(Value):
    """A column of a relation, or a struct path in it. `is_element`: of an array, one element."""

    place: Place
    column: Field
    is_element: bool = False

    def stored(self) -> "Iterator[tuple[str, Stored]]":
        yield "", self

    def field(self, name: str) -> "Stored | None":
        inside = self.fields()
        if inside is None:
            return self  # a path into JSON: the column itself
        return next((value for known, value in inside if known == name), None)

    def element(self) -> "Stored":
        return Stored(self.place, self.column, is_element=True)

    def fields(self) -> "tuple[tuple[str, Stored], ...] | None":
        type = self.column.type
        if type.name != "STRUCT" or (self.column.repeated and not self.is_element):
            return None
        relation, path = self.place
        return tuple(
            (name, Stored((relation, f"{path}.{name}"), inner))
            for inner in type.fields
            for name in (inner.name.lower(),)
        )


@dataclass(frozen=True)
class Several(Value):
    """The columns of one name that USING, or a wildcard table, makes one."""

    values: tuple[Value, ...]

    def stored(self) -> Iterator[tuple[str, Stored]]:
        for value in self.values:
            yield from value.stored()

    def field(self, name: str) -> Value | None:
        return several(value.field(name) for value in self.values)

    def element(self) -> Value:
        return Several(tuple(value.element() for value in self.values))

    def fields(self) -> Columns | None:
        return self.values[0].fields()


def several(values: Iterable[Value | None]) -> Value | None:
    """Return one value that stands for all of them; None when there are none."""
    known = tuple(value for value in values if value is not None)
    return Several(known) if len(known) > 1 else next(iter(known), None)


@dataclass(frozen=True)
class Row(Value):
    """A row of something in FROM. `is_open`: it may have columns that are not known."""

    columns: Columns
    is_open: bool = False

    def stored(self) -> Iterator[tuple[str, Stored]]:
        for name, value in self.columns:
            for path, column in value.stored():
                yield f".{name}{path}", column

    def field(self, name: str) -> Value | None:
        found = several(value for known, value in self.columns if known == name)
        return COMPUTED if found is None and self.is_open else found

    def element(self) -> Self:
        return self

    def fields(self) -> Columns:
        return self.columns


class Found:
    """What a query reads, by what a change of it does to the query; filled while it is walked.

    `named`: the query fails when it goes away. `opened`: and when it is no longer an array, or a
    struct. `used`: and when anything in it changes. `passed`: an output shows it as it is.
    """

    def __init__(self) -> None:
        self.named: set[Place] = set()
        self.opened: set[Place] = set()
        self.used: set[Place] = set()
        self.passed: set[tuple[Place, str]] = set()

    def name(self, value: Value) -> None:
        """Note that the text names it. A row has no column that it names."""
        if not isinstance(value, Row):
            self.named.update(column.place for _, column in value.stored())

    def open(self, value: Value) -> None:
        """Note that the elements or fields of it are taken out."""
        if not isinstance(value, Row):
            self.opened.update(column.place for _, column in value.stored())

    def use(self, value: Value) -> None:
        """Note that something is computed of it."""
        self.used.update(column.place for _, column in value.stored())

    def show(self, value: Value, output: str) -> None:
        """Note that it is an output, or with a dotted path a field of one."""
        self.passed.update((column.place, f"{output}{path}") for path, column in value.stored())
