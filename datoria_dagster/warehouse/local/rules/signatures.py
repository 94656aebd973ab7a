"""What BigQuery accepts of a routine's resource, and the form in which it answers it.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/routines
"""

from typing import Any

from datoria_dagster.warehouse.local.catalog import legacy
from datoria_dagster.warehouse.local.rules.columns import check_keys
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_KINDS = {
    "SCALAR_FUNCTION": "scalar function",
    "AGGREGATE_FUNCTION": "aggregate function",
    "TABLE_VALUED_FUNCTION": "table function",
    "PROCEDURE": "procedure",
}
_LANGUAGES = {"SQL": "SQL", "JAVASCRIPT": "JavaScript", "REMOTE": "remote"}
_HAVE_JAVASCRIPT = ("SCALAR_FUNCTION", "AGGREGATE_FUNCTION")
_VALUES = ("SCALAR_FUNCTION", "AGGREGATE_FUNCTION")
# Property: the kinds of routines and the languages that have it.
_OWNERS = {
    "returnType": (_VALUES, ("SQL", "JAVASCRIPT", "REMOTE")),
    "returnTableType": (("TABLE_VALUED_FUNCTION",), ("SQL",)),
    "strictMode": (("PROCEDURE",), ("SQL",)),
    "importedLibraries": (_HAVE_JAVASCRIPT, ("JAVASCRIPT",)),
    "determinismLevel": (_HAVE_JAVASCRIPT, ("JAVASCRIPT",)),
    "remoteFunctionOptions": (("SCALAR_FUNCTION",), ("REMOTE",)),
    "definitionBody": (tuple(_KINDS), ("SQL", "JAVASCRIPT")),
}
_KEYS = frozenset(
    [
        *("kind", "id", "etag", "selfLink", "creationTime", "lastModifiedTime"),
        *("routineReference", "routineType", "language", "arguments", "description"),
        *_OWNERS,
    ]
)
_ARGUMENT_KEYS = frozenset(["name", "argumentKind", "mode", "dataType", "isAggregate"])
# What says nothing, because it is so anyway.
_SAYS_NOTHING = (
    ("argumentKind", "FIXED_TYPE"),
    ("argumentKind", "ARGUMENT_KIND_UNSPECIFIED"),
    ("mode", "IN"),
    ("mode", "MODE_UNSPECIFIED"),
    ("isAggregate", True),
    ("determinismLevel", "DETERMINISM_LEVEL_UNSPECIFIED"),
)
_TYPES = frozenset(
    [
        *("INT64", "BOOL", "FLOAT64", "STRING", "BYTES", "TIMESTAMP", "DATE", "TIME", "DATETIME"),
        *("INTERVAL", "GEOGRAPHY", "NUMERIC", "BIGNUMERIC", "JSON", "ARRAY", "STRUCT", "RANGE"),
    ]
)
MAX_ARGUMENTS = 256
MAX_OUTPUT_COLUMNS = 1024
MAX_OUTPUT_NAME = 128


def normal(ref: Ref, body: Body) -> Body:
    """Return a routine's resource from what was inserted."""
    project, home, name = ref.parts
    result = _said(body)
    if "remoteFunctionOptions" in result:
        result["remoteFunctionOptions"] = _remote(result["remoteFunctionOptions"])
    else:
        result["language"] = str(result.get("language", "SQL")).upper()
    if result.get("routineType") == "PROCEDURE":
        result.setdefault("strictMode", True)
    if "arguments" in result:
        result["arguments"] = [_argument(argument) for argument in result["arguments"]]
    reference = {"projectId": project, "datasetId": home, "routineId": name}
    return {**result, "routineReference": reference}


def _said(body: Body) -> Body:
    return {
        key: value
        for key, value in body.items()
        if value not in (None, "", [], {}) and (key, value) not in _SAYS_NOTHING
    }


def _argument(given: Body) -> Body:
    result = _said(given)
    if (given.get("dataType") or {}).get("typeKind") in (None, "ANY TYPE", "ANY_TYPE"):
        result.pop("dataType", None)
        result["argumentKind"] = result.get("argumentKind", "ANY_TYPE")
    return result


def _remote(given: Body) -> Body:
    result = _said(given)
    if "maxBatchingRows" in result:
        result["maxBatchingRows"] = str(result["maxBatchingRows"])
    return result


def describe(body: Body) -> str:
    """Return what kind of routine it is, as people say it."""
    kind = _KINDS.get(str(body.get("routineType")), str(body.get("routineType")))
    return f"{_LANGUAGES.get(language(body), language(body))} {kind}"


def language(body: Body) -> str:
    """Return the language, REMOTE for a remote function."""
    return "REMOTE" if "remoteFunctionOptions" in body else str(body.get("language", "SQL"))


def check(ref: Ref, body: Body) -> None:
    """Refuse a routine (in the normal form) that BigQuery would not insert."""
    kind, spoken = body.get("routineType"), language(body)
    if kind not in _KINDS:
        raise Refused(f"{legacy(ref)}: routineType must be one of {', '.join(_KINDS)}, not {kind}.")
    if spoken not in _LANGUAGES or (spoken == "JAVASCRIPT" and kind not in _HAVE_JAVASCRIPT):
        raise NotSupportedLocally(
            f"The embedded warehouse has no {describe(body)}, which {ref.id} is. Use BigQuery."
        )
    check_keys(body, _KEYS, "a routine")
    _check_owned(ref, body)
    _check_arguments(ref, body)
    _check_required(ref, body)
    if "returnType" in body:
        _check_type(ref, "the return type", body["returnType"])
    _check_returned(ref, (body.get("returnTableType") or {}).get("columns") or [])


def _check_owned(ref: Ref, body: Body) -> None:
    for key, (kinds, languages) in _OWNERS.items():
        if key in body and (body["routineType"] not in kinds or language(body) not in languages):
            raise Refused(f"{legacy(ref)} is a {describe(body)}, which has no {key}.")
    level = body.get("determinismLevel", "DETERMINISTIC")
    if level not in ("DETERMINISTIC", "NOT_DETERMINISTIC"):
        raise Refused(f"{legacy(ref)}: invalid determinismLevel {level}.")
    for library in body.get("importedLibraries") or ():
        if not str(library).startswith("gs://"):
            raise Refused(f"{legacy(ref)}: library {library!r} must be a gs:// address.")


def _check_required(ref: Ref, body: Body) -> None:
    spoken = language(body)
    if spoken != "REMOTE" and "definitionBody" not in body:
        raise Refused(f"{legacy(ref)} is a {describe(body)}, which needs a definitionBody.")
    if spoken != "SQL" and "returnType" not in body:
        raise Refused(f"{legacy(ref)} is a {describe(body)}, which needs a return type.")
    if spoken == "REMOTE":
        _check_remote(ref, body["remoteFunctionOptions"])


def _check_remote(ref: Ref, remote: Body) -> None:
    known = frozenset(["endpoint", "connection", "maxBatchingRows", "userDefinedContext"])
    check_keys(remote, known, "a remote function")
    if not str(remote.get("endpoint", "")).startswith("https://"):
        raise Refused(f"{legacy(ref)}: the endpoint of a remote function must be an https:// URL.")
    if not remote.get("connection"):
        raise Refused(f"{legacy(ref)}: a remote function needs a connection.")
    if int(remote.get("maxBatchingRows", "1")) < 1:
        raise Refused(f"{legacy(ref)}: max_batching_rows must be greater than 0.")


def _check_arguments(ref: Ref, body: Body) -> None:
    arguments: list[Body] = body.get("arguments") or []
    if len(arguments) > MAX_ARGUMENTS:
        raise Refused(f"{legacy(ref)} has {len(arguments)} arguments; at most {MAX_ARGUMENTS}.")
    _check_unique(ref, "arguments", [str(argument.get("name") or "") for argument in arguments])
    for argument in arguments:
        _check_argument(ref, body, argument)


def _check_unique(ref: Ref, what: str, names: list[str]) -> None:
    if not all(names):
        raise Refused(f"{legacy(ref)}: all {what} need a name.")
    if len({name.lower() for name in names}) < len(names):
        raise Refused(f"{legacy(ref)}: two {what} have the same name.")


def _check_argument(ref: Ref, body: Body, argument: Body) -> None:
    check_keys(argument, _ARGUMENT_KEYS, f"argument {argument['name']}")
    kind, place = body["routineType"], f"argument {argument['name']}"
    if argument.get("mode", "IN") not in ("IN", "OUT", "INOUT"):
        raise Refused(f"{legacy(ref)}: invalid mode {argument['mode']} of {place}.")
    if "mode" in argument and kind != "PROCEDURE":
        raise Refused(f"{legacy(ref)}: {place} has a mode, which only a procedure's can have.")
    if "isAggregate" in argument and kind != "AGGREGATE_FUNCTION":
        raise Refused(
            f"{legacy(ref)}: {place} is NOT AGGREGATE, which only an aggregate function's can be."
        )
    _check_argument_type(ref, body, argument)


def _check_argument_type(ref: Ref, body: Body, argument: Body) -> None:
    place = f"argument {argument['name']}"
    if "dataType" in argument:
        _check_type(ref, place, argument["dataType"])
        if language(body) == "JAVASCRIPT" and argument["dataType"]["typeKind"] == "INT64":
            # https://docs.cloud.google.com/bigquery/docs/user-defined-functions#supported-javascript-udf-data-types
            raise Refused(
                f"{legacy(ref)}: {place} is INT64, which JavaScript doesn't have; use FLOAT64 or "
                "STRING."
            )
    elif argument["argumentKind"] != "ANY_TYPE":
        raise NotSupportedLocally(
            f"The embedded warehouse has no {argument['argumentKind']} arguments: {place} of "
            f"{ref.id}."
        )
    elif language(body) != "SQL":
        raise Refused(f"{legacy(ref)}: {place} of a {describe(body)} needs a type.")


def _check_type(ref: Ref, place: str, kind: Any) -> None:
    name = kind.get("typeKind") if isinstance(kind, dict) else None
    if name not in _TYPES:
        raise Refused(f"{legacy(ref)}: {place} has an invalid type, {name}.")
    for key, owner in (("arrayElementType", "ARRAY"), ("rangeElementType", "RANGE")):
        if (key in kind) != (name == owner):
            raise Refused(f"{legacy(ref)}: {place} is {name}, but its type is not complete.")
        if key in kind:
            _check_type(ref, place, kind[key])
    for field in (kind.get("structType") or {}).get("fields") or ():
        _check_type(ref, place, field.get("type"))


def _check_returned(ref: Ref, columns: list[Body]) -> None:
    names = [str(column.get("name") or "") for column in columns]
    _check_unique(ref, "returned columns", names)
    check_output(ref, names)
    for column in columns:
        _check_type(ref, f"returned column {column['name']}", column.get("type"))


def check_output(ref: Ref, names: list[str]) -> None:
    """Refuse what a table function can't return: https://docs.cloud.google.com/bigquery/quotas."""
    if len(names) > MAX_OUTPUT_COLUMNS:
        raise Refused(f"{legacy(ref)} returns {len(names)} columns; at most {MAX_OUTPUT_COLUMNS}.")
    for name in names:
        if len(name) > MAX_OUTPUT_NAME:
            raise Refused(f"{legacy(ref)}: returned column {name!r} has too long a name.")
