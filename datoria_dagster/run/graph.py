"""How jobs hang together: which tables are behind what they read, and who fills those."""

from collections.abc import Iterable, Iterator

from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import (
    ExternalTable,
    MaterializedView,
    Relation,
    SourceTable,
    Table,
    View,
)
from datoria_dagster.model.routines import AnyRoutine, Routine
from datoria_dagster.plan.order import positions
from datoria_dagster.sql.needs import needs

Stored = Table | SourceTable | ExternalTable
Code = View | MaterializedView | AnyRoutine


class UnknownJob(DatoriaError):
    """A job is asked for that the platform does not have."""


def ordered_jobs(platform: Platform, names: Iterable[str] | None = None) -> tuple[Job, ...]:
    """Return the jobs (those with these names), each after those whose tables it reads.

    Raises UnknownJob, and DeclarationError with the path of a cycle.
    """
    by_name = {job.name: job for job in platform.jobs}
    wanted = set(by_name) if names is None else set(names)
    unknown = sorted(wanted - by_name.keys())
    if unknown:
        known = ", ".join(by_name) or "none"
        raise UnknownJob(f"There is no job {unknown[0]!r}. The platform has: {known}.")
    place = positions({job.id: upstream_jobs(platform, job) for job in platform.jobs})
    ordered = sorted(platform.jobs, key=lambda job: place[job.id])
    return tuple(job for job in ordered if job.name in wanted)


def upstream_jobs(platform: Platform, job: Job) -> tuple[str, ...]:
    """Return the ids of the jobs that fill what a job reads, looking through views."""
    fills = {found.destination.id: found.id for found in platform.jobs}
    found = dependencies(platform, job)
    read = (table.id for read in found for table in tables_behind(platform, read))
    return tuple(dict.fromkeys(fills[name] for name in read if name in fills))


def dependencies(platform: Platform, job: Job) -> tuple[Dependency, ...]:
    """Return what a job reads: all partitions of what its SQL or a function it calls names."""
    named = {found.relation.id for found in job.dependencies}
    called = (relation for name in needs(job) for relation in _relations(platform, name))
    rest = {relation.id: relation for relation in called if relation.id not in named}
    return (*job.dependencies, *(relation.all_partitions() for relation in rest.values()))


def tables_behind(platform: Platform, dependency: Dependency) -> tuple[Stored, ...]:
    """Return the tables that a dependency reads, looking through views and functions."""
    found = {table.id: table for table in _tables(platform, dependency.relation.id)}
    return tuple(found.values())


def read_by(platform: Platform, code: Code) -> Iterator[Relation]:
    """Yield the relations that a view or a routine reads, looking through routines."""
    for name in needs(code):
        yield from _relations(platform, name)


def _relations(platform: Platform, name: str) -> Iterator[Relation]:
    match platform.objects.get(name):
        case Relation() as relation:
            yield relation
        case Routine() as routine:
            yield from read_by(platform, routine)
        case _:
            return


def _tables(platform: Platform, name: str) -> Iterator[Stored]:
    match platform.objects.get(name):
        case Table() | SourceTable() | ExternalTable() as table:
            yield table
        case View() | MaterializedView() as view:
            for relation in read_by(platform, view):
                yield from _tables(platform, relation.id)
        case _:
            return
