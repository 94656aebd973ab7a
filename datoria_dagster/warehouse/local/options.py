"""What OPTIONS(…) of a statement says, as parts of a resource.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from sqlglot import exp

from datoria_dagster.warehouse.local.googlesql import parse_expression
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Refused

_KEYS = {"description": "description", "friendly_name": "friendlyName"}


def described(field: Body, options: dict[str, str]) -> Body:
    """Return the column with the description that its options give it."""
    if unknown := options.keys() - {"description"}:
        raise NotSupportedLocally(
            f"The embedded warehouse doesn't keep option {min(unknown)} of column {field['name']}."
        )
    if "description" not in options:
        return field
    text = _string(options["description"])
    rest = {key: value for key, value in field.items() if key != "description"}
    return {**rest, "description": text} if text else rest


def resource(options: dict[str, str]) -> Body:
    """Return the properties that options of a table, view or function set; None removes one."""
    found: Body = {}
    for name, value in options.items():
        if name in _KEYS:
            found[_KEYS[name]] = _string(value)
        elif name == "labels":
            found["labels"] = _labels(value)
        else:
            raise NotSupportedLocally(f"The embedded warehouse doesn't keep option {name}.")
    return found


def _string(text: str) -> str | None:
    tree = parse_expression(text).this
    if isinstance(tree, exp.Null):
        return None
    if isinstance(tree, exp.RawString) or (isinstance(tree, exp.Literal) and tree.is_string):
        return tree.name
    raise Refused(f"An option must be a string literal, not {text}.")


def _labels(text: str) -> dict[str, str]:
    tree = parse_expression(text).this
    if not isinstance(tree, exp.Array):
        raise Refused(f"labels must be an array of (key, value) pairs, not {text}.")
    pairs = 2
    found: dict[str, str] = {}
    for item in tree.expressions:
        parts = [part.name for part in item.expressions]
        if len(parts) != pairs:
            raise Refused(f"labels must be an array of (key, value) pairs, not {text}.")
        found[parts[0]] = parts[1]
    return found
