"""What BigQuery accepts of an insert: names, known properties, labels.

Written from BigQuery's documentation, in its words, and on its own: what plans a migration and
what accepts it must be able to disagree.
Sources: https://docs.cloud.google.com/bigquery/docs/tables,
https://docs.cloud.google.com/bigquery/docs/labels-intro, https://docs.cloud.google.com/bigquery/quotas
"""

import re
from unicodedata import category

from datoria_dagster.warehouse.local.catalog import legacy
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.local.rules import constraints, properties
from datoria_dagster.warehouse.local.rules.columns import check_fields, check_keys
from datoria_dagster.warehouse.local.rules.layout import check_clustering, check_partitioning
from datoria_dagster.warehouse.port import Body, Ref, Refused

_DATASET_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")
# The Unicode categories of its characters: letters, marks, numbers, connectors, dashes, spaces.
# https://docs.cloud.google.com/bigquery/docs/tables#table_naming
_TABLE_NAME = re.compile(r"(?:L.|M.|N.|Pc|Pd|Zs)+")
_ROUTINE_NAME = re.compile(r"[A-Za-z0-9_]{1,256}")
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
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
        "requirePartitionFilter",
        "encryptionConfiguration",
        "tableConstraints",
        "maxStaleness",
        "defaultCollation",
        "defaultRoundingMode",
        "streamingBuffer",
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
        "defaultTableExpirationMs",
        "defaultPartitionExpirationMs",
        "maxTimeTravelHours",
        "defaultCollation",
        "defaultRoundingMode",
        "storageBillingModel",
        "isCaseInsensitive",
        "defaultEncryptionConfiguration",
    ]
)
MAX_LABELS = 64
MAX_TABLE_NAME_BYTES = 1024
MAX_DESCRIPTION = 16_384


def check_name(ref: Ref) -> None:
    """Refuse a name that BigQuery doesn't take."""
    name = ref.parts[-1]
    spelled = "".join(map(category, name)) if ref.kind == "table" else name
    pattern = {"dataset": _DATASET_NAME, "table": _TABLE_NAME, "routine": _ROUTINE_NAME}[ref.kind]
    too_long = len(name.encode()) > MAX_TABLE_NAME_BYTES
    if not pattern.fullmatch(spelled) or too_long:
        raise Refused(f"Invalid {ref.kind} ID {name!r}.")


def check_dataset(body: Body) -> None:
    """Refuse a dataset that BigQuery would not insert or patch."""
    check_keys(body, _DATASET_KEYS, "a dataset")
    check_labels(body)
    properties.check_dataset(body)


def check_table(ref: Ref, body: Body) -> None:
    """Refuse a table (in REST's normal form) that BigQuery would not insert."""
    check_keys(body, _TABLE_KEYS, "a table")
    check_labels(body)
    check_fields(fields_of(body))
    check_partitioning(body)
    check_clustering(body)
    constraints.check(ref, body)
    properties.check_table(body)
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
