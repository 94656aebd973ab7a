"""CREATE MATERIALIZED VIEW and CREATE EXTERNAL TABLE, read into what REST says of a table.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_materialized_view_statement
and the sections after it.
"""

from datoria_dagster.warehouse.local.objects.external import KEY as EXTERNAL
from datoria_dagster.warehouse.local.objects.materialized import KEY as MATERIALIZED
from datoria_dagster.warehouse.local.resources import fields_of, normal_fields, with_fields
from datoria_dagster.warehouse.local.syntax import elements, options, partitioning
from datoria_dagster.warehouse.local.syntax.options import Known
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_MINUTE_MS = 60_000
_FORMATS = {"JSON": "NEWLINE_DELIMITED_JSON", "CLOUD_BIGTABLE": "BIGTABLE"}


def materialized_view(tokens: Tokens) -> Body:
    """Consume what follows the name of a materialized view."""
    body: Body = {}
    if tokens.accept("PARTITION", "BY"):
        body.update(partitioning.parse(tokens, []))
    if tokens.accept("CLUSTER", "BY"):
        names = [tokens.word()]
        while tokens.accept(","):
            names.append(tokens.word())
        body["clustering"] = {"fields": names}
    given = view_options(tokens.options())
    tokens.expect("AS")
    query = {"query": tokens.rest()}
    return {**body, **given, MATERIALIZED: {**given.get(MATERIALIZED, {}), **query}}


def view_options(given: dict[str, str]) -> Body:
    """Return the properties that the options of a materialized view set."""
    return _nested(given, _MATERIALIZED_VIEW)


def _nested(given: dict[str, str], known: Known) -> Body:
    body: Body = {}
    for name, text in given.items():
        _join(body, options.resource({name: text}, known))
    return body


def _join(body: Body, part: Body) -> None:
    for key, value in part.items():
        before = body.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            _join(before, value)
        else:
            body[key] = value


def external_table(tokens: Tokens, ref: Ref) -> Body:
    """Consume what follows the name of an external table."""
    fields, keys = elements.table(tokens, ref)
    body: Body = {"schema": {"fields": fields}, "tableConstraints": keys}
    connection = partition_columns = None
    while not tokens.done and not tokens.peek("OPTIONS"):
        if tokens.accept("WITH", "CONNECTION"):
            connection = tokens.path()
        else:
            partition_columns = _partition_columns(tokens, ref)
    _join(body, _nested(tokens.options(), _EXTERNAL_TABLE))
    tokens.end()
    config = body.setdefault(EXTERNAL, {})
    if "sourceFormat" in config:
        config["sourceFormat"] = _FORMATS.get(config["sourceFormat"], config["sourceFormat"])
    _place_skipped_rows(config)
    if connection is not None:
        config["connectionId"] = connection
    return _with_partitions(ref, body, partition_columns or [])


def _partition_columns(tokens: Tokens, ref: Ref) -> list[Body]:
    tokens.expect("WITH", "PARTITION", "COLUMNS")
    fields = elements.table(tokens, ref)[0]
    if not fields:
        raise NotSupportedLocally(
            f"{ref.id}: the embedded warehouse can't find partition columns in the names of files. "
            "Name them: WITH PARTITION COLUMNS (name type, …)."
        )
    return fields


def _place_skipped_rows(config: Body) -> None:
    # One option for both: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#external_table_option_list
    if config.get("sourceFormat") == "GOOGLE_SHEETS" and "csvOptions" in config:
        config["googleSheetsOptions"] = {
            **config.get("googleSheetsOptions", {}),
            **config.pop("csvOptions"),
        }


def _with_partitions(ref: Ref, body: Body, fields: list[Body]) -> Body:
    if not fields:
        return body
    config = body[EXTERNAL]
    hive = config.setdefault("hivePartitioningOptions", {})
    prefix = hive.get("sourceUriPrefix")
    if not prefix:
        raise Refused(f"{ref.id}: WITH PARTITION COLUMNS needs option hive_partition_uri_prefix.")
    keys = "".join(f"/{{{field['name']}:{field['type']}}}" for field in fields)
    hive.update({"mode": "CUSTOM", "sourceUriPrefix": f"{prefix.rstrip('/')}{keys}"})
    return with_fields(body, [*fields_of(body), *normal_fields(fields)])


def _interval(text: str) -> str | None:
    minutes = options.number(text)
    return None if minutes is None else str(int(minutes * _MINUTE_MS))


def _integer(text: str) -> int | None:
    value = options.number(text)
    return None if value is None else int(value)


_MATERIALIZED_VIEW: Known = {
    **options.VIEW,
    "kms_key_name": ("encryptionConfiguration.kmsKeyName", options.string),
    "max_staleness": ("maxStaleness", options.interval),
    "enable_refresh": (f"{MATERIALIZED}.enableRefresh", options.boolean),
    "refresh_interval_minutes": (f"{MATERIALIZED}.refreshIntervalMs", _interval),
    "allow_non_incremental_definition": (
        f"{MATERIALIZED}.allowNonIncrementalDefinition",
        options.boolean,
    ),
}
_EXTERNAL_TABLE: Known = {
    **options.VIEW,
    "max_staleness": ("maxStaleness", options.interval),
    "format": (f"{EXTERNAL}.sourceFormat", options.string),
    "uris": (f"{EXTERNAL}.sourceUris", options.strings),
    "compression": (f"{EXTERNAL}.compression", options.string),
    "max_bad_records": (f"{EXTERNAL}.maxBadRecords", _integer),
    "ignore_unknown_values": (f"{EXTERNAL}.ignoreUnknownValues", options.boolean),
    "decimal_target_types": (f"{EXTERNAL}.decimalTargetTypes", options.strings),
    "metadata_cache_mode": (f"{EXTERNAL}.metadataCacheMode", options.string),
    "reference_file_schema_uri": (f"{EXTERNAL}.referenceFileSchemaUri", options.string),
    "skip_leading_rows": (f"{EXTERNAL}.csvOptions.skipLeadingRows", options.whole),
    "field_delimiter": (f"{EXTERNAL}.csvOptions.fieldDelimiter", options.string),
    "quote": (f"{EXTERNAL}.csvOptions.quote", options.string),
    "encoding": (f"{EXTERNAL}.csvOptions.encoding", options.string),
    "null_marker": (f"{EXTERNAL}.csvOptions.nullMarker", options.string),
    "allow_jagged_rows": (f"{EXTERNAL}.csvOptions.allowJaggedRows", options.boolean),
    "allow_quoted_newlines": (f"{EXTERNAL}.csvOptions.allowQuotedNewlines", options.boolean),
    "sheet_range": (f"{EXTERNAL}.googleSheetsOptions.range", options.string),
    "enum_as_string": (f"{EXTERNAL}.parquetOptions.enumAsString", options.boolean),
    "enable_list_inference": (f"{EXTERNAL}.parquetOptions.enableListInference", options.boolean),
    "enable_logical_types": (f"{EXTERNAL}.avroOptions.useAvroLogicalTypes", options.boolean),
    "hive_partition_uri_prefix": (
        f"{EXTERNAL}.hivePartitioningOptions.sourceUriPrefix",
        options.string,
    ),
    "require_hive_partition_filter": (
        f"{EXTERNAL}.hivePartitioningOptions.requirePartitionFilter",
        options.boolean,
    ),
}
