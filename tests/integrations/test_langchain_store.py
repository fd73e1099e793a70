"""Indices and embeddings of LangChain's ElasticsearchStore."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from elasticsearch.helpers.vectorstore import DenseVectorStrategy, VectorStore
from langchain_core.embeddings import Embeddings

from connector import Connector, HybridElasticsearch
from connector.errors import ModelError, RequestError
from connector.integrations.langchain import ConnectorRetriever, EmbeddingsEncoder
from tests.conftest import EngineUnderTest
from tests.integrations.test_langchain import ids
from tests.models_by_hand import WORDS, count_words, first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


class CountedWords(Embeddings):
    """Embeddings whose queries get a word that passages don't."""

    model = "counted-words"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = count_words(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([f"{text} car"])[0]


@pytest.fixture
def store_index(es: Elasticsearch, fresh_index: str) -> str:
    """What ElasticsearchStore(..., strategy=DenseVectorStrategy()) writes: `text`, `metadata`, `vector`."""
    vector = {"type": "dense_vector", "dims": len(WORDS) + 1, "index": True, "similarity": "cosine"}
    source = {"type": "text", "fields": {"keyword": {"type": "keyword"}}}
    fields = {"text": {"type": "text"}, "vector": vector, "metadata": {"properties": {"source": source}}}
    es.indices.create(index=fresh_index, mappings={"properties": fields})
    for key, text in {"1": "a small car", "2": "climate warming", "3": "a car battery"}.items():
        document = {"text": text, "metadata": {"source": f"file-{key}"}, "vector": count_words([text])[0].tolist()}
        es.index(index=fresh_index, id=key, document=document)
    es.indices.refresh(index=fresh_index)
    return fresh_index


def test_an_index_of_elasticsearch_store_is_searched_as_it_is(es: Elasticsearch, store_index: str) -> None:
    notes = Connector(
        es, store_index, text_fields=["text"], encoder=EmbeddingsEncoder(CountedWords()), reranker=first_words
    )
    retriever = ConnectorRetriever(connector=notes, metadata_field="metadata", k=2)
    found = retriever.invoke("battery")
    assert (found[0].page_content, found[0].metadata["source"]) == ("a car battery", "file-3")
    assert "text" not in found[0].metadata
    filtered = retriever.invoke("battery", filter=[{"term": {"metadata.source.keyword": "file-1"}}])
    assert ids(filtered) == ["1"]


class NumpyWords(CountedWords):
    """Embeddings of numpy's numbers, as many packages give them."""

    def embed_documents(self, texts: list[str]) -> Any:
        return [list(row) for row in count_words(texts)]


class Service:
    """LangChain's embeddings as the client's store has them: what ElasticsearchStore wraps them in."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.embed_documents, self.embed_query = embeddings.embed_documents, embeddings.embed_query


@pytest.mark.parametrize("rrf", [True, {"window_size": 20}, {"rank_window_size": 20, "rank_constant": 1}])
def test_the_store_that_elasticsearch_store_is_made_of_runs_hybrid_with_our_client(
    engine: EngineUnderTest, store_index: str, rrf: Any
) -> None:
    with engine.client(HybridElasticsearch) as client:
        store = VectorStore(
            client,
            index=store_index,
            retrieval_strategy=DenseVectorStrategy(hybrid=True, rrf=rrf, text_field="text"),
            embedding_service=Service(NumpyWords()),  # type: ignore[arg-type]
            text_field="text",
            vector_field="vector",
        )
        found = store.search(query="battery", k=3)
        assert found[0]["_id"] == "3"
        if rrf is True:
            with pytest.raises(RequestError, match="raise rank_window_size"):
                store.search(query="battery", k=20, num_candidates=50)
        else:
            assert len(store.search(query="battery", k=20, num_candidates=50)) == 3


def test_embeddings_are_an_encoder_with_queries_of_their_own() -> None:
    encoder = EmbeddingsEncoder(CountedWords())
    assert (encoder.fingerprint.name, encoder.fingerprint.dims) == ("counted-words", len(WORDS) + 1)
    np.testing.assert_allclose(encoder.encode_queries(["small"]), encoder.encode(["small car"]))
    assert encoder.encode([]).shape == (0, len(WORDS) + 1)
    with pytest.raises(RequestError, match="must be LangChain's Embeddings"):
        EmbeddingsEncoder(count_words)  # type: ignore[arg-type]


def test_embeddings_that_give_no_vectors_are_named() -> None:
    class Broken(CountedWords):
        def embed_query(self, text: str) -> list[float]:
            return []

    with pytest.raises(ModelError, match="counted-words"):
        EmbeddingsEncoder(Broken()).encode_queries(["small"])
