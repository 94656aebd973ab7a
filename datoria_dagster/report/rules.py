"""The rules as a page of documentation. `python -m datoria_dagster.report.rules` prints it."""

import sys

from datoria_dagster.judge.judge import RULES
from datoria_dagster.judge.rule import Rule
from datoria_dagster.report.markdown import table

_HEAD = """\
# Rules

A rule is a promise about one kind of change. The first rule of a kind whose condition holds is the
one that counts; a change on which no rule speaks is never applied. Severity says whom a change
hurts, means how it would be carried out.

None of them was run against a live project: each rests on the page that it names.
"""


def render() -> str:
    """Return the page: a row per rule, in the order in which they are asked."""
    columns = ("rule", "change", "severity", "means", "hurts", "says", "instead", "source")
    return f"{_HEAD}\n{table(columns, [_row(rule) for rule in RULES])}\n"


def _row(rule: Rule) -> tuple[str, ...]:
    return (
        f"`{rule.id}`",
        rule.on.kind,
        rule.severity,
        rule.means,
        ", ".join(rule.hurts),
        _words(rule.says),
        _words(rule.instead),
        f"[page]({rule.source})",
    )


def _words(text: str) -> str:
    return text.replace("{change.", "`{").replace("}", "}`").replace("!r}", "}")


if __name__ == "__main__":
    sys.stdout.write(render())
