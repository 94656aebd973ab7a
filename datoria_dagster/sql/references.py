"""What a SQL text names: relations in FROM and JOIN, and qualified routines."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from datoria_dagster.sql.parse import parse_any

if TYPE_CHECKING:
    from sqlglot import exp

_QUALIFIED = 3
_SAFE = "SAFE."


def references(text: str) -> tuple[str, ...]:
    """Return the relations that a query or an expression reads, `project.dataset.name`, sorted.

    Names of common table expressions, arrays and table functions are not among them, nor are
    INFORMATION_SCHEMA views and names without a project. Raises SqlError.
    """
    return _names(text)[0]


def routines(text: str) -> tuple[str, ...]:
    """Return the routines called by a qualified name, `project.dataset.name`, sorted.

    Table functions are among them. Raises SqlError.
    """
    return _names(text)[1]


def places(tree: "exp.Expr") -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return the same relations of a tree, with their spans in its text."""
    return tuple(
        (identify(table), span(table))
        for table in tables(tree)
        if len(table.parts) >= _QUALIFIED and not is_system(table)
    )


def incomplete(tree: "exp.Expr") -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return the names in FROM and JOIN that lack a project or dataset, with their spans."""
    return tuple(
        (identify(table), span(table)) for table in tables(tree) if len(table.parts) < _QUALIFIED
    )


@lru_cache(maxsize=8192)
def _names(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    tree = parse_any(text)
    read = {
        identify(table)
        for table in tables(tree)
        if len(table.parts) >= _QUALIFIED and not is_system(table)
    }
    return tuple(sorted(read)), tuple(sorted({name for name, _ in calls(tree)}))


def tables(tree: "exp.Expr") -> "Iterator[exp.Table]":
    """Yield the nodes that name a stored relation."""
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not (
            is_model(table) or is_array(table) or is_cte(table)
        ):
            yield table


def identify(table: "exp.Table") -> str:
    """Return the dotted name, without a partition decorator (`$20130131`)."""
    return ".".join(part.name for part in table.parts).partition("$")[0]


def span(table: "exp.Table") -> tuple[int, int]:
    """Return where a name stands in its text: start and end offsets."""
    places = [part.meta for part in table.parts if "start" in part.meta]
    if not places:
        return (0, 0)
    return (min(place["start"] for place in places), max(place["end"] for place in places) + 1)


def is_system(table: "exp.Table") -> bool:
    """Tell whether it is a view of INFORMATION_SCHEMA or a system table."""
    return table.name.upper().startswith("INFORMATION_SCHEMA.") or any(
        part.name.upper() == "INFORMATION_SCHEMA" for part in table.parts
    )


def is_model(table: "exp.Table") -> bool:
    """Tell whether it stands after MODEL, as in `ML.PREDICT(MODEL m, TABLE t)`."""
    from sqlglot import exp

    return isinstance(table.parent, exp.Func) and table.arg_key == "this"


def is_array(table: "exp.Table") -> bool:
    """Tell whether a dotted name is a path into a row: `FROM p.d.t AS t, t.items`."""
    if not table.args.get("db"):
        return False
    first = table.parts[0].name.lower()
    return any(first in _aliases(select, table) for select in _selects_around(table))


def is_cte(table: "exp.Table") -> bool:
    """Tell whether a bare name is a common table expression that is visible there."""
    if table.args.get("db"):
        return False
    return table.name.lower() in visible_ctes(table)


def visible_ctes(node: "exp.Expr") -> set[str]:
    """Return the names of the common table expressions that a node sees, lower-cased."""
    from sqlglot import exp

    names: set[str] = set()
    child = node
    while (parent := child.parent) is not None:
        if isinstance(parent, exp.With):
            earlier = parent.expressions if parent.recursive else parent.expressions[: child.index]
            names |= {cte.alias.lower() for cte in earlier}
        elif (block := parent.args.get("with_")) is not None and child is not block:
            names |= {cte.alias.lower() for cte in block.expressions}
        child = parent
    return names


def _selects_around(node: "exp.Expr") -> "Iterator[exp.Select]":
    from sqlglot import exp

    select = node.find_ancestor(exp.Select)
    while select is not None:
        yield select
        select = select.find_ancestor(exp.Select)


def _aliases(select: "exp.Select", except_for: "exp.Table") -> set[str]:
    start = select.args.get("from_")
    items = [start, *select.args.get("joins", [])] if start is not None else []
    return {item.this.alias_or_name.lower() for item in items if item.this is not except_for} - {""}


def called(function: "exp.Expr") -> str:
    """Return the dotted name by which a function is called, without a SAFE before it."""
    name = ".".join((*_path(function), function.meta.get("name") or function.name))
    return name[len(_SAFE) :] if name.upper().startswith(_SAFE) else name


def calls(tree: "exp.Expr") -> "Iterator[tuple[str, exp.Func]]":
    """Yield the calls of routines by a qualified name, with the names."""
    from sqlglot import exp

    for function in tree.find_all(exp.Func):
        name = called(function)
        if name.count(".") >= _QUALIFIED - 1:
            yield name, function


def call_span(function: "exp.Func") -> tuple[int, int]:
    """Return where the last part of a called name stands in its text."""
    meta = function.meta
    return (meta.get("start", 0), meta.get("end", 0) + 1)


def _path(function: "exp.Expr") -> tuple[str, ...]:
    from sqlglot import exp

    match function.parent:
        case exp.Table() as table if function.arg_key == "this":
            return tuple(part.name for part in table.parts[:-1])
        case exp.Dot() as dot if function.arg_key == "expression":
            return tuple(part.name for part in dot.left.find_all(exp.Identifier, bfs=False))
        case _:
            return ()
