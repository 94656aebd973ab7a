"""Names: what BigQuery accepts as one, and how it is quoted.

Sources: https://docs.cloud.google.com/bigquery/docs/schemas (columns),
https://docs.cloud.google.com/bigquery/docs/tables (tables),
https://docs.cloud.google.com/bigquery/docs/labels-intro (labels).
"""

import re
from collections.abc import Mapping

_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{0,61}")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[\w\-– ]+")
_ROUTINE = re.compile(r"[A-Za-z0-9_]{1,256}")
_JOB = re.compile(r"[A-Za-z0-9_]{1,256}")
_COLUMN_FORBIDDEN = re.compile(r"[!\"$()*,./;?@\[\\\]^`{}~\x00-\x1f]")
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]*")
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


def quote(name: str) -> str:
    """Return the name in back-quotes; a back-quote or backslash in it is escaped."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`").replace("\n", "\\n")
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
    if not _TABLE.fullmatch(name) or len(name.encode()) > MAX_TABLE_NAME_BYTES:
        raise ValueError(
            f"{name!r} is not a table name: letters, digits, underscores, dashes and spaces, "
            f"at most {MAX_TABLE_NAME_BYTES} bytes."
        )
    return name


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
