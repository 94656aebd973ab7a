"""What a resolved query reads, followed from its result inwards. Imports sqlglot."""

from collections import defaultdict
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from datoria_dagster.sql.qualified import Resolved, Schemas, is_written
from datoria_dagster.sql.references import identify, tables

# A column and the struct fields read of it, lower-cased; () is every column.
Path = tuple[str, ...]
Paths = set[Path]
EVERYTHING: Path = ()


def exact(resolved: Resolved) -> frozenset[tuple[str, str]]:
    """Return the relations and columns that a resolved query reads."""
    return _Reads(resolved).collect()


def rough(tree: exp.Query, schemas: Schemas) -> frozenset[tuple[str, str]]:
    """Return every column whose name stands in the text; all of them when a star or row does."""
    words = {name.name.lower() for name in tree.find_all(exp.Identifier)}
    rows = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
    whole = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)) or any(
        column.name.lower() in rows for column in tree.find_all(exp.Column)
    )
    return frozenset(
        (name, field.name.lower())
        for name in {identify(table) for table in tables(tree)} & schemas.keys()
        for field in schemas[name]
        if whole or field.name.lower() in words
    )


class _Reads:
    """One walk over the scopes, outer ones first, that carries what is wanted of each."""

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._wanted: defaultdict[int, Paths] = defaultdict(set)
        self._elements: defaultdict[int, Paths] = defaultdict(set)
        self._found: set[tuple[str, str]] = set()

    def collect(self) -> frozenset[tuple[str, str]]:
        scopes = self._resolved.scopes
        for scope in scopes:
            self._note_elements(scope)
        self._wanted[id(scopes[-1].expression)].add(EVERYTHING)
        for scope in reversed(scopes):
            self._follow(scope)
        return frozenset(self._found)

    def _note_elements(self, scope: Scope) -> None:
        """Note which fields of an unnested array's elements are read."""
        for column in _columns(scope):
            source = _source(scope, column.table)
            if isinstance(source, Scope) and isinstance(source.expression, exp.Unnest):
                unnest, path = source.expression, _path(column)
                if path[0] in unnest.alias_column_names[:1]:
                    self._elements[id(unnest)].add(path[1:])
                elif path[0] != unnest.text("offset").lower():
                    self._elements[id(unnest)].add(path)

    def _follow(self, scope: Scope) -> None:
        match scope.expression:
            case exp.Select() as select:
                if scope.is_subquery and not isinstance(select.parent, exp.Exists):
                    self._wanted[id(select)].add(EVERYTHING)
                self._follow_select(scope, select)
            case exp.SetOperation():
                # Rows are matched by position and compared whole, so every column counts.
                for side in scope.set_operation_scopes:
                    self._wanted[id(side.expression)].add(EVERYTHING)
            case exp.Unnest():
                pass
            case _:
                for source in scope.sources.values():
                    self._want(source, EVERYTHING)

    def _follow_select(self, scope: Scope, select: exp.Select) -> None:
        wanted = self._wanted[id(select)]
        group = select.args.get("group")
        if select.args.get("distinct") or (group is not None and group.args.get("all")):
            wanted.add(EVERYTHING)
        # A column without a source is an output's alias: ORDER BY, GROUP BY.
        wanted |= {(column.name,) for column in _columns(scope) if not column.table}
        expanded = {id(item): item for item in select.selects if _is_expanded(item)}
        inside = {id(column) for item in expanded.values() for column in item.find_all(exp.Column)}
        for column in _columns(scope):
            if id(column) not in inside and column.table:
                self._read(scope, column, {EVERYTHING})
        for item in expanded.values():
            rests = _rests(item, wanted)
            for column in item.find_all(exp.Column) if rests else ():
                whole = not isinstance(item.unalias(), exp.Column)
                self._read(scope, column, {EVERYTHING} if whole else rests)
        self._follow_rows(scope, select)

    def _follow_rows(self, scope: Scope, select: exp.Select) -> None:
        """Follow what reads whole rows: stars that could not be expanded, and a row as a value."""
        for row in scope.find_all(exp.TableColumn):
            self._want(_source(scope, row.name), EVERYTHING)
        for item in select.selects:
            if item.is_star:
                for _, source in scope.selected_sources.values():
                    self._want(source, EVERYTHING)

    def _read(self, scope: Scope, column: exp.Column, rests: Paths) -> None:
        source = _source(scope, column.table)
        path = _path(column)
        unnest = _unnested(column)
        if unnest is not None:
            rests = self._elements[id(unnest)] or {EVERYTHING}
        for rest in rests:
            self._want(source, (*path, *rest))

    def _want(self, source: exp.Expr | Scope | None, path: Path) -> None:
        match source:
            case exp.Table():
                columns = self._resolved.catalog.fields(source)
                if path == EVERYTHING:
                    self._found |= {(identify(source), name) for name in columns}
                elif path[0] in columns:
                    self._found.add((identify(source), ".".join(path)))
            case Scope():
                self._wanted[id(source.expression)].add(path)
            case _:
                pass


def _columns(scope: Scope) -> Iterator[exp.Column]:
    for column in scope.find_all(exp.Column):
        if type(column) is exp.Column and not isinstance(column.this, exp.Star):
            yield column


def _source(scope: Scope, name: str) -> exp.Expr | Scope | None:
    around: Scope | None = scope
    while around is not None:
        if name in around.selected_sources:
            return around.selected_sources[name][1]
        if name in around.lateral_sources:
            return around.lateral_sources[name]
        around = around.parent
    return scope.sources.get(name)


def _top(column: exp.Column) -> tuple[exp.Expr, Path]:
    """Return the longest struct path that begins with a column, as a node and as names."""
    node: exp.Expr = column
    path: Path = (column.name.lower(),)
    while (
        isinstance(node.parent, exp.Dot)
        and node.arg_key == "this"
        and isinstance(node.parent.expression, exp.Identifier)
        and not (node.is_type(exp.DType.JSON))
    ):
        node = node.parent
        path = (*path, node.name.lower())
    return node, path


def _path(column: exp.Column) -> Path:
    return _top(column)[1]


def _unnested(column: exp.Column) -> exp.Unnest | None:
    node = _top(column)[0]
    return node.parent if isinstance(node.parent, exp.Unnest) else None


def _is_expanded(item: exp.Expr) -> bool:
    """Tell whether a star made this output, so that the text does not name it."""
    columns = list(item.find_all(exp.Column))
    return (
        bool(columns)
        and item.find(exp.Query) is None
        and not any(is_written(column) for column in columns)
    )


def _rests(item: exp.Expr, wanted: Paths) -> Paths:
    """Return what is wanted of an output: the struct paths behind its name."""
    name = item.alias_or_name.lower()
    return {
        path[1:] if path else EVERYTHING for path in wanted if path == EVERYTHING or path[0] == name
    }
