"""The GoogleSQL that creates routines.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from typing import assert_never

from datoria_dagster.model.ident import quote
from datoria_dagster.model.routines import (
    AggregateFunction,
    AnyRoutine,
    Argument,
    JavaScript,
    Procedure,
    Remote,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql, literal
from datoria_dagster.warehouse import codec


def create_routine(found: AnyRoutine) -> str:
    """Return the statement that creates a routine, or replaces it. Its description is not in it."""
    head = f"{quote(found.id)}({', '.join(map(_argument, found.arguments))})"
    match found:
        case ScalarFunction():
            return f"CREATE OR REPLACE FUNCTION {head} RETURNS {found.returns}\n{_body(found.body)}"
        case AggregateFunction():
            kind = "CREATE OR REPLACE AGGREGATE FUNCTION"
            return f"{kind} {head} RETURNS {found.returns}\n{_body(found.body)}"
        case TableFunction():
            columns = ", ".join(f"{quote(field.name)} {field.sql_type}" for field in found.returns)
            kind = "CREATE OR REPLACE TABLE FUNCTION"
            return f"{kind} {head} RETURNS TABLE<{columns}>\nAS ({found.body.render()})"
        case Procedure():
            strict = "" if found.strict_mode else "\nOPTIONS (strict_mode = FALSE)"
            text = codec.resource(found)["definitionBody"]
            return f"CREATE OR REPLACE PROCEDURE {head}{strict}\n{text}"
        case _:
            assert_never(found)


def _argument(argument: Argument) -> str:
    mode = "" if argument.mode == "IN" else f"{argument.mode} "
    suffix = "" if argument.aggregate else " NOT AGGREGATE"
    return f"{mode}{quote(argument.name)} {argument.type}{suffix}"


def _body(body: Sql | JavaScript | Remote) -> str:
    match body:
        case Sql():
            return f"AS ({body.render()})"
        case JavaScript():
            known = {None: "", True: "DETERMINISTIC ", False: "NOT DETERMINISTIC "}
            libraries = list(body.libraries)
            files = f"\nOPTIONS (library = {literal(libraries)})" if libraries else ""
            return f"{known[body.deterministic]}LANGUAGE js{files}\nAS {literal(body.code)}"
        case Remote():
            return f"REMOTE WITH CONNECTION {quote(body.connection)}\n{_remote_options(body)}"


def _remote_options(body: Remote) -> str:
    given = [f"endpoint = {literal(body.endpoint)}"]
    if body.max_batching_rows is not None:
        given.append(f"max_batching_rows = {body.max_batching_rows}")
    if body.user_defined_context:
        pairs = (f"({literal(k)}, {literal(v)})" for k, v in body.user_defined_context.items())
        given.append(f"user_defined_context = [{', '.join(pairs)}]")
    return f"OPTIONS ({', '.join(given)})"
