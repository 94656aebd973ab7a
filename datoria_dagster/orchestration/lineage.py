"""Column lineage: from which columns of which assets those of a view or a job are computed."""

from collections.abc import Mapping

import dagster as dg

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.relations import MaterializedView, Relation, View
from datoria_dagster.model.routines import TableFunction
from datoria_dagster.model.types import Field
from datoria_dagster.orchestration.metadata import LINEAGE, Metadata
from datoria_dagster.sql.values import Place

Code = View | MaterializedView | TableFunction
Keys = Mapping[str, dg.AssetKey]


class Lineage:
    """The column lineage of a platform. Outputs that can't be followed to the end are left out."""

    def __init__(self, platform: Platform, data: Keys, schemas: Keys) -> None:
        self._platform = platform
        self._data = data
        self._schemas_and_data = {**data, **schemas}
        readable = platform.of_type((Relation, TableFunction))
        self._schemas = {found.id: _fields(found) for found in readable}
        self._behind: dict[str, Mapping[str, frozenset[Place] | None]] = {}

    def of_schema(self, found: object) -> Metadata:
        """Return that of a view, to the schemas of what it reads itself."""
        if not isinstance(found, Code):
            return {}
        return self._lineage(_fields(found), self._read(found), self._schemas_and_data)

    def of_job(self, job: Job) -> Metadata:
        """Return that of the rows that a job writes, to the rows that it reads through views."""
        read = {
            name: self._through(places)
            for name, places in self._derived(job.query.render(job.start)).items()
        }
        return self._lineage(job.destination.fields, read, self._data)

    def _read(self, code: Code) -> Mapping[str, frozenset[Place] | None]:
        return self._derived(code.query.render()) if code.query else {}

    def _derived(self, query: str) -> Mapping[str, frozenset[Place] | None]:
        from datoria_dagster.sql.derivation import derivation

        try:
            return {
                name: frozenset((relation, path.partition(".")[0]) for relation, path in places)
                for name, places in derivation(query, self._schemas)
            }
        except DeclarationError:  # `datoria check` reports it
            return {}

    def _through(self, places: frozenset[Place] | None) -> frozenset[Place] | None:
        found: frozenset[Place] = frozenset()
        for relation, column in places or ():
            code = self._platform.objects[relation]
            if not isinstance(code, Code):
                found |= {(relation, column)}
                continue
            if relation not in self._behind:
                self._behind[relation] = {
                    name: self._through(read) for name, read in self._read(code).items()
                }
            behind = self._behind[relation].get(column)
            if behind is None:
                return None
            found |= behind
        return None if places is None else found

    def _lineage(
        self,
        outputs: tuple[Field, ...],
        read: Mapping[str, frozenset[Place] | None],
        keys: Keys,
    ) -> Metadata:
        names = {field.name.lower(): field.name for field in outputs}
        deps = {
            names[name]: [self._dep(place, keys) for place in sorted(places)]
            for name, places in read.items()
            if name in names and places and all(relation in keys for relation, _ in places)
        }
        return {LINEAGE: dg.TableColumnLineage(deps)} if deps else {}

    def _dep(self, place: Place, keys: Keys) -> dg.TableColumnDep:
        relation, column = place
        field = next(f for f in self._schemas[relation] if f.name.lower() == column)
        return dg.TableColumnDep(asset_key=keys[relation], column_name=field.name)


def _fields(found: Relation | TableFunction) -> tuple[Field, ...]:
    return found.returns if isinstance(found, TableFunction) else found.fields
