"""The sentences that every format shares."""

from collections.abc import Iterable, Iterator, Sequence

from datoria_dagster.judge.rule import Means, Severity
from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Rebuild, Snapshot, Step

_SHOWN = 3
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_RELATION = "columns, options, labels, descriptions"
_ROUTINE = "arguments, result, body, description"
# What the diff of two objects looks at, by their kind.
COMPARED = {
    "dataset": "location, options, labels, description",
    "table": f"partitioning, clustering, keys, {_RELATION}",
    "view": f"query, {_RELATION}",
    "materialized_view": f"query, partitioning, clustering, {_RELATION}",
    "external_table": f"files, {_RELATION}",
    "scalar_function": _ROUTINE,
    "aggregate_function": _ROUTINE,
    "table_function": "arguments, columns, body, description",
    "procedure": "arguments, body, strict mode, description",
}
COLUMNS = "columns"


def symbol(kind: str) -> str:
    """Return + or - for what comes or goes as a whole, ~ for any other kind of change."""
    return {"added": "+", "removed": "-"}.get(kind.rpartition("_")[2], "~")


def label(finding: Finding) -> str:
    """Return what of an object changes: the column, the option by its name, or the kind of fact."""
    if finding.path:
        return f"{finding.path} → {finding.renamed_to}" if finding.renamed_to else finding.path
    match finding.kind:
        case "object_renamed":
            return "name"
        case "foreign_key_added" | "foreign_key_removed":
            return "foreign key"
        case "return_type_changed":
            return "return type"
        case "object_kind_changed":
            return "kind"
        case _:
            return finding.kind.removesuffix("_changed")


def titled(finding: Finding) -> str:
    """Return the object's last name with its kind: `orders (table)`."""
    return f"{finding.object.rpartition('.')[2]} ({finding.object_kind.replace('_', ' ')})"


def weight(finding: Finding) -> int:
    """Return how urgent it is to read of a change; what can't be made comes before all."""
    return finding.severity.rank + 10 * (finding.means is Means.IMPOSSIBLE)


def heaviest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, the most important first, otherwise in their order."""
    return sorted(findings, key=weight, reverse=True)


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
    if plan.unfinished:
        return f"To be finished, after a migration that was cut off: {', '.join(plan.unfinished)}."
    if plan.selected:
        return "Nothing to migrate: what was selected is as declared."
    return "Nothing to migrate: the warehouse is as declared."


def comparison(plan: Plan, compared: str) -> str:
    """Return the verdict on two files as a sentence; `compared` names what was looked at."""
    if not plan.findings:
        return f"No difference in what is compared: {compared}."
    return f"{count(len(plan.findings), 'change')}, {plan.verdict}."


def notes(plan: Plan) -> tuple[str, ...]:
    """Return what else a reader should know."""
    said: list[str] = []
    adopted = sum(step.kind == "adopt" for step in plan.steps)
    released = sum(step.kind == "release" for step in plan.steps)
    if adopted:
        said.append(f"{count(adopted, 'object')} that existed before will be ours from now on.")
    if released:
        said.append(f"{count(released, 'object')} will no longer be ours, and stay as they are.")
    if plan.unmanaged:
        is_or_are = "is" if plan.unmanaged == 1 else "are"
        said.append(
            f"{count(plan.unmanaged, 'object')} in these datasets {is_or_are} not declared: "
            "left alone."
        )
    if plan.selected:
        said.append(
            f"Only {', '.join(plan.selected)} and what that needs; all else stays as it is."
        )
    if plan.unvalidated:
        said.append(f"Not validated beforehand: {', '.join(plan.unvalidated)}.")
    return (*said, *_fate_of_rows(plan))


def _fate_of_rows(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        if step.kind == "rebuild":
            yield (
                f"{step.object} will be rewritten: its rows are copied into a new table as "
                f"declared, and counted, before that takes its place.{reads(step)}"
            )
    sizes = [step.bytes for step in plan.steps if isinstance(step, Rebuild) and step.bytes]
    if len(sizes) > 1:
        yield f"In all, the copies read {size(sum(sizes))}."
    for step in _snapshots(plan):
        yield f"The rows will be kept in {_kept(step)}."
    for name in _unkept(plan):
        yield f"No snapshot of {name} is taken: its rows are lost for good."


def restoring(plan: Plan, words: Sequence[str] = ()) -> tuple[str, ...]:
    """Return how to get back what an applied plan has kept; `words` end each command."""
    copies = _snapshots(plan)
    if not copies:
        return ()
    return (
        f"To bring back what was there before, within {count(copies[0].days, 'day')}:",
        *(" ".join(("  datoria restore", step.copy_id, *words)) for step in copies),
    )


def replacing(plan: Plan, snapshot: str) -> tuple[str, ...]:
    """Return what a plan that restores a table does to it."""
    tables = [step.object for step in plan.steps if step.kind == "restore"]
    views = [step.object for step in plan.steps if step.kind == "execute"]
    lines = [f"{name} will be as it was in {snapshot}." for name in tables]
    lines.extend(f"{name} is made of it, and is issued again." for name in views)
    copies = _snapshots(plan)
    if not copies and any(step.kind == "drop" for step in plan.steps):
        lines.append("What is there now will be dropped.")
    return (*lines, *(f"What it is now will be kept in {_kept(step)}." for step in copies))


def advice(plan: Plan) -> tuple[str, ...]:
    """Return what to do next about a plan that is stopped."""
    if plan.verdict == "impossible":
        return ("Nothing was changed. No force makes these changes: follow `instead`.",)
    stopping = heaviest_first(plan.stopping)
    if not stopping:
        return ()
    command = " ".join(("datoria migrate", *(f"--select {name}" for name in plan.selected)))
    allowed = [f"--allow {finding.id}" for finding in stopping[:_SHOWN]]
    lines = (
        "Nothing was changed. Follow `instead`, or admit exactly this, or everything:",
        f"  {command} "
        + (allowed[0] if len(stopping) == 1 else "\\\n    " + " \\\n    ".join(allowed)),
        f"  {command} --force",
    )
    more = len(stopping) - _SHOWN
    return (*lines, f"and {more} more: --format json has their ids") if more > 0 else lines


def _snapshots(plan: Plan) -> list[Snapshot]:
    return [step for step in plan.steps if isinstance(step, Snapshot)]


def reads(step: Step) -> str:
    """Return how much a rebuild reads, as a sentence after another one; "" if that is not known."""
    if not isinstance(step, Rebuild) or step.bytes is None:
        return ""
    limit = "" if step.affordable else ", more than maximum-bytes-billed allows"
    return f" The copy reads {size(step.bytes)}{limit}."


def size(count: int) -> str:
    """Return `84 B`, `1.2 TB`: powers of 1,000."""
    number, unit = float(count), 0
    while number >= 1_000 and unit < len(_UNITS) - 1:  # noqa: PLR2004
        number, unit = number / 1_000, unit + 1
    return f"{number:,.0f} B" if unit == 0 else f"{number:,.1f} {_UNITS[unit]}"


def _kept(step: Snapshot) -> str:
    return f"{step.copy_id} for {count(step.days, 'day')}"


def _unkept(plan: Plan) -> list[str]:
    """Return the tables that lose something and of which the plan takes no snapshot."""
    if not plan.steps:
        return []
    kept = {step.object for step in _snapshots(plan)}
    lossy = (found for found in plan.forced if found.severity is Severity.DESTRUCTIVE)
    return sorted({found.object for found in lossy} - kept)
