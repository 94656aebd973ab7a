"""Who reads or writes it: the declared views and jobs that a change breaks."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from datoria_dagster.diff.change import (
    Change,
    FieldModeChanged,
    FieldRemoved,
    FieldTypeChanged,
    ObjectRemoved,
)
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import Relation, View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.model.types import Field, Type
from datoria_dagster.sql.assignable import is_assignable
from datoria_dagster.sql.needs import needs

_FILLED = (FieldRemoved, FieldTypeChanged, FieldModeChanged)


class Impact:
    """Answers who breaks, from the declaration before and after; lazily, for most plans are safe.

    A reader is judged by its declared text; one that no longer exists or no longer reads the
    column does not break. Whoever reads something broken breaks with it. A job breaks too when
    it still fills a column that its destination loses.
    """

    def __init__(self, before: Platform, after: Platform) -> None:
        self._before = before
        self._after = after

    def breaks(self, change: Change) -> tuple[str, ...]:
        """Return the ids of the readers and writers that the change breaks, sorted."""
        named = self._named.get(change.object, ())
        broken = {reader for reader in named if self._hit(reader, change)}
        job = self._filling.get(change.object)
        if job is not None and self._fills(job, change):
            broken.add(job.id)
        pending = list(broken)
        while pending:
            for reader in self._named.get(pending.pop(), ()):
                if reader not in broken:
                    broken.add(reader)
                    pending.append(reader)
        return tuple(sorted(broken))

    @cached_property
    def _named(self) -> Mapping[str, tuple[str, ...]]:
        readers: dict[str, list[str]] = {}
        for found in self._after.of_type((View, ScalarFunction, Job)):
            for name in dict.fromkeys(needs(found)):
                readers.setdefault(name, []).append(found.id)
        return {name: tuple(ids) for name, ids in readers.items()}

    @cached_property
    def _filling(self) -> Mapping[str, Job]:
        return {job.destination.id: job for job in self._after.jobs}

    @cached_property
    def _functions(self) -> Mapping[str, Type]:
        return {found.id: found.returns for found in self._after.of_type(ScalarFunction)}

    @cached_property
    def _schemas(self) -> Mapping[str, tuple[Field, ...]]:
        # Both sides: what a query reads must be found even where it is about to be dropped.
        merged: dict[str, tuple[Field, ...]] = {}
        for platform in (self._after, self._before):
            for relation in platform.of_type(Relation):
                merged[relation.id] = _merge(merged.get(relation.id, ()), relation.fields)
        return merged

    def _hit(self, reader: str, change: Change) -> bool:
        if not change.path or isinstance(change, ObjectRemoved):
            return True
        return _touches(self._columns(reader), change.object, change.path.lower())

    def _fills(self, job: Job, change: Change) -> bool:
        from datoria_dagster.sql.typecheck import output

        if not isinstance(change, _FILLED) or change.is_nested:
            return False
        try:
            columns = output(_text(job), self._schemas, self._functions) or ()
        except DeclarationError:
            return False
        return any(name == change.path.lower() and _misfits(kind, change) for name, kind in columns)

    def _columns(self, reader: str) -> frozenset[tuple[str, str]] | None:
        from datoria_dagster.sql.lineage import columns_read

        found = self._after.objects[reader]
        if isinstance(found, ScalarFunction):
            return None
        try:
            return columns_read(_text(found), self._schemas)
        except DeclarationError:
            return None


def _misfits(kind: Type | None, change: FieldRemoved | FieldTypeChanged | FieldModeChanged) -> bool:
    """Whether a query's column no longer goes into the destination's. An unsure type fits."""
    match change:
        case FieldRemoved():
            return True
        case FieldTypeChanged():
            item = kind.element if kind and kind.name == "ARRAY" else kind
            return item is not None and not is_assignable(item, change.after)
        case FieldModeChanged():
            return kind is not None and (kind.name == "ARRAY") != (change.after == "REPEATED")


def _touches(read: Iterable[tuple[str, str]] | None, relation: str, path: str) -> bool:
    """Whether the path, or something in or above it, is read. None: not known, so yes."""
    if read is None:
        return True
    return any(
        name == relation
        and (column == path or column.startswith(f"{path}.") or path.startswith(f"{column}."))
        for name, column in read
    )


def _text(found: object) -> str:
    match found:
        case View():
            return found.query.render()
        case Job():
            return found.query.render(found.start)
        case _:
            return ""


def _merge(first: tuple[Field, ...], second: tuple[Field, ...]) -> tuple[Field, ...]:
    known = {field.name.lower(): field for field in first}
    merged = tuple(_both(known.pop(f.name.lower(), f), f) for f in second)
    return (*known.values(), *merged)


def _both(one: Field, other: Field) -> Field:
    if one.type.name == "STRUCT" == other.type.name:
        return one.with_fields(_merge(one.type.fields, other.type.fields))
    return one
