"""Rows of CREATE TABLE … AS SELECT and INSERT … SELECT: by position, coerced to their types.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#coercion
"""

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.queries import outputs
from datoria_dagster.warehouse.local.resources import (
    INGESTION,
    column,
    fields_of,
    is_ingestion_time,
)
from datoria_dagster.warehouse.local.rows import partitions, physical
from datoria_dagster.warehouse.local.rows.contents import STAGE, Stage
from datoria_dagster.warehouse.local.rows.physical import ident
from datoria_dagster.warehouse.local.rules.widening import type_name
from datoria_dagster.warehouse.port import Body, Refused, Resource

_COERCED = {
    "INTEGER": ("NUMERIC", "BIGNUMERIC", "FLOAT"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT"),
    "BIGNUMERIC": ("NUMERIC", "FLOAT"),
    "DATE": ("DATETIME",),
}


def staged(catalog: Catalog, sql: str) -> tuple[Body, ...]:
    """Stage a query's rows; return its columns, in which an untyped NULL or [] is marked."""
    found = outputs.fields(catalog.cursor.execute(f"SELECT * FROM ({sql}) LIMIT 0"), marked=True)
    names = ", ".join(ident(field["name"]) for field in found)
    catalog.cursor.execute(f"CREATE TEMP TABLE {STAGE} AS SELECT {names} FROM ({sql}) AS _query")
    return found


def columns(table: Resource, names: tuple[str, ...] | None) -> list[Body]:
    """Return the columns that an INSERT names, in its order; all of the table without names."""
    if names is None:
        return fields_of(table.body)
    if len({name.lower() for name in names}) < len(names):
        raise Refused(f"{legacy(table.ref)}: the INSERT names a column twice.")
    return [_named(table, name) for name in names]


def _named(table: Resource, name: str) -> Body:
    if name.upper() == INGESTION and is_ingestion_time(table.body):
        return {"name": INGESTION, "type": "TIMESTAMP", "mode": "NULLABLE"}
    found = column(fields_of(table.body), name)
    if found is None:
        raise Refused(f"{legacy(table.ref)}: the INSERT names column {name}, which is not there.")
    return found


def by_position(table: Resource, wanted: list[Body], found: tuple[Body, ...]) -> Stage:
    """Match staged columns with the wanted ones, in order."""
    if len(wanted) != len(found):
        raise Refused(
            f"The number of columns in the column definition list ({len(wanted)}) does not match "
            f"the number of columns produced by the query ({len(found)})"
        )
    values: dict[str, str] = {}
    for target, given in zip(wanted, found, strict=True):
        if not _coerces(target, given):
            raise Refused(
                f"{legacy(table.ref)}: column {target['name']} has type {type_name(target)}, but "
                f"the query's column {given['name']} has type {type_name(given)}. Cast it."
            )
        values[target["name"].lower()] = _value(target, given)
    if is_ingestion_time(table.body) and INGESTION.lower() in values:
        values[INGESTION.lower()] = partitions.beginning(table.body, values[INGESTION.lower()])
    return Stage(found, values)


def _value(target: Body, given: Body) -> str:
    name = ident(given["name"])
    if given.get(outputs.UNTYPED):
        return f"CAST({name} AS {physical.column_type(target)})"
    return physical.converted(name, given, target)


def _coerces(target: Body, given: Body) -> bool:
    if given.get(outputs.UNTYPED) and (given["mode"] != "REPEATED" or target["mode"] == "REPEATED"):
        return True
    if (target["mode"] == "REPEATED") != (given["mode"] == "REPEATED"):
        return False
    if target["type"] == given["type"] == "RECORD":
        inner, wanted = given["fields"], target["fields"]
        names = [[field["name"].lower() for field in side] for side in (inner, wanted)]
        # Inside a struct a bare NULL or [] is an INT64 for good: only a literal is coerced.
        return names[0] == names[1] and all(map(_coerces, wanted, map(outputs.unmarked, inner)))
    return target["type"] in (given["type"], *_COERCED.get(given["type"], ()))
