"""The same platform in another dataset: a staging copy. Unmanaged sources stay where they are."""

from collections.abc import Mapping
from typing import Any, cast

from datoria_dagster.model.base import DeclarationError, Renderable
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import (
    MaterializedView,
    Relation,
    SourceTable,
    Table,
    View,
)
from datoria_dagster.model.routines import Routine
from datoria_dagster.model.template import Sql


def in_dataset(platform: Platform, target: str) -> Platform:
    """Return the platform with its managed datasets moved to `project.dataset`.

    Several datasets become `dataset_<name>` each. Only references made by templates move along; a
    name written out in SQL does not. The ledger keeps its name, in that project. Raises
    DeclarationError for a target that is no dataset.
    """
    project, dot, name = target.rpartition(".")
    if not dot:
        raise DeclarationError(f"{target!r} is not a dataset; write project.dataset.")
    datasets = platform.of_type(Dataset)
    several = len(datasets) > 1
    homes = {
        dataset.id: _renamed(dataset, project, f"{name}_{dataset.name}" if several else name)
        for dataset in datasets
    }
    ledger = platform.given_ledger and _renamed(
        platform.given_ledger, project, platform.ledger.name
    )
    moved = (_moved(found, homes) for found in platform)
    return Platform.of(*moved, ledger=ledger, folder=platform.folder)


def _renamed(dataset: Dataset, project: str, name: str) -> Dataset:
    given: dict[str, Any] = {**vars(dataset), "project": project, "name": name}
    return Dataset(**given)


def _moved(found: Object, homes: Mapping[str, Dataset]) -> Object:
    match found:
        case Dataset():
            return homes[found.id]
        case SourceTable():
            return found
        case Job():
            query, destination = _moved_sql(found.query, homes), _moved(found.destination, homes)
            return found.model_copy(update={"query": query, "destination": destination})
        case _:
            update = {"dataset": homes[found.dataset.id], **_moved_references(found, homes)}
            return found.model_copy(update=update)


def _moved_references(found: Object, homes: Mapping[str, Dataset]) -> dict[str, Any]:
    match found:
        case Table():
            return {"foreign_keys": tuple(_moved_key(key, homes) for key in found.foreign_keys)}
        case View() | MaterializedView():
            return {"query": _moved_sql(found.query, homes)}
        case Routine() if found.query:
            return {"body": _moved_sql(found.query, homes)}
        case _:
            return {}


def _moved_key(key: ForeignKey, homes: Mapping[str, Dataset]) -> ForeignKey:
    dataset, _, name = key.table.rpartition(".")
    return key.model_copy(update={"table": f"{homes[dataset].id}.{name}"})


def _moved_sql(query: Sql, homes: Mapping[str, Dataset]) -> Sql:
    parts = (part if isinstance(part, str) else _moved_value(part, homes) for part in query.parts)
    return Sql(tuple(parts), query.origin)


def _moved_value(value: Renderable, homes: Mapping[str, Dataset]) -> Renderable:
    match value:
        case Sql():
            return _moved_sql(value, homes)
        case Dependency():
            return value.model_copy(update={"relation": _moved(value.relation, homes)})
        case Relation() | Routine():
            return cast("Renderable", _moved(cast("Object", value), homes))
        case _:
            return value
