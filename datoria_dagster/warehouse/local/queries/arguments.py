"""Which names in a routine's body are its arguments, and values in their place.

A name that a table of the body has as a column is that column, and hides the argument:
https://github.com/google/zetasql/blob/master/docs/user-defined-functions.md
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from sqlglot import exp

_MARK = "argument"
# The columns of a table in a FROM clause, in lower case; none where they aren't known.
Columns = Callable[[exp.Table], Collection[str]]


def mark(body: exp.Expr, names: Collection[str], columns: Columns) -> None:
    """Mark the arguments in a body, before views and functions are put into it."""
    for column in body.find_all(exp.Column):
        name = column.parts[0].name.lower()
        if name in names and not _is_hidden(column, name, columns):
            column.meta[_MARK] = name


def substituted(body: exp.Expr, values: Mapping[str, exp.Expr]) -> exp.Expr:
    """Return the body with its marked arguments replaced by values."""

    def replace(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or _MARK not in node.meta:
            return node
        value = values.get(node.meta[_MARK])
        if value is None:
            return node
        result: exp.Expr = value.copy()
        for part in node.parts[1:]:
            result = exp.Dot(this=exp.Paren(this=result), expression=part.copy())
        return result

    return body.transform(replace)


def _is_hidden(column: exp.Column, name: str, columns: Columns) -> bool:
    select = column.find_ancestor(exp.Select)
    while select is not None:
        for source in _sources(select):
            if source.alias_or_name.lower() == name or name in _outputs(source, columns):
                return True
        select = select.find_ancestor(exp.Select)
    return False


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    clause = select.args.get("from_")
    if clause is not None:
        yield clause.this
    for join in select.args.get("joins") or ():
        yield join.this


def _outputs(source: exp.Expr, columns: Columns) -> Collection[str]:
    alias = source.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        return [column.name.lower() for column in alias.columns]
    if isinstance(source, exp.Table):
        query = _cte(source)
        return columns(source) if query is None else _selected(query, columns)
    return _selected(source.this, columns) if isinstance(source, exp.Subquery) else ()


def _selected(query: exp.Expr, columns: Columns) -> Collection[str]:
    while not isinstance(query, exp.Select):
        if not isinstance(query.this, exp.Expr):
            return ()
        query = query.this
    found = [name.lower() for name in query.named_selects]
    if query.is_star:
        for source in _sources(query):
            found.extend(_outputs(source, columns))
    return found


def _cte(table: exp.Table) -> exp.Expr | None:
    """Return the query of the common table expression that a table is, if it is one."""
    if len(table.parts) > 1:
        return None
    scope: exp.Expr | None = table.parent
    while scope is not None:
        clause = scope.args.get("with_")
        for cte in clause.expressions if clause else ():
            # One that reads itself has the columns of its first part.
            if cte.alias.lower() == table.name.lower() and table.find_ancestor(exp.CTE) is not cte:
                return cte.this
        scope = scope.parent
    return None
