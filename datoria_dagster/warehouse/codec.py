"""REST resource ⇄ model, both ways. Pure.

Decoding folds what BigQuery spells in more than one way: type aliases, missing modes, numbers as
strings. Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables and
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

from typing import Any, assert_never, cast, get_args

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.partitions import Partitioning
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.relations import SourceTable, Table, View
from datoria_dagster.model.routines import Argument, ScalarFunction
from datoria_dagster.model.template import raw
from datoria_dagster.model.types import Field, Mode, Type, TypeName
from datoria_dagster.warehouse.port import Body, Ref, ResourceKind

# What the API answers, whatever spelling a table was created with.
_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_TYPES = {"view": "VIEW"}
# Everything that `decode` reads.
_STATED: dict[ResourceKind, tuple[str, ...]] = {
    "dataset": ("location", "description", "labels"),
    "table": (
        *("description", "labels", "schema", "view"),
        *("timePartitioning", "rangePartitioning", "clustering"),
    ),
    "routine": (
        *("routineType", "language", "arguments", "returnType"),
        *("definitionBody", "description"),
    ),
}
_STANDARD = {
    **{legacy: name for name, legacy in _LEGACY.items()},
    **dict.fromkeys(("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}


def ref(found: Managed | SourceTable) -> Ref:
    """Return the address of an object's resource."""
    match found:
        case Dataset():
            return Ref("dataset", found.id)
        case ScalarFunction():
            return Ref("routine", found.id)
        case Table() | View() | SourceTable() | Foreign():
            return Ref("table", found.id)
        case _:
            assert_never(found)


def resource(found: Managed | SourceTable) -> Body:
    """Return the REST resource that creates the object."""
    match found:
        case Dataset():
            return _dataset(found)
        case Table() | SourceTable():
            return _table(found)
        case View():
            return _view(found)
        case ScalarFunction():
            return _function(found)
        case Foreign():
            raise DeclarationError(f"{found.id} is a {found.live_kind}, which can't be declared.")
        case _:
            assert_never(found)


def states(body: Body, found: Managed) -> bool:
    """Tell whether a live resource surely says what is declared, without decoding it.

    False only means that it must be decoded: BigQuery spells some things in more than one way.
    """
    wanted = full_resource(found)
    return body.get("type", "TABLE") == _TYPES.get(found.kind, "TABLE") and all(
        body.get(key) == wanted.get(key) for key in _STATED[ref(found).kind]
    )


def full_resource(found: Managed) -> Body:
    """Return the REST resource of an object, a view's with the columns that its insert lacks."""
    body = resource(found)
    if isinstance(found, View):
        body["schema"] = {"fields": [field_resource(field) for field in found.fields]}
    return body


def decode(address: Ref, body: Body) -> Managed:
    """Return the object that a live resource is."""
    match address.kind:
        case "dataset":
            return _decode_dataset(address, body)
        case "routine":
            return _decode_routine(address, body)
        case "table":
            return _decode_table(address, body)
        case _:
            assert_never(address.kind)


def field_resource(field: Field) -> Body:
    """Return a column as REST writes it."""
    body: Body = {"name": field.name, "type": _LEGACY.get(field.type.name, field.type.name)}
    body["mode"] = field.mode
    if field.description:
        body["description"] = field.description
    if field.default is not None:
        body["defaultValueExpression"] = field.default
    kind = field.type
    for key, value in (("maxLength", kind.max_length), ("precision", kind.precision)):
        if value is not None:
            body[key] = str(value)
    if kind.scale:
        body["scale"] = str(kind.scale)
    if kind.element is not None:
        body["rangeElementType"] = {"type": kind.element.name}
    if kind.fields:
        body["fields"] = [field_resource(nested) for nested in kind.fields]
    return body


def decode_fields(fields: list[Body]) -> tuple[Field, ...]:
    """Return columns from REST; a missing mode is NULLABLE, an alias its type."""
    return tuple(_decode_field(field) for field in fields)


def data_type(kind: Type) -> Body:
    """Return a type as a routine's StandardSqlDataType."""
    body: Body = {"typeKind": kind.name}
    if kind.name == "ARRAY" and kind.element:
        body["arrayElementType"] = data_type(kind.element)
    elif kind.name == "RANGE" and kind.element:
        body["rangeElementType"] = data_type(kind.element)
    elif kind.name == "STRUCT":
        fields = [{"name": f.name, "type": data_type(_whole(f))} for f in kind.fields]
        body["structType"] = {"fields": fields}
    return body


def _whole(field: Field) -> Type:
    return Type(name="ARRAY", element=field.type) if field.repeated else field.type


def _described(body: Body, description: str, labels: dict[str, str]) -> Body:
    if description:
        body["description"] = description
    if labels:
        body["labels"] = labels
    return body


def _dataset(found: Dataset) -> Body:
    reference = {"projectId": found.project, "datasetId": found.name}
    body: Body = {"datasetReference": reference, "location": found.location}
    return _described(body, found.description, found.labels)


def _reference(found: Table | SourceTable | View) -> Body:
    dataset = found.dataset
    return {"projectId": dataset.project, "datasetId": dataset.name, "tableId": found.name}


def _table(found: Table | SourceTable) -> Body:
    body: Body = {
        "tableReference": _reference(found),
        "schema": {"fields": [field_resource(field) for field in found.fields]},
        **_partitioning(found.partitioning),
    }
    if isinstance(found, SourceTable):
        return _described(body, found.description, {})
    if found.clustering:
        body["clustering"] = {"fields": list(found.clustering)}
    return _described(body, found.description, found.labels)


def _partitioning(cut: Partitioning) -> Body:
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


def _view(found: View) -> Body:
    # A view's insert must not carry a schema: its columns are described by a patch afterwards.
    query = {"query": found.query.render(), "useLegacySql": False}
    body: Body = {"tableReference": _reference(found), "view": query}
    return _described(body, found.description, found.labels)


def _function(found: ScalarFunction) -> Body:
    dataset = found.dataset
    body: Body = {
        "routineReference": {
            "projectId": dataset.project,
            "datasetId": dataset.name,
            "routineId": found.name,
        },
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "arguments": [{"name": a.name, "dataType": data_type(a.type)} for a in found.arguments],
        "returnType": data_type(found.returns),
        "definitionBody": found.body.render(),
    }
    return _described(body, found.description, {})


def _decode_dataset(address: Ref, body: Body) -> Dataset:
    project, name = address.parts
    location = str(body.get("location", "US"))
    return Dataset.model_construct(
        project=project,
        name=name,
        location=location.upper() if location.lower() in ("us", "eu") else location.lower(),
        description=body.get("description") or "",
        labels=_labels(body),
    )


def _labels(body: Body) -> dict[str, str]:
    labels = cast("dict[str, str]", body.get("labels") or {})
    return dict(sorted(labels.items()))


def _home(address: Ref) -> tuple[Dataset, str]:
    project, dataset, name = address.parts
    return Dataset.model_construct(project=project, name=dataset), name


def _decode_table(address: Ref, body: Body) -> Managed:
    dataset, name = _home(address)
    common: dict[str, Any] = {
        "dataset": dataset,
        "name": name,
        "description": body.get("description") or "",
        "labels": _labels(body),
        "fields": decode_fields((body.get("schema") or {}).get("fields") or []),
    }
    match body.get("type", "TABLE"):
        case "TABLE":
            clustering = tuple((body.get("clustering") or {}).get("fields") or ())
            return Table.model_construct(**common, cut=_decode_cut(body), clustering=clustering)
        case "VIEW":
            return View.model_construct(**common, query=raw(body["view"]["query"]))
        case other:
            return Foreign.model_construct(dataset=dataset, name=name, live_kind=other.lower())


def _decode_cut(body: Body) -> Partitioning:
    if time := body.get("timePartitioning"):
        return Partitioning.model_construct(granularity=time["type"], column=time.get("field"))
    if ranges := body.get("rangePartitioning"):
        start, end, interval = (int(ranges["range"][key]) for key in ("start", "end", "interval"))
        return Partitioning.model_construct(
            granularity="RANGE", column=ranges["field"], start=start, end=end, interval=interval
        )
    return Partitioning()


def _decode_field(body: Body) -> Field:
    mode = cast("Mode", (body.get("mode") or "NULLABLE").upper())
    kind = str(body["type"]).upper()
    return Field.model_construct(
        name=body["name"],
        type=_decode_type(_STANDARD.get(kind, kind), body),
        required=mode == "REQUIRED",
        repeated=mode == "REPEATED",
        description=body.get("description") or "",
        default=body.get("defaultValueExpression"),
    )


def _decode_type(name: str, body: Body) -> Type:
    if not body.keys() & {"fields", "maxLength", "precision", "rangeElementType"}:
        return _PLAIN.get(name) or Type.model_construct(name=name)
    precision = _number(body, "precision")
    element = body.get("rangeElementType")
    return Type.model_construct(
        name=name,
        max_length=_number(body, "maxLength"),
        precision=precision,
        scale=None if precision is None else _number(body, "scale") or 0,
        element=_decode_type(element["type"].upper(), {}) if element else None,
        fields=decode_fields(body.get("fields") or []),
    )


_PLAIN = {
    name: Type(name=name) for name in get_args(TypeName) if name not in ("STRUCT", "ARRAY", "RANGE")
}


def _number(body: Body, key: str) -> int | None:
    value = body.get(key)
    return None if value is None or int(value) == 0 else int(value)


def _decode_routine(address: Ref, body: Body) -> Managed:
    dataset, name = _home(address)
    kind, language = body.get("routineType"), body.get("language", "SQL")
    if kind != "SCALAR_FUNCTION" or language != "SQL":
        live_kind = f"{language} {kind}".lower().replace("_", " ")
        return Foreign.model_construct(dataset=dataset, name=name, live_kind=live_kind)
    return ScalarFunction.model_construct(
        dataset=dataset,
        name=name,
        arguments=tuple(
            Argument.model_construct(
                name=a["name"], type=_decode_data_type(a.get("dataType") or {})
            )
            for a in body.get("arguments") or ()
        ),
        returns=_decode_data_type(body.get("returnType") or {}),
        body=raw(body["definitionBody"]),
        description=body.get("description") or "",
    )


def _decode_data_type(body: Body) -> Type:
    kind = body.get("typeKind", "ANY TYPE")
    element = body.get("arrayElementType") or body.get("rangeElementType")
    fields = (body.get("structType") or {}).get("fields") or ()
    return Type.model_construct(
        name=kind,
        element=_decode_data_type(element) if element else None,
        fields=tuple(_decode_struct_field(field) for field in fields),
    )


def _decode_struct_field(body: Body) -> Field:
    kind = _decode_data_type(body["type"])
    repeated = kind.name == "ARRAY" and kind.element is not None
    return Field.model_construct(
        name=body["name"], type=kind.element if repeated else kind, repeated=repeated
    )
