"""The whole declaration: an immutable, ordered collection, id → object."""

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.relations import (
    AnyRelation,
    ExternalTable,
    MaterializedView,
    Relation,
    SourceTable,
    Table,
    View,
)
from datoria_dagster.model.routines import (
    AggregateFunction,
    AnyRoutine,
    Procedure,
    Routine,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql

Managed = Dataset | Table | View | MaterializedView | ExternalTable | AnyRoutine | Foreign
Object = Managed | AnyRelation | Job
OBJECTS = (
    *(Dataset, Table, SourceTable, View, MaterializedView, ExternalTable),
    *(ScalarFunction, AggregateFunction, TableFunction, Procedure, Job),
)
# The name of the ledger's dataset, where the platform does not say it.
LEDGER = "datoria"
_T = TypeVar("_T")


class Platform:
    """Everything that is declared. Two platforms of the same objects are equal in any order.

    `folder` is where its code is, as far as that is known.
    """

    def __init__(
        self,
        objects: Mapping[str, Object],
        *,
        ledger: Dataset | None = None,
        folder: Path | None = None,
    ) -> None:
        self.objects: Mapping[str, Object] = MappingProxyType(dict(sorted(objects.items())))
        self.given_ledger = ledger
        self.folder = folder

    @staticmethod
    def of(
        *objects: Object, ledger: Dataset | None = None, folder: Path | None = None
    ) -> "Platform":
        """Return the platform of these objects; the datasets they name come along.

        The history of migrations is kept in the dataset `ledger`; without one, in the dataset
        `datoria` of the first project. Raises DeclarationError for two objects with one id, a
        reference to something that is not among them, and a cycle, each with the path.
        """
        collected: dict[str, Object] = {}
        for found in objects:
            _add(collected, found)
        for found in tuple(collected.values()):
            if isinstance(found, Relation | Routine) and not isinstance(found, SourceTable):
                _add(collected, found.dataset)
        platform = Platform(collected, ledger=ledger, folder=folder)
        _refuse_managed_ledger(platform)
        _refuse_dangling(platform)
        _refuse_shared_destinations(platform)
        _refuse_broken_keys(platform)
        _refuse_broken_hints(platform)
        refuse_cycles({name: reads(found) for name, found in collected.items()})
        return platform

    @staticmethod
    def discover(package: str, *, ledger: Dataset | None = None) -> "Platform":
        """Walk a package, import its modules and collect every object declared in them.

        A `ledger` is for the history of migrations, as in `of`. A dataset in which only source
        tables live belongs to others and stays out.
        """
        root = importlib.import_module(package)
        found = (item for module in _modules(root) for item in vars(module).values())
        unique = {id(item): item for item in found if isinstance(item, OBJECTS)}
        unique.pop(id(ledger), None)
        sources = {item.dataset.id for item in unique.values() if isinstance(item, SourceTable)}
        return Platform.of(
            *(
                item
                for item in unique.values()
                if not (isinstance(item, Dataset) and item.id in sources)
            ),
            ledger=ledger,
            folder=Path(root.__file__).parent if root.__file__ else None,
        )

    def of_type(self, kind: type[_T] | tuple[type[_T], ...]) -> tuple[_T, ...]:
        """Return the objects of a class, in order of their ids."""
        return tuple(found for found in self.objects.values() if isinstance(found, kind))

    @cached_property
    def ledger(self) -> Dataset:
        """The dataset of the history of migrations."""
        if self.given_ledger is not None:
            return self.given_ledger
        datasets = self.of_type(Dataset)
        first = datasets[0] if datasets else Dataset(project="datoria", name="none")
        return Dataset(project=first.project, name=LEDGER, location=first.location)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, by name."""
        return self.of_type(Job)

    @cached_property
    def managed(self) -> Mapping[str, Managed]:
        """What a migration looks after: datasets, tables, views and routines."""
        return {
            name: found
            for name, found in self.objects.items()
            if not isinstance(found, SourceTable | Job)
        }

    def with_object(self, found: Object) -> "Platform":
        """Return a platform with one object more, or another one under the same id."""
        return self._with({**self.objects, found.id: found})

    def without(self, name: str) -> "Platform":
        """Return a platform without an object."""
        return self._with({key: found for key, found in self.objects.items() if key != name})

    def only(self, names: Collection[str]) -> "Platform":
        """Return a platform of nothing but the objects with these ids."""
        return self._with({name: self.objects[name] for name in names if name in self.objects})

    def _with(self, objects: Mapping[str, Object]) -> "Platform":
        return Platform(objects, ledger=self.given_ledger, folder=self.folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and self.objects == other.objects

    def __hash__(self) -> int:
        return hash(tuple(self.objects))

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects.values())

    def __len__(self) -> int:
        return len(self.objects)


def reads(found: Object) -> tuple[str, ...]:
    """Return the ids of what an object's templates name, and of the dataset it lives in."""
    match found:
        case View() | MaterializedView():
            return (found.dataset.id, *_named(found.query))
        case ScalarFunction() | AggregateFunction() | TableFunction() | Procedure():
            return (found.dataset.id, *(_named(found.query) if found.query else ()))
        case Job():
            return _named(found.query)
        case Table() | ExternalTable():
            return (found.dataset.id,)
        case Dataset() | SourceTable() | Foreign():
            return ()


def refuse_cycles(graph: Mapping[str, Iterable[str]]) -> None:
    """Raise DeclarationError with the path when the graph, node → what it needs, has a cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        path = " → ".join(reversed(error.args[1]))
        raise DeclarationError(f"These depend on each other in a circle: {path}.") from None


def _named(query: Sql) -> tuple[str, ...]:
    return tuple(
        value.relation.id if isinstance(value, Dependency) else value.id
        for value in query.values()
        if isinstance(value, Dependency | Relation | Routine)
    )


def _add(collected: dict[str, Object], found: Object) -> None:
    known = collected.setdefault(found.id, found)
    if known is not found and known != found:
        raise DeclarationError(
            f"{found.id} is declared twice, and differently. Keep one of the two."
        )


def _refuse_managed_ledger(platform: Platform) -> None:
    if platform.ledger.id in platform.objects:
        raise DeclarationError(
            f"{platform.ledger.id} is declared, and is also where the history of migrations is "
            "kept, which no migration may change. Give that a dataset of its own: "
            'ledger=Dataset(project="…", name="…", location="…").'
        )


def _refuse_dangling(platform: Platform) -> None:
    for found in platform:
        needed = found.destination.id if isinstance(found, Job) else None
        for name in (*reads(found), *((needed,) if needed else ())):
            if name not in platform.objects:
                raise DeclarationError(
                    f"{found.id} refers to {name}, which is not part of the platform. "
                    "Declare it in a module of the package, or pass it to Platform.of()."
                )


def _refuse_shared_destinations(platform: Platform) -> None:
    filled: dict[str, Job] = {}
    for job in platform.jobs:
        other = filled.setdefault(job.destination.id, job)
        if other is not job:
            raise DeclarationError(
                f"{job.destination.id} is the destination of two jobs, {other.name} and "
                f"{job.name}, which would overwrite one another. Give one of them its own table."
            )


def _refuse_broken_keys(platform: Platform) -> None:
    for table in platform.of_type(Table):
        for key in table.foreign_keys:
            problem = _key_problem(table, key, platform.objects.get(key.table))
            if problem:
                raise DeclarationError(f"{table.id}: foreign key {key.name!r} {problem}")


def _key_problem(table: Table, key: ForeignKey, target: Object | None) -> str | None:
    if not isinstance(target, Table):
        return (
            f"refers to {key.table}, which is not a table of the platform. "
            "Declare it, or remove the key."
        )
    if {name.lower() for name in key.referenced} != {name.lower() for name in target.primary_key}:
        wanted = ", ".join(target.primary_key) or "it has none"
        return (
            f"refers to {target.id}({', '.join(key.referenced)}), which is not its primary key "
            f"({wanted}). Give it primary_key=(…,), or refer to the columns that are."
        )
    for name, other in zip(key.columns, key.referenced, strict=True):
        if table.field(name).type.name != target.field(other).type.name:
            types = f"{table.field(name).type}, but {target.id}.{other} {target.field(other).type}"
            return f"does not fit: {name} is {types}. Give both one type."
    return None


def _refuse_broken_hints(platform: Platform) -> None:
    seen: dict[str, str] = {}
    for table in platform.of_type(Table):
        if table.renamed_from is None:
            continue
        old = f"{table.dataset.id}.{table.renamed_from}"
        if old in platform.objects:
            raise DeclarationError(
                f"{table.id} is renamed_from {old}, which is declared too. Remove that table, or "
                "the hint."
            )
        if old in seen:
            raise DeclarationError(
                f"{seen[old]} and {table.id} are both renamed_from {old}. Keep one of the hints."
            )
        seen[old] = table.id


def _modules(root: ModuleType) -> Iterator[ModuleType]:
    yield root
    for info in pkgutil.walk_packages(getattr(root, "__path__", []), f"{root.__name__}."):
        if not info.name.rpartition(".")[2].startswith("__"):
            yield importlib.import_module(info.name)
