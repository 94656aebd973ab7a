"""What BigQuery accepts of an insert: names, columns, partitioning, clustering, labels.

Written from BigQuery's documentation, in its words, and on its own: what plans a migration and
what accepts it must be able to disagree.
Sources: https://docs.cloud.google.com/bigquery/docs/schemas,
https://docs.cloud.google.com/bigquery/docs/partitioned-tables,
https://docs.cloud.google.com/bigquery/docs/clustered-tables, https://docs.cloud.google.com/bigquery/quotas
"""

import re

from datoria_dagster.warehouse.local.catalog import legacy
from datoria_dagster.warehouse.local.resources import column, depth, fields_of, walk
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_DATASET_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE_NAME = re.compile(r"[\w\-–— ]+")
_ROUTINE_NAME = re.compile(r"[A-Za-z0-9_]{1,256}")
_COLUMN_FORBIDDEN = re.compile(r"[!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]")
_RESERVED = re.compile(
    r"_PARTITION|_TABLE_|_FILE_|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER"
    r"|_CHANGE_SEQUENCE_NUMBER|_CHANGE_TYPE|_CHANGE_TIMESTAMP",
    re.IGNORECASE,
)
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
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
    ]
)
_TABLE_KEYS = frozenset(
    [
        "kind",
        "id",
        "etag",
        "selfLink",
        "tableReference",
        "type",
        "location",
        "creationTime",
        "lastModifiedTime",
        "schema",
        "description",
        "friendlyName",
        "labels",
        "timePartitioning",
        "rangePartitioning",
        "clustering",
        "view",
        "expirationTime",
        "snapshotDefinition",
        "cloneDefinition",
    ]
)
_DATASET_KEYS = frozenset(
    [
        "kind",
        "id",
        "etag",
        "selfLink",
        "datasetReference",
        "location",
        "creationTime",
        "lastModifiedTime",
        "description",
        "friendlyName",
        "labels",
        "type",
    ]
)
_CLUSTERING_TYPES = frozenset(
    [
        "BIGNUMERIC",
        "BOOLEAN",
        "DATE",
        "DATETIME",
        "GEOGRAPHY",
        "INTEGER",
        "NUMERIC",
        "RANGE",
        "STRING",
        "TIMESTAMP",
    ]
)
_PARTITION_TYPES = {
    "HOUR": ("TIMESTAMP", "DATETIME"),
    "DAY": ("DATE", "TIMESTAMP", "DATETIME"),
    "MONTH": ("DATE", "TIMESTAMP", "DATETIME"),
    "YEAR": ("DATE", "TIMESTAMP", "DATETIME"),
}
# name: (most digits before the point, most after it)
_DECIMALS = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
MAX_COLUMNS = 10_000
MAX_DEPTH = 15
MAX_CLUSTERING = 4
MAX_LABELS = 64
MAX_NAME = 300
MAX_TABLE_NAME_BYTES = 1024
MAX_RANGES = 10_000
MAX_COLUMN_DESCRIPTION = 1024
MAX_DESCRIPTION = 16_384


def check_name(ref: Ref) -> None:
    """Refuse a name that BigQuery doesn't take."""
    name = ref.parts[-1]
    pattern = {"dataset": _DATASET_NAME, "table": _TABLE_NAME, "routine": _ROUTINE_NAME}[ref.kind]
    too_long = len(name.encode()) > MAX_TABLE_NAME_BYTES
    if not pattern.fullmatch(name) or too_long:
        raise Refused(f"Invalid {ref.kind} ID {name!r}.")


def check_dataset(body: Body) -> None:
    """Refuse a dataset that BigQuery would not insert or patch."""
    _check_keys(body, _DATASET_KEYS, "a dataset")
    check_labels(body)


def check_table(ref: Ref, body: Body) -> None:
    """Refuse a table (in REST's normal form) that BigQuery would not insert."""
    _check_keys(body, _TABLE_KEYS, "a table")
    check_labels(body)
    check_fields(fields_of(body))
    check_partitioning(body)
    check_clustering(body)
    if not fields_of(body) and (body.get("timePartitioning") or body.get("clustering")):
        raise Refused(f"{legacy(ref)}: a partitioned or clustered table needs a schema.")


def check_labels(body: Body) -> None:
    """Refuse labels: https://docs.cloud.google.com/bigquery/docs/labels-intro#requirements."""
    labels = body.get("labels") or {}
    if len(labels) > MAX_LABELS:
        raise Refused(f"Too many labels: {len(labels)}; a resource has at most {MAX_LABELS}.")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise Refused(f"Label key {key!r} contains invalid characters.")
        if not _LABEL_VALUE.fullmatch(str(value)) or value != str(value).lower():
            raise Refused(f"Label value {value!r} of {key!r} contains invalid characters.")
    if len(body.get("description") or "") > MAX_DESCRIPTION:
        raise Refused(f"The description is longer than {MAX_DESCRIPTION} characters.")


def check_fields(fields: list[Body]) -> None:
    """Refuse columns (in REST's normal form) that BigQuery would not take in a new table."""
    paths = list(walk(fields))
    if len(paths) > MAX_COLUMNS:
        raise Refused(f"Too many fields: {len(paths)}; a table has at most {MAX_COLUMNS}.")
    if depth(fields) > MAX_DEPTH:
        raise Refused(f"Schema nests deeper than {MAX_DEPTH} levels.")
    _check_unique(fields, "")
    for path, field in paths:
        _check_keys(field, _FIELD_KEYS, f"column {path}")
        _check_field(path, field)


def _check_keys(body: Body, known: frozenset[str], what: str) -> None:
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
    if len(field.get("description") or "") > MAX_COLUMN_DESCRIPTION:
        raise Refused(f"The description of field {path} is too long.")


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


def check_partitioning(body: Body) -> None:
    """Refuse a partitioning that the columns don't allow."""
    if ranges := body.get("rangePartitioning"):
        _check_ranges(body, ranges)
    cut = body.get("timePartitioning")
    if not cut:
        return
    if unknown := cut.keys() - {"type", "field"}:
        raise NotSupportedLocally(
            f"The embedded warehouse does not keep timePartitioning.{min(unknown)}."
        )
    if cut.get("type") not in _PARTITION_TYPES:
        raise Refused(f"Invalid time partitioning type {cut.get('type')}.")
    if cut.get("field"):
        _check_partition_column(body, cut["field"], _PARTITION_TYPES[cut["type"]])


def _check_ranges(body: Body, ranges: Body) -> None:
    if body.get("timePartitioning"):
        raise Refused("Only one of timePartitioning and rangePartitioning can be specified.")
    _check_partition_column(body, ranges["field"], ("INTEGER",))
    bounds = {key: int(value) for key, value in ranges["range"].items()}
    width = bounds["end"] - bounds["start"]
    if width <= 0 or bounds["interval"] < 1 or width / bounds["interval"] > MAX_RANGES:
        raise Refused(f"Invalid range partitioning {bounds}; it has at most {MAX_RANGES} ranges.")


def _check_partition_column(body: Body, name: str, allowed: tuple[str, ...]) -> None:
    field = column(fields_of(body), name)
    if field is None:
        raise Refused(f"The field specified for partitioning cannot be found in the schema: {name}")
    if field["mode"] == "REPEATED" or field["type"] not in allowed:
        raise Refused(
            f"The field specified for partitioning, {name}, is {field['mode']} {field['type']}; "
            f"it must be a top-level {' or '.join(allowed)} that is not REPEATED."
        )


def check_clustering(body: Body) -> None:
    """Refuse clustering columns: https://docs.cloud.google.com/bigquery/docs/clustered-tables."""
    names = (body.get("clustering") or {}).get("fields") or []
    if len(names) > MAX_CLUSTERING:
        raise Refused(f"Too many clustering fields: {len(names)}; at most {MAX_CLUSTERING}.")
    for name in names:
        field = column(fields_of(body), name)
        if field is None:
            raise Refused(
                f"The field specified for clustering cannot be found in the schema: {name}"
            )
        if field["mode"] == "REPEATED" or field["type"] not in _CLUSTERING_TYPES:
            raise Refused(
                f"Entity {name} has type {field['mode']} {field['type']}, which is not supported "
                "for clustering."
            )
