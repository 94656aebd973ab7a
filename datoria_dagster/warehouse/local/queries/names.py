"""Names in a tree of GoogleSQL: aliases, arrays of a sibling, persistent functions."""

from sqlglot import exp


def take_place(table: exp.Table, replacement: exp.Expr, name: str) -> None:
    """Put a subquery or physical table where a table stands, under the name it is known by."""
    alias = table.args.get("alias")
    if alias is None:
        alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    replacement.set("alias", alias)
    for key in ("joins", "laterals", "pivots", "sample"):
        if table.args.get(key):
            replacement.set(key, table.args[key])
    table.replace(replacement)


def sibling(table: exp.Table) -> exp.Column | None:
    """Return `alias.column` when a table of the same FROM has the alias that it begins with."""
    parts = table.parts
    select = table.find_ancestor(exp.Select)
    if len(parts) < 2 or select is None:  # noqa: PLR2004
        return None
    clause = select.args.get("from_")
    sources = [clause.this] if clause else []
    sources += [join.this for join in select.args.get("joins") or []]
    names = {source.alias_or_name.lower() for source in sources if source is not table}
    if parts[0].name.lower() not in names:
        return None
    return exp.column(parts[1].name, table=parts[0].name, quoted=True)


def unnest_sibling(table: exp.Table) -> None:
    """Turn `FROM t, t.items AS i` into `FROM t, UNNEST(t.items) AS i`."""
    column = sibling(table)
    assert column is not None  # noqa: S101  # asked for just before
    name = table.alias or column.name
    alias = exp.TableAlias(
        this=exp.to_identifier(f"_of_{name}"), columns=[exp.to_identifier(name, quoted=True)]
    )
    table.replace(exp.Unnest(expressions=[column], alias=alias))


def routine_name(node: exp.Expr) -> str | None:
    """Return the qualified name that a persistent function is called by, or None."""
    if isinstance(node, exp.Anonymous):
        name = node.name
        inside = isinstance(node.parent, exp.Dot) and node.parent.expression is node
        return name if "." in name and not inside else None
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Anonymous):
        return None
    parts = [node.expression.name]
    left = node.this
    while isinstance(left, exp.Dot):
        parts.append(left.expression.name)
        left = left.this
    if not isinstance(left, exp.Identifier | exp.Column):
        return None
    return ".".join([left.name, *reversed(parts)])
