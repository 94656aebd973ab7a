"""What BigQuery checks of a stored procedure when it is created. Nothing here runs one.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_procedure
"""

import re
from collections.abc import Iterator

from sqlglot import exp

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.queries import names
from datoria_dagster.warehouse.local.queries.parsing import statements_of
from datoria_dagster.warehouse.local.rules import binding
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Refused

_QUALIFIED = 3
_END = re.compile(r"\bEND\s*;?\s*$", re.IGNORECASE)
_CALL = re.compile(r"CALL\s+([`\w.:-]+)", re.IGNORECASE)
# Words of control that stand before a statement, and say nothing of tables.
_CONTROL = (
    *(("END", "IF"), ("END", "LOOP"), ("END", "WHILE"), ("END", "FOR"), ("END", "REPEAT")),
    *(("END", "CASE"), ("END",), ("ELSE",), ("LOOP",), ("REPEAT",), (";",)),
    ("EXCEPTION", "WHEN", "ERROR", "THEN"),
)
# A word of control that a condition follows, and the word that ends it.
_CONDITIONS = (("IF", "THEN"), ("ELSEIF", "THEN"), ("WHILE", "DO"), ("UNTIL", "END"))


def check(catalog: Catalog, ref: Ref, routine: Body) -> None:
    """Refuse a body that is no block or, in strict mode, reads or calls what doesn't exist.

    What the body itself creates is not checked, nor is what can't be parsed here.
    """
    tokens = Tokens(routine["definitionBody"])
    if not tokens.peek("BEGIN") or not _END.search(routine["definitionBody"]):
        raise Refused(f"{legacy(ref)}: the body of a procedure is BEGIN … END.")
    statements = list(_statements(tokens))
    if not routine["strictMode"]:
        return
    named = [found for text in statements for found in _references(text)]
    created = {found for text in statements for found in _created(text)}
    wanted = sorted(set(named) - created)
    known = catalog.find_all(wanted)
    for missing in wanted:
        if missing not in known:
            raise NotFound(
                f"Not found: {legacy(missing)} (used by procedure {ref.id}). Create it first, or "
                "create the procedure with strict_mode FALSE."
            )
    binding.check(catalog, ref, routine, statements, created)


def _statements(tokens: Tokens) -> Iterator[str]:
    """Yield the statements of a block and the conditions (as SELECTs) of its control."""
    while not tokens.done:
        if any(tokens.accept(*words) for words in _CONTROL):
            continue
        if tokens.peek("BEGIN") and not tokens.peek("BEGIN", "TRANSACTION"):
            tokens.expect("BEGIN")
        elif tokens.accept("FOR"):
            tokens.word()
            tokens.expect("IN")
            yield tokens.inside()
            tokens.expect("DO")
        elif (end := _condition(tokens)) is not None:
            yield f"SELECT {tokens.until(end)}"
            if end != "END":
                tokens.expect(end)
        else:
            yield tokens.until(";")


def _condition(tokens: Tokens) -> str | None:
    return next((end for word, end in _CONDITIONS if tokens.accept(word)), None)


def _references(text: str) -> Iterator[Ref]:
    if called := _CALL.match(text):
        yield from _qualified("routine", called[1].replace("`", ""))
    for tree in statements_of(text):
        for node in tree.find_all(exp.Table, exp.Anonymous, exp.Dot):
            yield from _reference(node)


def _reference(node: exp.Expr) -> Iterator[Ref]:
    if not isinstance(node, exp.Table):
        if not isinstance(node.parent, exp.Table) and (name := names.routine_name(node)):
            yield from _qualified("routine", name)
        return
    name = ".".join(part.name for part in node.parts)
    if not isinstance(node.this, exp.Identifier):
        yield from _qualified("routine", name)
    elif "*" not in name and "INFORMATION_SCHEMA" not in name.upper():
        yield from _qualified("table", name)


def _qualified(kind: str, name: str) -> Iterator[Ref]:
    if len(name.split(".")) >= _QUALIFIED:
        yield Ref("routine" if kind == "routine" else "table", name)


def _created(text: str) -> Iterator[Ref]:
    for tree in statements_of(text):
        if isinstance(tree, exp.Create) and (target := tree.find(exp.Table)) is not None:
            yield from _reference(target)
