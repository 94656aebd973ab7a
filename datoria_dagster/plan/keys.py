"""The steps of keys: dropped before what they stand in the way of, added when all of it is there.

A column of a key can't be dropped, renamed or retyped, and a table with a primary key not renamed.
Source: https://docs.cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from collections.abc import Iterator

from datoria_dagster.diff import change as c
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.relations import Table
from datoria_dagster.plan import statements
from datoria_dagster.plan.context import Context, whose
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.step import Execute

_ROLED = (c.FieldRemoved, c.FieldRenamed, c.FieldTypeChanged)


def key_drafts(context: Context) -> Iterator[Draft]:
    """Yield the steps of the primary and foreign keys of all tables."""
    unkeyed = frozenset(name for name in context.judged if _loses_primary_key(name, context))
    targets = frozenset(context.place(name) for name in unkeyed | context.replaced)
    for name in _involved(targets, context):
        after = context.declared.objects.get(name)
        if isinstance(after, Table):
            yield from _primary(after, name in unkeyed, context)
            yield from _foreign(after, targets, context)


def inline(table: Table, context: Context) -> Table:
    """Return a new table with those of its foreign keys that it can be created with.

    What they refer to is created before it, or is there and stays.
    """
    ready = tuple(key for key in table.foreign_keys if _is_ready(key.table, table.id, context))
    return table.model_copy(update={"foreign_keys": ready})


def _is_ready(target: str, name: str, context: Context) -> bool:
    if target in context.added:
        return target < name
    judged = context.judged.get(target, ())
    return target not in context.replaced and not any(_is_primary(change) for change, _ in judged)


def _is_primary(change: c.Change) -> bool:
    return isinstance(change, c.OptionChanged) and change.option == "primary_key"


def _live(name: str, context: Context) -> Table | None:
    """Return the table as it is, under its own name; None for what is none."""
    found = context.facts.platform.objects.get(context.place(name))
    return found if isinstance(found, Table) else None


def _loses_primary_key(name: str, context: Context) -> bool:
    before = _live(name, context)
    if before is None or not before.primary_key:
        return False
    return any(
        _is_primary(change)
        or isinstance(change, c.ObjectRenamed)
        or (isinstance(change, _ROLED) and "PRIMARY_KEY" in change.roles)
        for change, _ in context.judged[name]
    )


def _involved(targets: frozenset[str], context: Context) -> list[str]:
    """Return the ids of the tables that change, and of those that refer to one of the targets."""
    found = dict.fromkeys(context.judged)
    if targets:
        for table in context.declared.of_type(Table):
            before = _live(table.id, context)
            if before and any(key.table in targets for key in before.foreign_keys):
                found[table.id] = None
    return list(found)


def _primary(after: Table, unkeyed: bool, context: Context) -> Iterator[Draft]:  # noqa: FBT001
    before, rebuilt = _live(after.id, context), after.id in context.rebuilt
    if before is None:
        return
    # With the old table of a rebuild, its keys go.
    if unkeyed and not (rebuilt and before.id == after.id):
        statement = statements.drop_primary_key(before.id)
        yield Draft(Phase.UNKEY, Execute(**whose(before), statement=statement))
    adds = any(_is_primary(change) for change, _ in context.judged.get(after.id, ()))
    if after.primary_key and (unkeyed or rebuilt or adds):
        statement = statements.add_primary_key(after.id, after.primary_key)
        yield Draft(Phase.KEYS, Execute(**whose(after), statement=statement))


def _foreign(after: Table, targets: frozenset[str], context: Context) -> Iterator[Draft]:
    before = _live(after.id, context)
    if before is None:
        there = _names(inline(after, context))
    else:
        there = _kept(after, before, targets, context)
        gone = [key.name for key in before.foreign_keys if key.name.lower() not in there]
        if gone:
            statement = statements.drop_foreign_keys(before.id, gone)
            yield Draft(Phase.UNREFER, Execute(**whose(before), statement=statement))
    if before is not None and after.id in context.rebuilt:
        there = frozenset()
    added = [key for key in after.foreign_keys if key.name.lower() not in there]
    if added:
        statement = statements.add_foreign_keys(after.id, added)
        yield Draft(Phase.REFERENCES, Execute(**whose(after), statement=statement))


def _names(table: Table) -> frozenset[str]:
    return frozenset(key.name.lower() for key in table.foreign_keys)


def _kept(after: Table, before: Table, targets: frozenset[str], context: Context) -> frozenset[str]:
    """Return the names of the live foreign keys that nothing touches."""
    changes = [change for change, _ in context.judged.get(after.id, ())]
    removed = {ch.before.name.lower() for ch in changes if isinstance(ch, c.ForeignKeyRemoved)}
    moved = {
        change.path.lower()
        for change in changes
        if isinstance(change, _ROLED) and "FOREIGN_KEY" in change.roles
    }
    return frozenset(
        key.name.lower()
        for key in before.foreign_keys
        if key.table not in targets and key.name.lower() not in removed and not _touches(key, moved)
    )


def _touches(key: ForeignKey, columns: set[str]) -> bool:
    return any(name.lower() in columns for name in key.columns)
