"""A code location that changes as a test says: DATORIA_VARIANT is a file that names the variant.

orders → recent (a view) → totals → report, and planes → fleet.
"""

import os
from pathlib import Path

from datoria_dagster import INT64, Field, Job, Platform, Table, View, sql
from datoria_dagster.orchestration import build_definitions
from tests.dagster_platform import shop

_FIELDS = (Field("a", INT64), Field("b", INT64))
_PLAIN = "SELECT a, b FROM {read}"


def _table(name, *more, **given):
    return Table(dataset=shop, name=name, schema=(*_FIELDS, *more), **given)


def _job(destination, read, query=_PLAIN):
    return Job(name=destination.name, destination=destination, query=sql(query, read=read))


_ORDERS = _table("orders")


def _declare(*more, orders=_ORDERS, recent=_PLAIN, totals=_PLAIN):
    view = View(dataset=shop, name="recent", schema=_FIELDS, query=sql(recent, read=orders))
    planes, filled = _table("planes"), _table("totals")
    jobs = (
        _job(filled, view, totals),
        _job(_table("fleet"), planes),
        _job(_table("report"), filled),
    )
    tables = (orders, planes, *(job.destination for job in jobs))
    return Platform.of(*tables, view, *jobs, *more)


_MORE = _table("more")
_DESCRIBED = _table("orders", description="What people ordered.")
_WIDER = _table("orders", Field("c", INT64), description="What people ordered.")
_ANOTHER_VIEW = "SELECT a, b + 1 AS b FROM {read}"
_ANOTHER_JOB = "SELECT a, b * 2 AS b FROM {read}"

# Each changes one thing more.
VARIANTS = {
    "at first": _declare(),
    "a table more": _declare(_MORE),
    "and described": _declare(_MORE, orders=_DESCRIBED),
    "and wider": _declare(_MORE, orders=_WIDER),
    "and another view": _declare(_MORE, orders=_WIDER, recent=_ANOTHER_VIEW),
    "and another job": _declare(_MORE, orders=_WIDER, recent=_ANOTHER_VIEW, totals=_ANOTHER_JOB),
}

if path := os.environ.get("DATORIA_VARIANT"):
    defs = build_definitions(VARIANTS[Path(path).read_text()])
