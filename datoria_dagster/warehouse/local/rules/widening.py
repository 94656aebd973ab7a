"""What ALTER COLUMN SET DATA TYPE accepts.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_column_set_data_type_statement
"""

from datoria_dagster.warehouse.local.rules.amendment import mismatch
from datoria_dagster.warehouse.port import Body, Ref, Refused

_WIDER = {
    "INTEGER": ("NUMERIC", "BIGNUMERIC", "FLOAT"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT"),
}
_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_PARAMETERS = ("maxLength", "precision", "scale")
# Digits before and after the point of a decimal without parameters.
_WHOLE = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}


def widened(ref: Ref, old: Body, new: Body) -> Body:
    """Return the column with its new type and all else as it was, or refuse."""
    if (old["mode"] == "REPEATED") != (new["mode"] == "REPEATED"):
        raise _unassignable(old, new)
    if old["mode"] == "REPEATED" and _plain(old) != _plain(new):
        # "Modify nested column types": not inside an array.
        raise Refused(
            "ALTER TABLE ALTER COLUMN SET DATA TYPE is not supported for the type of column "
            f"{old['name']}, which is REPEATED"
        )
    return _widened(ref, old, new, old["name"])


def _widened(ref: Ref, old: Body, new: Body, path: str) -> Body:
    if old["type"] == "RECORD" and new["type"] == "RECORD":
        return {**old, "fields": _struct(ref, old, new, path)}
    if old["type"] == "BIGNUMERIC" and new["type"] == "FLOAT":
        # The analyzer lets it pass, the storage does not: https://github.com/SQLMesh/sqlmesh/pull/2848
        raise mismatch(ref, f"Field {path} has changed type from BIGNUMERIC to FLOAT")
    same = old["type"] == new["type"] and _holds(old, new)
    if not same and new["type"] not in _WIDER.get(old["type"], ()):
        raise _unassignable(old, new)
    kept = {key: value for key, value in old.items() if key not in _PARAMETERS}
    if new["type"] not in _WHOLE:
        kept.pop("roundingMode", None)
    given = {key: new[key] for key in _PARAMETERS if key in new}
    return {**kept, "type": new["type"], **given}


def _struct(ref: Ref, old: Body, new: Body, path: str) -> list[Body]:
    before, after = old["fields"], new["fields"]
    if [f["name"].lower() for f in before] != [f["name"].lower() for f in after]:
        raise _unassignable(old, new)
    result: list[Body] = []
    for inner, wanted in zip(before, after, strict=True):
        inside = f"{path}.{inner['name']}"
        if inner["mode"] == "REPEATED" or wanted["mode"] == "REPEATED":
            if _plain(inner) != _plain(wanted):
                raise _unassignable(old, new)
            result.append(inner)
        else:
            result.append(_widened(ref, inner, wanted, inside))
    return result


def _holds(old: Body, new: Body) -> bool:
    """Whether the new parameters hold every value of the old ones."""
    if old["type"] in ("STRING", "BYTES"):
        limit = new.get("maxLength")
        return limit is None or ("maxLength" in old and int(old["maxLength"]) <= int(limit))
    if old["type"] in _WHOLE:
        before, after = _digits(old), _digits(new)
        return before[0] <= after[0] and before[1] <= after[1]
    return old.get("rangeElementType") == new.get("rangeElementType")


def _digits(field: Body) -> tuple[int, int]:
    if "precision" not in field:
        return _WHOLE[field["type"]]
    scale = int(field.get("scale") or 0)
    return int(field["precision"]) - scale, scale


def _plain(field: Body) -> Body:
    """Return what is of the type, without descriptions and modes that a statement leaves out."""
    kept = {k: field[k] for k in ("type", "rangeElementType", *_PARAMETERS) if k in field}
    nested = [{"name": f["name"].lower(), **_plain(f)} for f in field.get("fields") or []]
    return {**kept, "fields": nested, "repeated": field["mode"] == "REPEATED"}


def _unassignable(old: Body, new: Body) -> Refused:
    return Refused(
        "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type "
        f"({type_name(old)}) is assignable to the new type ({type_name(new)})"
    )


def type_name(field: Body) -> str:
    """Return a column's type as GoogleSQL writes it."""
    kind = str(field["type"])
    name = _NAMES.get(kind, kind)
    given = [str(field[key]) for key in _PARAMETERS if field.get(key)]
    if given:
        name += f"({', '.join(given)})"
    if field["type"] == "RECORD":
        name += _inner(field)
    return f"ARRAY<{name}>" if field["mode"] == "REPEATED" else name


def _inner(field: Body) -> str:
    parts = [f"{nested['name']} {type_name(nested)}" for nested in field["fields"]]
    return f"<{', '.join(parts)}>"
