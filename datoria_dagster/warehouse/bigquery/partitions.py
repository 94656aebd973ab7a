"""The partitions of a dataset's tables, as INFORMATION_SCHEMA tells them.

Source: https://docs.cloud.google.com/bigquery/docs/information-schema-partitions
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datoria_dagster.model.ident import quote
from datoria_dagster.model.template import literal
from datoria_dagster.warehouse.port import PartitionFacts, Ref

# The view reads no more tables at once.
MOST_TABLES = 1000

Facts = Mapping[Ref, tuple[PartitionFacts, ...]]


def groups(refs: Iterable[Ref]) -> tuple[tuple[Ref, tuple[Ref, ...]], ...]:
    """Return datasets with those of their tables that one query can tell about."""
    named: dict[Ref, list[Ref]] = defaultdict(list)
    for ref in sorted(set(refs)):
        named[ref.dataset].append(ref)
    return tuple(
        (dataset, tuple(tables[start : start + MOST_TABLES]))
        for dataset, tables in named.items()
        for start in range(0, len(tables), MOST_TABLES)
    )


def query(dataset: Ref, tables: Sequence[Ref]) -> str:
    """Return the query that tells about the tables."""
    names = ", ".join(literal(table.parts[-1]) for table in tables)
    return (
        "SELECT table_name, partition_id, total_rows, last_modified_time "
        f"FROM {quote(dataset.id)}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name IN ({names})"
    )


def facts(tables: Sequence[Ref], rows: Iterable[tuple[Any, ...]]) -> Facts:
    """Return what the query's rows say.

    A table that was never filled has a row there, and so may a partition that was emptied: both
    have nothing to tell.
    """
    by_name = {table.parts[-1]: table for table in tables}
    found: dict[Ref, list[PartitionFacts]] = defaultdict(list)
    for name, partition, count, modified in rows:
        if count and modified:
            found[by_name[name]].append(PartitionFacts(partition or "", count, modified))
    return {ref: tuple(sorted(some, key=lambda fact: fact.id)) for ref, some in found.items()}
