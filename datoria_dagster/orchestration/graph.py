"""The platform as a graph of asset specs: keys, dependencies and partitions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import dagster as dg

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.model.routines import Procedure
from datoria_dagster.orchestration import partitions
from datoria_dagster.orchestration.lineage import Lineage
from datoria_dagster.orchestration.metadata import Shown
from datoria_dagster.orchestration.specs import refuse_clashes, spec_of, with_deps
from datoria_dagster.orchestration.translator import AssetData, DatoriaTranslator
from datoria_dagster.run.graph import Stored, dependencies, read_by
from datoria_dagster.selection import touched
from datoria_dagster.sql.needs import needs


@dataclass(frozen=True)
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

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage of columns; what it takes to follow them is spent when somebody asks."""
        data = {name: spec.key for name, spec in self.data.items()}
        return Lineage(self.platform, data, {n: spec.key for n, spec in self.schemas.items()})

    @property
    def external(self) -> tuple[dg.AssetSpec, ...]:
        """The specs that nothing here materializes: schemas, and tables that no job fills."""
        filled = {job.destination.id for job in self.platform.jobs}
        rest = (spec for name, spec in self.data.items() if name not in filled)
        return (*self.schemas.values(), *rest)


def build_graph(platform: Platform, translator: DatoriaTranslator) -> Graph:
    """Return the specs of a platform.

    Raises DeclarationError for a translator that fails, or gives two objects one asset key.
    """
    filled = {job.destination.id: job for job in platform.jobs}
    schemas = [found for found in platform.managed.values() if isinstance(found, Shown)]
    asked = [
        (data, spec_of(translator, data))
        for data in (
            AssetData("migration", platform),
            *(AssetData("schema", platform, found) for found in schemas),
            *(
                AssetData("data", platform, found, filled.get(found.id))
                for found in platform
                if isinstance(found, Stored)
            ),
        )
    ]
    refuse_clashes(asked)
    plain = Graph(
        platform,
        asked[0][1],
        {data.object.id: spec for data, spec in asked if data.kind == "schema" and data.object},
        {
            data.object.id: spec.replace_attributes(partitions_def=_partitions(data))
            for data, spec in asked
            if data.kind == "data" and data.object
        },
    )
    return _linked(plain)


def _linked(plain: Graph) -> Graph:
    """Return the graph with what its assets depend on."""
    platform = plain.platform
    schemas = {
        name: with_deps(spec, _schema_deps(plain, platform.objects[name]))
        for name, spec in plain.schemas.items()
    }
    filled = {
        job.destination.id: with_deps(plain.data[job.destination.id], _job_deps(plain, job))
        for job in platform.jobs
    }
    return Graph(platform, plain.migration, schemas, {**plain.data, **filled})


def data_read(platform: Platform, job: Job) -> Mapping[str, Dependency]:
    """Return the tables that a job reads, through views, and the partitions of each.

    What it reads twice counts with all that is read; a view reads all partitions.
    """
    found: dict[str, Dependency] = {}
    for dependency in dependencies(platform, job):
        for read in _behind(platform, dependency):
            known = found.get(read.relation.id, read)
            found[read.relation.id] = known.covering(read)
    return found


def _behind(platform: Platform, dependency: Dependency) -> Iterator[Dependency]:
    relation = dependency.relation
    if not isinstance(relation, View | MaterializedView):
        yield dependency
        return
    for read in read_by(platform, relation):
        yield from _behind(platform, read.all_partitions())


def _partitions(data: AssetData) -> dg.PartitionsDefinition[str] | None:
    if data.job is not None:
        return partitions.of_job(data.job)
    return partitions.of_relation(data.object) if isinstance(data.object, Stored) else None


def _schema_deps(graph: Graph, found: Object) -> list[dg.AssetDep]:
    # A procedure may call itself, or one that calls it, and an asset graph has no cycles.
    calls = graph.platform.of_type(Procedure) if isinstance(found, Procedure) else ()
    read = {name for name in needs(found) if name in graph.schemas} - {call.id for call in calls}
    return [
        dg.AssetDep(graph.migration.key),
        *(dg.AssetDep(graph.schemas[name].key) for name in sorted(read)),
    ]


def _job_deps(graph: Graph, job: Job) -> list[dg.AssetDep]:
    names = sorted(touched([job.id], graph.platform))
    schemas = [graph.schemas[name].key for name in names if name in graph.schemas]
    data = data_read(graph.platform, job)
    keys = [graph.migration.key, *schemas, *(graph.data[name].key for name in data)]
    _refuse_alike(job, keys)
    return [
        dg.AssetDep(graph.migration.key),
        *map(dg.AssetDep, schemas),
        *(_data_dep(graph, job, read) for read in data.values()),
    ]


def _data_dep(graph: Graph, job: Job, read: Dependency) -> dg.AssetDep:
    upstream = graph.data[read.relation.id]
    if upstream.partitions_def is None:
        return dg.AssetDep(upstream.key)
    return dg.AssetDep(upstream.key, partition_mapping=partitions.mapping(job, read))


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
