"""The platform as a graph of asset specs: keys, dependencies and partitions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from datoria_dagster.gate import touches
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.orchestration import partitions
from datoria_dagster.orchestration.translator import AssetData, DatoriaTranslator
from datoria_dagster.run.graph import Stored, dependencies, read_by


@dataclass(frozen=True, slots=True)
class Graph:
    """The specs of a platform: of schemas by the id of the object, of data by that of the table."""

    platform: Platform
    migration: dg.AssetSpec
    schemas: Mapping[str, dg.AssetSpec]
    data: Mapping[str, dg.AssetSpec]

    @property
    def jobs(self) -> tuple[tuple[Job, dg.AssetSpec], ...]:
        """Every job with the spec of the asset that it fills."""
        return tuple((job, self.data[job.destination.id]) for job in self.platform.jobs)

    @property
    def external(self) -> tuple[dg.AssetSpec, ...]:
        """The specs that nothing here materializes: schemas, and tables that no job fills."""
        filled = {job.destination.id for job in self.platform.jobs}
        rest = (spec for name, spec in self.data.items() if name not in filled)
        return (*self.schemas.values(), *rest)


def build_graph(platform: Platform, translator: DatoriaTranslator) -> Graph:
    """Return the specs of a platform.

    Raises DeclarationError when two objects have one asset key.
    """
    filled = {job.destination.id: job for job in platform.jobs}
    migration = translator.get_asset_spec(AssetData("migration", platform))
    schemas = {
        name: translator.get_asset_spec(AssetData("schema", platform, found))
        for name, found in platform.managed.items()
        if not isinstance(found, Dataset | Foreign)
    }
    tables = {
        found.id: _table(translator, platform, found, filled.get(found.id))
        for found in platform
        if isinstance(found, Stored)
    }
    _refuse_clashes(
        [
            ("the migration", migration),
            *((f"the schema of {name}", spec) for name, spec in schemas.items()),
            *((f"the rows of {name}", spec) for name, spec in tables.items()),
        ]
    )
    schemas = {name: _with_deps(spec, [migration.key]) for name, spec in schemas.items()}
    graph = Graph(platform, migration, schemas, tables)
    filling = {name: _with_deps(tables[name], _deps(graph, job)) for name, job in filled.items()}
    return Graph(platform, migration, schemas, tables | filling)


def data_read(platform: Platform, job: Job) -> Mapping[str, Dependency]:
    """Return the tables that a job reads, through views, and the partitions of each.

    What it reads twice counts with the wider of the two; a view reads all partitions.
    """
    found: dict[str, Dependency] = {}
    for dependency in dependencies(platform, job):
        for read in _behind(platform, dependency):
            known = found.get(read.relation.id)
            if known is None or known.reach != "ALL":
                found[read.relation.id] = read
    return found


def _behind(platform: Platform, dependency: Dependency) -> Iterator[Dependency]:
    relation = dependency.relation
    if not isinstance(relation, View | MaterializedView):
        yield dependency
        return
    for read in read_by(platform, relation):
        yield from _behind(platform, read.all_partitions())


def _table(
    translator: DatoriaTranslator, platform: Platform, table: Stored, job: Job | None
) -> dg.AssetSpec:
    spec = translator.get_asset_spec(AssetData("data", platform, table, job))
    cut = partitions.of_job(job) if job else partitions.of_relation(table)
    return spec.replace_attributes(partitions_def=cut)


def _deps(graph: Graph, job: Job) -> list[dg.AssetDep | dg.AssetKey]:
    touched = sorted(touches(graph.platform, job))
    schemas = [graph.schemas[name].key for name in touched if name in graph.schemas]
    data = data_read(graph.platform, job)
    keys = [graph.migration.key, *schemas, *(graph.data[name].key for name in data)]
    _refuse_alike(job, keys)
    return [graph.migration.key, *schemas, *(_data_dep(graph, job, read) for read in data.values())]


def _data_dep(graph: Graph, job: Job, read: Dependency) -> dg.AssetDep | dg.AssetKey:
    upstream = graph.data[read.relation.id]
    if upstream.partitions_def is None:
        return upstream.key
    return dg.AssetDep(upstream.key, partition_mapping=partitions.mapping(job, read))


def _with_deps(spec: dg.AssetSpec, deps: list[dg.AssetDep | dg.AssetKey]) -> dg.AssetSpec:
    return spec.replace_attributes(deps=[*spec.deps, *deps])


def _refuse_clashes(specs: Iterable[tuple[str, dg.AssetSpec]]) -> None:
    seen: dict[dg.AssetKey, str] = {}
    for name, spec in specs:
        other = seen.setdefault(spec.key, name)
        if other != name:
            raise DeclarationError(
                f"{other} and {name} have one asset key, {spec.key.to_user_string()}. Give one of "
                "them another key in a DatoriaTranslator, and pass it as translator=…."
            )


def _refuse_alike(job: Job, keys: Iterable[dg.AssetKey]) -> None:
    # Dagster names the inputs of an op after the keys, by joining their parts, and drops one of
    # two with the same name without a word: schema/shop_x/y and schema/shop/x_y.
    seen: dict[str, str] = {}
    for key in keys:
        name, shown = "_".join(key.path).replace("-", "_").replace(".", "_"), key.to_user_string()
        if seen.setdefault(name, shown) != shown:
            raise DeclarationError(
                f"Job {job.name} reads {seen[name]} and {shown}, which Dagster can't tell apart as "
                "inputs of one asset. Give one of them another key in a DatoriaTranslator, and "
                "pass it as translator=…."
            )
