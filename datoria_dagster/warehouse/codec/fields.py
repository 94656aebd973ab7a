"""Columns and types ⇄ REST. Decoding folds what BigQuery spells in more than one way.

Sources: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema and
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/StandardSqlDataType
"""

from typing import cast, get_args

from datoria_dagster.model import types
from datoria_dagster.model.types import Field, Mode, Type, TypeName
from datoria_dagster.warehouse.codec.options import rounding_mode
from datoria_dagster.warehouse.port import Body

# What the API answers, whatever spelling a table was created with.
LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_STANDARD = {
    **{legacy: name for name, legacy in LEGACY.items()},
    **dict.fromkeys(("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
# The very objects of declarations: what is one object is compared at once.
_PLAIN: dict[str, Type] = {
    name: getattr(types, name)
    for name in get_args(TypeName)
    if name not in ("STRUCT", "ARRAY", "RANGE")
}


def field_resource(field: Field) -> Body:
    """Return a column as REST writes it."""
    kind = field.type
    body: Body = {"name": field.name, "type": LEGACY.get(kind.name, kind.name)}
    body["mode"] = field.mode
    if field.description:
        body["description"] = field.description
    for key, value in (
        ("defaultValueExpression", field.default),
        ("collation", field.collation),
        ("roundingMode", field.rounding_mode),
        ("maxLength", kind.max_length and str(kind.max_length)),
        ("precision", kind.precision and str(kind.precision)),
    ):
        if value is not None:
            body[key] = value
    if field.policy_tag is not None:
        body["policyTags"] = {"names": [field.policy_tag] if field.policy_tag else []}
    return body | _type_parts(kind)


def _type_parts(kind: Type) -> Body:
    body: Body = {}
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
        fields = [{"name": f.name, "type": data_type(f.value_type)} for f in kind.fields]
        body["structType"] = {"fields": fields}
    return body


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
        policy_tag=_policy_tag(body),
        collation=body.get("collation"),
        rounding_mode=rounding_mode(body.get("roundingMode")),
    )


def _policy_tag(body: Body) -> str | None:
    tags = body.get("policyTags")
    return None if tags is None else next(iter(tags.get("names") or ()), "")


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


def _number(body: Body, key: str) -> int | None:
    value = body.get(key)
    return None if value is None or int(value) == 0 else int(value)


def decode_data_type(body: Body) -> Type:
    """Return a type from a StandardSqlDataType; none at all is ANY TYPE."""
    kind = body.get("typeKind", "ANY TYPE")
    element = body.get("arrayElementType") or body.get("rangeElementType")
    fields = (body.get("structType") or {}).get("fields") or ()
    return Type.model_construct(
        name=kind,
        element=decode_data_type(element) if element else None,
        fields=tuple(decode_named(field) for field in fields),
    )


def decode_named(body: Body) -> Field:
    """Return a column from a name and a StandardSqlDataType."""
    kind = decode_data_type(body["type"])
    repeated = kind.name == "ARRAY" and kind.element is not None
    return Field.model_construct(
        name=body["name"], type=kind.element if repeated else kind, repeated=repeated
    )
