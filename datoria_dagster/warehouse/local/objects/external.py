"""External tables: columns over files that only BigQuery reads.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables#ExternalDataConfiguration
"""

import re

from datoria_dagster.warehouse.local import resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.kinds import EXTERNAL
from datoria_dagster.warehouse.local.objects import changes, inheritance
from datoria_dagster.warehouse.local.resources import fields_of, walk
from datoria_dagster.warehouse.local.rules import acceptance, properties
from datoria_dagster.warehouse.local.rules.columns import check_keys
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused, Resource

KEY = "externalDataConfiguration"
_FORMATS = frozenset(
    [
        *("AVRO", "CSV", "DATASTORE_BACKUP", "DELTA_LAKE", "GOOGLE_SHEETS", "ICEBERG"),
        *("NEWLINE_DELIMITED_JSON", "ORC", "PARQUET"),
    ]
)
# Options of one format: the format that has them.
_OF_FORMAT = {
    "csvOptions": "CSV",
    "googleSheetsOptions": "GOOGLE_SHEETS",
    "avroOptions": "AVRO",
    "parquetOptions": "PARQUET",
    "jsonOptions": "NEWLINE_DELIMITED_JSON",
}
_KEYS = frozenset(
    [
        *("sourceUris", "sourceFormat", "autodetect", "compression", "ignoreUnknownValues"),
        *("maxBadRecords", "hivePartitioningOptions", "connectionId", "decimalTargetTypes"),
        *("metadataCacheMode", "referenceFileSchemaUri", *_OF_FORMAT),
    ]
)
# https://docs.cloud.google.com/bigquery/docs/schemas#flexible-column-names
_COLUMN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CONNECTION = re.compile(r"projects/([^/]+)/locations/([^/]+)/connections/([^/]+)")
_FOREIGN = ("timePartitioning", "rangePartitioning", "clustering", "tableConstraints")


def create(catalog: Catalog, ref: Ref, body: Body, home: Body) -> Resource:
    """Insert an external table into a dataset."""
    normal = _normal(ref, inheritance.expiring(home, body), home["location"])
    _check(ref, normal)
    properties.check_future(normal)
    return catalog.add(ref, normal)


def patch(catalog: Catalog, current: Resource, merged: Body) -> Resource:
    """Store an external table as a patch made it: as it has no rows, any column may change."""
    after = _normal(current.ref, merged, current.body["location"])
    _check(current.ref, after)
    return changes.kept(catalog, current.ref, after)


def _normal(ref: Ref, body: Body, location: str) -> Body:
    config = {key: value for key, value in body[KEY].items() if value is not None}
    # Columns given inside are kept, but answered at the top: googleapis/python-bigquery#1041
    inner = config.pop("schema", None)
    if inner and not fields_of(body):
        body = {**body, "schema": inner}
    if "sourceFormat" in config:
        config["sourceFormat"] = str(config["sourceFormat"]).upper()
    if found := _CONNECTION.fullmatch(str(config.get("connectionId", ""))):
        config["connectionId"] = ".".join(found.groups())
    for key in ("csvOptions", "googleSheetsOptions"):
        if "skipLeadingRows" in (config.get(key) or {}):
            rows = str(config[key]["skipLeadingRows"])
            config[key] = {**config[key], "skipLeadingRows": rows}
    return resources.table(ref, {**body, KEY: config}, location, EXTERNAL)


def _check(ref: Ref, body: Body) -> None:
    config = body[KEY]
    check_keys(config, _KEYS, "an external table")
    _check_source(ref, config)
    for key in _FOREIGN:
        if body.get(key):
            raise Refused(f"{legacy(ref)} is an external table, which has no {key}.")
    acceptance.check_table(ref, {key: value for key, value in body.items() if key != KEY})
    if not fields_of(body):
        raise NotSupportedLocally(
            f"{ref.id}: the embedded warehouse can't read the columns of an external table from "
            "its files. Declare its schema."
        )
    for path, field in walk(fields_of(body)):
        if not _COLUMN.fullmatch(field["name"]):
            raise Refused(
                f'Invalid field name "{field["name"]}" (field: {path}). An external table has '
                "names of letters, digits and underscores only."
            )
        if "defaultValueExpression" in field:
            raise Refused(f"{legacy(ref)} is external: column {path} can't have a default value.")


def _check_source(ref: Ref, config: Body) -> None:
    kind, uris = config.get("sourceFormat"), config.get("sourceUris") or []
    if kind not in _FORMATS:
        raise Refused(f"{legacy(ref)}: sourceFormat must be one of {sorted(_FORMATS)}, not {kind}.")
    if not uris:
        raise Refused(f"{legacy(ref)}: an external table needs at least one source URI.")
    scheme = "https://" if kind == "GOOGLE_SHEETS" else "gs://"
    for uri in uris:
        bucket = str(uri).removeprefix(scheme).split("/", maxsplit=1)[0]
        if not str(uri).startswith(scheme) or uri.count("*") > 1 or "*" in bucket:
            raise Refused(
                f"{legacy(ref)}: invalid source URI {uri!r}. It begins with {scheme} and has at "
                "most one *, after the bucket."
            )
    if config.get("compression", "NONE") not in ("NONE", "GZIP"):
        raise Refused(f"{legacy(ref)}: compression must be GZIP or NONE.")
    for key, owner in _OF_FORMAT.items():
        if config.get(key) and kind != owner:
            raise Refused(f"{legacy(ref)}: {key} are for {owner}, but its format is {kind}.")
