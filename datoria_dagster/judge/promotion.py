"""Which types lead to which, and how: a grid of all pairs, literally.

In place: the documented pairs of `ALTER COLUMN SET DATA TYPE`,
https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
#alter_column_set_data_type_statement. By a cast: those of CAST,
https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules and
https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast.
None was run against a live project. BIGNUMERIC → FLOAT64 is coercible but was refused at execution
(https://github.com/SQLMesh/sqlmesh/pull/2848); so is DATE → DATETIME, and neither is listed.
"""

from enum import StrEnum

from datoria_dagster.model.types import Type


class Promotion(StrEnum):
    """How a column gets from one type to another."""

    SAME = "same"
    IN_PLACE = "in place"
    CAST = "cast"
    NEVER = "never"


S, P, C, N = Promotion.SAME, Promotion.IN_PLACE, Promotion.CAST, Promotion.NEVER
TYPES = (
    *("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64", "BOOL", "STRING", "BYTES", "DATE"),
    *("DATETIME", "TIME", "TIMESTAMP", "INTERVAL", "RANGE", "GEOGRAPHY", "JSON"),
)
# From (the row) → to (the column, in the order of TYPES), of types without parameters.
# fmt: off
GRID = {
    #              INT NUM BIG FLO BOO STR BYT DAT DTT TIM TST IVL RAN GEO JSO
    "INT64":      (S,  P,  P,  P,  C,  C,  N,  N,  N,  N,  N,  N,  N,  N,  N),
    "NUMERIC":    (C,  S,  P,  P,  N,  C,  N,  N,  N,  N,  N,  N,  N,  N,  N),
    "BIGNUMERIC": (C,  C,  S,  C,  N,  C,  N,  N,  N,  N,  N,  N,  N,  N,  N),
    "FLOAT64":    (C,  C,  C,  S,  N,  C,  N,  N,  N,  N,  N,  N,  N,  N,  N),
    "BOOL":       (C,  N,  N,  N,  S,  C,  N,  N,  N,  N,  N,  N,  N,  N,  N),
    "STRING":     (C,  C,  C,  C,  C,  S,  C,  C,  C,  C,  C,  C,  C,  N,  N),
    "BYTES":      (N,  N,  N,  N,  N,  C,  S,  N,  N,  N,  N,  N,  N,  N,  N),
    "DATE":       (N,  N,  N,  N,  N,  C,  N,  S,  C,  N,  C,  N,  N,  N,  N),
    "DATETIME":   (N,  N,  N,  N,  N,  C,  N,  C,  S,  C,  C,  N,  N,  N,  N),
    "TIME":       (N,  N,  N,  N,  N,  C,  N,  N,  N,  S,  N,  N,  N,  N,  N),
    "TIMESTAMP":  (N,  N,  N,  N,  N,  C,  N,  C,  C,  C,  S,  N,  N,  N,  N),
    "INTERVAL":   (N,  N,  N,  N,  N,  C,  N,  N,  N,  N,  N,  S,  N,  N,  N),
    "RANGE":      (N,  N,  N,  N,  N,  C,  N,  N,  N,  N,  N,  N,  S,  N,  N),
    "GEOGRAPHY":  (N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  S,  N),
    "JSON":       (N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  S),
}
# fmt: on
# What an unparameterized type holds: (digits, of which after the point).
_WHOLE = {"NUMERIC": (38, 9), "BIGNUMERIC": (76, 38)}
_INT64_DIGITS = 19


def promotion(before: Type, after: Type) -> Promotion:
    """Return how a column gets from one type to the other, parameters included."""
    if before == after:
        return Promotion.SAME
    if before.name not in GRID or after.name not in GRID:
        # STRUCT and ARRAY: their fields and elements are compared one by one.
        return Promotion.NEVER
    found = GRID[before.name][TYPES.index(after.name)]
    if found is Promotion.SAME:
        return _within(before, after)
    if found is Promotion.IN_PLACE and not _fits(before, after):
        return Promotion.CAST
    return found


def widens(before: Type, after: Type) -> bool:
    """Tell whether every value of `before` fits `after` and BigQuery changes it in place."""
    return promotion(before, after) in (Promotion.SAME, Promotion.IN_PLACE)


def casts(before: Type, after: Type) -> bool:
    """Tell whether CAST knows the pair at all; the values may still fail it, loudly."""
    return promotion(before, after) is not Promotion.NEVER


def _within(before: Type, after: Type) -> Promotion:
    """Return how the parameters of one type change: they grow in place, and shrink by a cast."""
    if before.element is not None:
        return Promotion.NEVER
    if before.name in _WHOLE:
        large, small = _capacity(after), _capacity(before)
        if large == small:
            return Promotion.SAME if before.precision and after.precision else Promotion.IN_PLACE
        return Promotion.IN_PLACE if _holds(large, small) else Promotion.CAST
    grows = after.max_length is None or (
        before.max_length is not None and after.max_length >= before.max_length
    )
    return Promotion.IN_PLACE if grows else Promotion.CAST


def _fits(before: Type, after: Type) -> bool:
    """Whether all values of a number go into a larger type of number."""
    if after.name == "FLOAT64":
        return True
    digits = (_INT64_DIGITS, 0) if before.name == "INT64" else _capacity(before)
    large = _capacity(after)
    # Google's page names NUMERIC → BIGNUMERIC(40,20), which has fewer digits before the point:
    # unverified. If the server refuses it, the step fails and nothing is changed.
    documented = digits == _WHOLE["NUMERIC"] and large[0] >= digits[0] and large[1] >= digits[1]
    return _holds(large, digits) or documented


def _capacity(kind: Type) -> tuple[int, int]:
    if kind.precision is None:
        return _WHOLE[kind.name]
    return kind.precision, kind.scale or 0


def _holds(large: tuple[int, int], small: tuple[int, int]) -> bool:
    return large[1] >= small[1] and large[0] - large[1] >= small[0] - small[1]
