"""An object that a warehouse has under a declared name, of a kind that can't be declared."""

from typing import ClassVar

from datoria_dagster.model.base import Model
from datoria_dagster.model.datasets import Dataset


class Foreign(Model):
    """A live object of another kind, for example an external table where a table is declared."""

    kind: ClassVar[str] = "foreign"

    dataset: Dataset
    name: str
    live_kind: str

    @property
    def id(self) -> str:
        """`project.dataset.name`."""
        return f"{self.dataset.id}.{self.name}"
