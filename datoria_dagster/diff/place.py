"""Where a difference is: whose, under which path, and what the column is used for."""

from dataclasses import dataclass
from typing import Any

from datoria_dagster.diff.change import Role
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.platform import Managed
from datoria_dagster.model.tables import Table
from datoria_dagster.model.types import Field


@dataclass(frozen=True, slots=True)
class Place:
    """Whose columns, under which path, inside an array of structs or not, in which live table."""

    object: str
    object_kind: str
    prefix: str = ""
    in_array: bool = False
    table: Table | None = None

    def at(self, name: str) -> dict[str, Any]:
        """Return what a change of this column begins with."""
        path = f"{self.prefix}{name}"
        return {"object": self.object, "object_kind": self.object_kind, "path": path}

    def inside(self, struct: Field) -> "Place":
        """Return the place of a struct's fields."""
        prefix = f"{self.prefix}{struct.name}."
        return Place(self.object, self.object_kind, prefix, self.in_array or struct.repeated)

    def uses(self, name: str) -> tuple[Role, ...]:
        """Return what the table uses the column for."""
        return _roles(self.table, name.lower()) if self.table is not None else ()


def whose(found: Managed) -> dict[str, Any]:
    """Return what a change of this object begins with."""
    return {"object": found.id, "object_kind": found.kind}


def place(found: Managed) -> Place:
    """Return the place of an object's columns."""
    return Place(found.id, found.kind)


def place_in_table(before: Table, after: Table) -> Place:
    """Return the place of a table's columns, with what the live table uses them for."""
    return Place(after.id, after.kind, table=before)


def folded(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names as BigQuery compares them."""
    return tuple(name.lower() for name in names)


def folded_key(key: ForeignKey) -> tuple[object, ...]:
    """Return a foreign key as BigQuery compares it."""
    return key.name.lower(), folded(key.columns), key.table, folded(key.referenced)


def _roles(table: Table, name: str) -> tuple[Role, ...]:
    used: list[tuple[Role, tuple[str, ...]]] = [
        ("PARTITIONING", (table.cut.column,) if table.cut.column else ()),
        ("CLUSTERING", table.clustering),
        ("PRIMARY_KEY", table.primary_key),
        ("FOREIGN_KEY", tuple(column for key in table.foreign_keys for column in key.columns)),
    ]
    return tuple(role for role, names in used if name in folded(names))
