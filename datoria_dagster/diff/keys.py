"""Differences of foreign keys. One that is declared differently is removed and added."""

from collections.abc import Iterator

from datoria_dagster.diff.change import Change, ForeignKeyAdded, ForeignKeyRemoved
from datoria_dagster.diff.place import folded_key, whose
from datoria_dagster.model.tables import Table


def compare_keys(before: Table, after: Table) -> Iterator[Change]:
    """Yield the changes of a table's foreign keys, by name."""
    if before.foreign_keys == after.foreign_keys:
        return
    old = {folded_key(key) for key in before.foreign_keys}
    new = {folded_key(key) for key in after.foreign_keys}
    for key in sorted(before.foreign_keys, key=lambda key: key.name):
        if folded_key(key) not in new:
            yield ForeignKeyRemoved(**whose(after), before=key)
    for key in sorted(after.foreign_keys, key=lambda key: key.name):
        if folded_key(key) not in old:
            yield ForeignKeyAdded(**whose(after), after=key)
