"""How one step is carried out."""

from collections.abc import Callable, Sequence
from typing import assert_never

from datoria_dagster.apply.rebuild import rebuild
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.plan.step import (
    Adopt,
    Create,
    Drop,
    Execute,
    Patch,
    Rebuild,
    Release,
    Rename,
    Replace,
    Restore,
    Snapshot,
    Step,
)
from datoria_dagster.warehouse.codec import decode_fields
from datoria_dagster.warehouse.port import Body, FilterRequired, Warehouse


class OtherColumns(DatoriaError):
    """A view's query does not return the columns that the view declares."""


def take(
    step: Step, etag: str | None, warehouse: Warehouse, verify: Callable[[], None]
) -> str | None:
    """Carry out one step and return the object's etag afterwards, None where it is not known.

    A step of several statements calls `verify` before each of them. Raises WarehouseError,
    RowsLost, OtherColumns, and what `verify` raises.
    """
    _check_columns(step, warehouse)
    match step:
        case Create():
            return warehouse.create(step.ref, step.body).etag
        case Patch():
            return warehouse.patch(step.ref, step.body, etag).etag
        case Replace():
            return warehouse.replace(step.ref, step.body, etag).etag
        case Drop():
            warehouse.delete(step.ref, etag)
        case Execute() | Snapshot() | Rename() | Restore():
            warehouse.execute(step.statement)
        case Rebuild():
            rebuild(step, etag, warehouse, verify)
        case Adopt() | Release():
            return etag
        case _:
            assert_never(step)
    return etag if isinstance(step, Snapshot) else None


def _check_columns(step: Step, warehouse: Warehouse) -> None:
    match step:
        case Create() | Patch() if step.returns is not None:
            query = (step.body.get("view") or step.body["materializedView"])["query"]
            _refuse_other_columns(step.returns, query, warehouse)
        case Execute() if step.returns is not None:
            _refuse_other_columns(step.returns, step.query, warehouse)
        case _:
            pass


def _refuse_other_columns(declared: Sequence[Body], query: str, warehouse: Warehouse) -> None:
    """Raise OtherColumns unless both agree on names, types and modes, in any order."""
    try:
        returned = warehouse.dry_run(query).fields
    except FilterRequired:
        return  # only its readers' queries can be run, so nobody can tell
    wanted, found = _columns(declared), _columns(returned)
    for name in wanted | found:
        if wanted.get(name) != found.get(name):
            says = f"is declared as {wanted[name]}" if name in wanted else "is not declared"
            does = f"returns {found[name]}" if name in found else "does not return it"
            raise OtherColumns(f"column {name!r} {says}, but the query {does}. Make them agree.")


def _columns(fields: Sequence[Body]) -> dict[str, str]:
    columns = decode_fields(list(fields))
    return {
        field.name.lower(): field.model_copy(update={"type": field.type.unparameterized}).sql_type
        for field in columns
    }
