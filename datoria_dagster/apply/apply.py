"""APPLY: a plan, carried out. Stops at the first surprise and records every outcome."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from datoria_dagster.apply.rebuild import RowsLost
from datoria_dagster.apply.take import OtherColumns, take
from datoria_dagster.ledger.lease import Lease, LockHeld
from datoria_dagster.ledger.ledger import Ledger, Outcome
from datoria_dagster.model.base import DatoriaError, Interrupted
from datoria_dagster.model.platform import Platform
from datoria_dagster.parallel import Crew, carry_out
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import ABSENT, Snapshot
from datoria_dagster.warehouse.port import Ref, Unavailable, Warehouse, WarehouseError

OnOutcome = Callable[[Outcome], None]
# A list tells of 1,000 objects at once which of them are there.
_LISTED = 10
# What a failure lists of the objects; the ledger has all.
_NAMED = 20


class NotAdmitted(DatoriaError):
    """The plan holds changes that nobody admitted."""


class StalePlan(DatoriaError):
    """The warehouse is no longer what the plan was made for; nothing was changed."""


class ApplyError(DatoriaError):
    """A step failed. `outcomes` says what was done before it."""

    def __init__(self, message: str, outcomes: tuple[Outcome, ...]) -> None:
        super().__init__(message)
        self.outcomes = outcomes


def apply(
    plan: Plan, platform: Platform, warehouse: Warehouse, on_outcome: OnOutcome | None = None
) -> tuple[Outcome, ...]:
    """Carry out the steps under the lease and return an outcome for each, in the plan's order.

    Those of a level are carried out side by side; `on_outcome` is called as they end. Raises
    NotAdmitted, StalePlan or LockHeld before anything is changed, ApplyError after a step has
    failed and Interrupted: what was done stays done, and a new plan goes on from there.
    """
    if not plan.applicable:
        raise NotAdmitted("The plan holds changes that are not admitted; nothing was applied.")
    if not plan.steps:
        return ()
    ledger = Ledger(warehouse, platform)
    with warehouse.session(plan.fingerprint):
        # Before the ledger is made; and under the lease: another migration may have run meanwhile.
        _refuse_stale(plan, warehouse)
        with ledger.lease() as lease:
            _refuse_stale(plan, warehouse)
            sequence = ledger.start(plan)
            migration = _Migration(plan, warehouse, lease)
            try:
                migration.run(on_outcome or (lambda _: None))
            finally:
                _record(ledger, sequence, plan, migration.outcomes)
    return _checked(migration.outcomes)


def _record(ledger: Ledger, sequence: int, plan: Plan, outcomes: tuple[Outcome, ...]) -> None:
    try:
        ledger.finish(sequence, outcomes, plan.platform_fingerprint)
    except WarehouseError as error:
        raise ApplyError(
            f"{_stopped(outcomes)}The ledger could not be told of it: {error}\n"
            f"Migrate again: the next plan goes on from what is true.\n\n{_objects(outcomes)}",
            outcomes,
        ) from None


class _Migration:
    """A plan while it is carried out."""

    def __init__(self, plan: Plan, warehouse: Warehouse, lease: Lease) -> None:
        self._plan = plan
        self._warehouse = warehouse
        self._lease = lease
        self._etags: dict[Ref, str | None] = {}
        self._found: dict[int, Outcome] = {}

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """An outcome for each step; one that was not begun is skipped."""
        return tuple(
            self._found.get(place) or Outcome(step, "skipped")
            for place, step in enumerate(self._plan.steps)
        )

    def run(self, on_outcome: OnOutcome) -> None:
        """Carry out a level after the other, until a step fails. Raises Interrupted."""
        crew = Crew(self._warehouse.threads, self._warehouse.cancel)
        try:
            for chains in self._plan.levels:
                if not self._failed:
                    carry_out(chains, self._act, lambda n: on_outcome(self._found[n]), crew)
        except KeyboardInterrupt:
            raise Interrupted(_interrupted(self.outcomes)) from None

    @property
    def _failed(self) -> bool:
        return any(outcome.status == "failed" for outcome in self._found.values())

    def _act(self, place: int) -> bool:
        step = self._plan.steps[place]
        etag = self._etags.get(step.ref, step.expects)
        try:
            self._lease.verify()
            self._etags[step.ref] = take(step, etag, self._warehouse, self._lease.verify)
            self._found[place] = Outcome(step, "done")
        except (WarehouseError, RowsLost, OtherColumns, LockHeld) as error:
            self._drop_snapshot(place, error)
            self._found[place] = Outcome(step, "failed", str(error))
        except KeyboardInterrupt:
            self._found[place] = Outcome(step, "failed", "It was interrupted.")
            raise
        return self._found[place].status == "done"

    def _drop_snapshot(self, place: int, error: DatoriaError) -> None:
        """Drop the snapshot that was taken for a step that failed: nothing was lost.

        It stays where that is not certain.
        """
        step, last = self._plan.steps[place], self._plan.steps[max(place - 1, 0)]
        if not isinstance(last, Snapshot) or last is step or last.ref != step.ref:
            return
        if isinstance(error, Unavailable | LockHeld):
            return
        try:
            # Who took the lease may have destroyed what only this snapshot still holds.
            self._lease.verify()
            if step.ref in self._warehouse.read([step.ref]):
                self._warehouse.delete(Ref("table", last.copy_id), None)
        except (WarehouseError, LockHeld):
            return  # it expires


def _interrupted(outcomes: tuple[Outcome, ...]) -> str:
    done = sum(outcome.status == "done" for outcome in outcomes)
    if done == len(outcomes):
        return f"Interrupted, but all {done} steps were done."
    return (
        f"Interrupted after {done} of {len(outcomes)} steps; the rest was not done. "
        "Migrate again to go on from here."
    )


def _checked(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    if all(outcome.status == "done" for outcome in outcomes):
        return outcomes
    advice = "Mend the cause and migrate again: the next plan goes on from here."
    raise ApplyError(f"{_stopped(outcomes)}{advice}\n\n{_objects(outcomes)}", outcomes)


def _stopped(outcomes: tuple[Outcome, ...]) -> str:
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    done = sum(outcome.status == "done" for outcome in outcomes)
    told = "".join(f"{outcome.step.object}: {outcome.error}\n" for outcome in failed)
    return f"{told}{'Stopped after' if failed else 'Did'} {done} of {len(outcomes)} steps. "


def _objects(outcomes: tuple[Outcome, ...]) -> str:
    rest = dict.fromkeys(found.step.object for found in outcomes if found.status != "done")
    done = [name for name in dict.fromkeys(o.step.object for o in outcomes) if name not in rest]
    return f"Done: {_named(done)}.\nNot done: {_named([*rest])}."


def _named(names: list[str]) -> str:
    more = len(names) - _NAMED
    named = ", ".join(names[:_NAMED]) or "nothing"
    return f"{named} and {more:,} more" if more > 0 else named


def _refuse_stale(plan: Plan, warehouse: Warehouse) -> None:
    expected = {ref: etag for step in plan.steps for ref, etag in step.expectations.items()}
    live = _etags(expected, warehouse)
    moved = [
        f"{ref.id} {_moved(etag, exists=ref in live)}"
        for ref, etag in expected.items()
        if etag != live.get(ref, ABSENT)
    ]
    if moved:
        raise StalePlan(
            f"The plan is stale: {'; '.join(moved)}. Nothing was applied. Make a new plan."
        )


def _etags(expected: Mapping[Ref, str], warehouse: Warehouse) -> Mapping[Ref, str]:
    """Return the etags of what exists, "" where it is not known: of what should not exist."""
    wanted, absent = set[Ref](), defaultdict[str, set[Ref]](set)
    for ref, etag in expected.items():
        if etag == ABSENT and ref.kind != "dataset":
            absent[ref.dataset.id].add(ref)
        else:
            wanted.add(ref)
    listed = [dataset for dataset, refs in absent.items() if len(refs) > _LISTED]
    there = set(warehouse.list(*listed)) if listed else set[Ref]()
    unlisted: Iterable[set[Ref]] = (refs for of, refs in absent.items() if of not in listed)
    live = warehouse.read(wanted.union(*unlisted))
    unknown = {ref: "" for of in listed for ref in absent[of] & there}
    return {**unknown, **{ref: found.etag for ref, found in live.items()}}


def _moved(etag: str, *, exists: bool) -> str:
    if etag == ABSENT:
        return "exists by now"
    return "has changed since" if exists else "is gone"
