"""Views, functions and tables of a query, found in the catalog and put in their place."""

from collections.abc import Mapping

from sqlglot import exp

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.duck import opaque
from datoria_dagster.warehouse.local.objects import materialized
from datoria_dagster.warehouse.local.queries import arguments, calls, decimals, names
from datoria_dagster.warehouse.local.queries.parsing import parse_expression, parse_query
from datoria_dagster.warehouse.local.resources import fields_of, is_ingestion_time
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.local.rows.ingestion import show_arrival
from datoria_dagster.warehouse.local.rules import pruning
from datoria_dagster.warehouse.port import (
    Body,
    NotFound,
    NotSupportedLocally,
    Ref,
    Refused,
    Resource,
)

# "Views can be nested to 16 levels": https://docs.cloud.google.com/bigquery/docs/views
MAX_NESTING = 16
_QUALIFIED = 3


class Resolver:
    """Replaces what DuckDB does not know by what it does, from one state of the catalog.

    With `dry` it takes what only BigQuery can run for what has its type and no rows.
    """

    def __init__(self, catalog: Catalog, *, dry: bool = False) -> None:
        self.catalog = catalog
        self.dry = dry
        self.known: dict[Ref, Resource] = {}
        self.inside: list[Ref] = []

    def query(self, text: str) -> exp.Query:
        """Return the tree of one SELECT, resolved."""
        resolved = self.resolve(parse_query(text).copy(), 0)
        assert isinstance(resolved, exp.Query)  # noqa: S101  # checked by parse_query
        return resolved

    def bound(self, parsed: exp.Expr, values: Mapping[str, exp.Expr], level: int = 0) -> exp.Expr:
        """Return a copy of a tree, resolved, with values for the arguments that it names."""
        tree = parsed.copy()
        self._fetch(self._tables(tree))
        arguments.mark(tree, values.keys(), self._columns)
        return arguments.substituted(self.resolve(tree, level), values)

    def sources(self, tree: exp.Expr) -> list[Resource]:
        """Return what a query itself reads, as far as it exists."""
        tables = self._tables(tree)
        self._fetch(tables)
        refs = sorted({_ref(table) for table in tables if not _is_sibling(table)})
        return [self.known[ref] for ref in refs if ref in self.known]

    def resolve(self, tree: exp.Expr, level: int) -> exp.Expr:
        """Resolve a tree in place and return it; `level` is how deep it is nested."""
        if level > MAX_NESTING:
            raise Refused(
                f"Views or functions nest deeper than {MAX_NESTING} levels, or in a circle."
            )
        tree = self._calls(tree, level)
        tables = self._tables(tree)
        self._fetch(tables)
        # What a table function is given is resolved before it is copied into its body.
        for table in sorted(tables, key=lambda found: found.find_ancestor(exp.Table) is None):
            self._table(table, level)
        return tree

    def _tables(self, tree: exp.Expr) -> list[exp.Table]:
        return [table for table in tree.find_all(exp.Table) if not _is_cte(table)]

    def _fetch(self, tables: list[exp.Table]) -> None:
        refs = {_ref(table) for table in tables if not _is_sibling(table)}
        missing = refs - self.known.keys()
        if missing:
            self.known.update(self.catalog.find_all(missing))

    def _table(self, table: exp.Table, level: int) -> None:
        if _is_sibling(table):
            names.unnest_sibling(table)
            return
        ref = _ref(table)
        found = self.known.get(ref)
        if found is None:
            raise self._not_found(ref)
        if ref.kind == "routine":
            replacement = self.called(found, table.this.expressions, level)
        elif "view" in found.body or "materializedView" in found.body:
            replacement = self._view(found, level)
        elif not fields_of(found.body):
            raise Refused(f"{legacy(ref)} does not have a schema.")
        elif "externalDataConfiguration" in found.body:
            replacement = self._external(found)
        else:
            replacement = _physical(found, table)
        names.take_place(table, replacement, ref.parts[-1])

    def _not_found(self, ref: Ref) -> NotFound:
        if ref.kind == "routine":
            return NotFound(f"Table-valued function not found: {ref.id}")
        home = self.catalog.find(ref.dataset)
        location = f" in location {home.body['location']}" if home else ""
        missing = ref if home else ref.dataset
        return NotFound(f"Not found: {legacy(missing)} was not found{location}")

    def _view(self, view: Resource, level: int) -> exp.Expr:
        # A materialized view is always fresh here: it is computed when it is read.
        definition = view.body.get("view") or view.body["materializedView"]
        tree = parse_query(definition["query"]).copy()
        try:
            if "materializedView" in view.body:
                materialized.check_bases(view, self.sources(tree))
            return exp.Subquery(this=self.resolve(tree, level + 1))
        except NotFound as error:
            kind = "materialized view" if "materializedView" in view.body else "view"
            raise NotFound(f"{error} (read by {kind} {view.ref.id})") from None

    def _external(self, found: Resource) -> exp.Expr:
        if not self.dry:
            raise NotSupportedLocally(
                f"{found.ref.id} is an external table, whose files only BigQuery reads: the "
                "embedded warehouse checks a query of it (a dry run), but has no rows of it."
            )
        return _empty(fields_of(found.body))

    def _calls(self, tree: exp.Expr, level: int) -> exp.Expr:
        # From the inside out, so that arguments are resolved before they are copied.
        for node in reversed(list(tree.find_all(exp.Anonymous, exp.Dot))):
            name = names.routine_name(node)
            if name is None or isinstance(node.parent, exp.Table):
                continue
            replacement = self._call(name, node, level)
            if node is tree:
                tree = replacement
            node.replace(replacement)
        return tree

    def _call(self, name: str, node: exp.Expr, level: int) -> exp.Expr:
        if len(name.split(".")) < _QUALIFIED:
            raise Refused(f"Function not found: {name}; qualify it with its project and dataset.")
        ref = Ref("routine", name)
        found = self.known.get(ref) or self.catalog.find(ref)
        if found is None:
            raise NotFound(f"Function not found: {name}")
        self.known[ref] = found
        calls.check_kind(ref, found.body, in_from=False)
        if found.body["routineType"] == "AGGREGATE_FUNCTION":
            calls.check_aggregation(ref, node)
        inner = node.expression if isinstance(node, exp.Dot) else node
        return self.inlined(found, inner.expressions, level)

    def called(self, found: Resource, given: list[exp.Expr], level: int) -> exp.Expr:
        """Return the rows of a table function."""
        calls.check_kind(found.ref, found.body, in_from=True)
        return calls.returned(found.body, self._body(found, given, level))

    def inlined(self, found: Resource, given: list[exp.Expr], level: int) -> exp.Expr:
        """Return the value of a scalar or aggregate function."""
        ref, routine = found.ref, found.body
        if calls.is_sql(routine):
            return calls.cast(self._body(found, given, level), routine.get("returnType"))
        calls.check_arguments(ref, routine, given)
        if not self.dry:
            raise calls.refusal(ref, routine)
        declared = routine.get("arguments") or []
        values = [calls.cast(v, a.get("dataType")) for a, v in zip(declared, given, strict=True)]
        return calls.typed(routine, values)

    def _body(self, found: Resource, given: list[exp.Expr], level: int) -> exp.Expr:
        ref, routine = found.ref, found.body
        calls.check_arguments(ref, routine, given)
        if ref in self.inside:
            raise Refused(f"{legacy(ref)} calls itself; recursive functions are not supported.")
        is_query = routine["routineType"] == "TABLE_VALUED_FUNCTION"
        parsed = (parse_query if is_query else parse_expression)(routine["definitionBody"])
        values = {
            argument["name"].lower(): calls.cast(value, argument.get("dataType"))
            for argument, value in zip(routine.get("arguments") or [], given, strict=True)
        }
        self.inside.append(ref)
        is_scalar = routine["routineType"] == "SCALAR_FUNCTION"
        frame = calls.frame(parsed, values, level) if is_scalar else None
        body = self.bound(parsed, frame.columns if frame else values, level + 1)
        self.inside.pop()
        return frame.around(body) if frame else body

    def _columns(self, table: exp.Table) -> set[str]:
        found = None if _is_sibling(table) else self.known.get(_ref(table))
        if found is None:
            return set()
        if found.ref.kind == "routine":
            columns = (found.body.get("returnTableType") or {}).get("columns") or []
        else:
            columns = fields_of(found.body)
        return {column["name"].lower() for column in columns}


def _ref(table: exp.Table) -> Ref:
    if not isinstance(table.this, exp.Identifier):
        return _function(table)
    parts = ".".join(part.name for part in table.parts).split(".")
    if table.args.get("version") or table.args.get("when"):
        raise NotSupportedLocally("The embedded warehouse has no FOR SYSTEM_TIME AS OF.")
    if "INFORMATION_SCHEMA" in (part.upper() for part in parts):
        raise NotSupportedLocally("The embedded warehouse has no INFORMATION_SCHEMA.")
    if parts[-1].endswith("*"):
        raise NotSupportedLocally("The embedded warehouse has no wildcard tables.")
    if len(parts) < _QUALIFIED:
        raise Refused(
            f'Table "{".".join(parts)}" must be qualified with a project and a dataset '
            "(for example `project.dataset.table`)."
        )
    return Ref("table", ".".join(parts))


def _function(table: exp.Table) -> Ref:
    name = ".".join(part.name for part in table.parts)
    if not isinstance(table.this, exp.Anonymous) or len(name.split(".")) < _QUALIFIED:
        called = table.this.sql("bigquery")
        raise NotSupportedLocally(f"The embedded warehouse has no table function {called}.")
    return Ref("routine", name)


def _is_cte(table: exp.Table) -> bool:
    if len(table.parts) > 1 or not isinstance(table.this, exp.Identifier):
        return False
    if "." in table.name:
        return False
    name = table.name.lower()
    scope: exp.Expr | None = table.parent
    while scope is not None:
        clause = scope.args.get("with_")
        if clause and any(cte.alias.lower() == name for cte in clause.expressions):
            return True
        scope = scope.parent
    return False


def _is_sibling(table: exp.Table) -> bool:
    """Whether it is `alias.column`, an array of another table of the same FROM."""
    return isinstance(table.this, exp.Identifier) and names.sibling(table) is not None


def _physical(found: Resource, table: exp.Table) -> exp.Expr:
    physical_table = exp.table_(found.ref.parts[-1], db=found.ref.dataset.id, quoted=True)
    decimals.declare(physical_table, fields_of(found.body))
    pruning.declare(physical_table, found)
    if not is_ingestion_time(found.body):
        return physical_table
    return show_arrival(found, physical_table, table)


def _empty(fields: list[Body]) -> exp.Expr:
    columns = [
        opaque(f"CAST(NULL AS {physical.column_type(f)}) AS {physical.ident(f['name'])}")
        for f in fields
    ]
    empty = exp.Subquery(this=exp.select(*columns).where(exp.false()))
    decimals.declare(empty, fields)
    return empty
