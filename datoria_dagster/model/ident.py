"""Names: what BigQuery accepts as one, and how it is quoted.

Sources: https://docs.cloud.google.com/bigquery/docs/schemas (columns),
https://docs.cloud.google.com/bigquery/docs/tables (tables),
https://docs.cloud.google.com/bigquery/docs/labels-intro (labels).
"""

import re
from collections.abc import Mapping
from unicodedata import category

_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{0,61}")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_ROUTINE = re.compile(r"[A-Za-z0-9_]{1,256}")
_JOB = re.compile(r"[A-Za-z0-9_]{1,256}")
_COLUMN_FORBIDDEN = re.compile(r"[!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]")
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]*")
_LOCATION = re.compile(r"[A-Za-z0-9-]+")
_CONNECTION = re.compile(r"(?:[\w.-]+:)?[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_KMS_KEY = re.compile(
    r"projects/[\w.:-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+"
    r"(?:/cryptoKeyVersions/\d+)?",
    re.ASCII,
)
# Letters, marks and numbers; connectors, dashes and spaces.
_TABLE_CATEGORIES = ("L", "M", "N")
_TABLE_PUNCTUATION = ("Pc", "Pd", "Zs")
RESERVED_PREFIXES = (
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_SEQUENCE_NUMBER",
    "_CHANGE_TYPE",
    "_CHANGE_TIMESTAMP",
)
_RESERVED = re.compile("|".join(RESERVED_PREFIXES), re.IGNORECASE)
MAX_COLUMN_NAME = 300
MAX_TABLE_NAME_BYTES = 1024
MAX_LABELS = 64
MAX_LABEL = 63
NOT_A_CONSTRAINT = 'its name has none of ! " $ ( ) * , . / ; ? @ [ \\ ] ^ ` { } ~.'


def quote(name: str) -> str:
    """Return the name in back-quotes; a back-quote or backslash in it is escaped."""
    escaped = (
        name.replace("\\", "\\\\").replace("`", "\\`").replace("\n", "\\n").replace("\r", "\\r")
    )
    return f"`{escaped}`"


def check_project(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _PROJECT.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a project id: lowercase letters, digits and dashes, "
            "beginning with a letter."
        )
    return name


def check_dataset(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _DATASET.fullmatch(name):
        raise ValueError(f"{name!r} is not a dataset name: letters, digits and underscores only.")
    return name


def check_table(name: str) -> str:
    """Return the name, or raise ValueError."""
    size = len(name.encode(errors="replace"))
    if not 1 <= size <= MAX_TABLE_NAME_BYTES or not all(map(_in_table, name)):
        raise ValueError(
            f"{name!r} is not a table name: letters, digits, underscores, dashes and spaces, "
            f"at most {MAX_TABLE_NAME_BYTES} bytes."
        )
    return name


def _in_table(char: str) -> bool:
    found = category(char)
    return found[0] in _TABLE_CATEGORIES or found in _TABLE_PUNCTUATION


def check_routine(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _ROUTINE.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a routine name: letters, digits and underscores, at most 256."
        )
    return name


def check_job(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _JOB.fullmatch(name):
        raise ValueError(f"{name!r} is not a job name: letters, digits and underscores only.")
    return name


def check_column(name: str) -> str:
    """Return the name (flexible column names are accepted), or raise ValueError."""
    if not name or len(name) > MAX_COLUMN_NAME or _COLUMN_FORBIDDEN.search(name):
        raise ValueError(
            f"{name!r} is not a column name: 1 to {MAX_COLUMN_NAME} characters, "
            'none of ! " $ ( ) * , . / ; ? @ [ \\ ] ^ ` { } ~.'
        )
    reserved = _RESERVED.match(name)
    if reserved:
        prefix = reserved.group().upper()
        raise ValueError(f"{name!r} begins with {prefix}, which BigQuery reserves; rename it.")
    return name


def is_constraint(name: str) -> bool:
    """Tell whether a key can be called so. Its name is made of names of columns, or given."""
    return not _COLUMN_FORBIDDEN.search(name)


def check_location(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _LOCATION.fullmatch(name):
        raise ValueError(f"{name!r} is not a location: write EU, US or a region, as europe-west1.")
    return name


def check_connection(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _CONNECTION.fullmatch(name):
        raise ValueError(f"connection {name!r} must be project.location.name.")
    return name


def check_kms_key(name: str) -> str:
    """Return the name, or raise ValueError."""
    if not _KMS_KEY.fullmatch(name):
        raise ValueError(f"key {name!r} must be projects/P/locations/L/keyRings/R/cryptoKeys/K.")
    return name


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels sorted by key, or raise ValueError."""
    if len(labels) > MAX_LABELS:
        raise ValueError(f"{len(labels)} labels; BigQuery allows {MAX_LABELS}.")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower() or len(key) > MAX_LABEL:
            raise ValueError(
                f"{key!r} is not a label key: lowercase letters, digits, - and _, "
                f"beginning with a letter, at most {MAX_LABEL}."
            )
        if value != value.lower() or not re.fullmatch(r"[\w-]*", value) or len(value) > MAX_LABEL:
            raise ValueError(
                f"{value!r} is not a label value: lowercase letters, digits, - and _, "
                f"at most {MAX_LABEL}."
            )
    return dict(sorted(labels.items()))
