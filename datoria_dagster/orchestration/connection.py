"""A warehouse for an op: a value that stays open, or one that is opened for the step and closed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from datoria_dagster.settings import Settings, open_warehouse
from datoria_dagster.warehouse.port import Warehouse

Connection = Warehouse | Callable[[], Warehouse]


def configured() -> Warehouse:
    """Open the warehouse that the environment or the nearest pyproject.toml names."""
    return open_warehouse(Settings.load())


@contextmanager
def opened(connection: Connection) -> Generator[Warehouse]:
    """Yield the warehouse; close it afterwards if it was opened here.

    The embedded warehouse is one file, which one process holds: nothing keeps it open for longer.
    """
    if isinstance(connection, Warehouse):
        yield connection
        return
    warehouse = connection()
    try:
        yield warehouse
    finally:
        warehouse.close()
