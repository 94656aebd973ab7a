"""What the items of FROM give: relations, subqueries, arrays, pivots, joins. Imports sqlglot."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from sqlglot import exp

from datoria_dagster.model.types import Field
from datoria_dagster.sql.references import called, identify, is_model
from datoria_dagster.sql.scope import Scope, Source
from datoria_dagster.sql.values import COMPUTED, Columns, Found, Row, Stored, Value, several

_OPEN = Row((), is_open=True)


class Sources(ABC):
    """The part of a walk that follows FROM."""

    schemas: Mapping[str, tuple[Field, ...]]
    found: Found

    @abstractmethod
    def query(self, node: exp.Expr, around: Scope) -> Row: ...

    @abstractmethod
    def use(self, node: exp.Expr, scope: Scope) -> None: ...

    @abstractmethod
    def inside(self, node: exp.Expr, scope: Scope) -> None: ...

    @abstractmethod
    def computed(self, node: exp.Expr, scope: Scope) -> Value: ...

    @abstractmethod
    def path(self, node: exp.Expr, scope: Scope) -> Value | None: ...

    def add(self, item: exp.Expr, scope: Scope) -> None:
        """Put an item of FROM into a scope. Arrays in it see the items before it."""
        if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery):
            self.add(item.this, scope)
        else:
            source = self._source(item, scope)
            for pivot in item.args.get("pivots") or ():
                source = self._pivoted(source, pivot, scope)
            scope.sources.append(source)
            _add_offset(item, scope)
        for join in item.args.get("joins") or ():
            self.join(join, scope)

    def join(self, join: exp.Expr, scope: Scope) -> None:
        """Put a joined item into a scope, and note by what it is joined."""
        before = len(scope.sources)
        self.add(join.this, scope)
        names = [name.name.lower() for name in join.args.get("using") or ()]
        if join.args.get("method") == "NATURAL":
            left = {name for one in scope.sources[:before] for name, _ in one.columns}
            right = [name for one in scope.sources[before:] for name, _ in one.columns]
            names = [name for name in right if name in left]
        for value in scope.join_using(names, before):
            self.found.use(value)
        condition = join.args.get("on")
        if condition is not None:
            self.use(condition, scope)

    def use_table(self, node: exp.Table, scope: Scope) -> None:
        """Note that a whole table is an argument, as in `ML.PREDICT(MODEL m, TABLE t)`."""
        if not is_model(node):
            self.found.use(self._table(node, scope).value)

    def _source(self, item: exp.Expr, scope: Scope) -> Source:
        match item:
            case exp.Table():
                return self._table(item, scope)
            case exp.Unnest():
                return self._unnest(item, scope)
            case exp.Subquery():
                # A subquery in FROM does not see its neighbours.
                return Source.of(item.alias.lower(), self.query(item, scope.around or scope))
            case _:
                self.inside(item, scope)
                return Source.of(item.alias_or_name.lower(), _OPEN)

    def _table(self, table: exp.Table, scope: Scope) -> Source:
        alias = table.alias_or_name.lower()
        parts = [part.name for part in table.parts]
        if not isinstance(table.this, exp.Identifier):
            self.inside(table.this, scope)
            return Source.of(alias, self._stored(called(table.this)))
        if len(parts) == 1 and parts[0].lower() in scope.ctes:
            return Source.of(alias, scope.ctes[parts[0].lower()])
        owner = scope.alias(parts[0].lower()) if len(parts) > 1 else None
        if owner is None:
            return Source.of(alias, self._stored(identify(table)))
        array = scope.find([part.lower() for part in parts]) or COMPUTED
        self.found.open(array)
        return Source.elements(alias, array)

    def _stored(self, name: str) -> Row:
        if not name.endswith("*"):
            fields = self.schemas.get(name)
            return _OPEN if fields is None else Row(_columns(name, fields))
        matching = [
            _columns(known, fields)
            for known, fields in self.schemas.items()
            if known.startswith(name[:-1])
        ]
        names = dict.fromkeys(column for columns in matching for column, _ in columns)
        merged = (
            (name, several(dict(columns).get(name) for columns in matching)) for name in names
        )
        return Row(tuple((name, value or COMPUTED) for name, value in merged))

    def _unnest(self, unnest: exp.Unnest, scope: Scope) -> Source:
        alias = next((name.lower() for name in unnest.alias_column_names), unnest.alias.lower())
        array: Value = COMPUTED
        if len(unnest.expressions) == 1:
            (given,) = unnest.expressions
            array = self.path(given, scope) or self.computed(given, scope)
        else:
            self.inside(unnest, scope)
        self.found.open(array)
        return Source.elements(alias, array)

    def _pivoted(self, source: Source, pivot: exp.Expr, scope: Scope) -> Source:
        alone = Scope(scope.around, scope.ctes, [source])
        self.inside(pivot, alone)
        gone = {column.name.lower() for column in pivot.find_all(exp.Column)}
        kept = tuple((name, value) for name, value in source.columns if name not in gone)
        alias = pivot.alias.lower() or source.alias
        if not pivot.args.get("unpivot"):
            # Rows are grouped by every column that PIVOT does not name.
            self.found.use(Row(kept))
            return Source.of(alias, Row(kept, is_open=True))
        new = [
            name.name.lower()
            for item in pivot.expressions
            for name in item.find_all(exp.Identifier)
        ]
        new += [item.this.name.lower() for item in pivot.args.get("fields") or ()]
        return Source.of(alias, Row((*kept, *((name, COMPUTED) for name in new)), source.is_open))


def _columns(relation: str, fields: tuple[Field, ...]) -> Columns:
    return tuple(
        (name, Stored((relation, name), field))
        for field in fields
        for name in (field.name.lower(),)
    )


def _add_offset(item: exp.Expr, scope: Scope) -> None:
    offset = item.args.get("offset")
    if offset and isinstance(item, exp.Unnest | exp.Table):
        name = offset.name.lower() if isinstance(offset, exp.Expr) else "offset"
        scope.sources.append(Source("", ((name, COMPUTED),), COMPUTED))
