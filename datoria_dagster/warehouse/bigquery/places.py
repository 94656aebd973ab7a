"""Where a job runs: the project that pays for it, and the location of its datasets.

BigQuery finds the location itself when none is given, but then finds a job of most locations no
more by its id. Source: https://docs.cloud.google.com/bigquery/docs/locations#specify_locations
"""

import re

from datoria_dagster.warehouse.bigquery import requests
from datoria_dagster.warehouse.bigquery.client import Client, Failed
from datoria_dagster.warehouse.port import (
    Body,
    NotFound,
    Ref,
    Unavailable,
    WarehouseError,
)

# A project may begin with a domain: example.com:acme.
_PROJECT = r"((?:[\w.-]+:)?[\w-]+)"
# What is in a literal or a comment is not named.
_LITERAL = (
    r"'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|"
    r"--[^\n]*|#[^\n]*|/\*.*?\*/"
)
_NAMED = re.compile(
    rf"{_LITERAL}|`{_PROJECT}\.(\w+)(?:\.([^`]+)`|`\.)|`(?:\\.|[^`\\])*`", re.ASCII | re.DOTALL
)
_MISSING = re.compile(r"Not found: (?:Dataset|Table) ([\w.:-]+):(\w+)\S* was not found in location")


class Places:
    """The locations of datasets, as they become known."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def note(self, dataset: Ref, body: Body) -> None:
        """Remember where a dataset is, from a resource of it or in it."""
        if location := body.get("location"):
            self._known[dataset.id] = str(location)

    def location(self, dataset: Ref) -> str | None:
        """Return where a dataset is; None when it does not exist. Raises Failed."""
        if dataset.id not in self._known:
            try:
                self.note(dataset, self._client.send(requests.get(dataset)))
            except Failed as failed:
                if not isinstance(failed.error, NotFound):
                    raise
        return self._known.get(dataset.id)

    def forget(self, dataset: Ref) -> None:
        """Forget a dataset that is gone."""
        self._known.pop(dataset.id, None)

    def explained(self, error: WarehouseError, location: str | None) -> WarehouseError:
        """Return the error, or one that says that the missing dataset is somewhere else."""
        found = _MISSING.search(str(error)) if isinstance(error, NotFound) else None
        if found is None:
            return error
        dataset = Ref("dataset", f"{found[1]}.{found[2]}")
        try:
            other = self.location(dataset)
        except Failed:
            return error
        if other is None or location is None or other.lower() == location.lower():
            return error
        return Unavailable(
            f"{dataset.id} is in {other}, but this runs in {location}, and no query reads from two "
            "locations. Correct the location of the declared dataset, or copy what it reads."
        )


def named(sql: str) -> Ref | None:
    """Return the table, or else the dataset, that a statement names first in back-quotes."""
    found = next((found for found in _NAMED.finditer(sql) if found[1]), None)
    if found is None:
        return None
    dataset = f"{found[1]}.{found[2]}"
    # Not a table: project.dataset.INFORMATION_SCHEMA.TABLES.
    if found[3] is None or "." in found[3]:
        return Ref("dataset", dataset)
    return Ref("table", f"{dataset}.{found[3]}")
