"""All that can stand in a FROM clause by its name."""

from datoria_dagster.model.dependencies import Dependency
from datoria_dagster.model.external import ExternalTable
from datoria_dagster.model.tables import Relation, SourceTable, Table
from datoria_dagster.model.views import MaterializedView, View

AnyRelation = Table | SourceTable | View | MaterializedView | ExternalTable
Dependency.model_rebuild(_types_namespace={"AnyRelation": AnyRelation})

__all__ = [
    "AnyRelation",
    "ExternalTable",
    "MaterializedView",
    "Relation",
    "SourceTable",
    "Table",
    "View",
]
