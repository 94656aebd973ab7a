"""The contract suite in a real project, whose place the test server takes."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import Front, Server

HERE = Path(__file__).parent
PROJECT = "sandbox-1"
THEIRS = Ref("dataset", f"{PROJECT}.shop")
TABLE = Ref("table", f"{PROJECT}.shop.orders")
# It stops in the middle, with a table that has rows and a view.
FAILING = """
from tests.test_warehouse_contract import VIEW, big_orders, filled, warehouse

def test_that_fails(warehouse):
    filled(warehouse)
    warehouse.create(VIEW, big_orders())
    raise SystemError("broken on purpose")
"""
CHOSEN = (
    "that_fails or rebuilt or view_is_refused or policy_tags or does_not_fit or dataset_is_deleted"
)


@pytest.fixture
def server():
    warehouse = LocalWarehouse(None)
    warehouse.create(THEIRS, {"location": "US"})
    fields = [{"name": "day", "type": "DATE"}]
    warehouse.create(TABLE, {"schema": {"fields": fields}})
    warehouse.append(TABLE, [{"day": "2013-01-31"}])
    front = Front(Server(warehouse, projects=(PROJECT,)))
    threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True).start()
    yield front
    front.shutdown()
    front.server_close()
    warehouse.close()


def asked(server, *words):
    where = {"BIGQUERY_EMULATOR_HOST": server.url, "DATORIA_TEST_PROJECT": PROJECT}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-rs", *words]
    settings = ["-c", str(HERE.parent / "pyproject.toml"), f"--rootdir={HERE.parent}"]
    return subprocess.run(
        [*command, *settings],
        env={**os.environ, **where, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_suite_leaves_nothing_behind_and_touches_nothing_else(server, tmp_path):
    warehouse = server.bigquery.warehouse
    before = warehouse.resources()
    failing = tmp_path / "test_failing.py"
    failing.write_text(FAILING)
    contract = str(HERE / "test_warehouse_contract.py")
    found = asked(server, contract, str(failing), "-k", f"real and ({CHOSEN})")

    assert "1 failed, 12 passed, 1 skipped" in found.stdout, found.stdout + found.stderr
    assert "SystemError: broken on purpose" in found.stdout
    assert "It needs a taxonomy with a policy tag." in found.stdout
    assert warehouse.resources() == before
    assert warehouse.rows(TABLE) == ({"day": "2013-01-31"},)

    log = server.bigquery.log
    paths = [each.path.removeprefix("/bigquery/v2") for each in log]
    assert all(path.startswith(f"/projects/{PROJECT}/") for path in paths)
    named = [path.split("/")[4] for path in paths if re.search("/datasets/.", path)]
    assert all(re.fullmatch(r"datoria_test_[0-9a-f]{12}(_nowhere)?", name) for name in named)
    made = [each for each in log if each.name == "datasets.insert"]
    deleted = {each.path for each in log if each.name == "datasets.delete"}
    assert len(made) == len(deleted) == 13
