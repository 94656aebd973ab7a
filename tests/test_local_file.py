"""The embedded warehouse's file: what it is opened as, and how processes share it."""

import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref, Refused, Unavailable

DATASET = Ref("dataset", "acme.shop")
T = Ref("table", "acme.shop.t")
BODY = {"schema": {"fields": [{"name": "a", "type": "INTEGER"}]}}
FLIGHTS = Path(__file__).parent.parent / "definitions" / "data"


def test_reading_what_does_not_exist_creates_nothing(tmp_path):
    warehouse = LocalWarehouse(tmp_path / "deep" / "warehouse.duckdb")
    with warehouse.session():
        assert warehouse.read([T]) == {}
        assert warehouse.list(DATASET.id) == ()
        assert warehouse.rows(T) == ()
        assert warehouse.partitions([T]) == {}
        assert warehouse.query("SELECT 1 AS a").rows == ((1,),)
    assert list(tmp_path.iterdir()) == []
    warehouse.create(DATASET, {})
    assert LocalWarehouse(tmp_path / "deep" / "warehouse.duckdb").read([DATASET])


def make_text(path):
    path.write_text("not a database, but long enough to be one" * 100)


def make_folder(path):
    path.mkdir()


def make_other(path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1 AS a")


def make_newer(path):
    LocalWarehouse(path).create(DATASET, {})
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE _datoria.format SET version = 999")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_text, "is not a DuckDB database"),
        (make_folder, "is a folder"),
        (make_other, "a DuckDB database of something else"),
        (make_newer, "another version"),
    ],
)
def test_a_file_that_is_not_ours_is_left_alone(tmp_path, make, message):
    path = tmp_path / "warehouse.duckdb"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    warehouse = LocalWarehouse(path)
    for act in (lambda: warehouse.read([T]), lambda: warehouse.create(DATASET, {})):
        with pytest.raises(Unavailable, match=message) as caught:
            act()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


HOLD = """
import sys
from pathlib import Path
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
warehouse = LocalWarehouse(Path(sys.argv[1]))
with warehouse.session():
    warehouse.append(Ref("table", "acme.shop.t"), [{"a": 2}])
    print("held", flush=True)
    sys.stdin.readline()
"""


def start_holder(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_another_process_waits_for_its_turn(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    warehouse = LocalWarehouse(path)
    warehouse.create(DATASET, {})
    warehouse.create(T, BODY)
    holder = start_holder(path)
    impatient = threading.Thread(target=lambda: warehouse.append(T, [{"a": 3}]))
    impatient.start()
    holder.communicate("done\n")
    impatient.join(timeout=30)
    assert holder.returncode == 0
    assert [row["a"] for row in warehouse.rows(T)] == [2, 3]


def test_a_process_that_waits_too_long_is_told_which_file(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    LocalWarehouse(path).create(DATASET, {})
    LocalWarehouse(path).create(T, BODY)
    holder = start_holder(path)
    reader = "from pathlib import Path; import sys; from datoria_dagster.warehouse.local import *; "
    reader += "LocalWarehouse(Path(sys.argv[1]), wait=0.1).list('acme.shop')"
    command = [sys.executable, "-c", reader, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    holder.communicate("done\n")
    assert f"{path} has been in use by another process for 0.1 s." in told.stderr


def test_threads_share_the_file_and_the_last_one_lets_go(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    LocalWarehouse(path).create(DATASET, {})
    LocalWarehouse(path).create(T, BODY)
    threads = [
        threading.Thread(target=lambda n=n: LocalWarehouse(path).append(T, [{"a": n}]))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row["a"] for row in LocalWarehouse(path).rows(T)) == list(range(12))
    with duckdb.connect(str(path)) as connection:
        assert connection.execute('SELECT count(*) FROM "acme.shop".t').fetchone() == (12,)


def test_reading_metadata_does_not_import_sqlglot(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    LocalWarehouse(path).create(DATASET, {})
    program = """
import sys
from pathlib import Path
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import Ref
assert "duckdb" not in sys.modules
warehouse = LocalWarehouse(Path(sys.argv[1]))
table = Ref("table", "acme.shop.t")
assert warehouse.read([Ref("dataset", "acme.shop")])
warehouse.list("acme.shop"), warehouse.rows(table), warehouse.partitions([table])
warehouse.create(table, {"schema": {"fields": [{"name": "a", "type": "INTEGER"}]}})
warehouse.append(table, [{"a": 1}])
assert warehouse.rows(table) == ({"a": 1},)
assert "sqlglot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)


def test_a_parquet_file_is_loaded_whole(tmp_path):
    file = tmp_path / "rows.parquet"
    duckdb.sql(
        "SELECT range AS a, DATE '2013-01-01' + CAST(range AS INTEGER) AS d FROM range(3)"
    ).write_parquet(str(file))
    warehouse = LocalWarehouse(None)
    warehouse.create(DATASET, {})
    fields = [{"name": "d", "type": "DATE"}, {"name": "a", "type": "NUMERIC"}]
    body = {"schema": {"fields": fields}, "timePartitioning": {"type": "DAY", "field": "d"}}
    assert warehouse.load(T, body, file) == 3
    assert warehouse.load(T, body, file) == 3
    assert warehouse.count(T) == 3
    assert [facts.id for facts in warehouse.partitions([T])[T]] == [
        "20130101",
        "20130102",
        "20130103",
    ]
    with pytest.raises(Refused, match="no such file"):
        warehouse.load(T, body, tmp_path / "nope.parquet")
    narrow = Ref("table", "acme.shop.narrow")
    with pytest.raises(Refused, match="no such field: d"):
        warehouse.load(narrow, BODY, file)
    assert warehouse.list(DATASET.id) == (T,)
