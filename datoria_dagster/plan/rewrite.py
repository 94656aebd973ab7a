"""The rebuild of a table: one beside it as it shall be, filled from it, that takes its place.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from collections.abc import Mapping, Sequence

from datoria_dagster.diff import change as c
from datoria_dagster.model.ident import quote
from datoria_dagster.model.relations import Table
from datoria_dagster.model.types import Field
from datoria_dagster.plan import statements
from datoria_dagster.plan.columns import Origin, Renames, origins, value, with_new_names
from datoria_dagster.plan.context import Context, whose
from datoria_dagster.plan.definitions import create_table, partition_expression
from datoria_dagster.plan.overlay import rewritten
from datoria_dagster.plan.step import Rebuild
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.codec.options import key_name
from datoria_dagster.warehouse.port import Body

INGESTION = "_PARTITIONTIME"
# What can be set; the rest of a live resource the server fills in. Keys are added afterwards.
_SAID = ("description", "friendlyName", "labels", "clustering", "maxStaleness")
_KEPT = ("defaultCollation", "defaultRoundingMode", "encryptionConfiguration", "resourceTags")
_NONE = {"defaultCollation": "", "defaultRoundingMode": "ROUNDING_MODE_UNSPECIFIED"}
_EXPIRES = "expiration_timestamp"
_PARTITIONS_EXPIRE = "partition_expiration_days"
_FILTER = "require_partition_filter"


def rewrite(
    before: Table,
    after: Table,
    changes: Sequence[c.Change],
    late: Sequence[c.Change],
    context: Context,
) -> Rebuild:
    """Return the step that rebuilds a table. Options that are set `late` are not yet in it."""
    renamed = tuple(
        (change.path, change.after) for change in changes if isinstance(change, c.FieldRenamed)
    )
    renames = {path.lower(): new for path, new in renamed}
    found = origins(before.fields, renames)
    ordered = after.with_fields(_ordered(found, after.fields))
    aside = f"{after.id}__rebuild_{context.facts.sequence}"
    body = _body(ordered, renames, late, context)
    body["tableReference"] = {**body["tableReference"], "tableId": aside.rsplit(".", 1)[1]}
    insert = statements.insert(aside, after.id, _columns(before, ordered, found))
    return Rebuild(
        **whose(after),
        statement=_script(ordered, aside, insert),
        aside_id=aside,
        body=body,
        insert=insert,
        condition=_condition(before),
        partition=_partition(ordered, found),
        renamed=renamed,
    )


def _script(after: Table, aside: str, insert: str) -> str:
    """Return what is done as GoogleSQL, for people."""
    update = {"name": aside.rsplit(".", 1)[1], "primary_key": (), "foreign_keys": ()}
    return ";\n".join(
        (
            create_table(after.model_copy(update=update)),
            insert,
            statements.drop(after.kind, after.id),
            statements.rename_table(aside, after.name),
        )
    )


def _ordered(found: Mapping[str, Origin], declared: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the declared columns in the live order, new ones last."""
    order = {name: position for position, name in enumerate(found)}
    return tuple(sorted(declared, key=lambda field: order.get(field.name.lower(), len(order))))


def _columns(before: Table, after: Table, found: Mapping[str, Origin]) -> list[tuple[str, str]]:
    columns = [(field.name, value(found.get(field.name.lower()), field)) for field in after.fields]
    if _is_by_arrival(before) and _is_by_arrival(after):
        columns.append((INGESTION, _moment_of_arrival(after)))
    return columns


def _is_by_arrival(table: Table) -> bool:
    return bool(table.cut) and table.cut.column is None


def _moment_of_arrival(after: Table) -> str:
    return f"TIMESTAMP_TRUNC({INGESTION}, {after.cut.granularity})"


def _condition(before: Table) -> str:
    """Return a filter that every row passes, where the table refuses to be read without one."""
    if not before.require_partition_filter:
        return ""
    column = quote(before.cut.column or INGESTION)
    return f"({column} IS NULL OR {column} IS NOT NULL)"


def _partition(after: Table, found: Mapping[str, Origin]) -> str:
    cut = after.cut
    if not cut:
        return ""
    if cut.column is None:
        return _moment_of_arrival(after)
    column = after.field(cut.column)
    text = value(found.get(column.name.lower()), column)
    if cut.granularity == "RANGE":
        outside = f"{text} < {cut.start} OR {text} >= {cut.end}"
        return f"CASE WHEN {outside} THEN -1 ELSE DIV({text} - {cut.start}, {cut.interval}) END"
    return partition_expression(cut, text, after.partition_type)


def _body(after: Table, renames: Renames, late: Sequence[c.Change], context: Context) -> Body:
    live, declared = context.live(after.id), codec.resource(after)
    delayed = {change.option for change in late if isinstance(change, c.OptionChanged)}
    body = {key: declared[key] for key in ("tableReference", *_SAID) if key in declared}
    body |= {key: live[key] for key in _KEPT if key in live}
    body |= {key: declared[key] for key in _KEPT if key in declared}
    home = _home(after, context)
    for key, none in _NONE.items():
        # Said, so that the dataset's default, which is for new tables, is not taken.
        if home.get(key):
            body.setdefault(key, none)
    if key := body.get("encryptionConfiguration"):
        body["encryptionConfiguration"] = {**key, "kmsKeyName": key_name(key["kmsKeyName"])}
    if after.require_partition_filter and _FILTER not in delayed:
        body["requirePartitionFilter"] = True
    body |= _cut(after, declared, live, delayed, context)
    changed = _is_changed(_EXPIRES, after.id, context) and _EXPIRES not in delayed
    expires = (declared if changed else live).get("expirationTime")
    if expires is not None:
        body["expirationTime"] = expires
    fields = with_new_names(live["schema"]["fields"], renames)
    inherits = bool(body.get("defaultCollation"))
    return {**body, "schema": {"fields": rewritten(fields, after.fields, plain=inherits)}}


def _home(after: Table, context: Context) -> Body:
    """Return what is said of the dataset, before the migration or after it."""
    found = context.facts.resources.get(codec.ref(after.dataset))
    return {**(found.body if found else {}), **codec.resource(after.dataset)}


def _cut(after: Table, declared: Body, live: Body, delayed: set[str], context: Context) -> Body:
    if "timePartitioning" not in declared:
        return {key: declared[key] for key in ("rangePartitioning",) if key in declared}
    changed = _is_changed(_PARTITIONS_EXPIRE, after.id, context)
    source = declared if changed and _PARTITIONS_EXPIRE not in delayed else live
    expires = (source.get("timePartitioning") or {}).get("expirationMs")
    cut = {key: text for key, text in declared["timePartitioning"].items() if key != "expirationMs"}
    return {"timePartitioning": cut if expires is None else {**cut, "expirationMs": expires}}


def _is_changed(option: str, name: str, context: Context) -> bool:
    return any(
        isinstance(change, c.OptionChanged) and change.option == option
        for change, _ in context.judged[name]
    )
