"""`python -m tests.bigquery_server --port 9050 --data FILE`: BigQuery on this machine."""

import argparse
import sys
from pathlib import Path

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import WarehouseError
from tests.bigquery_server.over_http import Front
from tests.bigquery_server.quotas import Quotas
from tests.bigquery_server.server import Server


def main(words=None):
    """Serve until interrupted."""
    options = _options(words)
    warehouse = LocalWarehouse(options.data)
    server = Server(
        warehouse,
        latency=options.latency / 1000,
        job_seconds=options.job_seconds,
        quotas=Quotas() if options.quotas else None,
        alone=True,
    )
    # One process holds the file as long as the server runs; opening it anew costs time.
    with warehouse.session(), _front(server, options.port) as front:
        print(f"BigQuery listens on {front.url}", flush=True)  # noqa: T201
        try:
            front.serve_forever()
        except KeyboardInterrupt:
            if options.count:
                print(len(server.log), "requests", flush=True)  # noqa: T201


def _front(server, port):
    """Listen, with the data opened; or say why not, and stop."""
    try:
        server.warehouse.resources("dataset")
        return Front(server, port)
    except WarehouseError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"Port {port} can't be listened on: {error.strerror}. Take another (0 is any).")


def _options(words):
    parser = argparse.ArgumentParser(
        prog="python -m tests.bigquery_server",
        description="BigQuery's REST API over the embedded warehouse, on this machine only.",
    )
    parser.add_argument("--port", type=int, default=9050, help="0 is any free one")
    parser.add_argument("--data", type=Path, help="the warehouse's file; memory without it")
    parser.add_argument("--latency", type=float, default=0, help="of each request, in ms")
    parser.add_argument("--job-seconds", type=float, default=0, help="how long each job takes")
    parser.add_argument("--quotas", action="store_true", help="apply BigQuery's quotas")
    parser.add_argument("--count", action="store_true", help="say at the end how many requests")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
