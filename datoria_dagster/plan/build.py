"""The only entry to planning: `build(…)`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never, cast

from datoria_dagster.diff import change as c
from datoria_dagster.judge.rule import Means
from datoria_dagster.judge.verdict import Finding
from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.platform import Managed, Platform
from datoria_dagster.model.relations import SourceTable, Table, View
from datoria_dagster.model.routines import ScalarFunction
from datoria_dagster.plan import code, tables
from datoria_dagster.plan.annotations import annotations
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.facts import Facts
from datoria_dagster.plan.order import positions, readers, references_of
from datoria_dagster.plan.phase import Draft, Phase
from datoria_dagster.plan.step import ABSENT, Adopt, BaseStep, Create, Patch, Release
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Ref

# Changes after which the schema that BigQuery stored with a view is no longer true.
_SHOWS_IN_VIEWS = (
    c.FieldAdded,
    c.FieldRemoved,
    c.FieldTypeChanged,
    c.FieldModeChanged,
    c.ReturnTypeChanged,
)


def build(
    changes: Sequence[c.Change], findings: Sequence[Finding], facts: Facts, declared: Platform
) -> Plan:
    """Return the plan for judged changes. One that is stopped has no steps."""
    plan = Plan(findings=tuple(findings), unmanaged=facts.unmanaged)
    if not plan.applicable:
        return plan
    drafts = [*_drafts(changes, findings, facts, declared), *_ledger(facts, declared)]
    return plan.model_copy(update={"steps": _ordered(drafts, facts, declared)})


def _drafts(
    changes: Sequence[c.Change], findings: Sequence[Finding], facts: Facts, declared: Platform
) -> Iterator[Draft]:
    grouped: dict[str, list[tuple[c.Change, Means]]] = {}
    for change, finding in zip(changes, findings, strict=True):
        grouped.setdefault(change.object, []).append((change, finding.means))
    issued: set[str] = set()
    for judged in grouped.values():
        for draft in _object_drafts(judged, facts, declared):
            if draft.phase in (Phase.CODE, Phase.REFRESH):
                issued.add(draft.step.object)
            yield draft
    changed = frozenset(ch.object for ch in changes if isinstance(ch, _SHOWS_IN_VIEWS))
    # A view that the change breaks would be refused if it were issued again.
    spared = issued.union(*(finding.breaks for finding in findings))
    yield from _refreshed(readers(declared, changed) - spared, facts, declared)


def _object_drafts(judged: tables.Judged, facts: Facts, declared: Platform) -> Iterator[Draft]:
    first = judged[0][0]
    after = declared.managed.get(first.object)
    if isinstance(first, c.ObjectRemoved):
        yield from _drop(first, facts)
        return
    match after:
        case Dataset():
            yield _dataset(after, judged)
        case Table() if isinstance(first, c.ObjectAdded):
            yield tables.create(after)
        case Table():
            before = cast("Table", facts.platform.objects[after.id])
            yield from tables.change(before, after, judged, facts)
        case View() | ScalarFunction() if isinstance(first, c.ObjectAdded):
            yield from code.create(after)
        case View() | ScalarFunction():
            yield from code.change(after, [change for change, _ in judged])
        case Foreign() | None:
            raise LookupError(first.object)
        case _:
            assert_never(after)


def _drop(change: c.ObjectRemoved, facts: Facts) -> Iterator[Draft]:
    match change.before:
        case Table():
            yield from tables.drop(change.before, facts)
        case View() | ScalarFunction():
            yield code.drop(change.before)
        case Dataset() | Foreign():
            raise LookupError(change.object)
        case _:
            assert_never(change.before)


def _dataset(dataset: Dataset, judged: tables.Judged) -> Draft:
    whose = _whose(dataset)
    if isinstance(judged[0][0], c.ObjectAdded):
        statement = f"datasets.insert {dataset.id} in {dataset.location}"
        return Draft(
            Phase.DATASETS, Create(**whose, statement=statement, body=codec.resource(dataset))
        )
    body = annotations(change for change, _ in judged)
    statement = f"datasets.patch {dataset.id}: {', '.join(body)}"
    return Draft(Phase.DATASETS, Patch(**whose, statement=statement, body=body))


def _refreshed(names: frozenset[str], facts: Facts, declared: Platform) -> Iterator[Draft]:
    for name in sorted(names):
        view = declared.objects[name]
        if isinstance(view, View) and name in facts.platform.objects:
            yield from code.refresh(view)


def _ledger(facts: Facts, declared: Platform) -> Iterator[Draft]:
    for source in declared.of_type(SourceTable):
        if Ref("table", source.id) in facts.owned:
            statement = "now a source table: no longer ours, left as it is"
            yield Draft(Phase.LEDGER, Release(**_whose(source), statement=statement))
    for found in declared.managed.values():
        ref = codec.ref(found)
        if ref in facts.resources and ref not in facts.owned and ref.kind != "dataset":
            statement = "exists already: ours from now on"
            yield Draft(Phase.LEDGER, Adopt(**_whose(found), statement=statement))


def _whose(found: Managed | SourceTable) -> dict[str, Any]:
    kind = codec.ref(found).kind
    return {"object": found.id, "object_kind": found.kind, "resource_kind": kind}


def _ordered(drafts: Sequence[Draft], facts: Facts, declared: Platform) -> tuple[Any, ...]:
    place = _places(drafts, facts, declared)
    ordered = sorted(drafts, key=lambda draft: (draft.phase, place.get(draft.step.object, 0)))
    seen: set[Ref] = set()
    steps: list[BaseStep] = []
    for _, step in ordered:
        first = step.ref not in seen
        seen.add(step.ref)
        expects = (ABSENT if isinstance(step, Create) else _etag(step, facts)) if first else None
        steps.append(step.model_copy(update={"expects": expects}))
    return tuple(steps)


def _etag(step: BaseStep, facts: Facts) -> str | None:
    # A release changes the ledger only: the table may even be gone.
    return None if isinstance(step, Release) else facts.etag(step.ref)


def _places(drafts: Sequence[Draft], facts: Facts, declared: Platform) -> Mapping[str, int]:
    """Return where an object stands: after what it needs; what is dropped, before that."""
    involved = {draft.step.object for draft in drafts}
    kept = positions(references_of(found for found in declared if found.id in involved))
    gone = positions(
        references_of(
            found for found in facts.platform if found.id in involved and found.id not in kept
        )
    )
    return {**{name: -position for name, position in gone.items()}, **kept}
