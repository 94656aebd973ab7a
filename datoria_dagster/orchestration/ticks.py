"""What all sensors share: whatever goes wrong in a tick is a reason to skip it."""

from collections.abc import Callable

import dagster as dg

from datoria_dagster.ledger.lease import LockHeld
from datoria_dagster.ledger.ledger import Ledger
from datoria_dagster.model.base import DatoriaError

Tick = Callable[[dg.SensorEvaluationContext], dg.SkipReason | dg.RunRequest | dg.SensorResult]
INTERVAL_SECONDS = 60


def guarded(tick: Tick) -> Tick:
    """Return the tick, which skips with the reason where it would fail. The next one looks again.

    What is no error of ours is also in the log of the tick, with its traceback.
    """

    def evaluate(
        context: dg.SensorEvaluationContext,
    ) -> dg.SkipReason | dg.RunRequest | dg.SensorResult:
        try:
            return tick(context)
        except DatoriaError as error:
            return dg.SkipReason(str(error))
        except Exception as error:
            context.log.exception("The tick failed.")
            said = str(error).partition("\n")[0]
            return dg.SkipReason(f"The tick failed: {type(error).__name__}: {said}")

    return evaluate


def refuse_during_migration(ledger: Ledger) -> None:
    """Raise LockHeld while somebody migrates, in Dagster or elsewhere."""
    held = ledger.holder()
    if held is not None and not held.has_run_out:
        raise LockHeld(f"{held.who} is migrating. Look again when that has ended.")
