"""Whether a live resource holds what was sent, as BigQuery respells it."""

import pytest

from datoria_dagster.warehouse.bigquery.likeness import holds

KEY = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize(
    ("live", "sent"),
    [
        ({"type": "INTEGER", "mode": "NULLABLE"}, {"type": "INT64"}),
        ({"type": "RECORD"}, {"type": "STRUCT", "mode": "NULLABLE", "description": ""}),
        ({"precision": "10"}, {"precision": 10, "scale": 0}),
        ({"expirationMs": "1000"}, {"expirationMs": 1000}),
        ({}, {"labels": {}, "clustering": None, "requirePartitionFilter": False}),
        ({"labels": {"b": "2"}}, {"labels": {"a": None, "b": "2"}}),
        ({}, {"labels": {"a": None}}),
        ({"name": "a"}, {"name": "a", "policyTags": {"names": []}}),
        ({"kmsKeyName": f"{KEY}/cryptoKeyVersions/3"}, {"kmsKeyName": KEY}),
        ({"connectionId": "p.eu.c"}, {"connectionId": "projects/p/locations/eu/connections/c"}),
        ({"enableRefresh": True, "etag": "x"}, {"enableRefresh": "true"}),
        ({"fields": [{"name": "a", "type": "DATE"}]}, {"fields": [{"name": "a"}]}),
    ],
)
def test_what_bigquery_respelled_is_held(live, sent):
    assert holds(live, sent)


@pytest.mark.parametrize(
    ("live", "sent"),
    [
        ({}, {"description": "new"}),
        ({"description": "old"}, {"description": "new"}),
        ({"description": "old"}, {"description": None}),
        ({"labels": {"a": "1"}}, {"labels": {"a": None}}),
        ({"fields": [{"name": "a"}]}, {"fields": [{"name": "a"}, {"name": "b"}]}),
        ({"fields": [{"name": "b"}, {"name": "a"}]}, {"fields": [{"name": "a"}, {"name": "b"}]}),
        ({"mode": "NULLABLE"}, {"mode": "REQUIRED"}),
        ({"maxLength": "5"}, {"maxLength": "9"}),
        ({"kmsKeyName": f"{KEY}2/cryptoKeyVersions/3"}, {"kmsKeyName": KEY}),
        ({"requirePartitionFilter": False}, {"requirePartitionFilter": True}),
        ({"policyTags": {"names": ["t"]}}, {"policyTags": {"names": []}}),
        ({"labels": "x"}, {"labels": {"a": "1"}}),
        ({"fields": {}}, {"fields": [{"name": "a"}]}),
    ],
)
def test_what_differs_is_not(live, sent):
    assert not holds(live, sent)
