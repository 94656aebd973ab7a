"""The same platform in another dataset: a staging copy. Unmanaged sources stay where they are."""

from collections.abc import Mapping
from typing import Any, cast

from datoria_dagster.model.base import DeclarationError, Renderable
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import SourceTable, Table, View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.model.template import Sql


def in_dataset(platform: Platform, target: str) -> Platform:
    """Return the platform with its managed datasets moved to `project.dataset`.

    Several datasets become `dataset_<name>` each. Only references made by templates move along; a
    name written out in SQL does not. Raises DeclarationError for a target that is no dataset.
    """
    project, dot, name = target.rpartition(".")
    if not dot:
        raise DeclarationError(f"{target!r} is not a dataset; write project.dataset.")
    datasets = platform.of_type(Dataset)
    homes = {
        dataset.id: Dataset(
            project=project,
            name=name if len(datasets) == 1 else f"{name}_{dataset.name}",
            location=dataset.location,
            description=dataset.description,
            labels=dataset.labels,
        )
        for dataset in datasets
    }
    return Platform.of(*(_moved(found, homes) for found in platform))


def _moved(found: Object, homes: Mapping[str, Dataset]) -> Object:
    match found:
        case Dataset():
            return homes[found.id]
        case Table():
            return found.model_copy(update={"dataset": homes[found.dataset.id]})
        case View():
            update: dict[str, Any] = {"query": _moved_sql(found.query, homes)}
            return found.model_copy(update={**update, "dataset": homes[found.dataset.id]})
        case ScalarFunction():
            update = {"body": _moved_sql(found.body, homes)}
            return found.model_copy(update={**update, "dataset": homes[found.dataset.id]})
        case Job():
            update = {"query": _moved_sql(found.query, homes)}
            return found.model_copy(
                update={**update, "destination": _moved(found.destination, homes)}
            )
        case _:
            return found


def _moved_sql(query: Sql, homes: Mapping[str, Dataset]) -> Sql:
    parts = (part if isinstance(part, str) else _moved_value(part, homes) for part in query.parts)
    return Sql(tuple(parts), query.origin)


def _moved_value(value: Renderable, homes: Mapping[str, Dataset]) -> Renderable:
    match value:
        case Sql():
            return _moved_sql(value, homes)
        case Dependency():
            return value.model_copy(update={"relation": _moved(value.relation, homes)})
        case Table() | View() | SourceTable() | ScalarFunction():
            return cast("Renderable", _moved(value, homes))
        case _:
            return value
