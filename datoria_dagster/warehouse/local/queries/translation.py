"""The nodes of a GoogleSQL tree that sqlglot leaves as they are although DuckDB differs.

Each rule says in DuckDB's SQL what BigQuery means. They run from the leaves up, so a rule finds
its arguments already translated.
Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
"""

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from datoria_dagster.warehouse.local.duck import opaque, said, sql
from datoria_dagster.warehouse.local.queries import decimals, moments, shapes
from datoria_dagster.warehouse.local.rows.physical import (
    BIGNUMERIC,
    geography,
    range_of,
    range_type,
)
from datoria_dagster.warehouse.port import NotSupportedLocally

_OPERATORS = {"div": "/", "intdiv": "//", "mod": "%"}
Rule = Callable[[Any], exp.Expr | None]
_PRINTF = re.compile(r"%%|%-?0?\d*(?:\.\d+)?[dsfeEgGxXoi]|[^%]")


def translated(tree: exp.Expr) -> exp.Query:
    """Change the tree into one that means to DuckDB what it means to BigQuery, and return it."""
    decimals.mark(tree)
    for node in reversed(list(tree.bfs())):
        rule = _RULES.get(type(node))
        replacement = rule(node) if rule else None
        if replacement is None or replacement is node:
            continue
        if node is tree:
            tree = replacement
        else:
            node.replace(replacement)
    if isinstance(tree, exp.Query):
        shapes.name_columns(tree)
    return tree  # pyright: ignore[reportReturnType]


def _literal(node: exp.Literal) -> exp.Expr | None:
    if node.is_string:
        return None
    if not node.name.isdigit():
        # A DOUBLE in BigQuery, a DECIMAL in DuckDB.
        return None if "e" in node.name.lower() else opaque(f"{node.name}e0")
    # A 32-bit integer in DuckDB, which overflows.
    left = isinstance(node.parent, exp.Add | exp.Sub | exp.Mul) and node.arg_key == "this"
    kept = exp.Alias | exp.Array | exp.Select | exp.PropertyEQ
    if not left and not isinstance(node.parent, kept):
        return None
    return opaque(f"CAST({node.name} AS BIGINT)")


def _data_type(node: exp.DataType) -> exp.Expr | None:
    kinds = exp.DataType.Type
    if node.this == kinds.GEOGRAPHY:
        return opaque('STRUCT("_geography" VARCHAR)')
    if node.this == kinds.RANGE:
        return None if isinstance(node.parent, exp.Cast) else opaque(_range_type(node))
    if node.this == kinds.BIGDECIMAL:
        given = ", ".join(sql(part) for part in node.expressions)
        return opaque(f"DECIMAL({given})" if given else BIGNUMERIC)
    if node.this in (kinds.VARBINARY, kinds.BINARY):
        return opaque("BLOB")  # DuckDB's takes no length; a column's is checked on writing
    if node.this == kinds.DECIMAL and not node.expressions:
        return opaque("DECIMAL(38, 9)")
    return None


def _range_type(node: exp.DataType) -> str:
    return range_type(sql(node.expressions[0]))


def _cast(node: exp.Cast) -> exp.Expr | None:
    if node.args.get("format"):
        raise NotSupportedLocally("The embedded warehouse has no CAST … FORMAT.")
    literal = isinstance(node.this, exp.Literal) and node.this.is_string
    target = node.args.get("to")
    kinds = exp.DataType.Type
    if isinstance(target, exp.DataType) and target.this == kinds.RANGE:
        value = range_of(sql(node.this), _range_type(target))
        return opaque(f"TRY({value})" if isinstance(node, exp.TryCast) else value)
    if literal or isinstance(node.this, exp.Null) or not isinstance(target, exp.DataType):
        return None
    if target.this == kinds.BIGINT:
        return _integer(node)
    return _text(node) if target.this in (kinds.TEXT, kinds.VARCHAR) else None


def _integer(node: exp.Cast) -> exp.Expr:
    verb = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
    value = sql(node.this)
    # BigQuery rounds halves away from zero, DuckDB to the even number.
    rounded = f"{verb}(round(TRY_CAST({value} AS DOUBLE)) AS BIGINT)"
    is_float = f"typeof({value}) IN ('DOUBLE', 'FLOAT')"
    return opaque(f"CASE WHEN {is_float} THEN {rounded} ELSE {verb}({value} AS BIGINT) END")


def _text(node: exp.Cast) -> exp.Expr:
    value = sql(node.this)
    if isinstance(node.this, exp.ByteString):
        return opaque(f"decode({value})")
    # BigQuery writes 1.50 as 1.5 and 2.0 as 2.
    digits = rf"regexp_replace(CAST({value} AS VARCHAR), '(\.\d*?)0+$', '\1')"
    trimmed = rf"regexp_replace({digits}, '\.$', '')"
    number = f"typeof({value}) IN ('DOUBLE', 'FLOAT') OR typeof({value}) LIKE 'DECIMAL%'"
    return opaque(f"CASE WHEN {number} THEN {trimmed} ELSE CAST({value} AS VARCHAR) END")


def _divided(node: exp.Binary) -> exp.Expr | None:
    left, right = f"({sql(node.this)})", f"({sql(node.expression)})"
    whole = f"{left} {_OPERATORS[node.key]} {right}"
    divisor = node.expression.unnest()
    if isinstance(node, exp.Div) and decimals.is_decimal(node):
        whole = f"CAST({whole} AS DECIMAL(38, 9))"
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0."):
        return opaque(f"({whole})")
    # DuckDB answers infinity or NULL where BigQuery fails.
    failure = said("division by zero")
    return opaque(f"(CASE WHEN {right} = 0 THEN {failure} ELSE {whole} END)")


def _average(node: exp.Avg) -> exp.Expr | None:
    # DuckDB's average is a DOUBLE; of a NUMERIC, BigQuery's is a NUMERIC.
    if not decimals.is_decimal(node):
        return None
    return opaque(f"CAST({sql(node)} AS DECIMAL(38, 9))")


def _safe_divide(node: exp.SafeDivide) -> exp.Expr:
    left, right = f"({sql(node.this)})", f"({sql(node.expression)})"
    return opaque(f"(CASE WHEN {right} = 0 THEN NULL ELSE {left} / {right} END)")


def _safe_operation(operator: str) -> Rule:
    def rule(node: exp.Binary) -> exp.Expr:
        left, right = sql(node.this), sql(node.expression)
        # An INT64 overflows at 64 bits, a literal of DuckDB's at 32.
        return opaque(f"TRY(({left}) {operator} ({right}))")

    return rule


def _safe(node: exp.SafeFunc) -> exp.Expr:
    return opaque(f"TRY({sql(node.this)})")


def _like(node: exp.Like) -> exp.Expr | None:
    if isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name:
        return None
    # The backslash escapes in BigQuery's LIKE; DuckDB's has no escape by default.
    negation = "NOT " if node.args.get("negate") else ""
    return opaque(f"({sql(node.this)} {negation}LIKE {sql(node.expression)} ESCAPE '\\')")


def _format(node: exp.Format) -> exp.Expr:
    pattern = node.this
    if not isinstance(pattern, exp.Literal) or _PRINTF.sub("", pattern.name):
        raise NotSupportedLocally(
            f"The embedded warehouse has no FORMAT({pattern.sql('bigquery')}, …): it knows "
            "%d, %s, %f, %e, %g, %x and %o of a literal pattern."
        )
    arguments = ", ".join(sql(part) for part in (pattern, *node.expressions))
    return opaque(f"printf({arguments})")


def _substring(node: exp.Substring) -> exp.Expr | None:
    start = node.args.get("start")
    if start is None or (isinstance(start, exp.Literal) and start.name != "0"):
        return None
    # Position 0 is position 1.
    at = sql(start)
    node.set("start", opaque(f"CASE WHEN {at} = 0 THEN 1 ELSE {at} END"))
    return None


def _byte_length(node: exp.ByteLength) -> exp.Expr:
    return opaque(f"strlen({sql(node.this)})")


def _string(node: exp.String) -> exp.Expr | None:
    if node.args.get("zone"):
        raise NotSupportedLocally("The embedded warehouse has no STRING of a time zone.")
    if isinstance(node.this, exp.ParseJSON):
        return opaque(f"({sql(node.this)} ->> '$')")
    return None


def _range_bucket(node: exp.RangeBucket) -> exp.Expr:
    value, bounds = sql(node.this), sql(node.expression)
    return opaque(f"len(list_filter({bounds}, lambda _bound: _bound <= {value}))")


def _anonymous(node: exp.Anonymous) -> exp.Expr | None:
    if node.name.upper() == "IEEE_DIVIDE":
        left, right = (sql(part) for part in node.expressions)
        return opaque(f"(CAST({left} AS DOUBLE) / CAST({right} AS DOUBLE))")
    if node.name.upper() == "ERROR" and len(node.expressions) == 1:
        return opaque(_error(node.expressions[0]))
    if node.name.upper() == "ST_GEOGFROMTEXT" and len(node.expressions) == 1:
        return opaque(geography(sql(node.expressions[0])))
    return None


def _error(message: exp.Expr) -> str:
    # A literal is the query's own; anything else may be made of values.
    if isinstance(message, exp.Literal) and message.is_string:
        return said(message.name)
    return said("the query failed by ERROR; its text is made of values, which are not shown")


def _sized(node: exp.Bracket) -> exp.Expr | None:
    offset, index = node.args.get("offset"), node.expressions[0]
    if offset is None or node.args.get("safe"):
        return None
    array = sql(node.this)
    position = sql(index) if offset else f"({sql(index)}) + 1"
    # An index out of bounds is an error in BigQuery, NULL in DuckDB.
    return opaque(
        f"(CASE WHEN {array} IS NULL OR {position} BETWEEN 1 AND len({array}) "
        f"THEN list_extract({array}, CAST({position} AS BIGINT)) "
        f"ELSE {said('array index is out of bounds')} END)"
    )


def _count_if(node: exp.CountIf) -> exp.Expr:
    # DuckDB's count_if is NULL where every condition is; BigQuery's COUNTIF is 0.
    return opaque(f"count(CASE WHEN {sql(node.this)} THEN 1 END)")


_RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: _literal,
    exp.DataType: _data_type,
    exp.CountIf: _count_if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Div: _divided,
    exp.IntDiv: _divided,
    exp.Mod: _divided,
    exp.Avg: _average,
    exp.SafeDivide: _safe_divide,
    exp.SafeAdd: _safe_operation("+"),
    exp.SafeSubtract: _safe_operation("-"),
    exp.SafeMultiply: _safe_operation("*"),
    exp.SafeFunc: _safe,
    exp.Like: _like,
    exp.Format: _format,
    exp.Substring: _substring,
    exp.ByteLength: _byte_length,
    exp.String: _string,
    exp.RangeBucket: _range_bucket,
    exp.Anonymous: _anonymous,
    exp.Bracket: _sized,
    **moments.RULES,
    **shapes.RULES,
}
