"""The shop's warehouse: the source with its rows, and the platform as it was before the change."""

from datoria_dagster import Platform
from datoria_dagster.apply.apply import apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.port import PartitionFacts, Warehouse
from tests.dagster_platform import before, orders, platform, raw

ROWS = (
    {"day": "2024-01-30", "customer": "ada", "amount": 1},
    {"day": "2024-01-31", "customer": "ada", "amount": 2},
    {"day": "2024-01-31", "customer": "bob", "amount": 30},
    {"day": "2024-02-01", "customer": "bob", "amount": 4},
    {"day": "2024-02-02", "customer": "ada", "amount": 50},
)


def stock(warehouse: Warehouse) -> None:
    """Load the source, and migrate to what was declared before: a change is then pending."""
    warehouse.create(codec.ref(raw), codec.resource(raw))
    warehouse.create(codec.ref(orders), codec.resource(orders))
    warehouse.append(codec.ref(orders), ROWS)
    migrate(warehouse, before)


def migrate(warehouse: Warehouse, wanted: Platform = platform) -> None:
    """Bring the warehouse to a declaration."""
    apply(plan_migration(wanted, warehouse), wanted, warehouse)


def facts(warehouse: Warehouse, name: str) -> tuple[PartitionFacts, ...]:
    """Return what is known of the partitions of a table."""
    ref = codec.ref(platform.managed[name])
    return warehouse.partitions([ref]).get(ref, ())


def rows(warehouse: Warehouse, name: str) -> dict[str, int]:
    """Return partition id → rows of a table."""
    return {fact.id: fact.rows for fact in facts(warehouse, name)}
