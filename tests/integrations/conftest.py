"""An index that somebody else made, on each engine, and the connector that searches it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch
from tests.conftest import EngineUnderTest
from tests.models_by_hand import WORDS, count_words, first_words

MODELS: dict[str, Any] = {"encoder": count_words, "reranker": first_words}
TEXT_FIELDS = ["title", "body.text"]
SOURCES: dict[str, dict[str, Any]] = {
    "a": {"title": "A", "body": {"text": "the car is small and slow", "pages": 3}, "tags": ["old"], "year": 2019},
    "b": {"title": "B", "body": {"text": ["the car is small", "and fast , never slow"]}, "year": 2021},
    "c": {"title": "C", "body": {"text": "climate warming"}, "year": 2022},
    "d": {"body": {"text": "a battery for a small car"}, "year": 2023},
}


@pytest.fixture
def index(es: Elasticsearch, fresh_index: str) -> str:
    """Nested fields, lists, a title that one document lacks; vectors under `embedding`."""
    vector = {
        "type": "dense_vector",
        "dims": len(WORDS) + 1,
        "index": True,
        "similarity": "cosine",
        "index_options": {"type": "hnsw"},
    }
    fields = {
        "title": {"type": "text"},
        "body": {"properties": {"text": {"type": "text"}, "pages": {"type": "integer"}}},
        "tags": {"type": "keyword"},
        "year": {"type": "integer"},
        "embedding": vector,
    }
    es.indices.create(index=fresh_index, mappings={"properties": fields})
    for key, source in SOURCES.items():
        text = source["body"]["text"]
        passage = text if isinstance(text, str) else " ".join(text)
        es.index(index=fresh_index, id=key, document={**source, "embedding": count_words([passage])[0].tolist()})
    es.indices.refresh(index=fresh_index)
    return fresh_index


@pytest.fixture
def articles(engine: EngineUnderTest, index: str) -> Iterator[Connector]:
    with engine.client(HybridElasticsearch, **MODELS) as client:
        yield Connector(client, index, text_fields=TEXT_FIELDS, vector_field="embedding")


@pytest.fixture
async def async_articles(engine: EngineUnderTest, index: str) -> AsyncIterator[Connector]:
    async with engine.async_client(AsyncHybridElasticsearch, **MODELS) as client:
        yield Connector(client, index, text_fields=TEXT_FIELDS, vector_field="embedding")
