"""Whether the queries in a procedure read columns that exist, whatever its variables hold.

Only what is surely known is checked: no query over temporary tables, over tables that the body
itself creates, over the variable of a FOR loop, or over system variables.
"""

import re
from collections.abc import Iterable, Iterator

import duckdb
from sqlglot import exp

from datoria_dagster.warehouse.local import failures
from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.queries import calls, googlesql
from datoria_dagster.warehouse.local.queries.parsing import statements_of
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_QUALIFIED = 3
_LOOP = re.compile(r"\bFOR\s+(\w+)\s+IN\b", re.IGNORECASE)


def check(
    catalog: Catalog, ref: Ref, routine: Body, statements: list[str], created: Iterable[Ref]
) -> None:
    """Refuse a procedure one of whose queries can't be computed."""
    values = dict(_values(routine, statements))
    unknown = {name.lower() for name in _LOOP.findall(routine["definitionBody"])}
    made = {found.id for found in created}
    for text in statements:
        for query in _queries(text):
            if _is_known(query, unknown, made):
                _bind(catalog, ref, query, values)


def _bind(catalog: Catalog, ref: Ref, query: exp.Query, values: dict[str, exp.Expr]) -> None:
    try:
        sql = googlesql.empty_with(catalog, query, values)
        # An error would spoil the transaction of the cursor that it happens in.
        with catalog.cursor.cursor() as apart:
            apart.execute(sql)
    except NotSupportedLocally:
        return
    except Refused as error:
        raise _inside(ref, error) from None
    except duckdb.Error as error:
        if isinstance(reason := failures.plain(error), Refused):
            raise _inside(ref, reason) from None


def _inside(ref: Ref, error: Refused) -> Refused:
    return Refused(f"{error} (in procedure {ref.id})")


def _queries(text: str) -> Iterator[exp.Query]:
    if "@@" in text:
        return
    for tree in statements_of(text):
        query = tree.expression if isinstance(tree, exp.Insert) else tree
        if isinstance(query, exp.Query):
            yield query


def _is_known(query: exp.Query, unknown: set[str], made: set[str]) -> bool:
    common = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        name = ".".join(part.name for part in table.parts)
        if name in made:
            return False
        if len(name.split(".")) < _QUALIFIED and name.lower() not in common:
            return False
    columns = query.find_all(exp.Column)
    return not any(column.parts[0].name.lower() in unknown for column in columns)


def _values(routine: Body, statements: list[str]) -> Iterator[tuple[str, exp.Expr]]:
    for argument in routine.get("arguments") or ():
        yield argument["name"].lower(), calls.cast(exp.Null(), argument.get("dataType"))
    for text in statements:
        tokens = Tokens(text)
        if tokens.accept("DECLARE"):
            names = [tokens.word()]
            while tokens.accept(","):
                names.append(tokens.word())
            yield from ((name.lower(), exp.Null()) for name in names)
