"""Text for a terminal: a tree of objects and what changes in them."""

import json
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

from datoria_dagster.judge.verdict import Finding
from datoria_dagster.plan.document import Plan
from datoria_dagster.report.words import advice, comparison, headline, notes, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType
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


def render_changes(plan: Plan, *, color: bool = False, width: int = _UNLIMITED) -> str:
    """Return the tree of the changes, nothing else."""
    return draw(*_trees(plan), color=color, width=width)


def render_comparison(plan: Plan, *, color: bool = False, width: int = _UNLIMITED) -> str:
    """Return what a comparison of files found: the verdict and a tree of the changes."""
    blocks = [comparison(plan)]
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
    from rich.tree import Tree

    trees: list[Tree] = []
    for dataset, found in groupby(plan.findings, key=_dataset):
        tree = Tree(dataset, guide_style="dim")
        for _, group in groupby(found, key=lambda finding: finding.object):
            _add_object(tree, tuple(group))
        trees.append(tree)
    return trees


def _dataset(finding: Finding) -> str:
    is_dataset = finding.object_kind == "dataset"
    return finding.object if is_dataset else finding.object.rpartition(".")[0]


def _add_object(tree: "Tree", findings: tuple[Finding, ...]) -> None:
    first = findings[0]
    name = first.object.rpartition(".")[2]
    if len(findings) == 1 and not first.path:
        branch = tree.add(_line(first, f"{name} ({first.object_kind.replace('_', ' ')})", 0))
        _add_details(branch, first)
        return
    branch = tree.add(f"{name} ({first.object_kind.replace('_', ' ')})")
    width = max(len(_label(finding)) for finding in findings)
    for finding in findings:
        _add_details(branch.add(_line(finding, _label(finding), width)), finding)


def _label(finding: Finding) -> str:
    return finding.path or finding.kind.replace("_changed", "").replace("_", " ")


def _line(finding: Finding, label: str, width: int) -> "Text":
    from rich.text import Text

    mark = symbol(finding.kind)
    line = Text.assemble((mark, _COLORS[mark]), " ", (label.ljust(width), "bold"), "  ")
    line.append(finding.says)
    if finding.severity != "safe":
        line.append(f"  {finding.severity}", _COLORS[finding.severity])
    if not finding.severity.is_compatible and finding.admitted:
        line.append(" (forced)", "dim")
    return line


def _add_details(branch: "Tree", finding: Finding) -> None:
    from rich.text import Text

    if finding.severity.is_compatible and finding.means != "impossible":
        return
    why = f"{finding.rule}  {finding.source}".rstrip()
    details = {"breaks": ", ".join(finding.breaks), "instead": finding.instead, "rule": why}
    for word, value in details.items():
        if value:
            branch.add(Text.assemble((word.ljust(9), "dim"), value))
