"""A BigQuery REST server over the embedded warehouse, so that the official client can be tested.

`client(warehouse)` is that client without a socket in between; `python -m tests.bigquery_server`
listens on a port.
"""

from tests.bigquery_server.clock import Clock, ManualClock
from tests.bigquery_server.faults import KINDS, Fault
from tests.bigquery_server.in_process import ENDPOINT, client
from tests.bigquery_server.over_http import Front, http_client
from tests.bigquery_server.quotas import Quotas
from tests.bigquery_server.server import Server

__all__ = [
    "ENDPOINT",
    "KINDS",
    "Clock",
    "Fault",
    "Front",
    "ManualClock",
    "Quotas",
    "Server",
    "client",
    "http_client",
]
