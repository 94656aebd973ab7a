"""Routines ⇄ REST.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

import re
from typing import Any, assert_never

from datoria_dagster.model.datasets import Dataset
from datoria_dagster.model.foreign import Foreign
from datoria_dagster.model.routines import (
    AggregateFunction,
    AnyRoutine,
    Argument,
    JavaScript,
    Procedure,
    Remote,
    Routine,
    ScalarFunction,
    TableFunction,
)
from datoria_dagster.model.template import Sql, raw
from datoria_dagster.model.types import Type
from datoria_dagster.warehouse.codec.fields import data_type, decode_data_type, decode_named
from datoria_dagster.warehouse.codec.options import connection_id
from datoria_dagster.warehouse.port import Body, Ref

STATED = (
    *("routineType", "language", "arguments", "returnType", "returnTableType", "definitionBody"),
    *("importedLibraries", "determinismLevel", "strictMode", "remoteFunctionOptions"),
    "description",
)
_BLOCK = re.compile(r"BEGIN\b(.*)\bEND\s*;?", re.IGNORECASE | re.DOTALL)
_DETERMINISM = {True: "DETERMINISTIC", False: "NOT_DETERMINISTIC"}


def resource(found: AnyRoutine) -> Body:
    """Return the REST resource that creates the routine, or replaces it as a whole."""
    dataset = found.dataset
    reference = {
        "projectId": dataset.project,
        "datasetId": dataset.name,
        "routineId": found.name,
    }
    body: Body = {"routineReference": reference, **_type(found)}
    body["arguments"] = [_argument(argument) for argument in found.arguments]
    body |= _body(found)
    return body | ({"description": found.description} if found.description else {})


def _type(found: AnyRoutine) -> Body:
    match found:
        case ScalarFunction():
            return {"routineType": "SCALAR_FUNCTION", "returnType": data_type(found.returns)}
        case AggregateFunction():
            return {"routineType": "AGGREGATE_FUNCTION", "returnType": data_type(found.returns)}
        case TableFunction():
            columns = [
                {"name": field.name, "type": data_type(field.value_type)} for field in found.returns
            ]
            return {
                "routineType": "TABLE_VALUED_FUNCTION",
                "returnTableType": {"columns": columns},
            }
        case Procedure():
            return {"routineType": "PROCEDURE", "strictMode": found.strict_mode}
        case _:
            assert_never(found)


def _argument(argument: Argument) -> Body:
    body: Body = {"name": argument.name, "dataType": data_type(argument.type)}
    if argument.mode != "IN":
        body["mode"] = argument.mode
    if not argument.aggregate:
        body["isAggregate"] = False
    return body


def _body(found: AnyRoutine) -> Body:
    match found.body:
        case Sql() as query:
            text = query.render()
            return {"language": "SQL", "definitionBody": _block(text, found)}
        case JavaScript() as script:
            body: Body = {"language": "JAVASCRIPT", "definitionBody": script.code}
            if script.libraries:
                body["importedLibraries"] = list(script.libraries)
            if script.deterministic is not None:
                body["determinismLevel"] = _DETERMINISM[script.deterministic]
            return body
        case Remote() as remote:
            return {"remoteFunctionOptions": _remote(remote)}


def _block(text: str, found: Routine) -> str:
    if not isinstance(found, Procedure) or _BLOCK.fullmatch(text.strip()):
        return text
    return f"BEGIN\n{text}\nEND"


def _remote(remote: Remote) -> Body:
    project, location, name = remote.connection.rsplit(".", 2)
    body: Body = {
        "endpoint": remote.endpoint,
        "connection": f"projects/{project}/locations/{location}/connections/{name}",
    }
    if remote.max_batching_rows is not None:
        body["maxBatchingRows"] = str(remote.max_batching_rows)
    if remote.user_defined_context:
        body["userDefinedContext"] = remote.user_defined_context
    return body


def decode(address: Ref, body: Body) -> AnyRoutine | Foreign:
    """Return the routine that a live resource is."""
    project, dataset, name = address.parts
    common: dict[str, Any] = {
        "dataset": Dataset.model_construct(project=project, name=dataset),
        "name": name,
        "arguments": tuple(_decode_argument(found) for found in body.get("arguments") or ()),
        "description": body.get("description") or "",
    }
    found = _decode_body(body)
    match body.get("routineType") if found is not None else None:
        case "SCALAR_FUNCTION":
            return ScalarFunction.model_construct(**common, returns=_returns(body), body=found)
        case "AGGREGATE_FUNCTION" if not isinstance(found, Remote):
            return AggregateFunction.model_construct(**common, returns=_returns(body), body=found)
        case "TABLE_VALUED_FUNCTION" if isinstance(found, Sql):
            columns = (body.get("returnTableType") or {}).get("columns") or ()
            returns = tuple(map(decode_named, columns))
            return TableFunction.model_construct(**common, returns=returns, body=found)
        case "PROCEDURE" if isinstance(found, Sql):
            strict = bool(body.get("strictMode", True))
            return Procedure.model_construct(**common, strict_mode=strict, body=found)
        case _:
            words = f"{body.get('language') or ''} {body.get('routineType')}"
            live_kind = words.strip().lower().replace("_", " ")
            return Foreign.model_construct(
                dataset=common["dataset"], name=name, live_kind=live_kind
            )


def _returns(body: Body) -> Type:
    return decode_data_type(body.get("returnType") or {})


def _decode_argument(body: Body) -> Argument:
    return Argument.model_construct(
        name=body["name"],
        type=decode_data_type(body.get("dataType") or {}),
        mode=body.get("mode") or "IN",
        aggregate=body.get("isAggregate", True),
    )


def _decode_body(body: Body) -> Sql | JavaScript | Remote | None:
    if remote := body.get("remoteFunctionOptions"):
        return Remote.model_construct(
            connection=connection_id(remote["connection"]),
            endpoint=remote["endpoint"],
            max_batching_rows=int(remote.get("maxBatchingRows") or 0) or None,
            user_defined_context=remote.get("userDefinedContext") or {},
        )
    text = str(body.get("definitionBody") or "")
    match body.get("language", "SQL"):
        case "SQL":
            block = _BLOCK.fullmatch(text.strip()) if body["routineType"] == "PROCEDURE" else None
            return raw(block.group(1).strip() if block else text)
        case "JAVASCRIPT":
            levels = {level: said for said, level in _DETERMINISM.items()}
            return JavaScript.model_construct(
                code=text,
                libraries=tuple(body.get("importedLibraries") or ()),
                deterministic=levels.get(body.get("determinismLevel", "")),
            )
        case _:
            return None
