"""A server and the official client on it, through one of the two fronts."""

import threading

from google.cloud import bigquery
from google.cloud.bigquery import SchemaField as Field

from datoria_dagster.warehouse.local import LocalWarehouse
from tests.bigquery_server import Front, ManualClock, Server, client, http_client

QUICK = bigquery.DEFAULT_RETRY.with_delay(initial=1e-9, maximum=1e-9)
ORDERS = "acme.shop.orders"
PATH = "/projects/acme/datasets/shop"


class Both:
    """A server and the official client on it."""

    def __init__(self, front, **settings):
        self.warehouse = LocalWarehouse()
        self.clock = ManualClock()
        self.server = Server(self.warehouse, clock=self.clock, **settings)
        self.front = Front(self.server) if front == "over HTTP" else None
        if self.front is None:
            self.client = client(self.warehouse, server=self.server)
        else:
            threading.Thread(target=self.front.serve_forever, args=(0.01,), daemon=True).start()
            self.client = http_client(self.front.url)

    def close(self):
        self.client.close()
        if self.front is not None:
            self.front.shutdown()
            self.front.server_close()
        self.warehouse.close()

    def rows(self, sql, **config):
        job = self.client.query(sql, bigquery.QueryJobConfig(**config))
        return [tuple(row.values()) for row in job.result()]

    def raw(self, method, path, data=None, **query):
        return self.client._call_api(
            None, method=method, path=path, data=data, query_params=query, timeout=5
        )

    def names(self):
        return [logged.name for logged in self.server.log]


def filled(both):
    home = bigquery.Dataset("acme.shop")
    home.location = "EU"
    both.client.create_dataset(home)
    table = bigquery.Table(
        ORDERS, [Field("day", "DATE"), Field("n", "INT64"), Field("s", "STRING")]
    )
    table.time_partitioning = bigquery.TimePartitioning(field="day")
    both.client.create_table(table)
    values = "(DATE '2013-01-01', 1, 'a'), (DATE '2013-01-01', 2, 'b'), (DATE '2013-01-02', 3, 'c')"
    both.rows(f"INSERT INTO {ORDERS} (day, n, s) VALUES {values}")


def contents(both, table=ORDERS):
    return sorted((tuple(row.values()) for row in both.client.list_rows(table)), key=repr)


def error_of(caught):
    return caught.value.code, caught.value.errors[0]["reason"]
