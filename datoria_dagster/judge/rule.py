"""A compatibility rule is one row."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datoria_dagster.diff.change import BaseChange


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
        return self.rank <= Severity.CAUTION.rank


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A promise: which change it speaks on, and what it says of it.

    `says` and `instead` are sentences; `{change.…}` in them is filled from the change. The first
    rule of a kind whose `where` holds is the one that counts. `source` is the page that says so.
    """

    id: str
    on: type[BaseChange]
    severity: Severity
    means: Means
    says: str
    source: str
    where: Callable[[Any], bool] = lambda _: True
    instead: str = ""
    hurts: tuple[Consumer, ...] = ()
