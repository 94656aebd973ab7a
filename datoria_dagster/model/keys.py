"""Foreign keys. BigQuery doesn't enforce a key, but its optimizer trusts it.

Source: https://docs.cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from datoria_dagster.model.base import DeclarationError, Model
from datoria_dagster.model.ident import NOT_A_CONSTRAINT, is_constraint

if TYPE_CHECKING:
    from datoria_dagster.model.tables import Table

MAX_PRIMARY_KEY = 16
MAX_FOREIGN_KEYS = 64


class ForeignKey(Model):
    """`ForeignKey("customer_id", references=customers)`: these columns hold a key of that table.

    `table` is the id of the referenced table, `referenced` its columns: its primary key, if the
    declaration does not name others. The name is `fk_<columns>`, if it does not say another.
    """

    name: str
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]

    def __init__(
        self,
        *columns: str,
        references: "Table | None" = None,
        referenced: tuple[str, ...] = (),
        name: str = "",
        **given: Any,
    ) -> None:
        if references is not None:
            if not hasattr(references, "primary_key"):
                found = getattr(references, "id", references)
                raise DeclarationError(
                    f"ForeignKey {', '.join(columns)!r}: references must be a Table, not {found!r}."
                )
            # Not of a live key: BigQuery gives names of its own.
            if name and not is_constraint(name):
                raise DeclarationError(f"ForeignKey {name!r}: {NOT_A_CONSTRAINT}")
            given["table"] = references.id
            referenced = referenced or references.primary_key
        super().__init__(
            name=name or f"fk_{'_'.join(given.get('columns') or columns)}",
            columns=given.pop("columns", columns),
            referenced=referenced,
            **given,
        )

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if not self.columns:
            raise ValueError("a foreign key names at least one column.")
        if len(self.columns) != len(self.referenced):
            raise ValueError(
                f"it has {len(self.columns)} columns and refers to {len(self.referenced)} of "
                f"{self.table}. Give that table a primary_key, or name them: referenced=(…,)."
            )
        return self
