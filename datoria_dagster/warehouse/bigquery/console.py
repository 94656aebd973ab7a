"""Addresses in Google Cloud's console."""

from urllib.parse import urlencode

from datoria_dagster.warehouse.port import Ref

_LETTERS = {"table": "t", "routine": "r"}


def page(ref: Ref) -> str:
    """Return the address of a resource's page. Its form is what the console itself links to."""
    names = dict(zip(("p", "d", _LETTERS.get(ref.kind, "")), ref.parts, strict=False))
    return f"https://console.cloud.google.com/bigquery?{urlencode(names | {'page': ref.kind})}"
