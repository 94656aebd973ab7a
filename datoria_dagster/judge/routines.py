"""Rules for routines."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

READERS = (Consumer.READERS,)


def _is_function(change: c.BaseChange) -> bool:
    return change.object_kind == "scalar_function"


RULES = (
    Rule(
        id="FUNCTION_IS_NEW",
        on=c.ObjectAdded,
        where=_is_function,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created, returns {change.after.returns}",
        source=sources.FUNCTIONS,
    ),
    Rule(
        id="FUNCTION_STAYS",
        on=c.ObjectRemoved,
        where=_is_function,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code",
        instead="keep declaring it until nobody calls it",
        hurts=READERS,
        source=sources.FUNCTIONS,
    ),
    Rule(
        id="FUNCTION_BODY",
        on=c.BodyChanged,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says="has another body; its callers get what that returns",
        source=sources.ROUTINES,
    ),
    Rule(
        id="FUNCTION_KEEPS_ITS_ARGUMENTS",
        on=c.ArgumentsChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says="takes other arguments; every call must change with it",
        instead="declare a function with the new arguments under another name",
        hurts=READERS,
        source=sources.ROUTINES,
    ),
    Rule(
        id="FUNCTION_KEEPS_ITS_RETURN_TYPE",
        on=c.ReturnTypeChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says="returns {change.after} instead of {change.before}",
        instead="declare a function with the new result under another name",
        hurts=READERS,
        source=sources.ROUTINES,
    ),
)
