"""A real project of BigQuery as a target of tests: the one that DATORIA_TEST_PROJECT names.

Everything happens in datasets that are made here: `datoria_test_…`, random and labelled, deleted
afterwards with what is in them. Should that fail, their tables expire within a day.
Credentials are the application default ones. `roles/bigquery.user` should be enough, for who
makes a dataset owns it: unverified.
"""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import contextmanager

from google.cloud import bigquery

from datoria_dagster.warehouse.bigquery import BigQueryWarehouse
from datoria_dagster.warehouse.bigquery.options import Options
from datoria_dagster.warehouse.port import Ref, Resource, WarehouseError

PROJECT = os.environ.get("DATORIA_TEST_PROJECT", "")
LOCATION = os.environ.get("DATORIA_TEST_LOCATION") or "US"
PREFIX = "datoria_test_"
# A job that would bill more is refused before it reads anything.
MOST_BYTES = 100 * 1024 * 1024
_TIMEOUT = 60
_DAY_MS = 24 * 60 * 60 * 1000
_NET = {
    "labels": {"datoria-test": "true"},
    "defaultTableExpirationMs": str(_DAY_MS),
}


@contextmanager
def opened():
    """Give a warehouse in the project, and the official client that it uses."""
    warehouse = BigQueryWarehouse(Options(project=PROJECT, maximum_bytes_billed=MOST_BYTES))
    client = warehouse._client._opened(None)
    try:
        yield warehouse, client
    finally:
        client.close()


@contextmanager
def own_name(client):
    """Give the id of a dataset that nobody else makes; delete it afterwards, with its contents."""
    name = f"{client.project}.{PREFIX}{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        client.delete_dataset(name, delete_contents=True, not_found_ok=True, timeout=_TIMEOUT)


@contextmanager
def own_dataset(client):
    """Give the id of an empty dataset."""
    with own_name(client) as name:
        project, dataset = name.rsplit(".", 1)
        reference = {"projectId": project, "datasetId": dataset}
        body = {**_NET, "location": LOCATION, "datasetReference": reference}
        client.create_dataset(bigquery.Dataset.from_api_repr(body), timeout=_TIMEOUT)
        yield name


@contextmanager
def in_a_real_project(folder):
    """Give a warehouse in the real project, in which `acme.shop` is a dataset of its own."""
    with opened() as (warehouse, client), own_name(client) as dataset:
        yield Elsewhere(warehouse, dataset)


class Elsewhere:
    """A warehouse in which `acme.shop`, in the EU, is another dataset in another location.

    Names change on the way in, and back on the way out, in messages too: the same values are
    expected. Hidden is what only a real project adds: the expiration that is our safety net, and
    that BigQuery lists rows in no order.
    """

    def __init__(self, warehouse, dataset):
        self._inner = warehouse
        self._project, self._name = dataset.rsplit(".", 1)
        self._locations = {"EU": LOCATION, "US": "EU" if LOCATION == "US" else "US"}
        self.name = warehouse.name

    def __getattr__(self, verb):
        act = getattr(self._inner, verb)

        def translated(*given):
            try:
                return self._from(act(*map(self._to, given)))
            except WarehouseError as error:
                raise type(error)(self._from(str(error))) from None

        return translated

    def create(self, ref, body):
        if ref.kind == "dataset":
            body = {**_NET, **body}
        return self.__getattr__("create")(ref, body)

    def rows(self, ref):
        return tuple(sorted(self.__getattr__("rows")(ref), key=_in_order))

    def _to(self, value):
        return _changed(value, self._text_to, self._locations)

    def _from(self, value):
        here = {there: location for location, there in self._locations.items()}
        return _changed(value, self._text_from, here)

    def _text_to(self, text):
        """`acme.shop` is the dataset itself; `acme.other` is one that does not exist."""
        return re.sub(
            r"\bacme([.:])(\w+)",
            lambda m: f"{self._project}{m[1]}{self._name}{'' if m[2] == 'shop' else '_' + m[2]}",
            text,
        )

    def _text_from(self, text):
        dataset = rf"\b{re.escape(self._project)}([.:]){re.escape(self._name)}"
        text = re.sub(rf"{dataset}_(\w+)", r"acme\1\2", text)
        text = re.sub(rf"{dataset}\b", r"acme\1shop", text)
        return re.sub(rf"\bin location {re.escape(LOCATION)}\b", "in location EU", text)


def _changed(value, text, locations):
    match value:
        case str():
            return text(value)
        case Ref():
            return Ref(value.kind, text(value.id))
        case Resource():
            body = _changed(_without_net(value.body), text, locations)
            return Resource(_changed(value.ref, text, locations), body, value.etag)
        case Mapping():
            return {
                _changed(key, text, locations): locations.get(each, each)
                if key == "location"
                else _changed(each, text, locations)
                for key, each in value.items()
            }
        case list() | tuple():
            return type(value)(_changed(each, text, locations) for each in value)
        case _:
            return value


def _without_net(body):
    """Return a resource without what the safety net put there."""
    kept = dict(body)
    if body.get("defaultTableExpirationMs") == _NET["defaultTableExpirationMs"]:
        del kept["defaultTableExpirationMs"]
    lifetime = int(body.get("expirationTime", 0)) - int(body.get("creationTime", 0))
    if 0 < lifetime <= _DAY_MS + _TIMEOUT * 1000:
        del kept["expirationTime"]
    return kept


def _in_order(row):
    """Rows in the order of their values, a missing one last."""
    return [(value is None, str(value)) for value in row.values()]
