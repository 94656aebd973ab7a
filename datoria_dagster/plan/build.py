"""The only entry to planning: `build(…)`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datoria_dagster.diff import change as c
from datoria_dagster.judge.verdict import Approval, Finding
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import (
    ExternalTable,
    SourceTable,
    Table,
)
from datoria_dagster.model.routines import Procedure
from datoria_dagster.plan import code, external, tables
from datoria_dagster.plan.context import Context, Judged, whose
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.keys import inline, key_drafts
from datoria_dagster.plan.order import depths, reaching
from datoria_dagster.plan.patches import patch_body
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.refresh import refreshed
from datoria_dagster.plan.step import (
    ABSENT,
    Adopt,
    BaseStep,
    Create,
    Patch,
    Release,
    Rename,
)
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref


def build(
    changes: Sequence[c.Change],
    findings: Sequence[Finding],
    facts: Facts,
    declared: Platform,
    approval: Approval | None = None,
) -> Plan:
    """Return the plan for judged changes. One that is stopped has no steps.

    The `approval` is what the findings were judged by, and says how long rows are kept.
    """
    wanted = approval or Approval()
    plan = Plan(findings=tuple(findings), approval=wanted, unmanaged=facts.unmanaged)
    if not plan.applicable:
        return plan
    grouped: dict[str, list[tuple[c.Change, Finding]]] = {}
    for change, finding in zip(changes, findings, strict=True):
        grouped.setdefault(change.object, []).append((change, finding))
    context = Context(grouped, facts, declared, wanted.backup_days)
    drafts = [*_drafts(context), *key_drafts(context), *_ledger(facts, declared)]
    return plan.model_copy(update={"steps": _ordered(drafts, context)})


def _drafts(context: Context) -> Iterator[Draft]:
    issued: set[str] = set()
    for name in context.facts.asides:
        found = context.declared.objects.get(name)
        if isinstance(found, Table):
            yield from tables.recover(found, context)
    for judged in context.judged.values():
        for draft in _object_drafts(judged, context):
            if draft.phase in (Phase.CODE, Phase.REFRESH):
                issued.add(draft.step.object)
            yield draft
    yield from refreshed(issued, context)


def _object_drafts(judged: Judged, context: Context) -> Iterator[Draft]:
    first = judged[0][0]
    after = context.declared.managed.get(first.object)
    match first:
        case c.ObjectRemoved():
            yield from _drop(first.before, None, context)
        case c.ObjectKindChanged():
            phase = _phase(first.after)
            yield from _drop(first.before, phase, context)
            yield from _create(first.after, context)
        case c.ObjectAdded():
            yield from _create(first.after, context)
        case _ if after is not None:
            yield from _change(after, judged, context)
        case _:
            raise LookupError(first.object)


def _phase(found: Managed) -> Phase:
    if isinstance(found, Table | ExternalTable):
        return Phase.EXPAND
    return Phase.PROCEDURES if isinstance(found, Procedure) else Phase.CODE


def _drop(found: Managed, phase: Phase | None, context: Context) -> Iterator[Draft]:
    match found:
        case Table():
            yield from tables.drop(found, context, phase or Phase.DROP)
        case ExternalTable():
            yield external.drop(found, phase or Phase.DROP)
        case Dataset() | Foreign():
            raise LookupError(found.id)
        case _:
            yield code.drop(found, phase or Phase.RETIRE)


def _create(found: Managed, context: Context) -> Iterator[Draft]:
    match found:
        case Dataset():
            statement = f"datasets.insert {found.id} in {found.location}"
            step = Create(**whose(found), statement=statement, body=codec.resource(found))
            yield Draft(Phase.DATASETS, step)
        case Table():
            yield tables.create(found, context)
        case ExternalTable():
            yield external.create(found)
        case Foreign():
            raise LookupError(found.id)
        case _:
            yield from code.create(found)


def _change(found: Managed, judged: Judged, context: Context) -> Iterator[Draft]:
    match found:
        case Dataset():
            live = context.facts.body(codec.ref(found))
            body = patch_body((change for change, _ in judged), live)
            statement = f"datasets.patch {found.id}: {', '.join(body)}"
            yield Draft(Phase.DATASETS, Patch(**whose(found), statement=statement, body=body))
        case Table():
            yield from tables.change(found, judged, context)
        case ExternalTable():
            yield from external.change(found, judged, context)
        case Foreign():
            raise LookupError(found.id)
        case _:
            yield from code.change(found, judged, context)


def _ledger(facts: Facts, declared: Platform) -> Iterator[Draft]:
    for source in declared.of_type(SourceTable):
        if Ref("table", source.id) in facts.owned:
            statement = "now a source table: no longer ours, left as it is"
            yield Draft(Phase.LEDGER, Release(**whose(source), statement=statement))
    yield from _gone(facts, declared)
    for found in declared.managed.values():
        ref = codec.ref(found)
        if ref in facts.resources and ref not in facts.owned and ref.kind != "dataset":
            statement = "exists already: ours from now on"
            yield Draft(Phase.LEDGER, Adopt(**whose(found), statement=statement))


def _gone(facts: Facts, declared: Platform) -> Iterator[Draft]:
    """Release what was ours and is gone: who makes another one of that name may keep it."""
    known = {Ref("table", source.id) for source in declared.of_type(SourceTable)}
    known.update(map(codec.ref, declared.managed.values()), facts.resources, facts.surveyed)
    for ref in sorted(facts.owned - known):
        step = Release(
            object=ref.id,
            object_kind=ref.kind,
            resource_kind=ref.kind,
            statement="is gone: no longer ours",
        )
        yield Draft(Phase.LEDGER, step)


def _ordered(drafts: Sequence[Draft], context: Context) -> tuple[Any, ...]:
    depth = _depths(drafts, context)

    def when(draft: Draft) -> tuple[Phase, int]:
        return draft.phase, depth.get(draft.step.object, 0)

    ordered = sorted(drafts, key=lambda draft: (*when(draft), draft.step.object))
    levels = {moment: level for level, moment in enumerate(dict.fromkeys(map(when, ordered)))}
    seen: set[Ref] = set()
    return tuple(
        _expecting(draft.step, seen, context.facts).model_copy(
            update={"level": levels[when(draft)]}
        )
        for draft in ordered
    )


def _expecting(step: BaseStep, seen: set[Ref], facts: Facts) -> BaseStep:
    """Return the step with what it expects of objects that no step before it has changed."""
    update: dict[str, str | None] = {}
    if step.ref not in seen:
        update["expects"] = _state(step, facts)
    if isinstance(step, Rename) and step.source_ref not in seen:
        update["source_expects"] = facts.etag(step.source_ref)
        seen.add(step.source_ref)
    seen.add(step.ref)
    return step.model_copy(update=update)


def _state(step: BaseStep, facts: Facts) -> str | None:
    if isinstance(step, Release):
        return None  # a release changes the ledger only: the table may even be gone
    return ABSENT if isinstance(step, Create | Rename) else facts.etag(step.ref)


def _depths(drafts: Sequence[Draft], context: Context) -> Mapping[str, int]:
    """Return how deep an object stands: below what it needs; what is dropped, above that."""
    involved = {draft.step.object for draft in drafts}
    declared, live = context.declared.objects, context.facts.platform.objects
    kept = depths(_with_keys(reaching(involved & declared.keys(), declared), context))
    gone = depths(reaching((involved & live.keys()) - kept.keys(), live))
    return {**{name: -depth for name, depth in gone.items()}, **kept}


def _with_keys(
    graph: Mapping[str, tuple[str, ...]], context: Context
) -> dict[str, tuple[str, ...]]:
    """Add that a table which is created with a foreign key needs the table that it refers to."""
    needed = dict(graph)
    for name in context.added & graph.keys():
        found = context.declared.objects[name]
        if isinstance(found, Table):
            targets = (key.table for key in inline(found, context).foreign_keys)
            needed[name] = (*graph[name], *targets)
    return needed
