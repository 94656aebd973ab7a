"""What the planning of one object needs to know of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Means
from datoria_dagster.judge.verdict import Finding
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import SourceTable, Table
from datoria_dagster.plan.facts import Facts
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Body, Ref

Judged = Sequence[tuple[c.Change, Finding]]


@dataclass(frozen=True)
class Context:
    """The changes by object, what was found, what is declared, and how long rows are kept.

    `days` is 0 where no snapshots are wanted.
    """

    judged: Mapping[str, Judged]
    facts: Facts
    declared: Platform
    days: int

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Id → the id that a table still has, where the two differ."""
        renamed = {
            change.object: change.before
            for judged in self.judged.values()
            for change, _ in judged
            if isinstance(change, c.ObjectRenamed)
        }
        return {**self.facts.asides, **renamed}

    @cached_property
    def added(self) -> frozenset[str]:
        """The ids of what does not exist yet."""
        return self.with_change(c.ObjectAdded)

    @cached_property
    def rebuilt(self) -> frozenset[str]:
        """The ids of the tables that are rebuilt."""
        return frozenset(
            name
            for name, judged in self.judged.items()
            if any(finding.means is Means.REBUILD for _, finding in judged)
        )

    @cached_property
    def replaced(self) -> frozenset[str]:
        """The ids of what is no longer the same object afterwards."""
        return self.rebuilt | self.with_change((c.ObjectKindChanged, c.ObjectRenamed))

    def with_change(
        self, kinds: type[c.BaseChange] | tuple[type[c.BaseChange], ...]
    ) -> frozenset[str]:
        """Return the ids of the objects with a change of these kinds."""
        return frozenset(
            name
            for name, judged in self.judged.items()
            if any(isinstance(change, kinds) for change, _ in judged)
        )

    def live(self, name: str) -> Body:
        """Return the raw resource of a relation, wherever it still is. Raises KeyError."""
        return self.facts.body(Ref("table", self.sources.get(name, name)))

    def before(self, after: Table) -> Table:
        """Return a table as it is, under the name that it will have. Raises KeyError."""
        name = after.id if after.id in self.facts.asides else self.sources.get(after.id, after.id)
        found = self.facts.platform.objects[name]
        if not isinstance(found, Table):
            raise KeyError(name)
        return found if name == after.id else found.model_copy(update={"name": after.name})

    def place(self, name: str) -> str:
        """Return the id that a table has before the migration moves it."""
        return name if name in self.facts.asides else self.sources.get(name, name)


def whose(found: Managed | SourceTable) -> dict[str, Any]:
    """Return what a step of this object begins with."""
    kind = codec.ref(found).kind
    return {"object": found.id, "object_kind": found.kind, "resource_kind": kind}
