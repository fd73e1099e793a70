"""The options around a retriever tree, and which searches need this package."""

from __future__ import annotations

from typing import Any

import pytest
from elastic_transport import BaseNode

from connector import HybridElasticsearch
from connector.errors import RequestError
from connector.request.routing import needs_connector
from connector.request.search_request import parse_request
from tests.request.test_retrievers import MALFORMED

RRF: dict[str, Any] = {"rrf": {"retrievers": [{"standard": {}}, {"standard": {}}]}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"retriever": RRF}, True),
        ({"retriever": {"text_similarity_reranker": {}}}, True),
        ({"retriever": {"knn": {"query_vector_builder": {"text_embedding": {"model_text": "a"}}}}}, True),
        ({"retriever": {"knn": {"query_vector_builder": {"text_embedding": {"model_id": "mine"}}}}}, True),
        ({"retriever": {"knn": {"query_vector_builder": {"text_embedding": {"model_id": "elser"}}}}}, False),
        ({"retriever": {"knn": {"query_vector": [1.0]}}}, False),
        ({"retriever": {"standard": {}}}, False),
        ({"retriever": {"linear": {}}}, True),
        ({"retriever": {"rescorer": {}}}, False),
        ({"retriever": [RRF]}, False),
        ({"query": {"match_all": {}}}, False),
        (None, False),
        ("{}", False),
    ],
)
def test_only_what_the_cluster_can_not_run_is_ours(body: Any, expected: bool) -> None:
    assert needs_connector(body, {"mine"}) is expected


@pytest.mark.parametrize("name", ["query", "knn", "sort", "search_after", "terminate_after", "rescore", "scroll"])
def test_what_elasticsearch_refuses_beside_a_compound_retriever_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=f"{name}.*can't be combined with a compound retriever"):
        parse_request({"retriever": RRF, name: {}}, {}, "articles", ())


BESIDE: list[tuple[Any, Any, str, str]] = [
    ({"size": 11}, {}, "retriever.rrf.rank_window_size", "must be at least size (11)"),
    ({"size": -1}, {}, "size", "at least 0"),
    ({"size": "ten"}, {}, "size", "whole number"),
    ({"size": True}, {}, "size", "whole number"),
    ({"from": -1}, {}, "from", "at least 0"),
    ({"from": [1]}, {}, "from", "whole number"),
    ({"highlights": {}}, {}, "highlights", "allowed:"),
    ({"min_score": "one"}, {}, "min_score", "finite number"),
    ({"min_score": float("nan")}, {}, "min_score", "finite number"),
    ({"post_filter": "lang:en"}, {}, "post_filter", "must be a query"),
    ({"pit": "abc"}, {}, "pit", "as open_point_in_time returns it"),
    ({"pit": {"id": "abc"}}, {}, "index", "leave it out"),
    ({"collapse": "author"}, {}, "collapse", "must name a field"),
    ({"collapse": {"field": 5}}, {}, "collapse", "must name a field"),
    ({"collapse": {"field": "author", "inner_hits": {"size": 2}}}, {}, "collapse.inner_hits", "must be named"),
    (
        {"collapse": {"field": "author", "inner_hits": [{"name": "a"}, {"name": "a"}]}},
        {},
        "collapse.inner_hits.name",
        "duplicate name",
    ),
    (
        {"collapse": {"field": "author", "inner_hits": {"name": "a", "collapse": {"field": "year"}}}},
        {},
        "collapse.inner_hits.collapse",
        "leave it out",
    ),
    ({"collapse": {"field": "author", "size": 2}}, {}, "collapse.size", "allowed: field"),
    ({"explain": "yes"}, {}, "explain", "true or false"),
    ({"profile": 1}, {}, "profile", "true or false"),
    ({}, {"scroll": "1m"}, "scroll", "allowed:"),
    ({}, {"q": "car"}, "q", "allowed:"),
]


@pytest.mark.parametrize(("beside", "params", "path", "remedy"), BESIDE)
def test_what_stands_beside_is_checked(beside: Any, params: Any, path: str, remedy: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request({"retriever": RRF, **beside}, params, "articles", ())
    assert caught.value.path == path
    assert remedy in caught.value.remedy


def test_an_unregistered_inference_id_is_refused_before_anything_is_sent() -> None:
    tree = {
        "text_similarity_reranker": {
            "retriever": RRF,
            "field": "body",
            "inference_text": "car",
            "inference_id": "big",
        }
    }
    with pytest.raises(RequestError, match="registered: small"):
        parse_request({"retriever": tree}, {}, "articles", {"small"})


def test_url_parameters_go_where_msearch_takes_them() -> None:
    params = {"preference": "_local", "_source_includes": "title,body", "timeout": "1s", "pretty": True}
    request = parse_request({"retriever": RRF}, params, "articles,more", ())
    assert request.header == {"index": ["articles", "more"], "preference": "_local"}
    assert request.hit_options == {"_source": {"includes": ["title", "body"]}}
    assert request.leg_options == {"timeout": "1s"}
    assert request.url_options == {"pretty": True}


class NoCluster(BaseNode):
    """A node that must not be reached."""

    def perform_request(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("the request reached the cluster")

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"retriever": tree}, {})
        for tree, _, _ in MALFORMED
        if isinstance(tree, dict) and needs_connector({"retriever": tree}, ())
    ]
    + [({"retriever": RRF, **beside}, params) for beside, params, _, _ in BESIDE],
)
def test_nothing_of_a_malformed_request_reaches_the_cluster(body: Any, params: Any) -> None:
    with (
        HybridElasticsearch("http://nowhere:9200", node_class=NoCluster) as client,
        pytest.raises(RequestError) as caught,
    ):
        client.perform_request(
            "POST",
            "/articles/_search",
            params=params,
            body=body,
            endpoint_id="search",
            path_parts={"index": "articles"},
        )
    assert caught.value.path
    assert caught.value.remedy
