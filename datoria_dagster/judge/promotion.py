"""Which types `ALTER COLUMN SET DATA TYPE` widens: type pairs, literally.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
#alter_column_set_data_type_statement. BIGNUMERIC → FLOAT64 is coercible but refused at execution
(https://github.com/SQLMesh/sqlmesh/pull/2848). None was run against a live project: unverified.
"""

from datoria_dagster.model.types import Type

WIDENINGS = frozenset(
    {
        ("INT64", "NUMERIC"),
        ("INT64", "BIGNUMERIC"),
        ("INT64", "FLOAT64"),
        ("NUMERIC", "BIGNUMERIC"),
        ("NUMERIC", "FLOAT64"),
    }
)
# What an unparameterized type holds: (digits, of which after the point).
_WHOLE = {"NUMERIC": (38, 9), "BIGNUMERIC": (76, 38)}
_INT64_DIGITS = 19


def widens(before: Type, after: Type) -> bool:
    """Tell whether every value of `before` fits `after` and BigQuery changes it in place."""
    if before.name == after.name:
        return _grows(before, after)
    if (before.name, after.name) not in WIDENINGS:
        return False
    if after.name == "FLOAT64":
        return True
    digits = (_INT64_DIGITS, 0) if before.name == "INT64" else _capacity(before)
    large = _capacity(after)
    # Google's page names NUMERIC → BIGNUMERIC(40,20), which has fewer digits before the point:
    # unverified. If the server refuses it, the step fails and nothing is changed.
    documented = digits == _WHOLE["NUMERIC"] and large[0] >= digits[0] and large[1] >= digits[1]
    return _holds(large, digits) or documented


def _grows(before: Type, after: Type) -> bool:
    if before.name in ("STRING", "BYTES"):
        if after.max_length is None:
            return True
        return before.max_length is not None and after.max_length >= before.max_length
    if before.name in _WHOLE:
        return _holds(_capacity(after), _capacity(before))
    return before == after


def _capacity(kind: Type) -> tuple[int, int]:
    if kind.precision is None:
        return _WHOLE[kind.name]
    return kind.precision, kind.scale or 0


def _holds(large: tuple[int, int], small: tuple[int, int]) -> bool:
    return large[1] >= small[1] and large[0] - large[1] >= small[0] - small[1]


def casts(before: Type, after: Type) -> bool:
    """Tell whether CAST knows the pair at all; the values may still fail it, loudly.

    Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
    """
    return before.name == after.name or after.name in _CASTS.get(before.name, ())


_NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64", "STRING")
_CASTS = {
    "INT64": (*_NUMBERS, "BOOL"),
    "NUMERIC": _NUMBERS,
    "BIGNUMERIC": _NUMBERS,
    "FLOAT64": _NUMBERS,
    "BOOL": ("STRING", "INT64"),
    "STRING": (*_NUMBERS, "BOOL", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP"),
    "BYTES": ("STRING",),
    "DATE": ("STRING", "DATETIME", "TIMESTAMP"),
    "DATETIME": ("STRING", "DATE", "TIME", "TIMESTAMP"),
    "TIME": ("STRING",),
    "TIMESTAMP": ("STRING", "DATE", "DATETIME", "TIME"),
}
