"""A node that answers with literals, and whole answers to change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, TransportError
from elastic_transport._node import NodeApiResponse
from elasticsearch import ApiError
from hypothesis import strategies as st

from connector import HybridElasticsearch
from connector.errors import ConnectorError
from tests.models_by_hand import count_words, first_words

DOCUMENTED = (ApiError, TransportError, ConnectorError)
MAPPINGS: dict[str, Any] = {
    "cars": {
        "mappings": {
            "_meta": {"hybrid_connector": {"vectors": {}}},
            "runtime": {"wheels": {"type": "long"}},
            "properties": {
                "body": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "vector": {"type": "dense_vector", "dims": 9},
                "author": {"properties": {"name": {"type": "keyword"}}},
            },
        }
    }
}
INNER: dict[str, Any] = {"hits": {"total": {"value": 1, "relation": "eq"}, "max_score": 1.0, "hits": []}}
LEG: dict[str, Any] = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0, "failures": []},
    "hits": {
        "total": {"value": 1, "relation": "eq"},
        "max_score": 1.0,
        "hits": [
            {
                "_index": "cars",
                "_id": "1",
                "_score": 1.0,
                "_source": {"body": "small car"},
                "fields": {"body": ["small car"], "author": ["ann"]},
                "matched_queries": ["first"],
                "inner_hits": {"parts": INNER},
            }
        ],
    },
    "aggregations": {},
    "profile": {"shards": []},
    "status": 200,
}
TREE: dict[str, Any] = {
    "text_similarity_reranker": {
        "field": "body",
        "inference_text": "car",
        "retriever": {
            "rrf": {
                "retrievers": [
                    {"standard": {"query": {"match": {"body": "car"}}}},
                    {
                        "knn": {
                            "field": "vector",
                            "query_vector_builder": {"text_embedding": {"model_text": "car"}},
                            "k": 1,
                            "num_candidates": 1,
                        }
                    },
                ]
            }
        },
    }
}


class SayingNode(BaseNode):
    """A node without a socket: `say` gives the bytes that are answered to a path."""

    _CLIENT_META_HTTP_CLIENT = ("sn", "1")
    say: Callable[[str, bytes], bytes]

    def perform_request(
        self, method: str, target: str, body: Any = None, headers: Any = None, request_timeout: Any = None
    ) -> NodeApiResponse:
        answered = HttpHeaders({"x-elastic-product": "Elasticsearch", "content-type": "application/json"})
        content = type(self).say(target.partition("?")[0], body or b"")
        return NodeApiResponse(ApiResponseMeta(200, "1.1", answered, 0.0, self.config), content)


def node_saying(say: Callable[[str, bytes], bytes]) -> Any:
    return type("SayingNode", (SayingNode,), {"say": staticmethod(say)})


def client_saying(say: Callable[[str, bytes], bytes], **options: Any) -> HybridElasticsearch:
    models = {"encoder": count_words, "reranker": first_words}
    return HybridElasticsearch("http://made:9200", node_class=node_saying(say), max_retries=0, **{**models, **options})


def written(body: object) -> bytes:
    return json.dumps(body).encode()


def whole(count: int = 2) -> dict[str, Any]:
    return {"took": 1, "responses": [deepcopy(LEG) for _ in range(count)]}


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of everything in a body."""
    yield at
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inside:
        yield from places(value, (*at, name))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Put a value to a path; `...` takes away what is there."""
    if not path:
        return None if value is ... else value
    made = deepcopy(body)
    parent = made
    for name in path[:-1]:
        parent = parent[name]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return made


WRONG = st.one_of(
    st.just(...),
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([[], {}, [[]], [{}], [None], {"": None}, "<html>", 10**400, 1e999, [[[[]]]], ["a", {}]]),
)
