"""What kind of statement a query job is, and what it is about, from its first words.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2
"""

from dataclasses import dataclass, replace
from typing import Literal

from sqlglot.tokenizer_core import TokenType

from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Ref, ResourceKind
from tests.bigquery_server.errors import lacking

_KINDS = (
    "SNAPSHOT TABLE",
    "MATERIALIZED VIEW",
    "EXTERNAL TABLE",
    "TABLE FUNCTION",
    "AGGREGATE FUNCTION",
    "FUNCTION",
    "PROCEDURE",
    "TABLE",
    "VIEW",
    "SCHEMA",
)
# Statements that BigQuery has and the embedded warehouse can't execute.
_OTHERS = (
    *[
        "UPDATE",
        "DELETE",
        "MERGE",
        "CALL",
        "DECLARE",
        "SET",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "IF",
        "LOOP",
        "WHILE",
        "REPEAT",
    ],
    *["FOR", "CASE", "RAISE", "RETURN", "ASSERT", "GRANT", "REVOKE", "FROM", "UNDROP"],
    *("TRUNCATE TABLE", "EXECUTE IMMEDIATE", "EXPORT DATA", "EXPORT MODEL", "LOAD DATA"),
)
_OTHER_KINDS = (
    "TEMP TABLE",
    "TEMPORARY TABLE",
    "TEMP FUNCTION",
    "TEMPORARY FUNCTION",
    "TEMP AGGREGATE FUNCTION",
    "MODEL",
    "SEARCH INDEX",
    "VECTOR INDEX",
    "CAPACITY",
    "RESERVATION",
    "ASSIGNMENT",
    "BI_CAPACITY",
    "ORGANIZATION",
    "PROJECT",
    "CONNECTION",
    "DATA_POLICY",
    "EXTERNAL SCHEMA",
    "PROPERTY GRAPH",
)
_ROUTINES = ("TABLE FUNCTION", "AGGREGATE FUNCTION", "FUNCTION", "PROCEDURE")
_POLICY = ("ROW", "ACCESS", "POLICY")


@dataclass(frozen=True)
class Target:
    """A name in a statement, and where it starts. `reads`: more tables may be named after it."""

    kind: ResourceKind
    name: str
    start: int
    reads: bool = True

    @property
    def missing(self):
        """How many parts the name lacks: 1 is a project, 2 a dataset too."""
        return (1 if self.kind == "dataset" else 2) - self.name.count(".")


@dataclass(frozen=True)
class Statement:
    """`type` is BigQuery's statementType; the target is what DDL or DML is about."""

    type: str
    verb: Literal["SELECT", "INSERT", "CREATE", "ALTER", "DROP"]
    target: Target | None = None

    @property
    def ref(self):
        """The target, once its name is qualified."""
        return None if self.target is None else Ref(self.target.kind, self.target.name)


def classify(text):
    """Return what a statement is. Scripts, and what else the server lacks, are refused by name."""
    tokens = Tokens(text)
    if tokens.peek("SELECT") or tokens.peek("WITH") or tokens.peek("("):
        _check_single(tokens)
        return Statement("SELECT", "SELECT")
    if tokens.accept("INSERT"):
        _check_single(tokens)
        tokens.accept("INTO")
        return Statement("INSERT", "INSERT", _target("table", tokens))
    for verb in ("CREATE", "ALTER", "DROP"):
        if tokens.accept(verb):
            return _definition(tokens, verb)
    raise _unknown(tokens, _OTHERS, "")


def _unknown(tokens, known, before):
    """Return what to say of a statement that is not run here: lacking, or no statement at all."""
    for words in known:
        if tokens.peek(*words.split()):
            return lacking(f"statement {before}{words}")
    return tokens.error("unexpected keyword or identifier")


def _check_single(tokens):
    if any(token.token_type == TokenType.SEMICOLON for token in tokens._tokens):
        raise lacking("multi-statement query (SCRIPT)")


def _definition(tokens, verb):
    tokens.accept("OR", "REPLACE")
    kind = next((kind for kind in _KINDS if tokens.accept(*kind.split())), None)
    if kind != "PROCEDURE":
        _check_single(tokens)
    if kind is None:
        return _policy(tokens, verb)
    _ = tokens.accept("IF", "NOT", "EXISTS") or tokens.accept("IF", "EXISTS")
    place = "routine" if kind in _ROUTINES else "dataset" if kind == "SCHEMA" else "table"
    target = replace(_target(place, tokens), reads=kind not in ("SCHEMA", "PROCEDURE"))
    filled = verb == "CREATE" and kind == "TABLE" and _is_filled(tokens)
    suffix = "_AS_SELECT" if filled else ""
    named = kind.replace("AGGREGATE ", "").replace(" ", "_")
    return Statement(f"{verb}_{named}{suffix}", verb, target)


def _is_filled(tokens):
    while not tokens.done and not tokens.accept("AS"):
        if tokens.peek("("):
            tokens.inside()
        else:
            tokens._at += 1
    return not tokens.done


def _policy(tokens, verb):
    every = tokens.accept("ALL", "ROW", "ACCESS", "POLICIES")
    if not every and not tokens.accept(*_POLICY):
        raise _unknown(tokens, _OTHER_KINDS, f"{verb} ")
    _ = tokens.accept("IF", "NOT", "EXISTS") or tokens.accept("IF", "EXISTS")
    if not every:
        tokens.word()
    tokens.expect("ON")
    return Statement(f"{verb}_ROW_ACCESS_POLICY", verb, _target("table", tokens))


def _target(kind, tokens):
    start = 0 if tokens.done else tokens._tokens[tokens._at].start
    return Target(kind, tokens.path(), start)
