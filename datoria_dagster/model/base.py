"""What every declared thing shares: it is frozen, strict, and explains itself when it is wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from datoria_dagster.model.partitions import Partition


class DatoriaError(Exception):
    """Anything that a user can mend. The message is a sentence: what, where, what to do next."""


class Interrupted(KeyboardInterrupt):
    """Somebody stopped the work. The message says what was done and what was not."""


class DeclarationError(DatoriaError):
    """A declaration is wrong; nothing was sent to a warehouse."""


class Model(BaseModel):
    """A frozen declaration. Unknown arguments and wrong values raise `DeclarationError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DeclarationError(_sentence(type(self).__name__, values, error)) from None
        for name, value in values.items():
            if isinstance(value, str) and not is_unicode(value):
                raise DeclarationError(f"{type(self).__name__}: {name} is {value!r}. {HALF}")

    def __eq__(self, other: object) -> bool:
        # Nearly all comparisons are of equals, and this tells in half of pydantic's time.
        if type(self) is type(other) and vars(self) == vars(other):
            return True
        return super().__eq__(other)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # What is as it would be without a word about it says nothing.
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            unsaid = name in fields and fields[name].get_default(call_default_factory=True)
            if name not in fields or fields[name].is_required() or value != unsaid:
                yield name, value

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self).model_fields))


HALF = "It holds half of a character (a surrogate), which no warehouse stores; write it whole."


def is_unicode(text: str) -> bool:
    """Tell whether a text can be sent at all: Python's may hold halves of characters."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@runtime_checkable
class Renderable(Protocol):
    """Something that a SQL template can hold: it knows its own GoogleSQL."""

    def render(self, execution: "Partition | None") -> str:
        """Return GoogleSQL for one execution, or None where there is none."""
        ...


def _sentence(what: str, values: dict[str, Any], error: ValidationError) -> str:
    # A misspelt argument explains a missing one better than the other way round.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    name = values.get("name")
    subject = f"{what} {name!r}" if isinstance(name, str) else what
    if first["type"] == "value_error":
        return f"{subject}: {first.get('ctx', {}).get('error')}"
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "model_type":
        wanted = first.get("ctx", {}).get("class_name")
        return f"{subject}: {place} must be a {wanted}, not {first['input']!r}."
    reason = {
        "missing": "is required",
        "extra_forbidden": "is not an argument; check its spelling",
    }.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    return f"{subject}: {place} {reason}."
