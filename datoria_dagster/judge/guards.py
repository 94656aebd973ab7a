"""Rules for what blocks a change: row access policies, and rows in a streaming buffer.

They ask what the change would be without that, so they come before all others.
"""

from collections.abc import Callable

from datoria_dagster.diff import change as c
from datoria_dagster.judge import fields, keys, kinds, options, sources, tables, types
from datoria_dagster.judge.rule import Consumer, Means, Rule, Severity, first

BOTH = (Consumer.READERS, Consumer.WRITERS)
_TABLE = ("table",)
_OTHERS = (
    *kinds.RULES,
    *tables.RULES,
    *options.TABLE_RULES,
    *keys.RULES,
    *fields.RULES,
    *types.RULES,
    *options.COLUMN_RULES,
)
_REBUILT = (
    c.FieldRemoved,
    c.FieldRenamed,
    c.FieldTypeChanged,
    c.FieldModeChanged,
    c.OptionChanged,
    c.PartitioningChanged,
)
_Test = Callable[[c.BaseChange, Rule], bool]


def _blocked(guard: c.Guard, severity: Severity, blocks: _Test) -> Callable[[c.BaseChange], bool]:
    """Return the test whether the guard blocks a change that otherwise had this severity."""

    def test(change: c.BaseChange) -> bool:
        if guard not in change.guards:
            return False
        rule = first(_OTHERS, change)
        return rule is not None and rule.severity is severity and blocks(change, rule)

    return test


def _by_policies(change: c.BaseChange, rule: Rule) -> bool:
    # A copy would not have the policies, and its readers would see every row.
    return rule.means is Means.REBUILD or isinstance(change, c.FieldRemoved | c.FieldRenamed)


def _by_stream(change: c.BaseChange, rule: Rule) -> bool:
    if isinstance(change, c.ObjectKindChanged):
        return change.before.kind == "table" and rule.means is Means.RECREATE
    return rule.means is Means.REBUILD or isinstance(
        change, c.ObjectRemoved | c.ObjectRenamed | c.FieldTypeChanged
    )


RULES = (
    Rule(
        id="ROW_POLICIES_KEEP_THE_COLUMN",
        on=_REBUILT,
        kinds=_TABLE,
        where=_blocked("ROW_ACCESS_POLICIES", Severity.DESTRUCTIVE, _by_policies),
        severity=Severity.DESTRUCTIVE,
        means=Means.IMPOSSIBLE,
        says="loses values, which BigQuery refuses on a table that has row access policies",
        instead=(
            "drop the policies, migrate, and create them again; without any, every reader of the "
            "table sees all rows, so take the grants away meanwhile"
        ),
        hurts=(*BOTH, Consumer.GOVERNANCE),
        source=sources.ROW_POLICIES,
        unverified=(
            "One page refuses it on every such table "
            f"({sources.DROP_COLUMN}), another only where a policy names the column."
        ),
    ),
    Rule(
        id="ROW_POLICIES_KEEP_THE_TABLE",
        on=_REBUILT,
        kinds=_TABLE,
        where=_blocked("ROW_ACCESS_POLICIES", Severity.INCOMPATIBLE, _by_policies),
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says=(
            "can't be changed while the table has row access policies: BigQuery refuses it, or a "
            "copy of the table would lose them and show every row"
        ),
        instead=(
            "drop the policies, migrate, and create them again; without any, every reader of the "
            "table sees all rows, so take the grants away meanwhile"
        ),
        hurts=(*BOTH, Consumer.GOVERNANCE),
        source=sources.ROW_POLICIES,
        unverified=(
            "One page refuses a rename on every such table "
            f"({sources.RENAME_COLUMN}), another only where a policy names the column."
        ),
    ),
    Rule(
        id="STREAMED_ROWS_ARE_NOT_LOST",
        on=(*_REBUILT, c.ObjectRemoved, c.ObjectKindChanged),
        where=_blocked("STREAMING_BUFFER", Severity.DESTRUCTIVE, _by_stream),
        severity=Severity.DESTRUCTIVE,
        means=Means.IMPOSSIBLE,
        says=(
            "can't be done while rows are streamed in: those in the streaming buffer are in no "
            "snapshot and in no copy, and would be lost"
        ),
        instead="stop the writers, and migrate when the buffer is empty, usually after 90 minutes",
        hurts=BOTH,
        source=sources.STREAMING,
    ),
    Rule(
        id="STREAMED_ROWS_ARE_NOT_LEFT_OUT",
        on=(*_REBUILT, c.ObjectRenamed),
        where=_blocked("STREAMING_BUFFER", Severity.INCOMPATIBLE, _by_stream),
        severity=Severity.INCOMPATIBLE,
        means=Means.IMPOSSIBLE,
        says=(
            "can't be done while rows are streamed in: BigQuery refuses it, or a copy would lack "
            "the rows in the streaming buffer"
        ),
        instead="stop the writers, and migrate when the buffer is empty, usually after 90 minutes",
        hurts=BOTH,
        source=sources.STREAMING,
    ),
    Rule(
        id="STREAMED_ROWS_HOLD_THE_TYPE",
        on=c.FieldTypeChanged,
        kinds=_TABLE,
        where=lambda change: any(
            _blocked("STREAMING_BUFFER", severity, _by_stream)(change)
            for severity in (Severity.SAFE, Severity.CAUTION)
        ),
        severity=Severity.CAUTION,
        means=Means.IMPOSSIBLE,
        says="can't be widened to {change.after} while rows are streamed in: BigQuery refuses it",
        instead="stop the writers, and migrate when the buffer is empty, usually after 5 hours",
        source=sources.SET_TYPE,
    ),
)
