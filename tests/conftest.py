"""A project in an empty folder, and the command line as a person types it there."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

from datoria_dagster.cli.main import main
from tests import dice  # noqa: F401 - registers the profiles

settings.load_profile("test")
# They wait for processes of Dagster's more than they work, so they begin first.
_WAITING = (
    "test_dagster_end_to_end",
    "test_dagster_launch",
    "test_dagster_out_of_date",
    "test_dagster_unattended",
)

PROJECT = """
[tool.datoria]
platform = "shop:platform"
"""
SHOP = """
from datoria_dagster import *

shop = Dataset(project="acme", name="shop", location="EU")
raw = Dataset(project="acme", name="raw", location="EU")
orders = Table(
    dataset=shop,
    name="orders",
    partitioning=Partitioning.day("day"),
    schema=(
        Field("day", DATE, required=True),
        Field("customer", STRING),
        Field("amount", INT64),
    ),
)
customers = View(
    dataset=shop,
    name="customers",
    schema=(Field("customer", STRING), Field("total", INT64)),
    query=sql(
        "SELECT customer, SUM(amount) AS total FROM {orders} GROUP BY customer", orders=orders
    ),
)
fill = Job(
    name="fill_orders",
    destination=orders,
    start=day(2013, 1, 1),
    end=day(2013, 1, 3),
    query=sql("SELECT {date} AS day, 'ann' AS customer, 7 AS amount", date=ExecutionDate),
)
platform = Platform.of(orders, customers, fill)
"""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in _WAITING)


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class Project:
    """A folder with a pyproject.toml and a platform in `shop.py`."""

    def __init__(self, folder: Path, capsys, monkeypatch) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.write("pyproject.toml", PROJECT)
        self.write("shop.py", SHOP)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(dedent(text))
        return path

    def edit(self, old: str, new: str) -> None:
        text = (self.folder / "shop.py").read_text()
        assert old in text
        self.write("shop.py", text.replace(old, new))

    def datoria(self, *words: str) -> Ran:
        sys.modules.pop("shop", None)
        self._monkeypatch.setattr(sys, "argv", ["datoria", *words])
        self._capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        printed = self._capsys.readouterr()
        return Ran(code if isinstance(code, int) else int(bool(code)), printed.out, printed.err)


def migrated(project):
    assert project.datoria("migrate").code == 0
    return project


def filled(project):
    migrated(project)
    assert project.datoria("run").code == 0
    return project


def refused(project, *words: str) -> str:
    ran = project.datoria(*words)
    assert ran.code in (1, 2), ran
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


class Faults:
    """Counts what was done to migrations, and what they survived."""

    def __init__(self, properties) -> None:
        self._properties = properties

    def tried(self, found) -> None:
        self._properties.append(("tried", len(found)))

    def survived(self, found) -> None:
        self._properties.append(("survived", len(found)))


@pytest.fixture
def faults(request):
    return Faults(request.node.user_properties)


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how many faults were tried, and after how many all was as it should be."""
    counts = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                for name, count in report.user_properties:
                    counts[name] += count
    if counts:
        tried, survived = counts["tried"], counts["survived"]
        terminalreporter.write_line(f"{tried:,} faults and kills tried, {survived:,} survived")


@pytest.fixture
def project(tmp_path, capsys, monkeypatch):
    for name in ("DATORIA_PLATFORM", "DATORIA_WAREHOUSE", "DATORIA_WAREHOUSE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Project(tmp_path, capsys, monkeypatch)
    sys.modules.pop("shop", None)
