"""The columns of a table before and after a rewrite: where each value comes from, and its cast.

A value that does not fit its new type fails the statement; none is turned into NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from datoria_dagster.model.ident import quote
from datoria_dagster.model.types import Field, Type
from datoria_dagster.warehouse.port import Body

# The path of a column with the new names of its parents, folded → its new name.
Renames = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """A column as it is, with the origins of its fields by their new names.

    `renamed`: some field in it gets another name, so that its type can't tell whether it changes.
    """

    field: Field
    inner: Mapping[str, "Origin"]
    renamed: bool


def origins(fields: tuple[Field, ...], renames: Renames, prefix: str = "") -> Mapping[str, Origin]:
    """Return new name, folded → the column that has its values."""
    found: dict[str, Origin] = {}
    for field in fields:
        new = renames.get(f"{prefix}{field.name}".lower(), field.name).lower()
        inside = f"{prefix}{new}.".lower()
        renamed = any(path.startswith(inside) for path in renames)
        inner = origins(field.type.fields, renames, inside)
        found[new] = Origin(field, inner, renamed)
    return found


def with_new_names(live: list[Body], renames: Renames, prefix: str = "") -> list[Body]:
    """Return the raw live columns under their new names, at every depth."""
    if not renames:
        return live
    return [_with_new_name(body, renames, prefix) for body in live]


def _with_new_name(body: Body, renames: Renames, prefix: str) -> Body:
    name = renames.get(f"{prefix}{body['name']}".lower(), body["name"])
    found = {**body, "name": name}
    if "fields" in body:
        found["fields"] = with_new_names(body["fields"], renames, f"{prefix}{name}.")
    return found


def value(origin: Origin | None, after: Field) -> str:
    """Return the expression of a column's value; of a new one it is NULL, or no items."""
    return _value(None if origin is None else quote(origin.field.name), origin, after)


def _value(text: str | None, origin: Origin | None, after: Field) -> str:
    if text is None or origin is None:
        return _nothing(after)
    before = origin.field
    if before.repeated and after.repeated:
        return _items(text, origin, after.type)
    if before.repeated:
        return _cast(f"{text}[SAFE_OFFSET(0)]", origin, after.type)
    if after.repeated:
        one = f"[{_cast(text, origin, after.type)}]"
        return f"IF({text} IS NULL, {_nothing(after)}, {one})"
    return _cast(text, origin, after.type)


def _nothing(after: Field) -> str:
    # Only a cast of a value and a column's declaration may have a length.
    kind = after.type.unparameterized
    return f"ARRAY<{kind}>[]" if after.repeated else f"CAST(NULL AS {kind})"


def _items(text: str, origin: Origin, after: Type) -> str:
    if _is_same(origin, after):
        return text
    item = _cast("item", origin, after)
    return (
        f"ARRAY(SELECT {item} FROM UNNEST({text}) AS item WITH OFFSET AS position "
        "ORDER BY position)"
    )


def _cast(text: str, origin: Origin, after: Type) -> str:
    if _is_same(origin, after):
        return text
    if origin.field.type.name != "STRUCT" or after.name != "STRUCT":
        return f"CAST({text} AS {after})"
    parts = ", ".join(
        f"{_nested(text, origin, field)} AS {quote(field.name)}" for field in after.fields
    )
    return f"IF({text} IS NULL, NULL, STRUCT({parts}))"


def _nested(text: str, origin: Origin, after: Field) -> str:
    inner = origin.inner.get(after.name.lower())
    return _value(inner and f"{text}.{quote(inner.field.name)}", inner, after)


def _is_same(origin: Origin, after: Type) -> bool:
    return not origin.renamed and str(origin.field.type) == str(after)
