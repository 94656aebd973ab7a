"""A declared schema laid over the live one, so that a patch loses nothing that we don't model.

BigQuery replaces `schema.fields` as a whole: the list always starts from the live raw resource.
Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch
"""

from collections.abc import Mapping

from datoria_dagster.model.types import Field
from datoria_dagster.warehouse.codec import field_resource
from datoria_dagster.warehouse.port import Body

# What a column's type, mode and texts are made of; the rest is kept unless it is declared.
_STATED = (
    *("name", "type", "mode", "description", "defaultValueExpression", "fields"),
    *("maxLength", "precision", "scale", "rangeElementType"),
)
_DECIMALS = ("NUMERIC", "BIGNUMERIC")


def overlay(live: list[Body], declared: tuple[Field, ...]) -> list[Body]:
    """Return the live columns with new modes, descriptions and options, and new columns at the end.

    Types, defaults and removed columns stay as they are live: statements change those. Policy tags
    are left out where they stay: that keeps them, and saying them needs a permission.
    Source: https://docs.cloud.google.com/bigquery/docs/column-level-security
    """
    wanted = {field.name.lower(): field for field in declared}
    known = {body["name"].lower() for body in live}
    kept = [_overlay(body, wanted.get(body["name"].lower())) for body in live]
    return kept + [_new(field) for field in declared if field.name.lower() not in known]


def _overlay(live: Body, declared: Field | None) -> Body:
    body = {key: value for key, value in live.items() if key != "policyTags"}
    if declared is None:
        if "fields" in live:
            body["fields"] = overlay(live["fields"], ())
        return body
    if declared.mode == "NULLABLE" and live.get("mode") == "REQUIRED":
        body["mode"] = "NULLABLE"
    if declared.description != (live.get("description") or ""):
        body["description"] = declared.description
    if declared.rounding_mode is not None:
        body["roundingMode"] = declared.rounding_mode
    if declared.policy_tag is not None and declared.policy_tag != _tag(live):
        body["policyTags"] = {"names": [declared.policy_tag] if declared.policy_tag else []}
    if "fields" in live:
        body["fields"] = overlay(live["fields"], declared.type.fields)
    return body


def _tag(live: Body) -> str:
    return next(iter((live.get("policyTags") or {}).get("names") or ()), "")


def _new(field: Field) -> Body:
    # A default can't come with a new column: it is set by a statement of its own.
    body = field_resource(field)
    body.pop("defaultValueExpression", None)
    return body


def renamed(live: list[Body], names: Mapping[str, str]) -> list[Body]:
    """Return the live columns as they are called after a rename: old name, folded → new name."""
    return [{**body, "name": names.get(body["name"].lower(), body["name"])} for body in live]


def rewritten(live: list[Body], declared: tuple[Field, ...], *, plain: bool) -> list[Body]:
    """Return the declared columns with what they don't say as it is live, under its new names.

    `plain`: a column without collation stays so, although new ones would get one.
    """
    known = {body["name"].lower(): body for body in live}
    return [_rewritten(known.get(field.name.lower()), field, plain=plain) for field in declared]


def _rewritten(live: Body | None, declared: Field, *, plain: bool) -> Body:
    body = field_resource(declared)
    if live is None:
        return body
    kind = declared.type
    kept = {key: value for key, value in live.items() if key not in _STATED}
    if kind.fields:
        kept.pop("policyTags", None)
        body["fields"] = rewritten(live.get("fields") or [], kind.fields, plain=plain)
    if kind.name != "STRING":
        kept.pop("collation", None)
    elif plain:
        kept.setdefault("collation", "")
    if kind.name not in _DECIMALS:
        kept.pop("roundingMode", None)
    return {**kept, **body}


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
