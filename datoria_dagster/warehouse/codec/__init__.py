"""REST resource ⇄ model, both ways. Pure.

Decoding folds what BigQuery spells in more than one way: type aliases, missing modes, numbers as
strings. Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/datasets and the
pages named in the modules.
"""

from typing import assert_never

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.relations import (
    MaterializedView,
    Relation,
    SourceTable,
    View,
)
from datoria_dagster.model.routines import Routine
from datoria_dagster.warehouse.codec import options, relations, routines
from datoria_dagster.warehouse.codec.fields import data_type, decode_fields, field_resource
from datoria_dagster.warehouse.port import Body, Ref

__all__ = [
    "data_type",
    "decode",
    "decode_fields",
    "field_resource",
    "full_resource",
    "ref",
    "resource",
    "states",
]


def _stated(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *(o.path[0] for o in options.OPTIONS.get(kind, ())))))


# Everything that `decode` reads, by the kind of object.
_STATED = {
    "dataset": _stated("dataset", ("location", "description", "labels")),
    **{kind: _stated(kind, relations.STATED) for kind in relations.TYPES},
}


def ref(found: Managed | SourceTable) -> Ref:
    """Return the address of an object's resource."""
    match found:
        case Dataset():
            return Ref("dataset", found.id)
        case Routine():
            return Ref("routine", found.id)
        case Relation() | Foreign():
            return Ref("table", found.id)
        case _:
            assert_never(found)


def resource(found: Managed | SourceTable) -> Body:
    """Return the REST resource that creates the object."""
    match found:
        case Dataset():
            return _dataset(found)
        case Relation():
            return relations.resource(found)
        case Routine():
            return routines.resource(found)
        case Foreign():
            raise DeclarationError(f"{found.id} is a {found.live_kind}, which can't be declared.")
        case _:
            assert_never(found)


def states(body: Body, found: Managed) -> bool:
    """Tell whether a live resource surely says what is declared, without decoding it.

    False only means that it must be decoded: BigQuery spells some things in more than one way.
    """
    wanted = full_resource(found)
    kind = found.kind
    return body.get("type", "TABLE") == relations.TYPES.get(
        kind, body.get("type", "TABLE")
    ) and all(body.get(key) == wanted.get(key) for key in _STATED.get(kind, routines.STATED))


def full_resource(found: Managed) -> Body:
    """Return the REST resource of an object, a view's with the columns that its insert lacks."""
    body = resource(found)
    if isinstance(found, View | MaterializedView):
        body["schema"] = {"fields": [field_resource(field) for field in found.fields]}
    return body


def decode(address: Ref, body: Body) -> Managed:
    """Return the object that a live resource is."""
    match address.kind:
        case "dataset":
            return _decode_dataset(address, body)
        case "routine":
            return routines.decode(address, body)
        case "table":
            return relations.decode(address, body)
        case _:
            assert_never(address.kind)


def _dataset(found: Dataset) -> Body:
    reference = {"projectId": found.project, "datasetId": found.name}
    return {
        "datasetReference": reference,
        "location": found.location,
        **options.encoded(found, options.DATASET),
        **relations.described(found.description, found.labels),
    }


def _decode_dataset(address: Ref, body: Body) -> Dataset:
    project, name = address.parts
    location = str(body.get("location", "US"))
    return Dataset.model_construct(
        project=project,
        name=name,
        location=location.upper() if location.lower() in ("us", "eu") else location.lower(),
        description=body.get("description") or "",
        labels=dict(sorted((body.get("labels") or {}).items())),
        **options.decoded(body, options.DATASET),
    )
