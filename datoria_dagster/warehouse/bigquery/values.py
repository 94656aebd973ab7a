"""BigQuery's messages without the values of rows that they may quote.

What of a message is a value is told by its form: the messages are not documented one by one, so
all that may be one is left out. Source: https://docs.cloud.google.com/bigquery/docs/error-messages
"""

import re

# The beginnings of messages about a value that does not fit.
_ABOUT_VALUES = re.compile(
    r"\b(bad \w+|(could not|cannot|can't|failed to|unable to) (cast|parse|convert)|cannot be cast|"
    r"invalid (date|time|datetime|timestamp|interval|numeric|bignumeric|json|value|input|base64|"
    r"utf-?8|string|range|geography|character|code ?point)|out of (range|bounds)|overflow|"
    r"division by zero|too (long|large)|while reading data|value has length|mismatch between|"
    r"syntax error while parsing value|no matching \w+ for value|ST_GeogFrom\w+ failed)",
    re.IGNORECASE,
)
# A value may hold quotes itself, so all between the first and the last one goes.
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)
_TOLD = (
    r"(?:Bad|Cannot|CSV|Could|Error|Failed|Invalid|JSON|Mismatch|Required|Unable|Value has|"
    r"Array index|Division|Numeric|int64|error message)\b"
)
_AFTER_COLON = re.compile(rf": (?!{_TOLD}).*", re.DOTALL)
_INDEX = re.compile(r"(?<=[Ii]ndex )-?\d+")
_POSITION = re.compile(r" at \[\d+:\d+\]$")
_RAISES = re.compile(r"\bERROR\s*\(", re.IGNORECASE)
_JAVASCRIPT = re.compile(r"^(\w*Error: ).*( at \S+\(.*\) line \d+.*)$", re.DOTALL)
RAISED = (
    "The query failed by ERROR(…); its text may be made of values of rows and is not shown. "
    "Run the query itself to see it."
)


def without_values(message: str, sql: str = "") -> str:
    """Return a message of BigQuery's without values; `sql` is what it was about."""
    if _RAISES.search(sql) and not _POSITION.search(message) and message not in sql:
        return RAISED
    if javascript := _JAVASCRIPT.match(message):
        return f"{javascript[1]}…{javascript[2]}"
    if not _ABOUT_VALUES.search(message):
        return message
    return _INDEX.sub("…", _AFTER_COLON.sub(": …", _QUOTED.sub("'…'", message)))
