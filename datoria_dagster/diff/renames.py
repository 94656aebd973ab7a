"""Which `renamed_from` are pending, and what a table is once they are carried out.

A hint is pending when its new name is absent and the old one present. A live column that is itself
about to be renamed does not count as present, so chains work; of a circle see `_circle_is_pending`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datoria_dagster.diff.change import FieldRenamed
from datoria_dagster.diff.place import Place, place_in_table
from datoria_dagster.diff.types import same_type
from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.tables import Table
from datoria_dagster.model.types import Field

Known = frozenset[tuple[str, str, str]]
Columns = Mapping[str, Field]
# Old name → new name, both folded.
Names = dict[str, str]


class Renamed(NamedTuple):
    """The columns as they are called afterwards, and the changes that lead there."""

    fields: tuple[Field, ...]
    changes: tuple[FieldRenamed, ...]


def renamed_tables(old: Mapping[str, Managed], after: Platform) -> Mapping[str, str]:
    """Return new id → old id of the tables whose rename is pending."""
    found: dict[str, str] = {}
    for table in after.managed.values():
        if isinstance(table, Table) and table.renamed_from is not None and table.id not in old:
            name = f"{table.dataset.id}.{table.renamed_from}"
            if isinstance(old.get(name), Table) and name not in after.objects:
                found[table.id] = name
    return found


def with_names_of(before: Table, after: Table, known: Known) -> tuple[Table, list[FieldRenamed]]:
    """Return the live table under the declared names of its columns, and what was renamed.

    `known` holds the renames of the ledger: (object, old path, new name). Raises DeclarationError
    for a hint of which the table has neither name.
    """
    if not _has_hint(after.fields):
        return before, []
    place = place_in_table(before, after)
    folded = frozenset((name, old.lower(), new.lower()) for name, old, new in known)
    fields, changes = _rename(place, before.fields, after.fields, folded)
    if not changes:
        return before, []
    table = before.with_fields(fields)
    names = {c.before.lower(): c.after for c in changes if not c.is_nested}
    return with_column_names(table, names), list(changes)


def with_column_names(table: Table, names: Names) -> Table:
    """Return a table whose keys, clustering and partitioning say the new names."""

    def new(old: str) -> str:
        return names.get(old.lower(), old)

    keys = (
        key.model_copy(update={"columns": tuple(map(new, key.columns))})
        for key in table.foreign_keys
    )
    cut = table.cut
    if cut.column is not None:
        cut = cut.model_copy(update={"column": new(cut.column)})
    return table.model_copy(
        update={
            "cut": cut,
            "clustering": tuple(map(new, table.clustering)),
            "primary_key": tuple(map(new, table.primary_key)),
            "foreign_keys": tuple(keys),
        }
    )


def _has_hint(fields: tuple[Field, ...]) -> bool:
    for field in fields:
        nested = field.type.fields
        if field.renamed_from is not None or (nested and _has_hint(nested)):
            return True
    return False


def _rename(
    place: Place, before: tuple[Field, ...], after: tuple[Field, ...], known: Known
) -> Renamed:
    live = {field.name.lower(): field for field in before}
    declared = {field.name.lower(): field for field in after}
    pending = _pending(place, live, declared, known)
    changes: list[FieldRenamed] = list(_changes(place, pending, live, declared))
    fields: list[Field] = []
    for field in before:
        old = field.name.lower()
        new = declared.get(pending.get(old, old))
        named = field
        if new is not None and old in pending:
            named = field.model_copy(update={"name": new.name})
        if new is not None and field.type.fields and new.type.fields:
            inner = _rename(place.inside(named), field.type.fields, new.type.fields, known)
            changes += inner.changes
            named = named.with_fields(inner.fields) if inner.changes else named
        fields.append(named)
    return Renamed(tuple(fields), tuple(changes)) if changes else Renamed(before, ())


def _changes(
    place: Place, pending: Names, live: Columns, declared: Columns
) -> Iterator[FieldRenamed]:
    for old in _in_order(pending):
        field = live[old]
        yield FieldRenamed(
            **place.at(field.name),
            before=field.name,
            after=declared[pending[old]].name,
            roles=place.uses(old),
        )


def _in_order(pending: Names) -> list[str]:
    """Return the old names of a chain's last link first: its new name is free."""
    ordered: list[str] = []
    for start in sorted(pending):
        link: str | None = start
        chain: list[str] = []
        while link is not None and link not in ordered and link not in chain:
            chain.append(link)
            link = pending[link] if pending[link] in pending else None
        ordered += reversed(chain)
    return ordered


def _pending(place: Place, live: Columns, declared: Columns, known: Known) -> Names:
    hints = {
        field.renamed_from.lower(): name for name, field in declared.items() if field.renamed_from
    }
    pending: Names = {}
    while found := {
        old: new
        for old, new in hints.items()
        if old not in pending and old in live and (new not in live or new in pending)
    }:
        pending |= found
    rest = {old: new for old, new in hints.items() if old not in pending}
    for circle in _circles(rest, live):
        if _circle_is_pending(place, circle, live, declared, known):
            pending |= circle
    for old, new in rest.items():
        if old not in live and (new not in live or new in pending):
            _refuse(place, live, declared[new])
    return pending


def _circles(hints: Names, live: Columns) -> Iterator[Names]:
    """Yield the circles among the hints, each as its links. All of their names are live."""
    seen: set[str] = set()
    for start in sorted(hints):
        path: Names = {}
        link = start
        while link in hints and link in live and link not in path and link not in seen:
            path[link] = hints[link]
            link = hints[link]
        seen.update(path)
        if path and link == start:
            yield path


def _circle_is_pending(
    place: Place, circle: Names, live: Columns, declared: Columns, known: Known
) -> bool:
    """Tell whether names that change places still have to.

    Names can't tell. It is done if the ledger, or the column itself, says so, or if the columns
    are by their names already of the declared types and modes, but crosswise are not.
    """
    if all(
        (place.object, f"{place.prefix}{old}".lower(), new) in known
        or (live[new].renamed_from or "").lower() == old
        for old, new in circle.items()
    ):
        return False
    by_name = all(_fits(live[new], declared[new]) for new in circle.values())
    crosswise = all(_fits(live[old], declared[new]) for old, new in circle.items())
    return crosswise or not by_name


def _fits(live: Field, declared: Field) -> bool:
    return live.mode == declared.mode and same_type(live.type, declared.type)


def _refuse(place: Place, live: Columns, field: Field) -> None:
    old, new = field.renamed_from, field.name
    known = ", ".join(found.name for found in live.values())
    lacks = f"neither {old!r} nor {new!r} (it has {known})"
    if new.lower() in live:
        lacks = f"no {old!r}, and its {new!r} is renamed itself"
    raise DeclarationError(
        f"{place.object}.{place.prefix}{new} is renamed_from {old!r}, but the live table has "
        f"{lacks}. Correct the hint or remove it."
    )
