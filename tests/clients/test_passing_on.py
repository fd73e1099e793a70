"""A call that a glance passes on is one that the route would pass on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.clients import elasticsearch_py
from connector.clients.call_flows import Pass
from connector.clients.core import Hybrid
from connector.clients.elasticsearch_py import RequestOptions
from connector.clients.opensearch import translation
from connector.clients.sending import Call, Send
from connector.engines import OpenSearchDialect

QUERY: dict[str, Any] = {"query": {"match": {"body": "a retriever of rank"}}}
TREE: dict[str, Any] = {"retriever": {"rrf": {"retrievers": [{"standard": {"query": {"match_all": {}}}}] * 2}}}
RANKED: dict[str, Any] = {"rank": {"rrf": {}}, "query": {"match_all": {}}, "knn": {"field": "vector"}}
FREE: dict[str, Any] = {"retriever": {"standard": {"query": {"match_all": {}}}}}
BODIES: list[tuple[Any, bool]] = [
    (None, True),
    (QUERY, True),
    (json.dumps(QUERY), True),
    (json.dumps(QUERY).encode(), True),
    (TREE, False),
    (json.dumps(TREE), False),
    (json.dumps(TREE).encode(), False),
    (RANKED, False),
    (json.dumps(RANKED), False),
    (FREE, False),
    ("{", True),
    (["not a search"], True),
]


@pytest.mark.parametrize(("body", "is_passed_on"), BODIES)
def test_a_search_is_passed_on_at_a_glance_if_it_has_neither_of_two_keys(body: Any, is_passed_on: bool) -> None:
    request: RequestOptions = {"endpoint_id": "search", "body": body}
    assert elasticsearch_py.is_passed_on(request) is is_passed_on
    assert translation.is_passed_on("POST", "/cars/_search", body) is is_passed_on
    if is_passed_on:
        call = Call(Send("POST", "/cars/_search", body=body, endpoint_id="search"))
        assert Hybrid().route(call) == Pass(body)
        assert Hybrid(dialect=OpenSearchDialect()).route(call) == Pass(body)


@pytest.mark.parametrize(
    ("endpoint", "is_passed_on"),
    [
        ("get", True),
        ("bulk", True),
        ("cluster.health", True),
        (None, True),
        ("search_template", False),
        ("msearch", False),
        ("msearch_template", False),
        ("indices.put_mapping", False),
    ],
)
def test_other_calls_are_passed_on_unless_they_hold_searches_or_change_indices(
    endpoint: str | None, is_passed_on: bool
) -> None:
    assert elasticsearch_py.is_passed_on({"endpoint_id": endpoint, "body": TREE}) is is_passed_on


@pytest.mark.parametrize(
    ("method", "url", "is_passed_on"),
    [
        ("GET", "/", True),
        ("GET", "/cars/_doc/1?routing=a", True),
        ("HEAD", "/cars", True),
        ("GET", "/_msearch", False),
        ("POST", "/_search/template", False),
        ("PUT", "/cars/_mapping", False),
        ("DELETE", "/cars", False),
        ("POST", "/_bulk", False),
    ],
)
def test_other_calls_of_opensearch_py_are_passed_on_if_they_only_read(
    method: str, url: str, is_passed_on: bool
) -> None:
    assert translation.is_passed_on(method, url, None) is is_passed_on
