"""What BigQuery accepts of columns.

Sources: https://docs.cloud.google.com/bigquery/docs/schemas,
https://docs.cloud.google.com/bigquery/quotas,
https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema
"""

import re

from datoria_dagster.warehouse.local.resources import depth, walk
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Refused

_COLUMN_FORBIDDEN = re.compile(r"[!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]")
_RESERVED = re.compile(
    r"_PARTITION|_TABLE_|_FILE_|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER"
    r"|_CHANGE_SEQUENCE_NUMBER|_CHANGE_TYPE|_CHANGE_TIMESTAMP",
    re.IGNORECASE,
)
_TYPES = frozenset(
    [
        "STRING",
        "BYTES",
        "INTEGER",
        "FLOAT",
        "BOOLEAN",
        "TIMESTAMP",
        "DATE",
        "TIME",
        "DATETIME",
        "GEOGRAPHY",
        "NUMERIC",
        "BIGNUMERIC",
        "JSON",
        "RECORD",
        "RANGE",
        "INTERVAL",
    ]
)
_FIELD_KEYS = frozenset(
    [
        "name",
        "type",
        "mode",
        "description",
        "fields",
        "defaultValueExpression",
        "maxLength",
        "precision",
        "scale",
        "rangeElementType",
        "collation",
        "roundingMode",
        "policyTags",
    ]
)
# name: (most digits before the point, most after it)
_DECIMALS = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
MAX_COLUMNS = 10_000
MAX_DEPTH = 15
MAX_NAME = 300
MAX_COLUMN_DESCRIPTION = 1024
ROUNDING_MODES = ("ROUND_HALF_AWAY_FROM_ZERO", "ROUND_HALF_EVEN")
COLLATIONS = ("", "und:ci")


def check_fields(fields: list[Body]) -> None:
    """Refuse columns (in REST's normal form) that BigQuery would not take in a new table."""
    paths = list(walk(fields))
    if len(paths) > MAX_COLUMNS:
        raise Refused(f"Too many fields: {len(paths)}; a table has at most {MAX_COLUMNS}.")
    if depth(fields) > MAX_DEPTH:
        raise Refused(f"Schema nests deeper than {MAX_DEPTH} levels.")
    _check_unique(fields, "")
    for path, field in paths:
        check_keys(field, _FIELD_KEYS, f"column {path}")
        _check_field(path, field)


def check_keys(body: Body, known: frozenset[str], what: str) -> None:
    """Refuse by name what a resource says beyond what is kept here."""
    unknown = sorted(key for key in body.keys() - known if body[key] not in (None, [], {}, ""))
    if unknown:
        raise NotSupportedLocally(
            f"The embedded warehouse does not keep {unknown[0]} of {what}. "
            "Leave it out, or use BigQuery."
        )


def _check_unique(fields: list[Body], parent: str) -> None:
    seen: set[str] = set()
    for field in fields:
        if field["name"].lower() in seen:
            # "Duplicate column names are not allowed even if the case differs."
            raise Refused(f"Field {parent}{field['name']} already exists in schema")
        seen.add(field["name"].lower())
        _check_unique(field.get("fields") or [], f"{parent}{field['name']}.")


def _check_field(path: str, field: Body) -> None:
    name, kind, mode = str(field["name"]), field["type"], field["mode"]
    _check_name(name)
    if kind not in _TYPES:
        raise Refused(f"Invalid value for type: {kind} is not a valid value (field: {path})")
    if mode not in ("NULLABLE", "REQUIRED", "REPEATED"):
        raise Refused(f"Invalid value for mode: {mode} is not a valid value (field: {path})")
    if (kind == "RECORD") != bool(field.get("fields")):
        raise Refused(
            f"Field {path} is type RECORD but has no schema"
            if kind == "RECORD"
            else f"Field {path} is type {kind} but has nested fields"
        )
    _check_parameters(path, field)
    _check_default_place(path, field)
    _check_collation(path, field)
    _check_rounding(path, field)
    _check_policy_tags(path, field)
    if len(field.get("description") or "") > MAX_COLUMN_DESCRIPTION:
        raise Refused(f"The description of field {path} is too long.")


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME or _COLUMN_FORBIDDEN.search(name):
        raise Refused(
            f'Invalid field name "{name}". Fields must contain only letters, numbers, and '
            f"underscores, or be a flexible column name, at most {MAX_NAME} characters."
        )
    if _RESERVED.match(name):
        raise Refused(
            f'Invalid field name "{name}". Field names are not allowed to start with the '
            "(case-insensitive) prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ and "
            "_COLIDENTIFIER"
        )


def _check_collation(path: str, field: Body) -> None:
    # https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts
    if "collation" not in field:
        return
    if field["type"] != "STRING":
        raise Refused(f"Collation can be set on STRING only; field {path} is {field['type']}.")
    check_collation(field["collation"])


def check_collation(name: str) -> None:
    """Refuse a collation that BigQuery does not have."""
    if name not in COLLATIONS:
        raise Refused(f"Invalid collation {name!r}; BigQuery has 'und:ci' and the empty one.")


def _check_rounding(path: str, field: Body) -> None:
    if "roundingMode" not in field:
        return
    if field["type"] not in _DECIMALS:
        raise Refused(
            f"A rounding mode can be set on NUMERIC and BIGNUMERIC only; field {path} is "
            f"{field['type']}."
        )
    check_rounding(field["roundingMode"])


def check_rounding(mode: str) -> None:
    """Refuse a rounding mode that BigQuery does not have."""
    if mode not in ROUNDING_MODES:
        raise Refused(f"Invalid rounding mode {mode!r}; use {' or '.join(ROUNDING_MODES)}.")


def _check_policy_tags(path: str, field: Body) -> None:
    if "policyTags" not in field:
        return
    if field["type"] == "RECORD":
        # Even for an empty list: https://github.com/dbt-labs/dbt-bigquery/issues/699
        raise Refused(f"Policy tags can only be attached to a leaf field. (field: {path})")
    if len(field["policyTags"].get("names") or []) > 1:
        raise Refused(f"Field {path} has more than one policy tag; a column has at most one.")


def _check_default_place(path: str, field: Body) -> None:
    # https://docs.cloud.google.com/bigquery/docs/default-values#limitations
    if field.get("defaultValueExpression") is not None and "." in path:
        raise Refused(f"Default value expression is not allowed on nested field {path}.")


def _check_parameters(path: str, field: Body) -> None:
    kind = field["type"]
    length, precision = field.get("maxLength"), field.get("precision")
    if length is not None and (kind not in ("STRING", "BYTES") or int(length) < 1):
        raise Refused(f"Invalid maxLength {length} of field {path}, which is {kind}.")
    if kind == "RANGE":
        element = (field.get("rangeElementType") or {}).get("type", "")
        if element not in ("DATE", "DATETIME", "TIMESTAMP"):
            raise Refused(f"Field {path}: a RANGE is of DATE, DATETIME or TIMESTAMP.")
    if precision is None:
        return
    if kind not in _DECIMALS:
        raise Refused(f"Invalid precision {precision} of field {path}, which is {kind}.")
    whole, fraction = _DECIMALS[kind]
    digits, scale = int(precision), int(field.get("scale") or 0)
    if not (0 <= scale <= fraction and max(1, scale) <= digits <= scale + whole):
        raise Refused(f"Invalid {kind}({digits}, {scale}) of field {path}.")
