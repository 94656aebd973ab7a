"""A compatibility rule is one row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datoria_dagster.diff.change import BaseChange, OptionChanged


class Severity(StrEnum):
    """Whom and what a change hurts, from nobody to the data itself."""

    SAFE = "safe"
    CAUTION = "caution"
    INCOMPATIBLE = "incompatible"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        """0 for SAFE to 3 for DESTRUCTIVE."""
        return list(Severity).index(self)

    @property
    def is_compatible(self) -> bool:
        """Whether it may be applied without force."""
        return self in (Severity.SAFE, Severity.CAUTION)


class Means(StrEnum):
    """How a change would be carried out."""

    PATCH = "patch"
    STATEMENT = "statement"
    REBUILD = "rebuild"
    RECREATE = "recreate"
    IMPOSSIBLE = "impossible"


class Consumer(StrEnum):
    """Whom a change hurts."""

    READERS = "readers"
    WRITERS = "writers"
    GOVERNANCE = "governance"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A promise: which change it speaks on, and what it says of it.

    `kinds` are the kinds of object that it is for, `options` the options; all if there are none.
    `says` and `instead` are sentences; `{change.…}` in them is filled from the change. `source` is
    the page that says so; `unverified` what that page doesn't settle.
    """

    id: str
    on: type[BaseChange] | tuple[type[BaseChange], ...]
    severity: Severity
    means: Means
    says: str
    source: str
    kinds: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    where: Callable[[Any], bool] = lambda _: True
    instead: str = ""
    hurts: tuple[Consumer, ...] = ()
    unverified: str = ""

    @property
    def types(self) -> tuple[type[BaseChange], ...]:
        """The types of change that it speaks on."""
        return self.on if isinstance(self.on, tuple) else (self.on,)

    def is_for(self, change: type[BaseChange], object_kind: str) -> bool:
        """Tell whether it speaks on such changes of such objects at all."""
        return change in self.types and (not self.kinds or object_kind in self.kinds)

    def holds(self, change: BaseChange) -> bool:
        """Tell whether it speaks on a change of such a type and object."""
        if self.options and not (
            isinstance(change, OptionChanged) and change.option in self.options
        ):
            return False
        return self.where(change)


def first(rules: Iterable[Rule], change: BaseChange) -> Rule | None:
    """Return the first of the rules that speaks on the change and whose condition holds, or None.

    What is particular to a kind of object comes before what is for all.
    """
    for rule in rules:
        if rule.is_for(type(change), change.object_kind) and rule.holds(change):
            return rule
    return None
