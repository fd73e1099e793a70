"""Whatever a request contains, it raises only documented errors before anything is sent."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from elastic_transport import BaseNode, TransportError
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import HybridElasticsearch
from connector.errors import RequestError
from tests.documents.test_suggestions import KNN, LEG, RERANK

BODIES: list[dict[str, Any]] = [
    {"retriever": {"rrf": {"retrievers": [LEG, {"retriever": {"knn": KNN}, "weight": 2}], "rank_constant": 5}}},
    {"retriever": {"linear": {"retrievers": [{"retriever": LEG, "normalizer": "minmax"}], "filter": [{}]}}, "size": 3},
    {"retriever": {"text_similarity_reranker": {**RERANK, "chunk_rescorer": {"size": 2}}}, "min_score": 1},
    {"retriever": {"rescorer": {"retriever": {"rrf": {"query": "a"}}, "rescore": {"query": {"rescore_query": {}}}}}},
    {"retriever": {"pinned": {"retriever": LEG, "docs": [{"_id": "a"}]}}, "collapse": {"field": "a", "inner_hits": {}}},
    {"query": {}, "knn": [KNN], "rank": {"rrf": {"rank_constant": 5}}, "aggs": {}, "_source": [], "highlight": {}},
    {"retriever": {"standard": {"query": {"knn": {"query_vector_builder": {"text_embedding": {"model_text": "a"}}}}}}},
]
VALUES = st.sampled_from(
    [None, True, "", "a", "5", -1, 2.5, 10**30, float("nan"), [], {}, [[]], {"a": 1}, (), b"a", object(), {1}, "\ud83d"]
)

PARAMETERS = st.sampled_from([None, True, "", "a", "5", -1, 2.5, [], ["a"], [1], {"a": 1}])


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a body."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for name, each in parts for path in paths(each, (*above, name))]
    return [above, *below] if above else below


class Dead(BaseNode):
    """A node that never answers."""

    def perform_request(self, *_: Any, **__: Any) -> Any:
        raise TransportError("nothing is here")

    def close(self) -> None:
        """Nothing to close."""


@st.composite
def changed_bodies(draw: st.DrawFn) -> Any:
    body = copy.deepcopy(draw(st.sampled_from(BODIES)))
    for path in draw(st.lists(st.sampled_from(paths(body)), min_size=1, max_size=3)):
        at: Any = body
        for name in path[:-1]:
            at = at[name] if isinstance(at, dict) and name in at else at[0] if isinstance(at, list) and at else {}
        if isinstance(at, dict):
            at[draw(st.sampled_from([path[-1], "a"]))] = draw(VALUES)
    return body


@settings(max_examples=300, deadline=None)
@given(changed_bodies(), st.dictionaries(st.sampled_from(["size", "_source_includes", "preference", "q"]), PARAMETERS))
def test_only_documented_errors_come_out_of_a_request(body: Any, params: Any) -> None:
    with HybridElasticsearch(
        "http://nowhere:9200", node_class=Dead, max_retries=0, encoder=lambda _: [[1.0]]
    ) as client:
        for endpoint, sent in (("search", body), ("msearch", [{}, body])):
            with contextlib.suppress(RequestError, TransportError):
                client.perform_request(
                    "POST",
                    f"/articles/_{endpoint}",
                    params=params,
                    body=sent,
                    headers={"content-type": "application/json", "accept": "application/json"},
                    endpoint_id=endpoint,
                    path_parts={"index": "articles"},
                )
