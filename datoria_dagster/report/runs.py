"""What would run, what ran: rows for every format."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from datoria_dagster.report.words import count
from datoria_dagster.run.execute import Done
from datoria_dagster.run.executions import Execution

Rows = tuple[Sequence[str], Sequence[Sequence[Any]]]


def planned(executions: Sequence[Execution]) -> Rows:
    """Return a row per job and reason, with the first and the last partition."""
    rows: list[Sequence[Any]] = []
    for (job, reason), group in groupby(executions, key=lambda e: (e.job.name, e.reason)):
        found = tuple(group)
        rows.append((job, len(found), _range(found), reason))
    return ("job", "executions", "partitions", "because"), rows


def ran(results: Sequence[Done]) -> Rows:
    """Return a row per job: how many executions, which partitions, how many rows."""
    rows: list[Sequence[Any]] = []
    for job, group in groupby(results, key=lambda done: done.execution.job.name):
        found = tuple(group)
        failed = sum(done.status != "done" for done in found)
        status = f"{failed} not done" if failed else "done"
        rows.append(
            (
                job,
                len(found),
                _range([d.execution for d in found]),
                sum(d.rows for d in found),
                status,
            )
        )
    return ("job", "executions", "partitions", "rows", "status"), rows


def headline(executions: Sequence[Execution]) -> str:
    """Return how much there is to run, as a sentence."""
    if not executions:
        return "Nothing to run: every partition is up to date."
    return f"{count(len(executions), 'execution')} to run."


def _range(executions: Sequence[Execution]) -> str:
    names = [execution.partition_id for execution in executions]
    if len(names) == 1:
        return names[0]
    return f"{names[0]} … {names[-1]}"
