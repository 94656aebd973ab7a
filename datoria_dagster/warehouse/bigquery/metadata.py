"""The queries of INFORMATION_SCHEMA that tell of many tables at once.

Views with a region qualifier tell of all its datasets:
https://docs.cloud.google.com/bigquery/docs/information-schema-intro#region_qualifier
"""

from collections.abc import Sequence

from datoria_dagster.model.ident import quote
from datoria_dagster.model.template import literal
from datoria_dagster.warehouse.bigquery.outline import TOLD_ELSEWHERE

# A query may name 1,000 tables, and each view of a dataset is one.
# https://docs.cloud.google.com/bigquery/quotas#query_jobs
MOST_DATASETS = 100


def columns(project: str, location: str, datasets: Sequence[str]) -> str:
    """Return the query of (dataset, table, its columns as JSON)."""
    home = _region(project, location)
    return (
        "SELECT c.table_schema, c.table_name, TO_JSON_STRING(ARRAY_AGG(STRUCT("
        "c.column_name, c.data_type, c.is_nullable, c.is_generated, c.column_default, "
        "c.collation_name, c.rounding_mode, c.policy_tags, p.field_path AS path, p.description"
        ") ORDER BY c.ordinal_position)) AS columns\n"
        f"FROM {home}.COLUMNS AS c\nLEFT JOIN {home}.COLUMN_FIELD_PATHS AS p\n"
        "ON p.table_schema = c.table_schema AND p.table_name = c.table_name "
        "AND p.field_path = c.column_name AND p.column_name = c.column_name\n"
        f"WHERE c.table_schema IN ({_among(datasets)}) AND c.is_hidden = 'NO'\n"
        "GROUP BY c.table_schema, c.table_name"
    )


def options(project: str, location: str, datasets: Sequence[str]) -> str:
    """Return the query of (dataset, table, option, its value as a literal)."""
    return (
        "SELECT table_schema, table_name, option_name, option_value\n"
        f"FROM {_region(project, location)}.TABLE_OPTIONS\n"
        f"WHERE table_schema IN ({_among(datasets)}) "
        f"AND option_name NOT IN ({_among(TOLD_ELSEWHERE)})"
    )


def views(project: str, location: str, datasets: Sequence[str]) -> str:
    """Return the query of (dataset, view, its text, whether it is GoogleSQL)."""
    return (
        "SELECT table_schema, table_name, view_definition, use_standard_sql\n"
        f"FROM {_region(project, location)}.VIEWS\nWHERE table_schema IN ({_among(datasets)})"
    )


def keys(project: str, datasets: Sequence[str]) -> str:
    """Return the query of (dataset, table, column, position in the key that it refers to).

    A primary key's columns, in order, refer to none. The view has no region qualifier:
    https://docs.cloud.google.com/bigquery/docs/information-schema-key-column-usage
    """
    selects = (
        "SELECT table_schema, table_name, column_name, position_in_unique_constraint, "
        f"ordinal_position\nFROM {quote(f'{project}.{dataset}')}.INFORMATION_SCHEMA"
        ".KEY_COLUMN_USAGE"
        for dataset in datasets
    )
    return "\nUNION ALL\n".join(selects)


def _region(project: str, location: str) -> str:
    return f"{quote(f'{project}.region-{location.lower()}')}.INFORMATION_SCHEMA"


def _among(names: Sequence[str]) -> str:
    return ", ".join(map(literal, names))
