"""The official client on a server without a socket between them."""

import io
from urllib.parse import parse_qs, urlsplit

import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from tests.bigquery_server.messages import Request
from tests.bigquery_server.server import Server

ENDPOINT = "https://bigquery.test"


class Adapter(HTTPAdapter):
    """A transport that calls the server's handler. Its answers break as real ones do."""

    def __init__(self, server):
        super().__init__()
        self._server = server

    def send(self, request, stream=False, timeout=None, *_, **__):
        response = self._server.handle(_read(request))
        if response.broken == "reset":
            raise requests.ConnectionError("Connection aborted.", request=request)
        if response.broken == "timeout":
            raise _timeout(request, timeout)
        return self.build_response(request, _raw(response))


def _timeout(request, timeout):
    if timeout is None or (isinstance(timeout, tuple) and timeout[1] is None):
        # A hanging test tells nobody what is wrong.
        return AssertionError(f"{request.method} {request.url} has no timeout: it waits for ever.")
    return requests.ReadTimeout("Read timed out.", request=request)


def _read(request):
    parts = urlsplit(request.url)
    query = {
        key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()
    }
    body = request.body or b""
    return Request(
        request.method,
        parts.path,
        query,
        {key.lower(): _text(value) for key, value in request.headers.items()},
        body if isinstance(body, bytes) else body.encode(),
    )


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def _raw(response):
    body = response.body
    sent = body[: len(body) // 2] if response.broken == "truncated" else body
    return HTTPResponse(
        body=io.BytesIO(sent),
        headers={**response.headers, "content-length": str(len(body))},
        status=response.status,
        preload_content=False,
        enforce_content_length=True,
    )


def client(warehouse, project="acme", *, server=None, credentials=None, location=None):
    """Return the official client, on the warehouse or on a server over it.

    With credentials, tokens expire and are refreshed as they say; else nobody asks who calls.
    """
    known = server or Server(warehouse)
    session = session_of(credentials)
    session.mount(ENDPOINT, Adapter(known))
    return bigquery.Client(
        project,
        credentials=session.credentials,
        location=location,
        client_options={"api_endpoint": ENDPOINT},
        _http=session,
    )


def session_of(credentials):
    """Return a session; without credentials, a 401 is an error that nobody tries to mend."""
    if credentials is not None:
        return AuthorizedSession(credentials)
    return AuthorizedSession(AnonymousCredentials(), refresh_status_codes=())
