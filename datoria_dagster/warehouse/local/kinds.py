"""The types of tables.

Source: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/tables
"""

from datoria_dagster.warehouse.port import Body, Refused, Resource

MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
EXTERNAL = "EXTERNAL"
# Those that have rows of their own.
_STORED = ("TABLE", "SNAPSHOT")
_NOUNS = {
    "TABLE": "a table",
    "SNAPSHOT": "a snapshot",
    "VIEW": "a view",
    MATERIALIZED_VIEW: "a materialized view",
    EXTERNAL: "an external table",
}


def is_stored(body: Body) -> bool:
    """Whether a table has rows of its own."""
    return body["type"] in _STORED


def noun(body: Body) -> str:
    """Return what kind of table it is, as people say it."""
    return _NOUNS[body["type"]]


def check_stored(table: Resource) -> None:
    """Refuse what has no rows of its own."""
    if not is_stored(table.body):
        raise Refused(
            f"{table.ref.id} is {noun(table.body)}, which has no rows of its own; query it."
        )
