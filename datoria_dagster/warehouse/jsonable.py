"""Python's values as JSON rows hold them: what every warehouse answers `rows` in."""

import base64
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any


def scalar(value: Any) -> Any:
    """Return a value without parts: times as ISO 8601 text, bytes as base64."""
    match value:
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal():
            return format(value.normalize(), "f")
        case _:
            return value
