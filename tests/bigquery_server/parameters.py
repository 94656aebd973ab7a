"""Query parameters, put into the query as literals: the embedded warehouse has none.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter
"""

from tests.bigquery_server.errors import invalid, lacking
from tests.bigquery_server.sqltext import replaced

_PLACE = r"(?<!@)@(?P<name>[A-Za-z_]\w*)|(?P<mark>\?)"
_QUOTED = ("DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "BIGNUMERIC", "JSON")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PRINTABLE = 0x20


def bound(text, parameters):
    """Return the query with the values of its parameters."""
    if not parameters:
        return text
    named = {p["name"].lower(): p for p in parameters if p.get("name")}
    rest = iter([p for p in parameters if not p.get("name")])

    def value(match):
        found = next(rest, None) if match["mark"] else named.get(match["name"].lower())
        if found is None:
            what = f"parameter '{match['name']}'" if match["name"] else "positional parameter"
            raise invalid(f"Query {what} not found", "invalidQuery")
        return literal(found["parameterType"], found.get("parameterValue") or {})

    return replaced(text, _PLACE, value)


def literal(kind, value):
    """Return a value as a GoogleSQL literal of its type."""
    match kind["type"]:
        case "ARRAY":
            items = [literal(kind["arrayType"], item) for item in value.get("arrayValues") or []]
            return f"ARRAY<{sql_type(kind['arrayType'])}>[{', '.join(items)}]"
        case "STRUCT":
            given = value.get("structValues") or {}
            parts = [literal(f["type"], given.get(f["name"]) or {}) for f in kind["structTypes"]]
            return f"{sql_type(kind)}({', '.join(parts)})"
        case name if value.get("value") is None:
            return f"CAST(NULL AS {name})"
        case name:
            return _scalar(name, str(value["value"]))


def sql_type(kind):
    """Return a parameter's type as SQL."""
    match kind["type"]:
        case "ARRAY":
            return f"ARRAY<{sql_type(kind['arrayType'])}>"
        case "STRUCT":
            fields = [f"`{f['name']}` {sql_type(f['type'])}" for f in kind["structTypes"]]
            return f"STRUCT<{', '.join(fields)}>"
        case name:
            return name


def _scalar(kind, text):
    if kind == "STRING":
        return string(text)
    if kind in ("INT64", "INTEGER", "FLOAT64", "FLOAT", "BOOL", "BOOLEAN"):
        return f"CAST({string(text)} AS {kind})"
    if kind == "BYTES":
        return f"FROM_BASE64({string(text)})"
    if kind in _QUOTED:
        return f"{kind} {string(text)}"
    raise lacking(f"query parameter of type {kind}")


def string(text):
    """Return a string literal."""
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char):
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if ord(char) >= _PRINTABLE else f"\\x{ord(char):02x}"
