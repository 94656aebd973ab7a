"""CREATE FUNCTION and its kin, read into what REST says of a routine.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_function_statement
and the sections after it.
"""

from sqlglot import exp

from datoria_dagster.warehouse.local.queries.parsing import parse_expression
from datoria_dagster.warehouse.local.resources import normal_fields
from datoria_dagster.warehouse.local.syntax import options
from datoria_dagster.warehouse.local.syntax.options import Known
from datoria_dagster.warehouse.local.syntax.tokens import Tokens, standard_type
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused

_LANGUAGES = {"JS": "JAVASCRIPT", "SQL": "SQL"}
_MODES = ("INOUT", "OUT", "IN")


def function(tokens: Tokens, ref: Ref, *, aggregate: bool) -> Body:
    """Consume what follows the name of a scalar or an aggregate function."""
    kind = "AGGREGATE_FUNCTION" if aggregate else "SCALAR_FUNCTION"
    body: Body = {"routineType": kind, "arguments": _arguments(tokens, ref)}
    if tokens.accept("RETURNS"):
        body["returnType"] = standard_type(_type(tokens, "RETURNS"))
    if tokens.accept("NOT", "DETERMINISTIC"):
        body["determinismLevel"] = "NOT_DETERMINISTIC"
    elif tokens.accept("DETERMINISTIC"):
        body["determinismLevel"] = "DETERMINISTIC"
    if tokens.accept("REMOTE"):
        return {**body, **_remote(tokens)}
    language = "SQL"
    if tokens.accept("LANGUAGE"):
        name = tokens.word()
        language = _LANGUAGES.get(name.upper(), name.upper())
    if language not in _LANGUAGES.values():
        raise NotSupportedLocally(
            f"The embedded warehouse has no functions in {language}, as {ref.id} is. Use BigQuery."
        )
    return {**body, "language": language, **_code(tokens, language)}


def _code(tokens: Tokens, language: str) -> Body:
    known = _JAVASCRIPT if language == "JAVASCRIPT" else _ANY
    body = options.resource(tokens.options(), known)
    tokens.expect("AS")
    body["definitionBody"] = tokens.string() if language == "JAVASCRIPT" else tokens.inside()
    # An older form has the options of a SQL function at the end.
    return {**body, **options.resource(tokens.options(), known)}


def _remote(tokens: Tokens) -> Body:
    tokens.expect("WITH", "CONNECTION")
    connection = connection_path(tokens.path())
    given = options.resource(tokens.options(), {**_REMOTE, **_ANY})
    remote = {key: given.pop(key) for key in tuple(given) if key != "description"}
    return {**given, "remoteFunctionOptions": {"connection": connection, **remote}}


def connection_path(name: str) -> str:
    """Return `project.location.name` as REST writes a remote function's connection."""
    parts = name.rsplit(".", 2)
    if len(parts) < 3:  # noqa: PLR2004
        raise Refused(f"Connection {name} must be qualified: project.location.name.")
    return "projects/{}/locations/{}/connections/{}".format(*parts)


def table_function(tokens: Tokens, ref: Ref) -> Body:
    """Consume what follows the name of a table function."""
    body: Body = {"routineType": "TABLE_VALUED_FUNCTION", "arguments": _arguments(tokens, ref)}
    if tokens.accept("RETURNS"):
        tokens.expect("TABLE", "<")
        columns: list[Body] = []
        while not tokens.accept(">"):
            name = tokens.word()
            columns.append({"name": name, "type": standard_type(_type(tokens, name))})
            if not tokens.peek(">"):
                tokens.expect(",")
        body["returnTableType"] = {"columns": columns}
    body.update(options.resource(tokens.options(), _ANY))
    tokens.expect("AS")
    return {**body, "language": "SQL", "definitionBody": tokens.rest()}


def procedure(tokens: Tokens, ref: Ref) -> Body:
    """Consume what follows the name of a procedure."""
    body: Body = {"routineType": "PROCEDURE", "arguments": _arguments(tokens, ref, _MODES)}
    body.update(options.resource(tokens.options(), _PROCEDURE))
    if not tokens.peek("BEGIN"):
        raise NotSupportedLocally(
            f"The embedded warehouse has SQL procedures, whose body is BEGIN … END; {ref.id} goes "
            f"on with {tokens.rest().split()[0]}."
        )
    return {**body, "language": "SQL", "definitionBody": tokens.rest()}


def _arguments(tokens: Tokens, ref: Ref, modes: tuple[str, ...] = ()) -> list[Body]:
    found: list[Body] = []
    tokens.expect("(")
    while not tokens.accept(")"):
        mode = next((mode for mode in modes if tokens.accept(mode)), "IN")
        found.append({**_argument(tokens, ref), "mode": mode})
        if not tokens.peek(")"):
            tokens.expect(",")
    return found


def _argument(tokens: Tokens, ref: Ref) -> Body:
    name = tokens.word()
    argument: Body = {"name": name}
    if tokens.peek("TABLE"):
        raise NotSupportedLocally(
            f"The embedded warehouse has no TABLE arguments: {name} of {ref.id} is one."
        )
    if tokens.accept("ANY", "TYPE"):
        argument["argumentKind"] = "ANY_TYPE"
    else:
        argument["dataType"] = standard_type(_type(tokens, name))
    if tokens.accept("NOT", "AGGREGATE"):
        argument["isAggregate"] = False
    return argument


def _type(tokens: Tokens, name: str) -> Body:
    field = normal_fields([{"name": name, **tokens.data_type()}])[0]
    if field.keys() & {"maxLength", "precision", "scale"}:
        raise Refused(f"{name}: a routine's types have no parameters; leave out its length.")
    return field


def _libraries(text: str) -> list[str]:
    tree = parse_expression(text).this
    return options.strings(text) if isinstance(tree, exp.Array) else [tree.name]


def _context(text: str) -> dict[str, str]:
    tree = parse_expression(text).this
    pairs = [[part.name for part in item.expressions] for item in tree.expressions]
    if not isinstance(tree, exp.Array) or any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004
        raise Refused(f"user_defined_context must be an array of (key, value) pairs, not {text}.")
    return dict(pairs)


_ANY: Known = {"description": ("description", options.string)}
_JAVASCRIPT: Known = {**_ANY, "library": ("importedLibraries", _libraries)}
_PROCEDURE: Known = {**_ANY, "strict_mode": ("strictMode", options.boolean)}
_REMOTE: Known = {
    "endpoint": ("endpoint", options.string),
    "max_batching_rows": ("maxBatchingRows", options.whole),
    "user_defined_context": ("userDefinedContext", _context),
}
