"""Rules for a name that belongs to an object of another kind."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity
from datoria_dagster.model.routines import Routine

BOTH = (Consumer.READERS, Consumer.WRITERS)


def _is_foreign(change: c.ObjectKindChanged) -> bool:
    return "foreign" in (change.before.kind, change.after.kind)


def _is_routine(change: c.ObjectKindChanged) -> bool:
    return isinstance(change.before, Routine) and isinstance(change.after, Routine)


def _is_mixed(change: c.ObjectKindChanged) -> bool:
    # A routine may have the name of a relation; a dataset has that of neither.
    return isinstance(change.before, Routine) != isinstance(change.after, Routine)


RULES = (
    Rule(
        id="OBJECT_KEEPS_ITS_KIND",
        on=c.ObjectKindChanged,
        where=lambda change: _is_foreign(change) or _is_mixed(change),
        severity=Severity.DESTRUCTIVE,
        means=Means.IMPOSSIBLE,
        says="is declared as a {change.object_kind}, but something else has the name",
        instead="declare it under another name, or drop the live object by hand",
        source=sources.TABLES,
    ),
    Rule(
        id="ROUTINE_KEEPS_ITS_KIND",
        on=c.ObjectKindChanged,
        where=_is_routine,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=(
            "becomes a {change.after.kind}, was a {change.before.kind}: dropped and created anew; "
            "its calls are written otherwise, and its grants and authorizations are lost"
        ),
        instead="declare it under another name, and drop this one when nobody calls it",
        hurts=(Consumer.READERS,),
        source=sources.ROUTINES,
    ),
    Rule(
        id="TABLE_STAYS_A_TABLE",
        on=c.ObjectKindChanged,
        where=lambda change: change.before.kind == "table",
        severity=Severity.DESTRUCTIVE,
        means=Means.RECREATE,
        says=(
            "becomes a {change.after.kind}: the table is dropped with all its rows, and its "
            "grants and policies are lost"
        ),
        instead=(
            "declare the {change.after.kind} under another name, and drop the table when nobody "
            "reads it"
        ),
        hurts=BOTH,
        source=sources.TABLES,
    ),
    Rule(
        id="RELATION_KEEPS_ITS_KIND",
        on=c.ObjectKindChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=(
            "becomes a {change.after.kind}, was a {change.before.kind}: dropped and created anew, "
            "without its grants"
        ),
        instead="declare it under another name, and drop this one when nobody reads it",
        hurts=BOTH,
        source=sources.TABLES,
    ),
)
