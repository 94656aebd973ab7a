"""Text for a terminal: a tree of objects and what changes in them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.report.words import (
    advice,
    comparison,
    headline,
    heaviest_first,
    label,
    notes,
    symbol,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text
    from rich.tree import Tree

_COLORS = {
    "safe": "green",
    "caution": "yellow",
    "incompatible": "red",
    "destructive": "bold red",
    "+": "green",
    "-": "red",
    "~": "yellow",
}
_UNLIMITED = 10_000
# How many characters a line must have left for sentences to hang beside what they are about.
_ROOM = 36


def render_changes(plan: Plan, *, color: bool = False, width: int = _UNLIMITED) -> str:
    """Return the tree of the changes, nothing else."""
    return draw(*_trees(plan), color=color, width=width)


def render_comparison(
    plan: Plan, compared: str, *, color: bool = False, width: int = _UNLIMITED
) -> str:
    """Return what a comparison of files found: the verdict and a tree of the changes."""
    blocks = [comparison(plan, compared)]
    if plan.findings:
        blocks.append(render_changes(plan, color=color, width=width))
    return "\n\n".join(blocks) + "\n"


def render_plan(plan: Plan, *, color: bool = False, width: int = _UNLIMITED) -> str:
    """Return the plan: the verdict, a tree of the changes, and what to do next."""
    blocks = [headline(plan)]
    if plan.findings:
        blocks.append(render_changes(plan, color=color, width=width))
    blocks += ["\n".join(block) for block in (notes(plan), advice(plan)) if block]
    return "\n\n".join(blocks) + "\n"


def draw(*parts: "RenderableType", color: bool, width: int) -> str:
    """Return what rich makes of the parts, without spaces at the ends of lines."""
    from rich.console import Console

    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, color: bool, width: int = _UNLIMITED
) -> str:
    """Return rows under headings, numbers to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        grid.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    return draw(grid, color=color, width=width)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | str():
            return str(value)
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value.normalize():f}"
        case bytes():
            return value.hex()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=_cell)
        case _:
            return str(value)


def _trees(plan: Plan) -> "list[Tree]":
    """Return a tree per dataset. What is most important to read stands first, at every level."""
    from rich.tree import Tree

    trees: list[Tree] = []
    for dataset, found in _grouped(heaviest_first(plan.findings), _dataset).items():
        tree = Tree(dataset, guide_style="dim")
        objects = _grouped(found, lambda finding: finding.object).values()
        alone = [group[0] for group in objects if _is_alone(group)]
        columns = _Columns.of(alone, titled)
        for group in objects:
            if _is_alone(group):
                _add_details(tree.add(columns.line(group[0])), group[0])
            else:
                _add_object(tree, group)
        trees.append(tree)
    return trees


def _grouped(
    findings: Sequence[Finding], key: Callable[[Finding], str]
) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(key(finding), []).append(finding)
    return groups


def _dataset(finding: Finding) -> str:
    is_dataset = finding.object_kind == "dataset"
    return finding.object if is_dataset else finding.object.rpartition(".")[0]


def _is_alone(group: Sequence[Finding]) -> bool:
    """Whether the object itself is all that there is to name."""
    return len(group) == 1 and not group[0].path


def _add_object(tree: "Tree", findings: Sequence[Finding]) -> None:
    branch = tree.add(titled(findings[0]))
    columns = _Columns.of(findings, label)
    for finding in findings:
        _add_details(branch.add(columns.line(finding)), finding)


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide what stands in front of the sentences of some findings is."""

    name: Callable[[Finding], str]
    names: int
    severities: int

    @staticmethod
    def of(findings: Sequence[Finding], name: Callable[[Finding], str]) -> "_Columns":
        return _Columns(
            name,
            max((len(name(finding)) for finding in findings), default=0),
            max((len(_severity(finding)) for finding in findings), default=0),
        )

    def line(self, finding: Finding) -> "_Hanging":
        from rich.text import Text

        mark = symbol(finding.kind)
        line = Text.assemble((mark, _COLORS[mark]), " ")
        line.append(self.name(finding).ljust(self.names), "bold")
        if self.severities:
            severity = _severity(finding).ljust(self.severities)
            line.append(f"  {severity}", _COLORS[finding.severity])
        return _Hanging(line.append("  "), finding.says if finding.path else self._rest(finding))

    def _rest(self, finding: Finding) -> str:
        """Return the sentence without the option's name, which stands before it already."""
        said, name = finding.says, self.name(finding)
        for spelled in (name, name.replace("_", " ")):
            said = said.removeprefix(f"{spelled}: ").removeprefix(f"{spelled} ")
        return said


@dataclass(frozen=True, slots=True)
class _Hanging:
    """A sentence after its heading; where there is room, its lines stand under each other."""

    head: "Text"
    said: str

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        from rich.table import Table
        from rich.text import Text

        room = options.max_width - self.head.cell_len
        if room < _ROOM or len(self.said) <= room:
            yield Text.assemble(self.head, self.said)
            return
        grid = Table.grid()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(self.head, Text(self.said))
        yield grid


def _severity(finding: Finding) -> str:
    if finding.severity == "safe":
        return ""
    forced = finding.admitted and not finding.severity.is_compatible
    return f"{finding.severity} (forced)" if forced else str(finding.severity)


def _add_details(branch: "Tree", finding: Finding) -> None:
    from rich.text import Text

    if finding.severity.is_compatible and finding.means != "impossible":
        return
    why = f"{finding.rule}  {finding.source}".rstrip()
    details = {"breaks": ", ".join(finding.breaks), "instead": finding.instead, "rule": why}
    for word, value in details.items():
        if value:
            branch.add(_Hanging(Text(word.ljust(9), "dim"), value))
