"""What Dagster shows of an object besides its name: owners, tags, columns, where it is declared."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from datoria_dagster.model.jobs import Job
from datoria_dagster.model.partitions import Partition
from datoria_dagster.model.relations import AnyRelation, Table
from datoria_dagster.model.routines import AnyRoutine, Routine, TableFunction
from datoria_dagster.model.template import Sql
from datoria_dagster.model.types import Field
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Warehouse

Shown = AnyRelation | AnyRoutine
Metadata = dict[str, Any]
OWNER = "owner"
# What a materialization repeats of its spec, for it is shown of the latest of them.
LINEAGE = "dagster/column_lineage"
_REPEATED = ("dagster/column_schema", LINEAGE, "dagster/table_name")
# Dagster takes fewer characters than BigQuery, which has letters of all scripts in labels.
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


def owners(found: Shown) -> list[str]:
    """Return the team of the label `owner`, of the object or else of its dataset."""
    name = _labels(found).get(OWNER) or found.dataset.labels.get(OWNER)
    return [f"team:{name}"] if name else []


def tags(found: Shown) -> dict[str, str]:
    """Return the labels of an object, without those that Dagster does not take as tags."""
    return {
        key: value
        for key, value in _labels(found).items()
        if key != OWNER and _TAG.fullmatch(key) and _VALUE.fullmatch(value)
    }


def describe(found: Shown, job: Job | None = None) -> Metadata:
    """Return the metadata of a spec: the name, the columns, and where the code declares it."""
    name: Metadata = {"dagster/table_name": found.id, "dagster/storage_kind": "bigquery"}
    match found:
        case TableFunction():
            name["dagster/column_schema"] = columns(found.returns)
        case Routine():
            name = {}
        case _:
            name["dagster/column_schema"] = _schema(found)
    return name | _sql(found, job) | _places(found, job)


def repeated(spec: dg.AssetSpec) -> Metadata:
    """Return what a materialization repeats of the metadata of its spec."""
    return {key: spec.metadata[key] for key in _REPEATED if key in spec.metadata}


def page(found: Shown, warehouse: Warehouse) -> Metadata:
    """Return the link to an object in the warehouse's own pages, nothing where it has none."""
    address = warehouse.page(codec.ref(found))
    return {"console": dg.MetadataValue.url(address)} if address else {}


def code(query: Sql, execution: Partition | None = None) -> dg.MetadataValue:
    """Return rendered SQL as Dagster shows code."""
    return dg.MetadataValue.md(f"```sql\n{query.render(execution)}\n```")


def columns(
    fields: tuple[Field, ...], notes: Mapping[str, list[str]] | None = None
) -> dg.TableSchema:
    """Return the columns as Dagster's UI shows them, with notes by lower-cased name."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=field.sql_type,
                description=field.description or None,
                constraints=dg.TableColumnConstraints(
                    nullable=not field.required,
                    other=[
                        *((notes or {}).get(field.name.lower(), ())),
                        *([f"default {field.default}"] if field.default is not None else ()),
                    ],
                ),
            )
            for field in fields
        ]
    )


def _schema(found: AnyRelation) -> dg.TableSchema:
    notes: dict[str, list[str]] = {}

    def note(names: tuple[str, ...], text: str) -> None:
        for name in names:
            notes.setdefault(name.lower(), []).append(text)

    if isinstance(found, Table):
        note(found.primary_key, "primary key")
        for key in found.foreign_keys:
            note(key.columns, f"references {key.table} ({', '.join(key.referenced)})")
    cut = found.partitioning
    if cut.column and cut.granularity:
        note((cut.column,), f"partitioned by {cut.granularity.lower()}")
    note(tuple(getattr(found, "clustering", ())), "clustering")
    return columns(found.fields, notes)


def _labels(found: Shown) -> Mapping[str, str]:
    return getattr(found, "labels", {})


def _sql(found: Shown, job: Job | None) -> Metadata:
    if job is not None:
        return {"sql": code(job.query, job.start)}
    query: object = getattr(found, "query", None)
    return {"sql": code(query)} if isinstance(query, Sql) else {}


def _places(found: Shown, job: Job | None) -> Metadata:
    declared: AnyRelation | AnyRoutine | Job = job or found
    query: object = getattr(declared, "query", None)
    places = [declared.declared_at] if declared.declared_at else []
    if isinstance(query, Sql) and query.origin.endswith(".sql"):
        places.append((query.origin, 1))
    if not places:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        references: list[Any] = [
            dg.LocalFileCodeReference(file_path=file, line_number=line) for file, line in places
        ]
        return {
            "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)
        }
