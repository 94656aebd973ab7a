"""What a declaration knows of its place in the code."""

from inspect import currentframe
from typing import Any

from pydantic import PrivateAttr

from datoria_dagster.model.base import Model

_OURS = "datoria_dagster."


class Declared(Model):
    """A declaration that knows where it was made. The place is no part of what is declared."""

    _place: tuple[str, int] | None = PrivateAttr(default=None)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        caller = currentframe()
        while caller and caller.f_globals.get("__name__", "").startswith(_OURS):
            caller = caller.f_back
        if caller is not None:
            self._place = (caller.f_code.co_filename, caller.f_lineno)

    @property
    def declared_at(self) -> tuple[str, int] | None:
        """The file and the line where it was made, None where that is no file."""
        place = self._place
        return None if place is None or place[0].startswith("<") else place
