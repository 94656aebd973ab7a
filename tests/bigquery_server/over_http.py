"""The server on a port of this machine, for any BigQuery client."""

import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from google.cloud import bigquery

from tests.bigquery_server.in_process import session_of
from tests.bigquery_server.messages import Request

_RESET = struct.pack("ii", 1, 0)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: without this each answer waits for an acknowledgement.
    disable_nagle_algorithm = True

    def _serve(self):
        response = self.server.bigquery.handle(self._read())
        if response.broken == "reset":
            self._reset()
        elif response.broken == "timeout":
            self._wait()
        else:
            self._write(response)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

    def _read(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        return Request(
            self.command,
            parts.path,
            {key: values[-1] for key, values in query.items()},
            {key.lower(): value for key, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("content-length") or 0)),
        )

    def _reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._drop()

    def _wait(self):
        # Until the client hangs up.
        self.connection.recv(1)
        self._drop()

    def _drop(self):
        self.close_connection = True
        self.connection.close()

    def _write(self, response):
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        body = response.body
        if response.broken == "truncated":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format, *args):  # noqa: A002 - its own name
        """Say nothing: the server has a log of its own."""


class Front(ThreadingHTTPServer):
    """A listening server. Port 0 is any free one; `url` says which."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, server, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.bigquery = server

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up; a defect of the server itself is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def http_client(url, project="acme"):
    """Return the official client of a server that listens there."""
    session = session_of(None)
    return bigquery.Client(
        project,
        credentials=session.credentials,
        client_options={"api_endpoint": url},
        _http=session,
    )
