"""What a job brought."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a job brought. `rows` is None for a statement without a result."""

    statistics: dict[str, Any] = field(default_factory=dict)
    fields: tuple[dict[str, Any], ...] = ()
    rows: Sequence[tuple[Any, ...]] | None = None
