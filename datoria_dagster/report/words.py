"""The sentences that every format shares."""

from datoria_dagster.judge.rule import Means
from datoria_dagster.plan.document import Plan

SYMBOLS = {"object_added": "+", "field_added": "+", "object_removed": "-", "field_removed": "-"}


def symbol(kind: str) -> str:
    """Return +, - or ~ for a kind of change."""
    return SYMBOLS.get(kind, "~")


def count(number: int, noun: str) -> str:
    """Return `1 change`, `2 changes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def headline(plan: Plan) -> str:
    """Return the verdict as a sentence."""
    total, stopping = len(plan.findings), len(plan.stopping)
    is_or_are = "is" if stopping == 1 else "are"
    if plan.verdict == "impossible":
        impossible = sum(finding.means is Means.IMPOSSIBLE for finding in plan.findings)
        return f"Stopped: {impossible} of {count(total, 'change')} can't be made."
    if stopping:
        return (
            f"Stopped: {stopping} of {count(total, 'change')} {is_or_are} not backwards compatible."
        )
    if plan.forced:
        return f"{count(total, 'change')}, {len(plan.forced)} of them forced."
    if total:
        return f"{count(total, 'change')}, backwards compatible."
    return "Nothing to migrate: the warehouse is as declared."


def comparison(plan: Plan) -> str:
    """Return the verdict on two files as a sentence."""
    if not plan.findings:
        return (
            "No difference in what is compared: columns, partitioning, clustering, labels, query."
        )
    return f"{count(len(plan.findings), 'change')}, {plan.verdict}."


def notes(plan: Plan) -> tuple[str, ...]:
    """Return what else a reader should know."""
    said: list[str] = []
    adopted = sum(step.kind == "adopt" for step in plan.steps)
    released = sum(step.kind == "release" for step in plan.steps)
    copies = [step.copy_id for step in plan.steps if step.kind == "snapshot"]
    if adopted:
        said.append(f"{count(adopted, 'object')} that existed before will be ours from now on.")
    if released:
        said.append(f"{count(released, 'object')} will no longer be ours, and stay as they are.")
    if plan.unmanaged:
        said.append(
            f"{count(plan.unmanaged, 'object')} in these datasets not declared: left alone."
        )
    said.extend(f"The rows will be kept in {copy_id} for 7 days." for copy_id in copies)
    return tuple(said)


def advice(plan: Plan) -> tuple[str, ...]:
    """Return what to do next about a plan that is stopped."""
    if plan.verdict == "impossible":
        return ("Nothing was changed. No force makes these changes: follow `instead`.",)
    if not plan.stopping:
        return ()
    allowed = " ".join(f"--allow {finding.address}" for finding in plan.stopping[:3])
    more = " …" if len(plan.stopping) > 3 else ""  # noqa: PLR2004
    return (
        "Nothing was changed. Follow `instead`, or admit the loss:",
        f"  datoria migrate {allowed}{more}",
        "  datoria migrate --force",
    )
