"""The actions of ALTER TABLE.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_table_add_column_statement
and the sections after it.
"""

from typing import assert_never

from datoria_dagster.warehouse.local import resources
from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.objects import (
    changes,
    materialized,
    policies,
    streaming,
    tables,
)
from datoria_dagster.warehouse.local.resources import column, fields_of, partition_column
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.local.rows.physical import ident
from datoria_dagster.warehouse.local.rules import (
    acceptance,
    amendment,
    columns,
    constraints,
    widening,
)
from datoria_dagster.warehouse.local.syntax import options
from datoria_dagster.warehouse.local.syntax.actions import (
    Action,
    AddColumn,
    AddConstraint,
    ColumnAction,
    DescribeColumn,
    DropColumn,
    DropConstraint,
    DropNotNull,
    KeyAction,
    RenameColumn,
    RenameTo,
    SetDefault,
    SetOptions,
    SetType,
)
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Refused, Resource


def apply(catalog: Catalog, table: Resource, action: Action) -> Resource:
    """Carry out one action and return the table as it then is."""
    match action:
        case AddColumn():
            return _add(catalog, table, action)
        case DropColumn():
            return _drop(catalog, table, action)
        case RenameColumn():
            return _rename(catalog, table, action)
        case SetOptions():
            return _set_options(catalog, table, action.options)
        case RenameTo():
            return _rename_table(catalog, table, action.name)
        case AddConstraint() | DropConstraint():
            return _change_keys(catalog, table, action)
        case SetType() | SetDefault() | DropNotNull() | DescribeColumn():
            return _alter_column(catalog, table, action)
        case _:
            assert_never(action)


def _set_options(catalog: Catalog, table: Resource, given: Body) -> Resource:
    # labels=[…] replaces all labels; a PATCH would merge them.
    kept = {key: value for key, value in table.body.items() if key != "labels" or key not in given}
    merged = resources.merged(kept, given)
    if materialized.KEY in merged:
        return materialized.patch(catalog, table, merged)
    kind = table.body["type"]
    after = resources.table(table.ref, merged, merged["location"], kind)
    return tables.stored(catalog, table, after)


def _change_keys(catalog: Catalog, table: Resource, action: KeyAction) -> Resource:
    match action:
        case AddConstraint():
            named = {key["name"] for key in constraints.foreign_keys(table.body)}
            new = [key.get("name") for key in action.constraint.get("foreignKeys", ())]
            if action.if_not_exists and named & set(new):
                return table
            changed = constraints.added(table.ref, table.body, action.constraint)
        case DropConstraint():
            changed = constraints.dropped(
                table.ref, table.body, action.name, if_exists=action.if_exists
            )
        case _:
            assert_never(action)
    after = resources.table(table.ref, changed, table.body["location"])
    return tables.stored(catalog, table, after)


def _with(catalog: Catalog, table: Resource, fields: list[Body]) -> Resource:
    return catalog.put(table.ref, resources.with_fields(table.body, fields))


def _add(catalog: Catalog, table: Resource, action: AddColumn) -> Resource:
    before = fields_of(table.body)
    if column(before, action.field["name"]) is not None:
        if action.if_not_exists:
            return table
        raise Refused(f"Column already exists: {action.field['name']}")
    # The name of a dropped column is free. BigQuery may reserve it for the time travel window,
    # which is unverified: https://github.com/ZimbiX/sequel-bigquery#column-recreation
    after = amendment.amended(table.ref, before, [*before, action.field])
    return tables.stored(catalog, table, resources.with_fields(table.body, after))


def _drop(catalog: Catalog, table: Resource, action: DropColumn) -> Resource:
    fields = fields_of(table.body)
    known = _free_column(catalog, table, action.name, "dropped")
    if known is None:
        return _unless_missing(table, action.name, if_exists=action.if_exists)
    if len(fields) == 1:
        raise Refused(f"{legacy(table.ref)}: the last column, {known['name']}, can't be dropped.")
    catalog.cursor.execute(
        f"ALTER TABLE {physical.table_name(table.ref)} DROP COLUMN {ident(known['name'])}"
    )
    return _with(catalog, table, [field for field in fields if field is not known])


def _check_top_level(name: str, done: str) -> None:
    if "." in name:
        # "Schema updates can't drop nested fields", nor rename them.
        raise Refused(f"Field {name} is nested; only a top-level column can be {done}.")


def _free_column(catalog: Catalog, table: Resource, name: str, done: str) -> Body | None:
    """Return a column that may be dropped or renamed, None when there is none of the name."""
    _check_top_level(name, done)
    known = column(fields_of(table.body), name)
    if known is not None:
        policies.check_none(catalog, table, done)
        _check_free(table, known["name"], done)
    return known


def _unless_missing(table: Resource, name: str, *, if_exists: bool) -> Resource:
    if if_exists:
        return table
    raise Refused(f"Column not found: {name}")


def _check_free(table: Resource, name: str, done: str) -> None:
    if (partition_column(table.body) or "").lower() == name.lower():
        raise Refused(f"{legacy(table.ref)}: partitioning column {name} can't be {done}.")
    clustering = (table.body.get("clustering") or {}).get("fields") or []
    if name.lower() in (other.lower() for other in clustering):
        raise Refused(f"{legacy(table.ref)}: clustering column {name} can't be {done}.")
    constraints.check_free(table.ref, table.body, name, done)


def _rename(catalog: Catalog, table: Resource, action: RenameColumn) -> Resource:
    fields = fields_of(table.body)
    known = _free_column(catalog, table, action.old, "renamed")
    if known is None:
        return _unless_missing(table, action.old, if_exists=action.if_exists)
    if column(fields, action.new) is not None:
        raise Refused(f"Column already exists: {action.new}")
    after = [{**f, "name": action.new} if f is known else f for f in fields]
    columns.check_fields(after)
    catalog.cursor.execute(
        f"ALTER TABLE {physical.table_name(table.ref)} "
        f"RENAME COLUMN {ident(known['name'])} TO {ident(action.new)}"
    )
    return _with(catalog, table, after)


def _rename_table(catalog: Catalog, table: Resource, name: str) -> Resource:
    target = Ref("table", f"{table.ref.dataset.id}.{name.rsplit('.', 1)[-1]}")
    if "." in name and name != target.id:
        raise Refused(f"{legacy(table.ref)} can be renamed inside its dataset only, not to {name}.")
    if constraints.primary_key(table.body):
        raise Refused(
            f"{legacy(table.ref)} has a primary key; drop it before you rename the table."
        )
    streaming.check_none(table, "renamed")
    acceptance.check_name(target)
    catalog.check_absent(target)
    if any(other != table.ref.id for other in catalog.neighbours(target)):
        changes.check_spelling(catalog, target)
    catalog.cursor.execute(
        f"ALTER TABLE {physical.table_name(table.ref)} RENAME TO {ident(target.parts[-1])}"
    )
    catalog.move_facts(table.ref.id, target.id)
    policies.move(catalog, table.ref, target)
    catalog.remove(table.ref)
    return catalog.add(
        target, resources.table(target, _anonymous(table.body), table.body["location"])
    )


def _anonymous(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in ("id", "tableReference")}


def _alter_column(catalog: Catalog, table: Resource, action: ColumnAction) -> Resource:
    fields = fields_of(table.body)
    _check_top_level(action.name, "altered")
    known = column(fields, action.name)
    if known is None:
        if action.if_exists:
            return table
        raise NotFound(f"Column not found: {action.name} of {legacy(table.ref)}")
    changed = _changed(catalog, table.ref, known, action)
    after = [changed if field is known else field for field in fields]
    if isinstance(action, SetType):
        constraints.check_free(table.ref, table.body, known["name"], "given another type")
        streaming.check_none(table, "given another column type")
    return tables.stored(catalog, table, resources.with_fields(table.body, after))


def _changed(catalog: Catalog, ref: Ref, known: Body, action: ColumnAction) -> Body:
    match action:
        case SetType():
            return widening.widened(ref, known, action.field)
        case SetDefault():
            return _with_default(catalog, known, action.default)
        case DropNotNull():
            if known["mode"] != "REQUIRED":
                raise Refused(
                    "ALTER TABLE ALTER COLUMN DROP NOT NULL requires that column "
                    f"{known['name']} has a NOT NULL constraint"
                )
            return {**known, "mode": "NULLABLE"}
        case DescribeColumn():
            return options.described(known, action.options)
        case _:
            assert_never(action)


def _with_default(catalog: Catalog, known: Body, default: str | None) -> Body:
    if default is not None:
        tables.check_default(catalog, known, default)
        return {**known, "defaultValueExpression": default}
    if "defaultValueExpression" not in known:
        raise Refused(f"ALTER TABLE DROP DEFAULT: column {known['name']} has no default value.")
    return {key: value for key, value in known.items() if key != "defaultValueExpression"}
