"""The rules as a page of documentation. `python -m datoria_dagster.report.rules` prints it."""

import sys
from collections.abc import Iterator

from datoria_dagster.judge import scope
from datoria_dagster.judge.judge import RULES, SECTIONS
from datoria_dagster.judge.rule import Rule
from datoria_dagster.report.markdown import table

_HEAD = """\
# Rules

A rule is a promise about one kind of change. The first rule of a kind whose condition holds is the
one that counts; a change on which no rule speaks is never applied. Severity says whom a change
hurts, means how it would be carried out. `safe` and `caution` are backwards compatible. Force
admits `incompatible` and `destructive`; nothing admits what is `impossible`.

None of them was run against a live project: each rests on the page that it names.
"""
_COLUMNS = ("rule", "change", "severity", "means", "hurts", "says", "instead", "source")
_OUT_OF_SCOPE = (
    ("No change at all", scope.NO_CHANGE),
    ("Not declared, so left alone", scope.NOT_DECLARED),
    ("Left to the server", scope.LEFT_TO_THE_SERVER),
)


def render() -> str:
    """Return the page: a row per rule, in the order in which they are asked."""
    return "\n".join((_HEAD, *_sections(), *_unverified(), *_out_of_scope()))


def _sections() -> Iterator[str]:
    for heading, rules in SECTIONS:
        yield f"## {heading}\n\n{table(_COLUMNS, [_row(rule) for rule in rules])}\n"


def _unverified() -> Iterator[str]:
    yield "## Unverified\n\nWhat the page that a rule names does not settle.\n"
    rows = [(f"`{rule.id}`", rule.unverified) for rule in RULES if rule.unverified]
    yield f"{table(('rule', 'what is open'), rows)}\n"


def _out_of_scope() -> Iterator[str]:
    yield "## Out of scope\n\nWhat BigQuery knows and no rule speaks on, with the reason.\n"
    for heading, rows in _OUT_OF_SCOPE:
        yield f"### {heading}\n\n{table(('what', 'why'), rows)}\n"


def _row(rule: Rule) -> tuple[str, ...]:
    return (
        f"`{rule.id}`",
        _change(rule),
        rule.severity,
        rule.means,
        ", ".join(rule.hurts),
        _words(rule.says),
        _words(rule.instead),
        f"[page]({rule.source})",
    )


def _change(rule: Rule) -> str:
    facts = [f"{option}_changed" for option in rule.options]
    changes = ", ".join(facts or [change.kind for change in rule.types])
    of = ", ".join(rule.kinds)
    return f"{changes} ({of})" if len(rule.kinds) > 1 else changes


def _words(text: str) -> str:
    return text.replace("{change.", "`{").replace("}", "}`").replace("!r}", "}")


if __name__ == "__main__":
    sys.stdout.write(render())
