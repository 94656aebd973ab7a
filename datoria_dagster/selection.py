"""A part of the declaration: what people name of it, and a platform in which only that changes."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from datoria_dagster.diff.compare import compare
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import SourceTable, Table
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.order import reaching

_SHOWN = 3


class UnknownObject(DatoriaError):
    """Something is named that the platform does not declare."""


def resolved(
    names: Iterable[str], platform: Platform, aliases: Mapping[str, str] | None = None
) -> frozenset[str]:
    """Return the ids that are meant by ids, with or without the project, and by `aliases`.

    Raises UnknownObject, with the names that are near.
    """
    known = {**_short(platform), **(aliases or {}), **{name: name for name in platform.objects}}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, _SHOWN)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Write project.dataset.name."
            raise UnknownObject(f"The platform declares no {name!r}. {hint}")
    return frozenset(known[name] for name in names)


def touched(names: Iterable[str], platform: Platform) -> frozenset[str]:
    """Return the ids of objects and of all that their code reads; of a job also what it fills."""
    ids = set(names)
    jobs = (found for name in ids if isinstance(found := platform.objects.get(name), Job))
    filled = {job.destination.id for job in jobs}
    return frozenset(reaching(ids | filled, platform.objects))


def needed(names: Iterable[str], platform: Platform) -> frozenset[str]:
    """Return the ids of what must be there for objects to be made: foreign keys count too."""
    found, frontier = frozenset[str](), frozenset(names)
    while frontier:
        found |= touched(frontier, platform)
        tables = (t for name in found if isinstance(t := platform.objects[name], Table))
        keys = {key.table for table in tables for key in table.foreign_keys}
        frontier = frozenset(keys & platform.objects.keys()) - found
    return found


def narrowed(platform: Platform, chosen: frozenset[str], facts: Facts) -> Platform:
    """Return the platform as it is to be when just the chosen objects are migrated.

    They are as declared and all else is as it lives, so that what they break there is seen.
    """
    objects = _as_it_lives(platform, facts) | {
        name: found
        for name, found in platform.objects.items()
        if name in chosen or isinstance(found, SourceTable)
    }
    for table in map(objects.get, chosen):
        if isinstance(table, Table) and table.renamed_from:
            objects.pop(f"{table.dataset.id}.{table.renamed_from}", None)
    jobs = {job.id: job for job in platform.jobs if _is_ready(job.id, platform, objects)}
    return Platform({**objects, **jobs}, ledger=platform.ledger, folder=platform.folder)


def _as_it_lives(platform: Platform, facts: Facts) -> dict[str, Object]:
    changed = {change.object for change in compare(facts.platform, platform, facts.renamed)}
    return {
        name: live if name in changed else platform.objects.get(name, live)
        for name, live in facts.platform.objects.items()
    }


def _is_ready(job: str, platform: Platform, objects: Mapping[str, Object]) -> bool:
    """Tell whether what a job needs is as the job expects it; otherwise the gate stops it."""
    names = touched([job], platform) - {job}
    return all(objects.get(name) is platform.objects[name] for name in names)


def _short(platform: Platform) -> dict[str, str]:
    """Return the names without the project that mean one object."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, item in platform.objects.items():
        short = ".".join(name.rsplit(".", 1 if item.kind == "dataset" else 2)[1:])
        if found.setdefault(short, name) != name:
            twice.add(short)
    return {short: name for short, name in found.items() if short and short not in twice}
