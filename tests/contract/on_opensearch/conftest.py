"""An OpenSearch node, and searches by hybrid-connector's client of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch

from connector.clients.opensearch.client import HybridOpenSearch
from tests.contract.harness import Corpus
from tests.contract.test_hybrid import directions, shared_words

Body = dict[str, Any]
TILTED = [0.7, 0.2, 0.1, 0.3]
ON_THREE_SHARDS = Corpus(
    "spread",
    {
        "properties": {
            "body": {"type": "text"},
            "kind": {"type": "keyword"},
            "vector": {"type": "dense_vector", "dims": 2, "similarity": "cosine"},
        }
    },
    [
        (f"{number:02}", {"body": "car", "kind": f"k{number % 3}", "vector": [1.0, number / 10]})
        for number in range(1, 31)
    ],
)


@pytest.fixture(scope="module")
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    with OpenSearch(opensearch_url, timeout=60) as client:
        yield client


@pytest.fixture
def index(client: OpenSearch) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    client.indices.delete(index=name, ignore=404)


def ours(client: OpenSearch, **options: Any) -> HybridOpenSearch:
    return HybridOpenSearch.wrap(client, encoder=directions, reranker=shared_words, **options)


def knn(vector: list[float], k: int, field: str = "vector", **options: Any) -> Body:
    return {"knn": {"field": field, "query_vector": vector, "k": k, **options}}


def searched(client: OpenSearch, index: str, retriever: Body, **beside: Any) -> Body:
    found: Body = ours(client).search(index=index, body={"retriever": retriever, "_source": False, **beside})
    return found


def ids(response: Body) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]
