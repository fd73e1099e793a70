"""`filter_path` with literals; `tests/contract/test_beside.py` compares it with a real node's."""

from __future__ import annotations

from typing import Any

import pytest

from connector.search.filter_path import filtered

BODY: dict[str, Any] = {
    "took": 1,
    "_shards": {"total": 1, "failed": 0},
    "hits": {"total": {"value": 2}, "hits": [{"_id": "a", "_source": {"title": "A"}}, {"_id": "b", "_score": 1.0}]},
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("took", {"took": 1}),
        ("hits.total", {"hits": {"total": {"value": 2}}}),
        ("hits.hits._id", {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}}),
        ("hits.hits._source.title", {"hits": {"hits": [{"_source": {"title": "A"}}]}}),
        ("took,_shards.f*", {"took": 1, "_shards": {"failed": 0}}),
        (["took", "hits.*.value"], {"took": 1, "hits": {"total": {"value": 2}}}),
        ("**._id", {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}}),
        ("-hits", {"took": 1, "_shards": {"total": 1, "failed": 0}}),
        ("hits.hits,-hits.hits._source", {"hits": {"hits": [{"_id": "a"}, {"_id": "b", "_score": 1.0}]}}),
        ("nothing", {}),
        ("", BODY),
    ],
)
def test_patterns(pattern: str | list[str], expected: dict[str, Any]) -> None:
    assert filtered(BODY, pattern) == expected
