"""APPLY: a plan, carried out. Stops at the first surprise and records every outcome."""

from collections.abc import Callable, Sequence
from typing import assert_never

from datoria_dagster.ledger import Lease, Ledger, LockHeld, Outcome
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.platform import Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import (
    ABSENT,
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
from datoria_dagster.rebuild import RowsLost, rebuild
from datoria_dagster.warehouse.codec import decode_fields
from datoria_dagster.warehouse.port import (
    Body,
    Ref,
    Unavailable,
    Warehouse,
    WarehouseError,
)

OnOutcome = Callable[[Outcome], None]


class NotAdmitted(DatoriaError):
    """The plan holds changes that nobody admitted."""


class StalePlan(DatoriaError):
    """The warehouse is no longer what the plan was made for; nothing was changed."""


class ApplyError(DatoriaError):
    """A step failed. `outcomes` says what was done before it."""

    def __init__(self, message: str, outcomes: tuple[Outcome, ...]) -> None:
        super().__init__(message)
        self.outcomes = outcomes


class OtherColumns(DatoriaError):
    """A view's query does not return the columns that the view declares."""


def apply(
    plan: Plan, platform: Platform, warehouse: Warehouse, on_outcome: OnOutcome | None = None
) -> tuple[Outcome, ...]:
    """Carry out the steps in order, under the lease, and return an outcome for each.

    Raises NotAdmitted, StalePlan or LockHeld before anything is changed, and ApplyError after a
    step has failed: what was done stays done, and a new plan goes on from there.
    """
    if not plan.applicable:
        raise NotAdmitted("The plan holds changes that are not admitted; nothing was applied.")
    if not plan.steps:
        return ()
    ledger = Ledger(warehouse, platform)
    _refuse_stale(plan, warehouse)
    with warehouse.session(), ledger.lease() as lease:
        # Once more under the lease: another migration may have run in between.
        _refuse_stale(plan, warehouse)
        sequence = ledger.start(plan.platform_fingerprint)
        outcomes: list[Outcome] = []
        try:
            _apply(plan, warehouse, outcomes, lease, on_outcome or (lambda _: None))
        finally:
            rest = plan.steps[len(outcomes) :]
            outcomes.extend(Outcome(step, "skipped") for step in rest)
            ledger.finish(sequence, outcomes, plan.platform_fingerprint)
    return _checked(tuple(outcomes))


def _checked(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    failed = next((outcome for outcome in outcomes if outcome.status == "failed"), None)
    if failed is None:
        return outcomes
    done = sum(outcome.status == "done" for outcome in outcomes)
    raise ApplyError(
        f"{failed.step.object}: {failed.error}\n"
        f"Stopped after {done} of {len(outcomes)} steps. Mend the cause and migrate again: "
        "the next plan goes on from here.",
        outcomes,
    )


def _refuse_stale(plan: Plan, warehouse: Warehouse) -> None:
    expected = {ref: etag for step in plan.steps for ref, etag in step.expectations.items()}
    live = warehouse.read(expected)
    moved = [
        f"{ref.id} {_moved(etag, live.get(ref) is not None)}"
        for ref, etag in expected.items()
        if etag != (live[ref].etag if ref in live else ABSENT)
    ]
    if moved:
        raise StalePlan(
            f"The plan is stale: {'; '.join(moved)}. Nothing was applied. Make a new plan."
        )


def _moved(etag: str, exists: bool) -> str:  # noqa: FBT001
    if etag == ABSENT:
        return "exists by now"
    return "has changed since" if exists else "is gone"


def _apply(
    plan: Plan,
    warehouse: Warehouse,
    outcomes: list[Outcome],
    lease: Lease,
    on_outcome: OnOutcome,
) -> None:
    etags: dict[Ref, str | None] = {}
    last: Step | None = None
    for step in plan.steps:
        etag = etags.get(step.ref, step.expects)
        try:
            lease.renew()
            etags[step.ref] = _take(step, etag, warehouse, lease)
            outcome = Outcome(step, "done")
        except (WarehouseError, RowsLost, OtherColumns, LockHeld) as error:
            _drop_snapshot(last, step, error, warehouse)
            outcome = Outcome(step, "failed", str(error))
        outcomes.append(outcome)
        on_outcome(outcome)
        if outcome.status == "failed":
            return
        last = step


def _drop_snapshot(
    last: Step | None, step: Step, error: DatoriaError, warehouse: Warehouse
) -> None:
    """Drop the snapshot that was taken for a step that failed: nothing was lost.

    It stays where that is not certain.
    """
    if not isinstance(last, Snapshot) or last.ref != step.ref or isinstance(error, Unavailable):
        return
    try:
        if step.ref in warehouse.read([step.ref]):
            warehouse.delete(Ref("table", last.copy_id), None)
    except WarehouseError:
        return  # it expires


def _take(step: Step, etag: str | None, warehouse: Warehouse, lease: Lease) -> str | None:
    """Carry out one step and return the object's etag afterwards, None where it is not known."""
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
            rebuild(step, etag, warehouse, lease.renew)
        case Adopt() | Release():
            return etag
        case _:
            assert_never(step)
    return etag if isinstance(step, Snapshot) else None


def _check_columns(step: Step, warehouse: Warehouse) -> None:
    match step:
        case Create() | Patch() if step.returns is not None:
            query = (step.body.get("view") or step.body["materializedView"])["query"]
            _refuse_other_columns(step.returns, warehouse.dry_run(query))
        case Execute() if step.returns is not None:
            _refuse_other_columns(step.returns, warehouse.dry_run(step.query))
        case _:
            pass


def _refuse_other_columns(declared: Sequence[Body], returned: Sequence[Body]) -> None:
    """Raise OtherColumns unless the two agree on names, types and modes, in any order."""
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
