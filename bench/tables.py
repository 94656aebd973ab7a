"""Two platforms to compare and judge: one as read from a warehouse, one as declared."""

from collections.abc import Callable

import datoria_dagster
from bench.generate import COLUMNS
from datoria_dagster import Dataset, Field, Platform, Table
from datoria_dagster.diff.compare import compare
from datoria_dagster.judge.judge import judge
from datoria_dagster.judge.verdict import Approval
from datoria_dagster.plan.build import build
from datoria_dagster.plan.facts import Facts
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import Resource


def equal(tables: int) -> Callable[[], object]:
    """Return a comparison and a judgement that find nothing."""
    return _judgement(_declared(tables), _declared(tables), expected=0)


def with_a_column_more(tables: int) -> Callable[[], object]:
    """Return a comparison and a judgement that find a new column in each table."""
    return _judgement(_declared(tables), _more(tables), expected=tables)


def planning(changes: int) -> Callable[[], object]:
    """Return the planning of so many changes, one a table, from what was read and judged before."""
    before, after = _declared(changes), _more(changes)
    facts = _facts(before)
    found = compare(facts.platform, after)
    findings = judge(found, facts.platform, after, Approval())

    def run() -> None:
        steps = len(build(found, findings, facts, after).steps)
        if steps < changes:
            raise AssertionError(f"The plan of {changes} changes has {steps} steps.")

    return run


def _judgement(before: Platform, after: Platform, *, expected: int) -> Callable[[], object]:
    live = _facts(before).platform

    def run() -> None:
        changes = compare(live, after)
        found = len(judge(changes, live, after, Approval()))
        if found != expected:
            raise AssertionError(f"compare and judge found {found} changes, not {expected}.")

    return run


def _facts(platform: Platform) -> Facts:
    refs = {codec.ref(found): codec.resource(found) for found in platform.managed.values()}
    resources = {ref: Resource(ref, body, etag="e") for ref, body in refs.items()}
    return Facts(
        platform=Platform({ref.id: codec.decode(ref, r.body) for ref, r in resources.items()}),
        resources=resources,
        owned=frozenset(resources),
    )


def _more(tables: int) -> Platform:
    return _declared(tables, Field("added", datoria_dagster.STRING))


def _declared(tables: int, *more: Field) -> Platform:
    dataset = Dataset(project="bench", name="generated")
    columns = tuple(
        Field(name, getattr(datoria_dagster, type), description=f"Column {name}.")
        for name, type in COLUMNS
    )
    return Platform.of(
        *(
            Table(dataset=dataset, name=f"t{number}", schema=(*columns, *more))
            for number in range(tables)
        )
    )
