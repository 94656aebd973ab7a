"""The GoogleSQL that changes tables: every name in back-quotes, every value a literal.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from collections.abc import Iterable, Sequence

from datoria_dagster.model.ident import quote
from datoria_dagster.model.keys import ForeignKey
from datoria_dagster.model.types import Field
from datoria_dagster.plan.definitions import foreign_key, primary_key

_DROPPED = {
    "table": "TABLE",
    "view": "VIEW",
    "materialized_view": "MATERIALIZED VIEW",
    "external_table": "EXTERNAL TABLE",
    "scalar_function": "FUNCTION",
    "aggregate_function": "FUNCTION",
    "table_function": "TABLE FUNCTION",
    "procedure": "PROCEDURE",
}


def drop(kind: str, name: str) -> str:
    """Return the statement that drops an object of this kind."""
    return f"DROP {_DROPPED[kind]} {quote(name)}"


def drop_columns(table: str, names: Iterable[str]) -> str:
    """Return the statement that drops top-level columns."""
    return _alter(table, [f"DROP COLUMN IF EXISTS {quote(name)}" for name in names])


def rename_columns(table: str, names: Sequence[tuple[str, str]]) -> str:
    """Return the statement that renames top-level columns, old name → new name.

    The renames of one statement are carried out in turn, so a name that is still taken is reached
    by way of another one.
    """
    first: list[tuple[str, str]] = []
    last: list[tuple[str, str]] = []
    taken = {old.lower() for old, _ in names}
    for number, (old, new) in enumerate(names):
        if new.lower() in taken:
            between = f"renaming__{number}"
            first.append((old, between))
            last.append((between, new))
        else:
            first.append((old, new))
        taken.discard(old.lower())
    steps = [f"RENAME COLUMN {quote(old)} TO {quote(new)}" for old, new in (*first, *last)]
    return _alter(table, steps)


def rename_table(table: str, name: str) -> str:
    """Return the statement that gives a table another name in its dataset."""
    return _alter(table, [f"RENAME TO {quote(name)}"])


def set_type(table: str, field: Field) -> str:
    """Return the statement that widens a column; a struct is restated whole."""
    return _alter(table, [f"ALTER COLUMN {quote(field.name)} SET DATA TYPE {field.sql_type}"])


def set_default(table: str, name: str, default: str | None) -> str:
    """Return the statement that sets a column's default, or with None removes it."""
    what = "DROP DEFAULT" if default is None else f"SET DEFAULT {default}"
    return _alter(table, [f"ALTER COLUMN {quote(name)} {what}"])


def drop_primary_key(table: str) -> str:
    """Return the statement that drops the primary key, if there is one."""
    return _alter(table, ["DROP PRIMARY KEY IF EXISTS"])


def add_primary_key(table: str, names: tuple[str, ...]) -> str:
    """Return the statement that adds a primary key, which BigQuery does not enforce."""
    return _alter(table, [f"ADD {primary_key(names)}"])


def drop_foreign_keys(table: str, names: Iterable[str]) -> str:
    """Return the statement that drops foreign keys, those that there are."""
    return _alter(table, [f"DROP CONSTRAINT IF EXISTS {quote(name)}" for name in names])


def add_foreign_keys(table: str, keys: Iterable[ForeignKey]) -> str:
    """Return the statement that adds foreign keys, which BigQuery does not enforce."""
    return _alter(table, [f"ADD {foreign_key(key)}" for key in keys])


def snapshot(table: str, copy_id: str, days: int) -> str:
    """Return the statement that keeps a table's rows for so many days."""
    expires = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {days} DAY)"
    return (
        f"CREATE SNAPSHOT TABLE {quote(copy_id)} CLONE {quote(table)} "
        f"OPTIONS (expiration_timestamp = {expires})"
    )


def clone(table: str, source: str) -> str:
    """Return the statement that makes a table as it is in a snapshot."""
    return f"CREATE TABLE {quote(table)} CLONE {quote(source)}"


def insert(table: str, source: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return the statement that copies all rows; a column is its name and its value."""
    names = ", ".join(quote(name) for name, _ in columns)
    values = ",\n".join(
        f"  {text}" if text == quote(name) else f"  {text} AS {quote(name)}"
        for name, text in columns
    )
    return f"INSERT INTO {quote(table)} ({names})\nSELECT\n{values}\nFROM {quote(source)}"


def selected(insert: str) -> str:
    """Return the SELECT of such a statement, whose first line says where the rows go."""
    return insert.partition("\n")[2]


def _alter(table: str, actions: Sequence[str]) -> str:
    return f"ALTER TABLE {quote(table)} {', '.join(actions)}"
