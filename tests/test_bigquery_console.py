"""Links into Google Cloud's console."""

import pytest

from datoria_dagster.warehouse.bigquery.console import page
from datoria_dagster.warehouse.port import Ref

CONSOLE = "https://console.cloud.google.com/bigquery?"


@pytest.mark.parametrize(
    ("ref", "query"),
    [
        (Ref("dataset", "acme.shop"), "p=acme&d=shop&page=dataset"),
        (Ref("table", "acme.shop.orders"), "p=acme&d=shop&t=orders&page=table"),
        (Ref("routine", "acme.shop.vat"), "p=acme&d=shop&r=vat&page=routine"),
        (Ref("table", "a.com:b.shop.a b"), "p=a.com%3Ab&d=shop&t=a+b&page=table"),
    ],
)
def test_a_resource_has_a_page(ref, query):
    assert page(ref) == CONSOLE + query
