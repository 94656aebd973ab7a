"""A dataset, tables in it, and how to see that a refusal changed nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from datoria_dagster.warehouse.port import Ref, Refused

DATASET = Ref("dataset", "acme.shop")
T = Ref("table", "acme.shop.t")
OTHER = Ref("table", "acme.shop.other")
VIEW = Ref("table", "acme.shop.v")
COPY = Ref("table", "acme.shop.copy")
ALL = (DATASET, T, OTHER, VIEW, COPY)
DAY_MS = 86_400_000
KEY = "projects/acme/locations/eu/keyRings/ring/cryptoKeys/key"
TAG = "projects/acme/locations/eu/taxonomies/1/policyTags/2"


def column(name, kind="STRING", mode="NULLABLE", **more):
    return {"name": name, "type": kind, "mode": mode, **more}


def table(*fields, **more):
    return {"schema": {"fields": list(fields)}, **more}


def body(warehouse, ref=T):
    return warehouse.read([ref])[ref].body


def fields(warehouse, ref=T):
    return body(warehouse, ref)["schema"]["fields"]


def state(warehouse):
    found = warehouse.read(ALL)
    tables = [ref for ref in found if ref.kind == "table" and ref != VIEW]
    rows = {ref.id: warehouse.rows(ref) for ref in tables}
    facts = warehouse.partitions(ALL)
    bodies = json.dumps({ref.id: resource.body for ref, resource in found.items()})
    return bodies, rows, facts, warehouse.policies(ALL), warehouse.list(DATASET.id)


def refused(warehouse, act, message, error=Refused):
    before = state(warehouse)
    with pytest.raises(error) as caught:
        act()
    assert message in str(caught.value)
    assert state(warehouse) == before


def execute_refused(warehouse, statement, message, error=Refused):
    refused(warehouse, lambda: warehouse.execute(statement), message, error)


def patch_refused(warehouse, patch, message, ref=T, error=Refused):
    refused(warehouse, lambda: warehouse.patch(ref, patch, None), message, error)


def alter(action, name="t"):
    return f"ALTER TABLE `acme.shop.{name}` {action}"


def day(ago):
    return (datetime.now(UTC) - timedelta(days=ago)).date()


def cut(kind, **more):
    return {"timePartitioning": {"type": kind, "field": "day", **more}}


def dated(warehouse, *agos, **more):
    warehouse.create(T, table(column("day", "DATE"), column("n", "INTEGER"), **cut("DAY", **more)))
    warehouse.append(T, [{"day": day(ago).isoformat(), "n": ago} for ago in agos])


def kept_days(warehouse):
    rows = sorted(row["n"] for row in warehouse.rows(T))
    facts = sorted(found.id for found in warehouse.partitions([T]).get(T, ()))
    assert facts == sorted(day(ago).strftime("%Y%m%d") for ago in rows)
    return rows
