"""PARTITION BY of a statement, as REST writes it.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#partition_expression
"""

from datoria_dagster.warehouse.local.resources import INGESTION, column
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, Refused

_TRUNCATIONS = ("DATE_TRUNC", "DATETIME_TRUNC", "TIMESTAMP_TRUNC")


def parse(tokens: Tokens, fields: list[Body]) -> Body:
    """Consume the expression after PARTITION BY."""
    name = tokens.word()
    if not tokens.accept("("):
        return _time("DAY", name)
    function = name.upper()
    if function == "RANGE_BUCKET":
        return _ranges(tokens)
    inner = tokens.word()
    unit = "DAY"
    if function in _TRUNCATIONS:
        tokens.expect(",")
        unit = tokens.word().upper()
    elif function != "DATE":
        raise Refused(f"PARTITION BY {name}(…) is not supported by BigQuery.")
    tokens.expect(")")
    known = column(fields, inner)
    if function == "DATE" and known is not None and known["type"] == "DATE":
        raise Refused(f"PARTITION BY DATE({inner}): the column is a DATE; name it alone.")
    return _time(unit, inner)


def _time(unit: str, name: str) -> Body:
    hidden = name.upper() in (INGESTION, "_PARTITIONDATE")
    return {"timePartitioning": {"type": unit} if hidden else {"type": unit, "field": name}}


def _ranges(tokens: Tokens) -> Body:
    name = tokens.word()
    tokens.expect(",")
    tokens.expect("GENERATE_ARRAY")
    tokens.expect("(")
    bounds = [tokens.until(",")]
    while tokens.accept(","):
        bounds.append(tokens.until(","))
    tokens.expect(")")
    tokens.expect(")")
    try:
        numbers = [int(bound.replace(" ", "")) for bound in bounds]
        start, end, interval = numbers if len(numbers) > 2 else [*numbers, 1]  # noqa: PLR2004
    except ValueError:
        raise Refused(
            "PARTITION BY RANGE_BUCKET needs GENERATE_ARRAY of integer literals."
        ) from None
    spec = {"start": str(start), "end": str(end), "interval": str(interval)}
    return {"rangePartitioning": {"field": name, "range": spec}}
