"""Which expressions are NUMERIC in BigQuery although DuckDB computes them as DOUBLE.

A NUMERIC that is divided or averaged stays one in BigQuery. What is not surely a NUMERIC is left
alone: it is FLOAT64 then, which a destination column of NUMERIC refuses aloud.
"""

from sqlglot import exp

from datoria_dagster.warehouse.port import Body

_MARK = "decimal"
_SAME = (exp.Paren, exp.Neg, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Round, exp.Abs, exp.Coalesce)
_TYPES = (exp.DataType.Type.DECIMAL, exp.DataType.Type.BIGDECIMAL)


def declare(table: exp.Expr, fields: list[Body]) -> None:
    """Remember which columns of a table are decimals."""
    numeric = [f["name"].lower() for f in fields if f["type"] in ("NUMERIC", "BIGNUMERIC")]
    other = {f["name"].lower() for f in fields} - set(numeric)
    table.meta[_MARK] = (frozenset(numeric), frozenset(other))


def mark(tree: exp.Expr) -> None:
    """Mark the expressions of the tree that are decimals; `is_decimal` tells afterwards."""
    numeric: set[str] = set()
    other: set[str] = set()
    for table in tree.find_all(exp.Table, exp.Subquery):
        found = table.meta.get(_MARK, ((), ()))
        numeric.update(found[0])
        other.update(found[1])
    # An alias may hide a column: what it stands for is then not sure.
    other.update(alias.alias.lower() for alias in tree.find_all(exp.Alias))
    names = numeric - other
    for node in reversed(list(tree.bfs())):
        if _is_one(node, names):
            node.meta[_MARK] = True


def is_decimal(node: exp.Expr) -> bool:
    """Whether the expression is surely a NUMERIC or BIGNUMERIC. Call `mark` before."""
    return node.meta.get(_MARK) is True


def _is_one(node: exp.Expr, names: set[str]) -> bool:
    if isinstance(node, exp.Column):
        return node.name.lower() in names and len(node.parts) <= 2  # noqa: PLR2004
    if isinstance(node, exp.Cast):
        return node.to.this in _TYPES
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        sides = (node.this, node.expression)
        return any(map(is_decimal, sides)) and all(is_decimal(s) or _is_integer(s) for s in sides)
    return isinstance(node, _SAME) and is_decimal(node.this)


def _is_integer(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()
