"""A warehouse's file that is as a folder's project declares it: `python -m bench.fill FOLDER`.

Only what metadata is made of is written, and the ledger, as if it had been migrated yesterday.
"""

import json
import sys
from pathlib import Path

from datoria_dagster.ledger.ledger import Ledger, Outcome
from datoria_dagster.migration import platform_fingerprint
from datoria_dagster.model.platform import Platform
from datoria_dagster.plan.document import Plan
from datoria_dagster.plan.step import Adopt
from datoria_dagster.settings import Settings, load_platform
from datoria_dagster.warehouse import codec
from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.local import resources as rest
from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.port import Body, Ref

FILE = "warehouse.duckdb"
_KINDS = {"table": "TABLE", "view": "VIEW"}


def main() -> None:
    folder = Path(sys.argv[1])
    platform = load_platform(Settings(folder, "generated:platform", "local"))
    warehouse = LocalWarehouse(folder / FILE)
    fill(warehouse, platform)
    warehouse.close()


def fill(warehouse: LocalWarehouse, platform: Platform) -> None:
    """Write tables and views without rows, of an empty warehouse."""
    with warehouse.session():
        with warehouse._store.writing() as catalog:  # noqa: SLF001
            _add_all(catalog, platform)
        _write_ledger(warehouse, platform)


def _add_all(catalog: Catalog, platform: Platform) -> None:
    rows: list[tuple[str, ...]] = []
    for found in platform.managed.values():
        ref = codec.ref(found)
        etag = f"etag{len(rows)}"
        body = {**_body(ref, codec.full_resource(found), found.kind), "etag": etag}
        rows.append((ref.kind, ref.dataset.id, ref.id, etag, json.dumps(body)))
    catalog.cursor.execute(
        "INSERT INTO _datoria.resources SELECT unnest(?), unnest(?), unnest(?), unnest(?), "
        "unnest(?)",
        [list(column) for column in zip(*rows, strict=True)],
    )


def _body(ref: Ref, declared: Body, kind: str) -> Body:
    times = {"creationTime": "1700000000000", "lastModifiedTime": "1700000000000"}
    if ref.kind == "dataset":
        return {**rest.dataset(ref, declared), **times}
    return {**rest.table(ref, declared, "US", _KINDS[kind]), **times}


def _write_ledger(warehouse: LocalWarehouse, platform: Platform) -> None:
    ledger = Ledger(warehouse, platform)
    steps = tuple(
        Adopt(object=found.id, object_kind=found.kind, resource_kind="table", statement="adopted")
        for found in platform.managed.values()
        if found.kind in _KINDS
    )
    plan = Plan(steps=steps, platform_fingerprint=platform_fingerprint(platform))
    with ledger.lease():
        sequence = ledger.start(plan)
        outcomes = [Outcome(step, "done") for step in steps]
        ledger.finish(sequence, outcomes, plan.platform_fingerprint)
    # What was migrated lately is not read in bulk.
    table = physical.table_name(Ref("table", f"{ledger.id}.migrations"))
    with warehouse._store.writing() as catalog:  # noqa: SLF001
        catalog.cursor.execute(f'UPDATE {table} SET "at" = "at" - INTERVAL 1 DAY')


if __name__ == "__main__":
    main()
