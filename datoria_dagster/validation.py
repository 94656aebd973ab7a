"""The last word on a plan before it is shown: the warehouse itself validates the SQL.

A dry run is free, and it is necessary but not sufficient: it does not look at rows.
Source: https://docs.cloud.google.com/bigquery/docs/running-queries#dry-run
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.ident import quote
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, Platform
from datoria_dagster.model.relations import (
    MaterializedView,
    SourceTable,
    View,
)
from datoria_dagster.model.routines import (
    AggregateFunction,
    Argument,
    Procedure,
    Routine,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.types import Type
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.statements import selected
from datoria_dagster.plan.step import Rebuild
from datoria_dagster.sql.check import problems, told
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.needs import needs
from datoria_dagster.sql.standins import Impossible, StoodIn, nulls, stand_in
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import (
    FilterRequired,
    NotFound,
    NotSupportedLocally,
    Ref,
    Refused,
    Warehouse,
    WarehouseError,
)
from datoria_dagster.warehouse.threads import in_parallel

# The findings after which SQL that names the object means something else.
_VISIBLE = frozenset(
    {
        *("object_added", "object_renamed", "object_kind_changed", "partitioning_changed"),
        *("field_added", "field_removed", "field_renamed"),
        *("field_type_changed", "field_mode_changed", "query_changed"),
        *("body_changed", "arguments_changed", "return_type_changed"),
    }
)
_PLACE = re.compile(r" at \[(\d+):(\d+)\]")
_TOKEN = re.compile(r"`[^`]*`|\w+|.", re.DOTALL)
# What BigQuery says of a function that is right, but is tried here with columns as its arguments.
_CORRELATED = re.compile(r"Correlated subquer", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is validated of an object: a query, or a statement."""

    item: Object
    sql: StoodIn
    is_statement: bool = False

    def run(self, warehouse: Warehouse) -> None:
        if self.is_statement:
            warehouse.validate(self.sql.text)
        else:
            warehouse.dry_run(self.sql.text)


def validated(plan: Plan, platform: Platform, warehouse: Warehouse) -> Plan:
    """Return the plan with what its rebuilds will read, once its SQL is found to be right.

    Looked at are the code that changes, the code and jobs that read what changes, and the jobs
    that write to it, as they will be after the migration. Sends nothing when there is none of it.
    Raises DeclarationError that tells of all that is wrong, and WarehouseError when the warehouse
    can't be asked.
    """
    if plan.is_empty:
        return plan
    with warehouse.session():
        trials, skipped = _trials(plan, platform)
        errors = in_parallel(
            lambda trial: _error(trial, platform, warehouse), trials, warehouse.threads
        )
        wrong = [
            _told(trial, error, platform)
            for trial, error in zip(trials, errors, strict=True)
            if error is not None
        ]
        if wrong:
            raise DeclarationError("\n\n".join(wrong))
        rebuilds = [step for step in plan.steps if isinstance(step, Rebuild)]
        estimated = in_parallel(
            lambda step: _estimated(step, warehouse), rebuilds, warehouse.threads
        )
    known = {step.object: step for step in estimated}
    steps = tuple(known[s.object] if isinstance(s, Rebuild) else s for s in plan.steps)
    return plan.model_copy(update={"steps": steps, "unvalidated": skipped})


def _trials(plan: Plan, platform: Platform) -> tuple[list[_Trial], tuple[str, ...]]:
    """Return what is to be validated, and the ids of what can't be."""
    absent = _absent(plan, platform)
    broken = {name for finding in plan.findings for name in finding.breaks}
    homeless = _homeless(plan)
    trials: list[_Trial] = []
    skipped: list[str] = []
    for item in platform if absent else ():
        # That a change breaks it is said by the finding, and for force to admit.
        if item.id in absent or (item.id not in broken and _touches(item, absent)):
            try:
                trial = _trial(item, absent, homeless)
            except Impossible:
                skipped.append(item.id)
            else:
                trials += [trial] if trial else []
    return trials, tuple(skipped)


def _absent(plan: Plan, platform: Platform) -> Mapping[str, Object]:
    """Return the objects that are not yet in the warehouse as they are declared, by id."""
    names = {finding.object for finding in plan.findings if finding.kind in _VISIBLE}
    names |= {step.object for step in plan.steps if step.kind in ("create", "rename")}
    return {name: platform.objects[name] for name in sorted(names) if name in platform.objects}


def _homeless(plan: Plan) -> frozenset[str]:
    """Return the ids of new datasets, and of what is dropped before it is made as another kind."""
    return frozenset(
        finding.object
        for finding in plan.findings
        if finding.kind == "object_kind_changed"
        or (finding.kind, finding.object_kind) == ("object_added", "dataset")
    )


def _touches(item: Object, absent: Mapping[str, Object]) -> bool:
    match item:
        case Job():
            return item.destination.id in absent or not absent.keys().isdisjoint(needs(item))
        case View() | MaterializedView() | Routine():
            return not absent.keys().isdisjoint(needs(item))
        case _:
            return False


def _trial(item: Object, absent: Mapping[str, Object], homeless: frozenset[str]) -> _Trial | None:
    """Return what is validated of an object, if it holds SQL. Raises Impossible."""
    match item:
        case Job():
            return _Trial(item, stand_in(item.query.render(item.start), absent))
        case View() | MaterializedView():
            return _Trial(item, stand_in(item.query.render(), absent))
        case ScalarFunction() | AggregateFunction() if item.query is not None:
            return _Trial(item, stand_in(item.text, absent).within(*_call(item)))
        case TableFunction():
            _refuse_homeless(item, homeless)
            body = stand_in(item.text, absent).within(_head(item), "")
            return _Trial(item, body, is_statement=True)
        case Procedure() if item.strict_mode:
            if not absent.keys().isdisjoint(name for name in needs(item) if name != item.id):
                raise Impossible
            _refuse_homeless(item, homeless)
            before, _, after = codec.resource(item)["definitionBody"].partition(item.text)
            body = StoodIn(item.text).within(f"{_head(item)}{before}", after)
            return _Trial(item, body, is_statement=True)
        case _:
            return None


def _refuse_homeless(routine: Routine, homeless: frozenset[str]) -> None:
    """Raise Impossible when no statement can create or replace the routine as yet."""
    if not homeless.isdisjoint((routine.id, routine.dataset.id)):
        raise Impossible


def _call(function: ScalarFunction | AggregateFunction) -> tuple[str, str]:
    """Return what stands around a body so that it is a query over its arguments."""
    if isinstance(function, ScalarFunction):
        return "SELECT (", f"){_from(function.arguments)}"
    rows = _from(argument for argument in function.arguments if argument.aggregate)
    rest = _from(argument for argument in function.arguments if not argument.aggregate)
    return "SELECT (SELECT ", f"{rows or ' FROM (SELECT 1)'}){rest}"


def _from(arguments: Iterable[Argument]) -> str:
    columns = [(argument.name, argument.type) for argument in arguments]
    return f" FROM ({nulls(columns)})" if columns else ""


def _head(routine: TableFunction | Procedure) -> str:
    """Return what a statement that creates the routine begins with, on one line."""
    if isinstance(routine, Procedure):
        given = ", ".join(f"{a.mode} {_typed(a.name, a.type)}" for a in routine.arguments)
        return f"CREATE OR REPLACE PROCEDURE {quote(routine.id)}({given}) "
    given = ", ".join(_typed(argument.name, argument.type) for argument in routine.arguments)
    columns = ", ".join(_typed(field.name, field.value_type) for field in routine.returns)
    head = f"CREATE OR REPLACE TABLE FUNCTION {quote(routine.id)}({given})"
    return f"{head} RETURNS TABLE<{columns}> AS "


def _typed(name: str, type: Type) -> str:
    return f"{quote(name)} {type.unparameterized}"


def _error(trial: _Trial, platform: Platform, warehouse: Warehouse) -> WarehouseError | None:
    """Return why the warehouse refuses an object's SQL; None if it doesn't, or can't know."""
    try:
        trial.run(warehouse)
    except NotSupportedLocally:
        return None
    except NotFound as error:
        return None if _waits(trial.item, platform, warehouse) else error
    except FilterRequired as error:
        return error if isinstance(trial.item, Job) else None
    except Refused as error:
        is_right = not isinstance(trial.item, Job) and _CORRELATED.search(str(error))
        return None if is_right else error
    return None


def _waits(item: Object, platform: Platform, warehouse: Warehouse) -> bool:
    """Tell whether a job reads a table of others that is not there yet."""
    if not isinstance(item, Job):
        return False
    sources = [platform.objects.get(name) for name in needs(item)]
    refs = [Ref("table", found.id) for found in sources if isinstance(found, SourceTable)]
    return len(warehouse.read(refs)) < len(set(refs))


def _told(trial: _Trial, error: WarehouseError, platform: Platform) -> str:
    found = _PLACE.search(str(error))
    if found is None:
        # Found out offline, it would be told with its place.
        known = problems(platform, only=frozenset([trial.item.id]))
        return "\n\n".join(known) or told(trial.item, str(error))
    sentence = str(error)[: found.start()] + str(error)[found.end() :]
    text = trial.sql.written
    start = trial.sql.offset(int(found[1]), int(found[2]))
    token = _TOKEN.match(text, start)
    return told(trial.item, SqlError(sentence, text, (start, token.end() if token else start)))


def _estimated(step: Rebuild, warehouse: Warehouse) -> Rebuild:
    """Return the step with what it will read, if the warehouse can tell."""
    query = selected(step.insert)
    if step.condition:
        query = f"{query}\nWHERE {step.condition}"
    try:
        size = warehouse.dry_run(query).bytes
    except (NotFound, NotSupportedLocally, Refused):
        return step  # of a table that an earlier step makes
    limit = warehouse.maximum_bytes_billed
    affordable = size is None or limit is None or size <= limit
    return step.model_copy(update={"bytes": size, "affordable": affordable})
