"""Fixtures, as a plugin: the shop's warehouse with a change pending, and an instance of Dagster."""

import dagster as dg
import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform.stock import stock


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    stock(found)
    yield found
    found.close()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found
