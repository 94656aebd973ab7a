"""What a query reads: one walk over its tree, names resolved on the way. Imports sqlglot."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from datoria_dagster.model.ident import RESERVED_PREFIXES
from datoria_dagster.model.types import Field
from datoria_dagster.sql.lineage import Place, Reads
from datoria_dagster.sql.parse import DATE_PARTS
from datoria_dagster.sql.references import identify
from datoria_dagster.sql.scope import Scope, Source
from datoria_dagster.sql.sources import Sources
from datoria_dagster.sql.values import (
    ARGUMENT,
    COMPUTED,
    MISSING,
    Columns,
    Computed,
    Found,
    Row,
    Value,
)

Schemas = Mapping[str, tuple[Field, ...]]
_OPEN = Row((), is_open=True)
# The clauses that see the names of outputs.
_LATE = frozenset({"group", "having", "qualify", "order"})
_APART = frozenset({"expressions", "from_", "joins", "with_"})


class Walk(Sources):
    """The walk over one text. What it finds is in `found`.

    `unknown`: columns whose name nothing has, with the names that are visible there. `given`:
    columns that are arguments of the routine.
    """

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self.found = Found()
        self.unknown: list[tuple[exp.Column, set[str]]] = []
        self.given: list[exp.Column] = []

    def query(self, node: exp.Expr, around: Scope) -> Row:
        """Return the rows of a query, and note what it reads whatever becomes of its rows."""
        frame = self._with(node, around)
        match node:
            case exp.Select():
                return self._select(node, frame)
            case exp.SetOperation():
                return self._set_operation(node, frame)
            case exp.Subquery():
                rows = self.query(node.this, frame)
                self._modifiers(node, rows, frame)
                return rows
            case _:
                self.inside(node, frame)
                return _OPEN

    def use(self, node: exp.Expr, scope: Scope) -> None:
        """Note what an expression computes with."""
        value = self.path(node, scope)
        if value is not None:
            self.found.use(value)
        elif isinstance(node, exp.Query):
            rows = self.query(node, scope)
            if not isinstance(node.parent, exp.Exists):
                self.found.use(rows)
        elif isinstance(node, exp.Table):
            self.use_table(node, scope)
        else:
            self.inside(node, scope)

    def inside(self, node: exp.Expr, scope: Scope) -> None:
        """Note what the parts of an expression compute with."""
        for child in node.iter_expressions():
            self.use(child, scope)

    def computed(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what an expression gives that is more than a path, and note what it uses."""
        self.use(node, scope)
        return COMPUTED

    def union(self, first: Row, second: Row) -> Row:  # noqa: ARG002
        """Return the rows of a set operation on such rows, matched by position."""
        return _computed(first)

    def path(self, node: exp.Expr, scope: Scope) -> Value | None:
        """Return what a column, or a path of fields and elements, gives; None for the rest.

        A name that is not known gives something computed.
        """
        match node:
            case exp.Column() if not isinstance(node.this, exp.Star):
                return self._column(node, scope)
            case exp.Dot() if isinstance(node.expression, exp.Identifier):
                owner = self.path(node.this, scope)
                return owner and (owner.field(node.name.lower()) or COMPUTED)
            case exp.Bracket():
                array = self.path(node.this, scope)
                if array is not None:
                    for index in node.expressions:
                        self.use(index, scope)
                return array and array.element()
            case exp.Paren():
                return self.path(node.this, scope)
            case _:
                return None

    def _column(self, column: exp.Column, scope: Scope) -> Value:
        value = scope.find([part.name.lower() for part in column.parts])
        if value is ARGUMENT:
            self.given.append(column)
        if value in (MISSING, None) and not _is_special(column):
            known = scope.known()
            if known is not None or value is MISSING:
                self.unknown.append((column, known or set()))
        return value or COMPUTED

    def _with(self, node: exp.Expr, around: Scope) -> Scope:
        block = node.args.get("with_")
        if block is None:
            return around
        for cte in block.expressions:
            name = cte.alias.lower()
            if block.recursive and isinstance(cte.this, exp.SetOperation):
                first = self.query(cte.this.this, around)
                around = around.with_ctes({name: _renamed(_computed(first), cte)})
            around = around.with_ctes({name: _renamed(self.query(cte.this, around), cte)})
        return around

    def _set_operation(self, node: exp.SetOperation, frame: Scope) -> Row:
        # Rows are matched by position and compared whole, so every column counts.
        first, second = (self.query(side, frame) for side in (node.this, node.expression))
        self.found.use(first)
        self.found.use(second)
        if node.args.get("by_name") or len(first.columns) != len(second.columns):
            rows = Row(_computed(first).columns, is_open=True)
        else:
            rows = self.union(first, second)
        self._modifiers(node, rows, frame)
        return rows

    def _modifiers(self, node: exp.Expr, rows: Row, frame: Scope) -> None:
        scope = frame.inner()
        scope.sources.append(Source.of("", rows))
        for key in ("order", "limit", "offset"):
            clause = node.args.get(key)
            if clause is not None:
                self.use(clause, scope)
                self._use_ordinals(clause, rows.columns)

    def _select(self, node: exp.Select, frame: Scope) -> Row:
        scope = frame.inner()
        start = node.args.get("from_")
        if start is not None:
            self.add(start.this, scope)
        for join in node.args.get("joins") or ():
            self.join(join, scope)
        outputs = [output for item in node.expressions for output in self._outputs(item, scope)]
        columns = tuple((name, value) for name, value in outputs if value is not _REST)
        rows = Row(columns, is_open=len(columns) < len(outputs))
        self._clauses(node, rows, scope)
        if node.args.get("kind") == "VALUE":
            return self._only_value(rows)
        return rows

    def _clauses(self, node: exp.Select, rows: Row, scope: Scope) -> None:
        late = scope.with_aliases({name: value for name, value in rows.columns if name})
        for key, clause in node.args.items():
            if key in _APART:
                continue
            for part in clause if isinstance(clause, list) else (clause,):
                if isinstance(part, exp.Expr):
                    self.use(part, late if key in _LATE else scope)
        group = node.args.get("group")
        for clause in (group, node.args.get("order")):
            if clause is not None:
                self._use_ordinals(clause, rows.columns)
        if node.args.get("distinct") or (group is not None and group.args.get("all")):
            self.found.use(rows)

    def _use_ordinals(self, clause: exp.Expr, columns: Columns) -> None:
        """Note the outputs that ORDER BY 1 or GROUP BY 1 compute with."""
        for item in clause.expressions:
            number = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(number, exp.Literal) and number.is_int:
                for _, value in columns[int(number.name) - 1 : int(number.name)]:
                    self.found.use(value)

    def _only_value(self, rows: Row) -> Row:
        for _, value in rows.columns:
            inside = value.fields()
            if inside is not None:
                return Row(inside)
            self.found.use(value)
        return _OPEN

    def _outputs(self, item: exp.Expr, scope: Scope) -> Columns:
        match item:
            case exp.Star():
                return self._star(item, scope.star(), scope)
            case exp.Column() if isinstance(item.this, exp.Star):
                owner = scope.find([part.name.lower() for part in item.parts[:-1]])
                return self._fields(item.this, owner, scope)
            case exp.Dot() if isinstance(item.expression, exp.Star):
                owner = self.path(item.this, scope)
                if owner is None:
                    self.use(item.this, scope)
                return self._fields(item.expression, owner, scope)
            case _:
                return (self._output(item, scope),)

    def _output(self, item: exp.Expr, scope: Scope) -> tuple[str, Value]:
        written = item.this if isinstance(item, exp.Alias) else item
        value = self.path(written, scope)
        if value is None:
            return item.alias.lower(), self.computed(written, scope)
        self.found.name(value)
        named = isinstance(item, exp.Alias | exp.Column | exp.Dot)
        return item.alias_or_name.lower() if named else "", value

    def _fields(self, star: exp.Expr, owner: Value | None, scope: Scope) -> Columns:
        """Return what `owner.*` gives: the columns of a row, or the fields of a struct."""
        if owner is None:
            return self._star(star, _OPEN, scope)
        self.found.open(owner)
        inside = owner.fields()
        row = _OPEN if inside is None else Row(inside, getattr(owner, "is_open", False))
        return self._star(star, row, scope)

    def _star(self, star: exp.Expr, row: Row, scope: Scope) -> Columns:
        """Return the columns of a row without EXCEPT and with REPLACE: both must exist."""
        left_out = {column.name.lower() for column in star.args.get("except_") or ()}
        replaced = {item.alias.lower(): item for item in star.args.get("replace") or ()}
        renamed = {item.name.lower(): item.alias.lower() for item in star.args.get("rename") or ()}
        new = {name: self.computed(item.this, scope) for name, item in replaced.items()}
        for name, value in row.columns:
            if name in left_out or name in replaced or name in renamed:
                self.found.name(value)
        kept = tuple(
            (renamed.get(name, name), new.get(name, value))
            for name, value in row.columns
            if name not in left_out
        )
        return (*kept, ("", _REST)) if row.is_open else kept


def _is_special(column: exp.Column) -> bool:
    """Tell whether it is a pseudo-column, or a part of a date that looks like a column."""
    return is_date_part(column) or column.name.upper().startswith(RESERVED_PREFIXES)


def is_date_part(column: exp.Column) -> bool:
    """Tell whether it may be a part of a date, as in DATE_TRUNC(d, MONTH)."""
    is_argument = isinstance(column.parent, exp.Func)
    return is_argument and DATE_PARTS.fullmatch(column.name) is not None


# Stands for the columns of a star that are not known.
_REST = Computed()


def exact(
    tree: exp.Expr,
    schemas: Schemas,
    arguments: Iterable[str] = (),
    outputs: tuple[Field, ...] | None = None,
) -> Reads:
    """Return what a query or an expression reads; see `lineage.reads`. Raises RecursionError."""
    walk = Walk(schemas)
    if isinstance(tree, exp.Query):
        for name, value in walk.query(tree, outermost(arguments)).columns:
            _show(walk.found, name, value, outputs)
    else:
        walk.use(tree, outermost(arguments))
    found = walk.found
    return Reads(
        named=frozenset(found.named),
        opened=frozenset(found.opened),
        used=frozenset(found.used),
        passed=frozenset(found.passed),
    )


def outermost(arguments: Iterable[str]) -> Scope:
    """Return what the body of a routine sees: its arguments."""
    given = tuple((name.lower(), ARGUMENT) for name in arguments)
    return Scope(sources=[Source("", given, COMPUTED)])


def of_statement(tree: exp.Expr, schemas: Schemas) -> Reads | None:
    """Return what INSERT and CREATE … AS read, and fill; None for other statements."""
    if not isinstance(tree, exp.Insert | exp.Create) or not isinstance(tree.expression, exp.Query):
        return None
    read = exact(tree.expression, schemas)
    used = read.used.union(place for place, _ in read.passed)
    if isinstance(tree, exp.Insert):
        used |= _filled(tree.this, schemas)
    return replace(read, used=used, passed=frozenset())


def _filled(target: exp.Expr, schemas: Schemas) -> frozenset[Place]:
    table = target.this if isinstance(target, exp.Schema) else target
    name = identify(table) if isinstance(table, exp.Table) else ""
    named = [column.name.lower() for column in target.expressions]
    fields = schemas.get(name, ())
    return frozenset((name, column) for column in named or [f.name.lower() for f in fields])


def _show(found: Found, output: str, value: Value, promised: tuple[Field, ...] | None) -> None:
    """Note what an output shows: all of it, or what is promised of it."""
    if promised is None:
        found.show(value, output)
        return
    name = output.rpartition(".")[2]
    field = next((field for field in promised if field.name.lower() == name), None)
    if field is None:
        return
    inside = (value.element() if field.repeated else value).fields()
    if field.type.name != "STRUCT" or inside is None:
        found.show(value, output)
        return
    for inner, of_inner in inside:
        _show(found, f"{output}.{inner}", of_inner, field.type.fields)


def _computed(rows: Row) -> Row:
    return Row(tuple((name, COMPUTED) for name, _ in rows.columns), rows.is_open)


def _renamed(rows: Row, cte: Any) -> Row:
    names = [name.lower() for name in cte.alias_column_names]
    renamed = tuple(
        (names[number] if number < len(names) else name, value)
        for number, (name, value) in enumerate(rows.columns)
    )
    return Row(renamed, rows.is_open)
