"""An index of kites that every form of a request is searched in."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import HybridElasticsearch
from tests.conftest import EngineUnderTest
from tests.models_by_hand import first_words

STANDARD = {"standard": {"query": {"match": {"t": "kite"}}}}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "a": {"t": "red kite", "n": 1, "day": "2024-01-01", "v": [1, 0], "cos": [1, 1]},
    "b": {"t": "blue kite", "n": 2, "day": "2024-02-01", "v": [0, 0], "cos": [1, 0]},
    "c": {"t": "kite", "n": 3, "day": "2024-03-01", "v": [0, 3], "cos": [0, 1]},
}


def directions(texts: list[str]) -> list[list[float]]:
    return [[float("red" in text), 3.0 * ("red" not in text)] for text in texts]


def knn(**options: Any) -> dict[str, Any]:
    return {"knn": {"field": "v", "query_vector": [1, 0], "k": 2, "num_candidates": 10, **options}}


def rrf(*legs: Any, **options: Any) -> dict[str, Any]:
    return {"rrf": {"retrievers": list(legs), **options}}


@pytest.fixture
def kites(engine: EngineUnderTest, es: Elasticsearch, fresh_index: str) -> Any:
    properties: dict[str, Any] = {
        "t": {"type": "text"},
        "n": {"type": "integer"},
        "day": {"type": "date"},
        "v": {"type": "dense_vector", "dims": 2, "similarity": "l2_norm", "index_options": {"type": "hnsw"}},
        "cos": {"type": "dense_vector", "dims": 2, "similarity": "cosine", "index_options": {"type": "hnsw"}},
    }
    es.indices.create(index=fresh_index, mappings={"properties": properties}, settings={"number_of_shards": 1})
    for key, document in DOCUMENTS.items():
        es.index(index=fresh_index, id=key, document=document)
    es.indices.refresh(index=fresh_index)
    with engine.client(HybridElasticsearch, encoder=directions, reranker=first_words) as client:

        def search(**request: Any) -> list[tuple[str, float]]:
            hits = client.search(index=fresh_index, **request)["hits"]["hits"]
            return [(hit["_id"], hit["_score"]) for hit in hits]

        search.client, search.index = client, fresh_index  # type: ignore[attr-defined]
        yield search
