"""Primary and foreign keys: kept by every way that there is, and what they block."""

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import NotFound, Refused
from tests.local_shop import (
    COPY,
    DATASET,
    DAY_MS,
    OTHER,
    T,
    alter,
    body,
    column,
    cut,
    day,
    execute_refused,
    patch_refused,
    table,
)


@pytest.fixture
def warehouse():
    found = LocalWarehouse(None)
    found.create(DATASET, {"location": "EU"})
    yield found
    found.close()


# Keys


def keyed(*columns):
    return {"tableConstraints": {"primaryKey": {"columns": list(columns)}}}


def refers(own, other, name="fk", target="other"):
    reference = {"projectId": "acme", "datasetId": "shop", "tableId": target}
    pairs = [{"referencingColumn": own, "referencedColumn": other}]
    return {"name": name, "referencedTable": reference, "columnReferences": pairs}


def test_keys_are_kept_by_every_way_that_there_is(warehouse):
    warehouse.create(OTHER, table(column("id", "INTEGER"), **keyed("id")))
    constraints = {"primaryKey": {"columns": ["a", "b"]}, "foreignKeys": [refers("o", "id")]}
    columns = [column("a"), column("b"), column("o", "INTEGER")]
    warehouse.create(T, table(*columns, tableConstraints=constraints))
    assert body(warehouse)["tableConstraints"] == constraints
    warehouse.patch(T, {"tableConstraints": None}, None)
    assert "tableConstraints" not in body(warehouse)
    warehouse.patch(T, {"tableConstraints": constraints}, None)
    assert body(warehouse)["tableConstraints"] == constraints
    warehouse.execute(alter("DROP PRIMARY KEY"))
    warehouse.execute(alter("DROP PRIMARY KEY IF EXISTS"))
    assert body(warehouse)["tableConstraints"] == {"foreignKeys": [refers("o", "id")]}
    warehouse.execute(alter("DROP CONSTRAINT fk"))
    warehouse.execute(alter("DROP CONSTRAINT IF EXISTS fk"))
    assert "tableConstraints" not in body(warehouse)
    warehouse.execute(
        alter(
            "ADD PRIMARY KEY (a, b) NOT ENFORCED, ADD CONSTRAINT fk FOREIGN KEY (o) "
            "REFERENCES `acme.shop.other` (id) NOT ENFORCED"
        )
    )
    assert body(warehouse)["tableConstraints"] == constraints
    warehouse.execute(
        "CREATE OR REPLACE TABLE `acme.shop.t` (a STRING NOT NULL, b STRING, o INT64, "
        "PRIMARY KEY (a, b) NOT ENFORCED, CONSTRAINT fk FOREIGN KEY (o) "
        "REFERENCES `acme.shop.other`(id) NOT ENFORCED)"
    )
    assert body(warehouse)["tableConstraints"] == constraints
    warehouse.execute(
        "CREATE OR REPLACE TABLE `acme.shop.t` (a STRING PRIMARY KEY NOT ENFORCED NOT NULL, "
        "o INT64 REFERENCES `acme.shop.other`(id) NOT ENFORCED)"
    )
    assert body(warehouse)["tableConstraints"] == {
        "primaryKey": {"columns": ["a"]},
        "foreignKeys": [refers("o", "id", "fk$1")],
    }
    warehouse.append(T, [{"a": "x", "o": 1}, {"a": "x", "o": 2}])
    assert warehouse.count(T) == 2


BAD_KEYS = [
    ("ADD PRIMARY KEY (nope) NOT ENFORCED", "nope of the primary key is not a top-level column"),
    ("ADD PRIMARY KEY (d) NOT ENFORCED", "can't have a default value"),
    ("ADD PRIMARY KEY (f) NOT ENFORCED", "not supported for a key"),
    ("ADD PRIMARY KEY (r) NOT ENFORCED", "not supported for a key"),
    ("ADD PRIMARY KEY (a, A) NOT ENFORCED", "twice"),
    ("ADD PRIMARY KEY (a)", "NOT ENFORCED"),
    ("DROP PRIMARY KEY", "no constraint pk$"),
    ("DROP CONSTRAINT nope", "no constraint nope"),
    (
        "ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES `acme.shop.t` (a) NOT ENFORCED",
        "refers to its own table",
    ),
    (
        "ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES `acme.shop.other` (id) NOT ENFORCED",
        "has another type",
    ),
    (
        "ADD CONSTRAINT k FOREIGN KEY (i) REFERENCES `acme.shop.other` (more) NOT ENFORCED",
        "must refer to the primary key of acme.shop.other",
    ),
    (
        "ADD CONSTRAINT k FOREIGN KEY (nope) REFERENCES `acme.shop.other` (id) NOT ENFORCED",
        "not a top-level column",
    ),
    (
        "ADD CONSTRAINT k FOREIGN KEY (i) REFERENCES `acme.shop.nope` (id) NOT ENFORCED",
        "Not found: Table acme:shop.nope",
    ),
    (
        "ADD CONSTRAINT k FOREIGN KEY (i) REFERENCES `acme.far.t` (id) NOT ENFORCED",
        "must be in the same dataset",
    ),
]


@pytest.mark.parametrize(("action", "message"), BAD_KEYS)
def test_a_bad_key_is_refused(warehouse, action, message):
    columns = [column("id", "INTEGER"), column("more", "INTEGER")]
    warehouse.create(OTHER, table(*columns, **keyed("id")))
    columns = [
        column("a"),
        column("d", defaultValueExpression="'x'"),
        column("f", "FLOAT"),
        column("r", mode="REPEATED"),
        column("i", "INTEGER"),
    ]
    warehouse.create(T, table(*columns))
    execute_refused(warehouse, alter(action), message, (Refused, NotFound))


def test_a_primary_key_has_at_most_16_columns(warehouse):
    names = [f"c{number}" for number in range(17)]
    warehouse.create(T, table(*map(column, names)))
    patch_refused(warehouse, keyed(*names), "at most 16 columns")
    warehouse.patch(T, keyed(*names[:16]), None)
    patch = f"ADD PRIMARY KEY ({names[16]}) NOT ENFORCED"
    execute_refused(warehouse, alter(patch), "has a primary key already")


KEPT_BY_KEYS = [
    ("DROP COLUMN a", "part of the primary key"),
    ("RENAME COLUMN a TO z", "part of the primary key"),
    ("ALTER COLUMN a SET DATA TYPE NUMERIC", "part of the primary key"),
    ("ALTER COLUMN a SET DEFAULT 1", "can't have a default value"),
    ("DROP COLUMN o", "part of foreign key fk"),
    ("RENAME COLUMN o TO z", "part of foreign key fk"),
    ("ALTER COLUMN o SET DATA TYPE NUMERIC", "part of foreign key fk"),
    ("RENAME TO u", "has a primary key"),
]


@pytest.mark.parametrize(("action", "message"), KEPT_BY_KEYS)
def test_the_columns_of_a_key_stay_as_they_are(warehouse, action, message):
    warehouse.create(OTHER, table(column("id", "INTEGER"), **keyed("id")))
    constraints = {**keyed("a")["tableConstraints"], "foreignKeys": [refers("o", "id")]}
    columns = [column("a", "INTEGER"), column("o", "INTEGER"), column("n")]
    warehouse.create(T, table(*columns, tableConstraints=constraints))
    execute_refused(warehouse, alter(action), message)
    warehouse.execute(alter("DROP COLUMN n"))
    warehouse.execute(alter("DROP CONSTRAINT fk"))
    warehouse.execute(alter("DROP PRIMARY KEY"))
    warehouse.execute(alter(action))


def test_a_table_can_change_after_the_target_of_its_foreign_key_is_gone(warehouse):
    warehouse.create(OTHER, table(column("id", "INTEGER"), **keyed("id")))
    constraints = {"foreignKeys": [refers("o", "id")]}
    warehouse.create(T, table(column("o", "INTEGER"), tableConstraints=constraints))
    warehouse.delete(OTHER, None)
    warehouse.patch(T, {"description": "Alone."}, None)
    assert body(warehouse)["tableConstraints"] == constraints


def test_clones_and_snapshots_keep_keys_and_snapshots_no_partition_expiration(warehouse):
    constraints = keyed("n")
    spec = cut("DAY", expirationMs=str(9 * DAY_MS))
    given = table(column("day", "DATE"), column("n", "INTEGER"), **constraints, **spec)
    warehouse.create(T, given)
    warehouse.stream(T, [{"day": day(1).isoformat(), "n": 1}])
    warehouse.execute("CREATE SNAPSHOT TABLE `acme.shop.copy` CLONE `acme.shop.t`")
    warehouse.execute("CREATE TABLE `acme.shop.other` CLONE `acme.shop.t`")
    for ref in (COPY, OTHER):
        assert body(warehouse, ref)["tableConstraints"] == constraints["tableConstraints"]
        assert "streamingBuffer" not in body(warehouse, ref)
        assert warehouse.count(ref) == 1
    assert body(warehouse, COPY)["timePartitioning"] == {"type": "DAY", "field": "day"}
    assert body(warehouse, OTHER)["timePartitioning"]["expirationMs"] == str(9 * DAY_MS)
    warehouse.execute(
        "CREATE OR REPLACE TABLE `acme.shop.other` CLONE `acme.shop.copy` "
        "OPTIONS (expiration_timestamp = TIMESTAMP '2100-01-01 00:00:00 UTC')"
    )
    assert body(warehouse, OTHER)["expirationTime"] == "4102444800000"
