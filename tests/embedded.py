"""An embedded warehouse for the time of a block."""

from datoria_dagster.apply.apply import apply
from datoria_dagster.migration import plan_migration
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Resource


class memory:  # noqa: N801
    """An empty warehouse in memory."""

    def __enter__(self):
        self.warehouse = LocalWarehouse(None)
        return self.warehouse

    def __exit__(self, *_):
        self.warehouse.close()


class migrated(memory):  # noqa: N801
    """One that a platform was migrated to."""

    def __init__(self, platform):
        self.platform = platform

    def __enter__(self):
        warehouse = super().__enter__()
        apply(plan_migration(self.platform, warehouse), self.platform, warehouse)
        return warehouse


def everything(warehouse, platform) -> dict[Ref, Resource]:
    return dict(warehouse.read([codec.ref(found) for found in platform.managed.values()]))
