"""The legacy meta-table `t$__PARTITIONS_SUMMARY__`, which `Client.list_partitions` reads."""

from tests.bigquery_server.errors import invalid
from tests.bigquery_server.resources import is_partitioned, shown

NAME = "__PARTITIONS_SUMMARY__"
_TEXTS = ("project_id", "dataset_id", "table_id", "partition_id")
_TIMES = ("creation_time", "last_modified_time")
FIELDS = [
    *({"name": name, "type": "STRING", "mode": "NULLABLE"} for name in _TEXTS),
    *({"name": name, "type": "INTEGER", "mode": "NULLABLE"} for name in _TIMES),
]


def resource(table):
    """Return the meta-table's resource."""
    if not is_partitioned(table.body):
        raise invalid(
            f"Cannot read partition information from a table that is not partitioned: "
            f"{table.body['id']}"
        )
    name = f"{table.body['tableReference']['tableId']}${NAME}"
    reference = {**table.body["tableReference"], "tableId": name}
    return {**shown(table), "tableReference": reference, "schema": {"fields": FIELDS}}


def rows(table, facts):
    """Return its rows. The embedded warehouse knows no time of creation of a partition."""
    project, dataset, name = table.ref.parts
    return [
        (project, dataset, name, found.id, None, int(found.modified.timestamp() * 1000))
        for found in facts
    ]
