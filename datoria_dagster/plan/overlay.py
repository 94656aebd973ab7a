"""A declared schema laid over the live one, so that a patch loses nothing that we don't model.

BigQuery replaces `schema.fields` as a whole: the list always starts from the live raw resource.
Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch
"""

from datoria_dagster.model.types import Field
from datoria_dagster.warehouse.codec import field_resource
from datoria_dagster.warehouse.port import Body


def overlay(live: list[Body], declared: tuple[Field, ...]) -> list[Body]:
    """Return the live columns with new modes and descriptions, and new columns at the end.

    Types, defaults and removed columns stay as they are live: statements change those.
    """
    wanted = {field.name.lower(): field for field in declared}
    known = {body["name"].lower() for body in live}
    kept = [_overlay(body, wanted.get(body["name"].lower())) for body in live]
    return kept + [_new(field) for field in declared if field.name.lower() not in known]


def _overlay(live: Body, declared: Field | None) -> Body:
    if declared is None:
        return live
    body = dict(live)
    if declared.mode == "NULLABLE" and live.get("mode") == "REQUIRED":
        body["mode"] = "NULLABLE"
    if declared.description != (live.get("description") or ""):
        body["description"] = declared.description
    if declared.type.fields and "fields" in live:
        body["fields"] = overlay(live["fields"], declared.type.fields)
    return body


def _new(field: Field) -> Body:
    # A default can't come with a new column: it is set by a statement of its own.
    return field_resource(field.model_copy(update={"default": None}))


def with_types(live: tuple[Field, ...], declared: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the declared fields in the live order, new ones last, live ones kept where removed."""
    wanted = {field.name.lower(): field for field in declared}
    ordered = tuple(_typed(field, wanted.pop(field.name.lower(), None)) for field in live)
    return (*ordered, *wanted.values())


def _typed(live: Field, declared: Field | None) -> Field:
    if declared is None:
        return live
    if not declared.type.fields or not live.type.fields:
        return declared.model_copy(update={"name": live.name})
    return live.with_fields(with_types(live.type.fields, declared.type.fields))
