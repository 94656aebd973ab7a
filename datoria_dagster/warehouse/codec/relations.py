"""Tables, views, materialized views and external tables ⇄ REST.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from typing import Any, assert_never

from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.relations import (
    AnyRelation,
    ExternalTable,
    MaterializedView,
    SourceTable,
    Table,
    View,
)
from datoria_dagster.model.template import raw
from datoria_dagster.warehouse.codec import options
from datoria_dagster.warehouse.codec.fields import decode_fields, field_resource
from datoria_dagster.warehouse.codec.options import decoded, encoded
from datoria_dagster.warehouse.port import Body, Ref

TYPES = {
    "table": "TABLE",
    "view": "VIEW",
    "materialized_view": "MATERIALIZED_VIEW",
    "external_table": "EXTERNAL",
}
# What `decode` reads besides options.
STATED = (
    *("description", "labels", "schema", "timePartitioning", "rangePartitioning", "clustering"),
    *("view", "materializedView", "tableConstraints", "externalDataConfiguration"),
)


def resource(found: AnyRelation) -> Body:
    """Return the REST resource that creates the relation; a view's insert has no schema."""
    dataset = found.dataset
    reference = {
        "projectId": dataset.project,
        "datasetId": dataset.name,
        "tableId": found.name,
    }
    return {"tableReference": reference, **_body(found)}


def _body(found: AnyRelation) -> Body:
    match found:
        case SourceTable():
            return _columns(found) | partitioning(found.cut) | described(found.description, {})
        case Table():
            return _table(found)
        case View():
            query = {"query": found.query.render(), "useLegacySql": False}
            return {"view": query, **encoded(found, options.VIEW), **_annotated(found)}
        case MaterializedView():
            return _materialized_view(found)
        case ExternalTable():
            body = encoded(found, options.EXTERNAL_TABLE)
            return {**_columns(found), **body, **_annotated(found)}
        case _:
            assert_never(found)


def _columns(found: AnyRelation) -> Body:
    return {"schema": {"fields": [field_resource(field) for field in found.fields]}}


def _annotated(found: Table | View | MaterializedView | ExternalTable) -> Body:
    return described(found.description, found.labels)


def described(description: str, labels: dict[str, str]) -> Body:
    """Return what a resource says of itself."""
    body: Body = {}
    if description:
        body["description"] = description
    if labels:
        body["labels"] = labels
    return body


def _table(found: Table) -> Body:
    body = encoded(found, options.TABLE)
    time = body.pop("timePartitioning", {})
    cut = partitioning(found.cut)
    if time:
        cut["timePartitioning"] = {**cut["timePartitioning"], **time}
    if found.foreign_keys:
        constraints = body.setdefault("tableConstraints", {})
        constraints["foreignKeys"] = [_foreign_key(key) for key in found.foreign_keys]
    return {**_columns(found), **cut, **_clustering(found), **body, **_annotated(found)}


def _materialized_view(found: MaterializedView) -> Body:
    body = encoded(found, options.MATERIALIZED_VIEW)
    view = {"query": found.query.render(), **body.pop("materializedView", {})}
    cut = {**partitioning(found.cut), **_clustering(found)}
    return {"materializedView": view, **cut, **body, **_annotated(found)}


def _clustering(found: Table | MaterializedView) -> Body:
    return {"clustering": {"fields": list(found.clustering)}} if found.clustering else {}


def partitioning(cut: Partitioning) -> Body:
    """Return the partitioning as REST writes it."""
    if cut.granularity is None:
        return {}
    if cut.granularity == "RANGE":
        bounds = {"start": cut.start, "end": cut.end, "interval": cut.interval}
        texts = {key: str(value) for key, value in bounds.items()}
        return {"rangePartitioning": {"field": cut.column, "range": texts}}
    time: Body = {"type": cut.granularity}
    if cut.column:
        time["field"] = cut.column
    return {"timePartitioning": time}


def _foreign_key(key: ForeignKey) -> Body:
    project, dataset, table = key.table.rsplit(".", 2)
    pairs = zip(key.columns, key.referenced, strict=True)
    return {
        "name": key.name,
        "referencedTable": {"projectId": project, "datasetId": dataset, "tableId": table},
        "columnReferences": [
            {"referencingColumn": one, "referencedColumn": other} for one, other in pairs
        ],
    }


def decode(address: Ref, body: Body) -> Table | View | MaterializedView | ExternalTable | Foreign:
    """Return the relation that a live resource is."""
    project, dataset, name = address.parts
    common: dict[str, Any] = {
        "dataset": Dataset.model_construct(project=project, name=dataset),
        "name": name,
        "description": body.get("description") or "",
        "labels": dict(sorted((body.get("labels") or {}).items())),
        "fields": decode_fields((body.get("schema") or {}).get("fields") or []),
    }
    match body.get("type", _type(body)):
        case "TABLE":
            return _decode_table(common, body)
        case "VIEW":
            query = raw(body["view"]["query"])
            return View.model_construct(**common, **decoded(body, options.VIEW), query=query)
        case "MATERIALIZED_VIEW":
            return _decode_materialized_view(common, body)
        case "EXTERNAL":
            given = decoded(body, options.EXTERNAL_TABLE)
            return ExternalTable.model_construct(**common, **given)
        case other:
            return Foreign.model_construct(
                dataset=common["dataset"], name=name, live_kind=other.lower().replace("_", " ")
            )


def _type(body: Body) -> str:
    """Return the type of a resource that has not been to the server."""
    keys = {
        "view": "VIEW",
        "materializedView": "MATERIALIZED_VIEW",
        "externalDataConfiguration": "EXTERNAL",
    }
    return next((kind for key, kind in keys.items() if key in body), "TABLE")


def _decode_table(common: dict[str, Any], body: Body) -> Table:
    given = decoded(body, options.TABLE)
    # The place that Google's page calls deprecated.
    nested = (body.get("timePartitioning") or {}).get("requirePartitionFilter", False)
    given["require_partition_filter"] = given["require_partition_filter"] or nested
    keys = (body.get("tableConstraints") or {}).get("foreignKeys") or ()
    return Table.model_construct(
        **common,
        **given,
        cut=_decode_cut(body),
        clustering=_decode_clustering(body),
        foreign_keys=tuple(map(_decode_foreign_key, keys)),
    )


def _decode_materialized_view(common: dict[str, Any], body: Body) -> MaterializedView:
    return MaterializedView.model_construct(
        **common,
        **decoded(body, options.MATERIALIZED_VIEW),
        query=raw(body["materializedView"]["query"]),
        cut=_decode_cut(body),
        clustering=_decode_clustering(body),
    )


def _decode_clustering(body: Body) -> tuple[str, ...]:
    return tuple((body.get("clustering") or {}).get("fields") or ())


def _decode_cut(body: Body) -> Partitioning:
    if time := body.get("timePartitioning"):
        return Partitioning.model_construct(
            granularity=str(time["type"]).upper(), column=time.get("field")
        )
    if ranges := body.get("rangePartitioning"):
        start, end, interval = (int(ranges["range"][key]) for key in ("start", "end", "interval"))
        return Partitioning.model_construct(
            granularity="RANGE", column=ranges["field"], start=start, end=end, interval=interval
        )
    return Partitioning()


def _decode_foreign_key(body: Body) -> ForeignKey:
    table = body["referencedTable"]
    return ForeignKey.model_construct(
        name=body.get("name") or "",
        table=f"{table['projectId']}.{table['datasetId']}.{table['tableId']}",
        columns=tuple(pair["referencingColumn"] for pair in body["columnReferences"]),
        referenced=tuple(pair["referencedColumn"] for pair in body["columnReferences"]),
    )
