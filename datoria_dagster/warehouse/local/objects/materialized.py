"""Materialized views: inserted and patched. Here they are computed when they are read.

Sources: https://docs.cloud.google.com/bigquery/docs/materialized-views-intro,
https://docs.cloud.google.com/bigquery/docs/materialized-views-manage
"""

from collections.abc import Iterable

from datoria_dagster.warehouse.local import resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.kinds import MATERIALIZED_VIEW, noun
from datoria_dagster.warehouse.local.objects import changes, inheritance
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.local.rows import partitions
from datoria_dagster.warehouse.local.rules import acceptance, properties
from datoria_dagster.warehouse.local.rules.columns import check_keys
from datoria_dagster.warehouse.port import Body, Ref, Refused, Resource

KEY = "materializedView"
_KEYS = frozenset(["query", "enableRefresh", "refreshIntervalMs", "allowNonIncrementalDefinition"])
_DEFAULT_INTERVAL_MS = 1_800_000
# "between 1 minute and 7 days"
_INTERVALS_MS = (60_000, 604_800_000)
_LAYOUT = ("timePartitioning", "rangePartitioning", "clustering")


def create(catalog: Catalog, ref: Ref, body: Body, home: Body) -> Resource:
    """Insert a materialized view into a dataset; its columns are those of its query."""
    from datoria_dagster.warehouse.local.rules import incremental  # noqa: PLC0415  # imports sqlglot

    if fields_of(body):
        raise Refused(
            f"Schema field shouldn't be used as input with a materialized view: {legacy(ref)}"
        )
    normal = _normal(ref, inheritance.expiring(home, body), home["location"])
    fields = list(changes.output(catalog, normal[KEY]["query"]))
    bases = _check_kinds(ref, incremental.bases(catalog, normal[KEY]["query"]))
    normal = resources.with_fields(normal, fields)
    _check(ref, normal)
    incremental.check(ref, normal[KEY])
    _check_partitioning(ref, normal, bases)
    properties.check_future(normal)
    return catalog.add(ref, normal)


def patch(catalog: Catalog, current: Resource, merged: Body) -> Resource:
    """Store a materialized view as a patch made it: its options, nothing that it is made of."""
    ref, before = current.ref, current.body
    after = _normal(ref, merged, before["location"])
    if fields_of(after) != fields_of(before):
        # https://github.com/dbt-labs/dbt-adapters/issues/1017
        raise Refused("Schema update for materialized views is not supported.")
    for key in ("query", "allowNonIncrementalDefinition"):
        if after[KEY].get(key) != before[KEY].get(key):
            # "You can't update the query for a materialized view after you create it."
            raise Refused(
                f"The {key} of materialized view {legacy(ref).removeprefix('Table ')} can't be "
                "updated. Drop it and create it again, or CREATE OR REPLACE it."
            )
    for key in _LAYOUT:
        if after.get(key) != before.get(key):
            raise Refused(f"{legacy(ref)}: {key} of a materialized view can't be updated.")
    _check(ref, after)
    return changes.kept(catalog, ref, after)


def check_bases(view: Resource, bases: Iterable[Resource]) -> None:
    """Refuse to read a view one of whose base tables was dropped and created again."""
    for base in bases:
        if int(base.body["creationTime"]) > int(view.body["creationTime"]):
            # "If you recreate the base table, you must also recreate the materialized view."
            raise Refused(
                f"Materialized view {view.ref.id} is invalid: its base table {base.ref.id} was "
                "recreated. Recreate the materialized view, too."
            )


def _normal(ref: Ref, body: Body, location: str) -> Body:
    given = body[KEY]
    said = {key: value for key, value in given.items() if value not in (None, False, "")}
    interval = said.get("refreshIntervalMs", _DEFAULT_INTERVAL_MS)
    definition = {
        **said,
        "enableRefresh": given.get("enableRefresh") is not False,
        "refreshIntervalMs": str(interval),
    }
    definition.pop("lastRefreshTime", None)
    return resources.table(ref, {**body, KEY: definition}, location, MATERIALIZED_VIEW)


def _check(ref: Ref, body: Body) -> None:
    check_keys(body[KEY], _KEYS, "a materialized view")
    interval = int(body[KEY]["refreshIntervalMs"])
    if not _INTERVALS_MS[0] <= interval <= _INTERVALS_MS[1]:
        raise Refused(
            f"{legacy(ref)}: refresh_interval_minutes must be between 1 minute and 7 days, not "
            f"{interval} ms."
        )
    if body[KEY].get("allowNonIncrementalDefinition") and not body.get("maxStaleness"):
        # https://docs.cloud.google.com/bigquery/docs/materialized-views-create#non-incremental
        raise Refused(
            f"{legacy(ref)}: allow_non_incremental_definition must come with max_staleness."
        )
    acceptance.check_table(ref, {key: value for key, value in body.items() if key != KEY})


def _check_kinds(ref: Ref, bases: list[Resource]) -> list[Resource]:
    for base in bases:
        is_function = base.ref.kind == "routine"
        if is_function or base.body["type"] != "TABLE":
            what = "a table function" if is_function else noun(base.body)
            raise Refused(
                f"Materialized view {ref.id} can't read {base.ref.id}, which is {what}: it reads "
                "tables only."
            )
    if not bases:
        raise Refused(f"Materialized view {ref.id} reads no table; it must read at least one.")
    return bases


def _check_partitioning(ref: Ref, body: Body, bases: list[Resource]) -> None:
    # https://docs.cloud.google.com/bigquery/docs/materialized-views-create#partitioned
    if partitions.is_partitioned(body) and _cut(body) not in map(_cut, (b.body for b in bases)):
        raise Refused(
            f"Materialized view {ref.id} is partitioned by {partitions.describe(_cut_only(body))}; "
            "it must be partitioned as its base table is."
        )


def _cut_only(body: Body) -> Body:
    return {key: body[key] for key in _LAYOUT[:2] if key in body}


def _cut(body: Body) -> tuple[str | None, Body | None]:
    time, ranges = body.get("timePartitioning") or {}, body.get("rangePartitioning") or {}
    return time.get("type"), ranges.get("range")
