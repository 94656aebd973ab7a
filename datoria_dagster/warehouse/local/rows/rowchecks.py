"""What no row of a table may hold: NULL where it is REQUIRED, or in an array; text too long."""

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.resources import fields_of
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.local.rows.physical import ident
from datoria_dagster.warehouse.port import Body, Refused, Resource


def check(catalog: Catalog, table: Resource, ready: str) -> None:
    """Refuse the rows that are ready to be written when one of them breaks a rule."""
    checks = list(_checks(fields_of(table.body)))
    if not checks:
        return
    counts = ", ".join(f"count(*) FILTER (WHERE {wrong})" for wrong, _ in checks)
    row = catalog.cursor.execute(f"SELECT {counts} FROM {ready}").fetchone() or ()
    for (_, reason), count in zip(checks, row, strict=True):
        if count:
            raise Refused(f"{legacy(table.ref)}: {reason} ({count} row(s)). Nothing was written.")


def _checks(fields: list[Body]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for field in fields:
        _check_column(ident(field["name"]), field, field["name"], found)
    return found


def _check_column(value: str, field: Body, path: str, found: list[tuple[str, str]]) -> None:
    if field["mode"] == "REQUIRED":
        found.append((f"{value} IS NULL", f"Required field {path} cannot be null"))
    item = value
    if field["mode"] == "REPEATED":
        item = "_checked"
        null = f"len(list_filter({value}, lambda _checked: _checked IS NULL)) > 0"
        found.append((null, f"Array cannot have a null element; error in writing field {path}"))
    inner: list[tuple[str, str]] = []
    _check_item(item, field, path, inner)
    for wrong, reason in inner:
        if item is value:
            found.append((wrong, reason))
        else:
            found.append((f"len(list_filter({value}, lambda _checked: {wrong})) > 0", reason))


def _check_item(value: str, field: Body, path: str, found: list[tuple[str, str]]) -> None:
    if length := field.get("maxLength"):
        size = f"octet_length({value})" if field["type"] == "BYTES" else f"length({value})"
        found.append(
            (
                f"{size} > {length}",
                f"Field {path}: {field['type']}({length}) has maximum length {length}",
            )
        )
    if field["type"] == "RECORD":
        for nested in field["fields"]:
            inner = physical.member(value, nested)
            part: list[tuple[str, str]] = []
            _check_column(inner, nested, f"{path}.{nested['name']}", part)
            found.extend((f"({value} IS NOT NULL AND ({wrong}))", reason) for wrong, reason in part)
