"""Who reads or writes it: the declared views, routines and jobs that a change breaks."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from datoria_dagster.diff.change import (
    Change,
    FieldRemoved,
    FieldRenamed,
    ObjectRenamed,
    OptionChanged,
    PartitioningChanged,
)
from datoria_dagster.judge.filling import stops_filling
from datoria_dagster.judge.rule import Consumer
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import MaterializedView, Relation, Table, View
from datoria_dagster.model.routines import (
    AggregateFunction,
    AnyRoutine,
    Procedure,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.lineage import Reads, reads
from datoria_dagster.sql.needs import needs

BOTH = (Consumer.READERS, Consumer.WRITERS)
_PARTITION = re.compile(r"\b_PARTITION(TIME|DATE)\b", re.IGNORECASE)
Reader = View | MaterializedView | AnyRoutine | Job


class Impact:
    """Answers who breaks, from the declaration before and after; lazily, for most plans are safe.

    A reader is judged by its declared text; one that no longer exists or no longer reads the
    column does not break. Whoever names something that fails as a whole fails with it. Where only
    an output changes or goes away, whoever reads that output breaks. A job breaks too when it still
    fills a column that its destination loses.
    """

    def __init__(self, before: Platform, after: Platform) -> None:
        self._before = before
        self._after = after
        self._read: dict[str, Reads] = {}

    def breaks(self, change: Change, hurts: Collection[Consumer] = BOTH) -> tuple[str, ...]:
        """Return the ids of the readers and writers, of those it hurts, that it breaks; sorted."""
        broken: set[str] = set()
        if Consumer.WRITERS in hurts:
            job = self._filling.get(change.object)
            if job is not None and stops_filling(job, change, self._schemas, self._functions):
                broken.add(job.id)
        if Consumer.READERS in hurts:
            self._add_readers(change, broken)
        return tuple(sorted(broken))

    def _add_readers(self, change: Change, broken: set[str]) -> None:
        match change:
            case OptionChanged(option="require_partition_filter"):
                self._demand_filter(change.object, broken)
            case ObjectRenamed():
                self._fail_readers(change.before, broken)
            case PartitioningChanged():
                self._forget_arrivals(change, broken)
            case _ if not change.path:
                self._fail_readers(change.object, broken)
            case _:
                is_gone = isinstance(change, FieldRemoved | FieldRenamed)
                self._follow(change.object, change.path.lower(), broken, is_gone=is_gone)

    def _forget_arrivals(self, change: PartitioningChanged, broken: set[str]) -> None:
        """Add who asks when rows arrived. All else reads a table however it is partitioned."""
        if not change.before or change.before.column is not None:
            return
        for reader in self._readers.get(change.object, ()):
            if _names_partition(self._after.objects[reader]):
                broken.add(reader)
                self._fail_readers(reader, broken)

    def _demand_filter(self, name: str, broken: set[str]) -> None:
        """Add who reads a partitioned table without its partitioning column in an expression.

        Who hands the column on leaves the filter to its own readers.
        """
        table = self._after.objects.get(name)
        column = table.partitioning.column if isinstance(table, Table) else None
        pending = [(name, (column or "_PARTITIONTIME").lower())]
        while pending:
            relation, path = pending.pop()
            for reader in set(self._readers.get(relation, ())) - broken:
                found = self._reads(reader)
                if (relation, path) in found.used or _names_partition(self._after.objects[reader]):
                    continue
                broken.add(reader)
                outputs = found.shows(relation, path)
                pending += ((reader, output) for output in outputs)
                if not outputs:
                    self._fail_readers(reader, broken)

    def _follow(self, name: str, path: str, broken: set[str], *, is_gone: bool) -> None:
        """Add who breaks when a path of a relation changes, or goes away."""
        pending = [(name, path)]
        seen = set(pending)
        failed: set[str] = set()
        while pending:
            relation, changed = pending.pop()
            for reader in self._readers.get(relation, ()):
                outputs = self._hit(reader, relation, changed, is_gone=is_gone)
                if outputs is None:
                    failed.add(reader)
                elif outputs:
                    broken.add(reader)
                    pending += (new := {(reader, output) for output in outputs} - seen)
                    seen |= new
        for reader in failed:
            broken.add(reader)
            self._fail_readers(reader, broken)

    def _fail_readers(self, name: str, broken: set[str]) -> None:
        """Add who names something that fails or is gone, and who names that, and so on."""
        pending = [name]
        seen: set[str] = set()
        while pending:
            failing = pending.pop()
            if failing not in seen:
                seen.add(failing)
                pending += self._readers.get(failing, ())
        broken |= seen - {name}

    def _hit(
        self, reader: str, relation: str, path: str, *, is_gone: bool
    ) -> tuple[str, ...] | None:
        """Return the outputs of a reader that change with a path; None when it fails."""
        found = self._reads(reader)
        if found.fails(relation, path, is_gone=is_gone):
            return None
        outputs = found.shows(relation, path)
        fixed = _fixed_columns(self._after.objects[reader])
        if is_gone and any(output.partition(".")[0] in fixed for output in outputs):
            return None
        return outputs

    @cached_property
    def _needed(self) -> Mapping[str, tuple[str, ...]]:
        return {
            found.id: tuple(dict.fromkeys(self._spread(needs(found))))
            for found in self._after
            if isinstance(found, Reader)
        }

    def _spread(self, names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            if name.endswith("*"):
                yield from (known for known in self._schemas if known.startswith(name[:-1]))
            else:
                yield name

    @cached_property
    def _readers(self) -> Mapping[str, tuple[str, ...]]:
        readers: dict[str, list[str]] = {}
        for reader, needed in self._needed.items():
            for name in needed:
                readers.setdefault(name, []).append(reader)
        return {name: tuple(ids) for name, ids in readers.items()}

    @cached_property
    def _filling(self) -> Mapping[str, Job]:
        return {job.destination.id: job for job in self._after.jobs}

    @cached_property
    def _functions(self) -> Mapping[str, Type]:
        kinds = (ScalarFunction, AggregateFunction)
        return {found.id: found.returns for found in self._after.of_type(kinds)}

    @cached_property
    def _schemas(self) -> Mapping[str, tuple[Field, ...]]:
        # Both sides: what a query reads must be found even where it is about to be dropped.
        merged: dict[str, tuple[Field, ...]] = {}
        for platform in (self._after, self._before):
            for found in platform.of_type((Relation, TableFunction)):
                fields = found.returns if isinstance(found, TableFunction) else found.fields
                merged[found.id] = _merge(merged.get(found.id, ()), fields)
        return merged

    def _reads(self, reader: str) -> Reads:
        if reader not in self._read:
            known = {
                name: self._schemas[name] for name in self._needed[reader] if name in self._schemas
            }
            found = self._after.objects[reader]
            assert isinstance(found, Reader)  # noqa: S101 - only readers are in _needed
            # What was promised before counts as well: a star that loses it is noticed.
            filled = found.destination.id if isinstance(found, Job) else reader
            self._read[reader] = _reads(found, known, self._schemas.get(filled))
        return self._read[reader]


def _fixed_columns(found: object) -> frozenset[str]:
    """Return the columns without which it fails. A view returns what is left of a star."""
    match found:
        case MaterializedView():
            return frozenset(field.name.lower() for field in found.fields)
        case TableFunction():
            return frozenset(field.name.lower() for field in found.returns)
        case _:
            return frozenset()


def _reads(
    found: Reader,
    known: Mapping[str, tuple[Field, ...]],
    promised: tuple[Field, ...] | None,
) -> Reads:
    match found:
        case View() | MaterializedView():
            return reads(found.query.render(), known, outputs=promised)
        case Job():
            return reads(found.query.render(found.start), known, outputs=promised)
        case _:
            return reads(
                found.query.render() if found.query else "NULL",
                known,
                arguments=tuple(argument.name for argument in found.arguments),
                outputs=promised,
                is_script=isinstance(found, Procedure),
            )


def _names_partition(found: object) -> bool:
    """Tell whether its text names a pseudo-column of partitions."""
    query = getattr(found, "query", None)
    if not isinstance(query, Sql):
        return False
    text = query.render(found.start if isinstance(found, Job) else None)
    return _PARTITION.search(text) is not None


def _merge(first: tuple[Field, ...], second: tuple[Field, ...]) -> tuple[Field, ...]:
    if first == second:
        return first
    known = {field.name.lower(): field for field in first}
    merged = tuple(_both(known.pop(f.name.lower(), f), f) for f in second)
    return (*known.values(), *merged)


def _both(one: Field, other: Field) -> Field:
    if one.type.name == "STRUCT" == other.type.name:
        return one.with_fields(_merge(one.type.fields, other.type.fields))
    return one
