"""Rules for routines. A changed one is replaced as a whole, and with it goes its authorization."""

from datoria_dagster.diff import change as c
from datoria_dagster.judge import sources
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity

FUNCTION = ("scalar_function", "aggregate_function")
TABLE_FUNCTION = ("table_function",)
PROCEDURE = ("procedure",)
READERS = (Consumer.READERS,)
# https://docs.cloud.google.com/bigquery/docs/authorized-routines
_AGAIN = "authorize it again where a dataset had authorized it"

RULES = (
    Rule(
        id="FUNCTION_IS_NEW",
        on=c.ObjectAdded,
        kinds=FUNCTION,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created, returns {change.after.returns}",
        source=sources.FUNCTIONS,
    ),
    Rule(
        id="TABLE_FUNCTION_IS_NEW",
        on=c.ObjectAdded,
        kinds=TABLE_FUNCTION,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created",
        source=sources.TABLE_FUNCTIONS,
    ),
    Rule(
        id="PROCEDURE_IS_NEW",
        on=c.ObjectAdded,
        kinds=PROCEDURE,
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says="created",
        source=sources.PROCEDURES,
    ),
    Rule(
        id="FUNCTION_STAYS",
        on=c.ObjectRemoved,
        kinds=(*FUNCTION, *TABLE_FUNCTION),
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code; what calls it fails when it is run",
        instead="keep declaring it until nobody calls it",
        hurts=READERS,
        source=sources.FUNCTIONS,
    ),
    Rule(
        id="PROCEDURE_STAYS",
        on=c.ObjectRemoved,
        kinds=PROCEDURE,
        severity=Severity.INCOMPATIBLE,
        means=Means.STATEMENT,
        says="dropped: it left the code; what calls it fails when it is run",
        instead="keep declaring it until nobody calls it",
        hurts=READERS,
        source=sources.PROCEDURES,
    ),
    Rule(
        id="PROCEDURE_BODY",
        on=c.BodyChanged,
        kinds=PROCEDURE,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"has another body; its callers run that; {_AGAIN}",
        source=sources.AUTHORIZED_ROUTINES,
    ),
    Rule(
        id="FUNCTION_BODY",
        on=c.BodyChanged,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"has another body; its callers get what that returns; {_AGAIN}",
        source=sources.AUTHORIZED_ROUTINES,
    ),
    Rule(
        id="PROCEDURE_KEEPS_ITS_ARGUMENTS",
        on=c.ArgumentsChanged,
        kinds=PROCEDURE,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=f"takes other arguments; every CALL must change with it; {_AGAIN}",
        instead="declare a procedure with the new arguments under another name",
        hurts=READERS,
        source=sources.PROCEDURES,
    ),
    Rule(
        id="FUNCTION_KEEPS_ITS_ARGUMENTS",
        on=c.ArgumentsChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=f"takes other arguments; every call must change with it; {_AGAIN}",
        instead="declare a function with the new arguments under another name",
        hurts=READERS,
        source=sources.ROUTINES,
    ),
    Rule(
        id="FUNCTION_KEEPS_ITS_RETURN_TYPE",
        on=c.ReturnTypeChanged,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=f"returns {{change.after}} instead of {{change.before}}; {_AGAIN}",
        instead="declare a function with the new result under another name",
        hurts=READERS,
        source=sources.ROUTINES,
    ),
    Rule(
        id="TABLE_FUNCTION_COLUMN_IS_NEW",
        on=c.FieldAdded,
        kinds=TABLE_FUNCTION,
        severity=Severity.CAUTION,
        means=Means.RECREATE,
        says=f"returned too, {{change.after.sql_type}}; SELECT * gets it; {_AGAIN}",
        source=sources.TABLE_FUNCTIONS,
    ),
    Rule(
        id="TABLE_FUNCTION_COLUMN_STAYS",
        on=c.FieldRemoved,
        kinds=TABLE_FUNCTION,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=f"no longer returned; {_AGAIN}",
        instead="keep returning it until nobody reads it",
        hurts=READERS,
        source=sources.TABLE_FUNCTIONS,
    ),
    Rule(
        id="TABLE_FUNCTION_COLUMN_KEEPS_ITS_TYPE",
        on=(c.FieldTypeChanged, c.FieldModeChanged),
        kinds=TABLE_FUNCTION,
        severity=Severity.INCOMPATIBLE,
        means=Means.RECREATE,
        says=f"returned as {{change.after}} instead of {{change.before}}; {_AGAIN}",
        instead="return the new value under another name",
        hurts=READERS,
        source=sources.TABLE_FUNCTIONS,
    ),
    Rule(
        id="PROCEDURE_CHECKS",
        on=c.OptionChanged,
        kinds=PROCEDURE,
        options=("strict_mode",),
        severity=Severity.SAFE,
        means=Means.RECREATE,
        says=(
            "strict_mode: {change.after}; it decides whether BigQuery checks the names in the body "
            f"when it is created; {_AGAIN}"
        ),
        source=sources.AUTHORIZED_ROUTINES,
    ),
)
