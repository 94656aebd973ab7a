"""How an object of the platform looks in Dagster: the one place to override."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, assert_never

import dagster as dg

from datoria_dagster.migration import platform_fingerprint
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Platform
from datoria_dagster.model.routines import Routine
from datoria_dagster.orchestration.metadata import Shown, describe, owners, tags

AssetKind = Literal["migration", "schema", "data"]
_KINDS = {"source_table": "source"}


@dataclass(frozen=True, slots=True)
class AssetData:
    """What an asset stands for: the migration, the schema of an object, or the rows of a table.

    `object` is None for the migration; `job` is what fills the table, if a job does.
    """

    kind: AssetKind
    platform: Platform
    object: Shown | None = None
    job: Job | None = None


class DatoriaTranslator:
    """Subclass it to change keys, groups, owners, tags, kinds, descriptions or metadata.

    Dependencies and partitions are added to what `get_asset_spec` returns; dependencies that it
    declares itself are kept.
    """

    def get_asset_spec(self, data: AssetData) -> dg.AssetSpec:
        """Return the spec of an asset, without the dependencies that the platform declares."""
        match data.kind:
            case "migration":
                return _migration(data.platform)
            case "schema":
                return _schema(_object(data))
            case "data":
                return _data(_object(data), data.job)
            case _:
                assert_never(data.kind)


def _object(data: AssetData) -> Shown:
    if data.object is None:
        raise TypeError(f"an asset of kind {data.kind} stands for an object.")
    return data.object


def _migration(platform: Platform) -> dg.AssetSpec:
    return dg.AssetSpec(
        key="migration",
        description=(
            "Brings the schemas of all relations and routines to what the code declares. "
            "Stops before anything changes when a change is not backwards compatible."
        ),
        code_version=platform_fingerprint(platform),
        kinds={"bigquery"},
        group_name="migration",
    )


def _schema(found: Shown) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["schema", found.dataset.name, _part(found.name)],
        description=found.description or None,
        metadata=describe(found),
        kinds={"bigquery", _kind(found)},
        owners=owners(found),
        tags=tags(found),
        group_name=found.dataset.name,
    )


def _data(found: Shown, job: Job | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[found.dataset.name, _part(found.name)],
        description=(job.description if job else "") or found.description or None,
        metadata=describe(found, job),
        owners=owners(found),
        tags=tags(found),
        kinds={"bigquery", _kind(found)} | ({"sql"} if job else set()),
        group_name=found.dataset.name,
        code_version=_code_version(job) if job else None,
    )


def _part(name: str) -> str:
    # Dagster makes names of keys, and takes few characters in them; tables may be called otherwise.
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _kind(found: Shown) -> str:
    return "routine" if isinstance(found, Routine) else _KINDS.get(found.kind, found.kind)


def _code_version(job: Job) -> str:
    return hashlib.sha256(job.query.render(job.start).encode()).hexdigest()[:16]
