"""INFORMATION_SCHEMA: the views that a bulk reader needs, as tables of a warehouse of their own.

A view, or a column of one, that BigQuery has and the server has not is refused by name.
Source: https://docs.cloud.google.com/bigquery/docs/information-schema-intro
"""

import json
import re
from dataclasses import dataclass

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.local.rows import physical
from datoria_dagster.warehouse.port import Ref
from tests.bigquery_server import sqltext
from tests.bigquery_server.errors import invalid, lacking
from tests.bigquery_server.information_views import VIEWS

_NAME = r"[\w-]+"
_PART = rf"(?:{sqltext.QUOTED}|{_NAME})"
_PLACE = (
    rf"(?P<place>(?:{_PART}\s*\.\s*)+)INFORMATION_SCHEMA\s*\.\s*(?P<view>\w+)"
    r"|`(?P<inner>[^`]+)\.INFORMATION_SCHEMA\.(?P<last>\w+)`"
    r"|(?P<bare>\bINFORMATION_SCHEMA)\s*\.\s*(?P<only>\w+)"
)
_HOME = "server.information"
_MAX_TABLES = 1_000
_TOO_MANY = (
    "INFORMATION_SCHEMA.PARTITIONS query attempted to read too many tables. Please add more "
    "restrictive filters."
)


@dataclass(frozen=True)
class Reference:
    """One view of one dataset or region, as a query names it."""

    project: str
    place: str
    view: str

    @property
    def region(self):
        """The location, for `region-…`; else None."""
        found = re.fullmatch(r"region-(.+)", self.place, re.IGNORECASE)
        return found[1].upper() if found else None


def _reference(match):
    if match["bare"]:
        raise invalid(
            "INFORMATION_SCHEMA must be qualified with a dataset or region", "invalidQuery"
        )
    place = match["place"] or match["inner"]
    parts = re.sub(r"[`\s]", "", place).strip(".").rsplit(".", 1)
    if len(parts) == 1:
        raise invalid("INFORMATION_SCHEMA must be qualified with a project", "invalidQuery")
    return Reference(parts[0], parts[1], (match["view"] or match["last"]).upper())


def named(text):
    """Return the views that a query names."""
    found = []

    def keep(match):
        found.append(_reference(match))
        return match[0]

    sqltext.replaced(text, _PLACE, keep, inside_quotes=True)
    return list(dict.fromkeys(found))


def run(server, text):
    """Answer a query of INFORMATION_SCHEMA."""
    found = {reference: f"view_{n}" for n, reference in enumerate(named(text))}
    for reference in found:
        _check(reference, text)
    query = sqltext.replaced(
        text, _PLACE, lambda m: f"`{_HOME}.{found[_reference(m)]}`", inside_quotes=True
    )
    trial = LocalWarehouse()
    try:
        trial.create(Ref("dataset", _HOME), {"location": "US"})
        for reference, name in found.items():
            target = Ref("table", f"{_HOME}.{name}")
            _fill(server, trial, target, reference, _wanted(reference, query))
        _check_tables(trial, found, query)
        return trial.query(query)
    finally:
        trial.close()


def _check(reference, text):
    view = VIEWS.get(reference.view)
    if view is None:
        raise lacking(f"view INFORMATION_SCHEMA.{reference.view}")
    for column in view.lacking:
        word = rf"\b{column}\b"
        if sqltext.replaced(text, word, lambda _: "") != text:
            raise lacking(f"column {column} of INFORMATION_SCHEMA.{reference.view}")
    if reference.region and reference.view == "PARTITIONS":
        raise invalid("INFORMATION_SCHEMA.PARTITIONS has no region qualifier", "invalidQuery")


def _wanted(reference, query):
    """Return the columns that a query can mean: those that it names, or with a star all."""
    columns = VIEWS[reference.view].columns
    if "*" in re.sub(r"(?i)\bcount\s*\(\s*\*\s*\)", "", query):
        return columns
    words = {word.lower() for word in re.findall(r"\w+", query)}
    # The names of tables are counted in any case.
    return tuple(column for column in columns if column[0] in words | {"table_name"})


def _fill(server, trial, target, reference, columns):
    view = VIEWS[reference.view]
    fields = [{"name": name, "type": kind, "mode": mode} for name, kind, mode in columns]
    trial.create(target, {"schema": {"fields": fields}})
    found = _datasets(server, reference)
    rows = json.dumps([row for dataset in found for row in view.rows(server, dataset)])
    shape = {name: ["VARCHAR"] if mode == "REPEATED" else "VARCHAR" for name, _, mode in columns}
    names = ", ".join(shape)
    # As JSON at once: that a value fits its column need not be asked.
    with trial._store.writing() as catalog:
        catalog.cursor.execute(
            f"INSERT INTO {physical.table_name(target)} ({names}) SELECT {names} FROM "
            "(SELECT unnest(from_json(?, ?), max_depth := 2))",
            [rows, json.dumps([shape])],
        )


def _datasets(server, reference):
    if reference.region is None:
        return [server.found(Ref("dataset", f"{reference.project}.{reference.place}"))]
    return [
        dataset
        for ref, dataset in server.warehouse.resources("dataset").items()
        if ref.parts[0] == reference.project
        and dataset.body["location"].upper() == reference.region
    ]


def _check_tables(trial, found, query):
    """PARTITIONS reads at most 1,000 tables: those that the filter on its names leaves."""
    for reference, name in found.items():
        if reference.view != "PARTITIONS":
            continue
        tree = sqltext.parsed(query)
        where = tree.args.get("where") if tree is not None else None
        rest = where.sql("bigquery") if where is not None else ""
        sql = f"SELECT COUNT(DISTINCT table_name) AS n FROM `{_HOME}.{name}` {rest}"
        if trial.query(sql).rows[0][0] > _MAX_TABLES:
            raise invalid(_TOO_MANY, "invalidQuery")
