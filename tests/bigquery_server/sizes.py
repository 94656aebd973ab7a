"""How many bytes a query reads, from the counts of rows and the documented sizes of types.

All columns of a table count, and those without a fixed size by a round figure: an estimate.
Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes
"""

from tests.bigquery_server.resources import schema_of

_SIZES = {
    "INTEGER": 8,
    "FLOAT": 8,
    "BOOLEAN": 1,
    "DATE": 8,
    "DATETIME": 8,
    "TIME": 8,
    "TIMESTAMP": 8,
    "INTERVAL": 16,
    "NUMERIC": 16,
    "BIGNUMERIC": 32,
    "RANGE": 16,
}
_VARIABLE = 12


def of_row(fields):
    """Return the size of a row."""
    return sum(
        of_row(field["fields"]) if field.get("fields") else _SIZES.get(field["type"], _VARIABLE)
        for field in fields
    )


def of_tables(server, refs):
    """Return the size of those of the tables that exist."""
    found = server.read(refs)
    facts = server.warehouse.partitions(found)
    return sum(
        of_row(schema_of(found[ref].body)) * sum(each.rows for each in known)
        for ref, known in facts.items()
    )
