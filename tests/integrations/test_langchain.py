"""LangChain's own package, over indices of any shape, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from elasticsearch.helpers.vectorstore import DenseVectorStrategy, VectorStore
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from pydantic import ValidationError

from connector import Connector, HybridElasticsearch, connect
from connector.errors import ModelError, RequestError
from connector.integrations.langchain import ConnectorReranker, ConnectorRetriever, EmbeddingsEncoder
from tests.conftest import EngineUnderTest
from tests.integrations.conftest import MODELS, SOURCES
from tests.models_by_hand import WORDS, count_words, first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_a_document_has_text_metadata_scores_and_provenance(articles: Connector) -> None:
    found = ConnectorRetriever(connector=articles, k=2).invoke("small car slow")
    response = articles.search("small car slow", size=2)
    hits = response["hits"]["hits"]
    assert ids(found) == [hit["_id"] for hit in hits] == ["a", "b"]
    assert found[0].page_content == "A\n\nthe car is small and slow"
    assert found[1].page_content == "B\n\nthe car is small\n\nand fast , never slow"
    metadata = found[0].metadata
    assert {name: metadata[name] for name in SOURCES["a"]} == SOURCES["a"]
    assert metadata.keys() == SOURCES["a"].keys() | {"_index", "_id", "_score", "_hybrid"}
    assert (metadata["_index"], metadata["_id"]) == (articles.index_name, "a")
    assert metadata["_score"] == hits[0]["_score"]
    assert metadata["_hybrid"] == {**hits[0]["_hybrid"], "model": response["_hybrid"]["model"], "degraded": None}
    assert metadata["_hybrid"]["legs"].keys() == {"standard", "knn"}


async def test_ainvoke_gives_what_invoke_gives(articles: Connector, async_articles: Connector) -> None:
    expected = ConnectorRetriever(connector=articles).invoke("small car slow")
    assert await ConnectorRetriever(connector=async_articles).ainvoke("small car slow") == expected
    assert await ConnectorRetriever(connector=articles).ainvoke("small car slow") == expected
    batches = await ConnectorRetriever(connector=async_articles).abatch(["small car slow", "climate"])
    assert batches[0] == expected
    assert batches[1][0].id == "c"


async def test_a_sync_call_over_an_async_client_says_what_to_use(async_articles: Connector) -> None:
    with pytest.raises(RequestError, match="async"):
        ConnectorRetriever(connector=async_articles).invoke("car")


@pytest.mark.parametrize("filter", [{"year": {"gte": 2020}}, {"range": {"year": {"gte": 2020}}}])
def test_a_filter_holds_for_every_leg(articles: Connector, filter: dict[str, Any]) -> None:
    found = ConnectorRetriever(connector=articles, filter=filter).invoke("small car slow")
    assert set(ids(found)) == {"b", "c", "d"}


def test_one_call_may_give_options_of_its_own(articles: Connector) -> None:
    retriever = ConnectorRetriever(connector=articles, filter={"year": 2019})
    assert ids(retriever.invoke("small car slow", filter={"year": 2021})) == ["b"]
    assert ids(retriever.invoke("small car slow", filter=None, k=2, offset=1))[0] == "b"
    without = retriever.invoke("small car slow", depth=0)
    assert without[0].metadata["_hybrid"]["model"] is None
    assert ids(retriever.invoke("small car slow")) == ["a"]


def test_an_option_that_is_none_is_named(articles: Connector) -> None:
    with pytest.raises(RequestError, match=r"^top: 3: is no option of a search; use k, offset, filter"):
        ConnectorRetriever(connector=articles).invoke("car", top=3)
    with pytest.raises(RequestError, match="use filter"):
        ConnectorRetriever(connector=articles).invoke("car", filters={})


def test_content_is_a_field_or_a_template(articles: Connector) -> None:
    by_field = ConnectorRetriever(connector=articles, content="body.text")
    assert by_field.invoke("small car slow")[0].page_content == "the car is small and slow"
    template = ConnectorRetriever(connector=articles, content="{title}: {body.text} ({year})")
    contents = {document.id: document.page_content for document in template.invoke("small car battery")}
    assert contents["a"] == "A: the car is small and slow (2019)"
    assert contents["d"] == "a battery for a small car (2023)"


@pytest.mark.parametrize("content", ["", "{title", "{title} {}"])
def test_content_of_another_kind_is_refused(articles: Connector, content: str) -> None:
    with pytest.raises(ValidationError, match="content"):
        ConnectorRetriever(connector=articles, content=content)


def test_content_that_no_hit_has_is_warned_of(articles: Connector) -> None:
    with pytest.warns(UserWarning, match=r"no hit has text in titel; they have body, tags, title, year"):
        ConnectorRetriever(connector=articles, content="titel").invoke("small car slow", k=1)


def test_source_says_which_fields_come_beside_the_content(articles: Connector) -> None:
    retriever = ConnectorRetriever(connector=articles, content="body.text", source=["year"], k=1)
    (found,) = retriever.invoke("small car slow")
    assert found.page_content == "the car is small and slow"
    assert {name for name in found.metadata if not name.startswith("_")} == {"year", "body"}
    (bare,) = retriever.invoke("small car slow", source=False)
    assert {name for name in bare.metadata if not name.startswith("_")} == {"body"}


def test_a_multi_fields_text_is_its_parents(es: Elasticsearch, fresh_index: str) -> None:
    english = {"type": "text", "fields": {"english": {"type": "text", "analyzer": "english"}}}
    es.indices.create(index=fresh_index, mappings={"properties": {"body": english}})
    es.index(index=fresh_index, id="1", document={"body": "small cars"}, refresh=True)
    both = Connector(es, fresh_index, text_fields=["body", "body.english"], **MODELS)
    with pytest.warns(UserWarning, match="searches are lexical"):
        (found,) = ConnectorRetriever(connector=both).invoke("car")
    assert found.page_content == "small cars"


def test_a_reranker_that_fails_costs_the_rerank_only_and_documents_say_so(engine: EngineUnderTest, index: str) -> None:
    def broken(query: str, passages: list[str]) -> Any:
        raise OSError("no device")

    with engine.client(HybridElasticsearch, encoder=count_words, reranker=broken) as client:
        articles = Connector(client, index, text_fields=["body.text"], vector_field="embedding")
        found = ConnectorRetriever(connector=articles).invoke("small car slow")
    assert len(found) == 4
    assert {document.metadata["_hybrid"]["degraded"] for document in found} == {
        "not reranked: OSError (see the log of connector.rerank)"
    }


def test_without_provenance_there_is_none(engine: EngineUnderTest, index: str) -> None:
    with engine.client(HybridElasticsearch, provenance=False, **MODELS) as client:
        articles = Connector(client, index, text_fields=["body.text"], vector_field="embedding")
        found = ConnectorRetriever(connector=articles).invoke("small car slow")
    assert "_hybrid" not in found[0].metadata
    assert found[0].metadata["_score"] > 0


def test_it_is_a_runnable_in_a_chain(articles: Connector) -> None:
    retriever: BaseRetriever = ConnectorRetriever(connector=articles, k=1)
    prompt = ChatPromptTemplate.from_template("{context}\n---\n{question}")
    context = retriever | (lambda documents: "".join(document.page_content for document in documents))
    chain: Any = {"context": context, "question": RunnablePassthrough()} | prompt
    message = chain.invoke("small car slow").to_messages()[0]
    assert message.content == "A\n\nthe car is small and slow\n---\nsmall car slow"


# The compressor


def test_the_compressor_works_with_contextual_compression(articles: Connector) -> None:
    fused = ConnectorRetriever(connector=articles, depth=0)
    two_stage = ContextualCompressionRetriever(
        base_retriever=fused, base_compressor=ConnectorReranker(reranker=first_words, top_n=2)
    )
    found = two_stage.invoke("small car slow", filter={"year": {"lt": 2022}})
    # "slow" is word 7 of a's passage "A the car is small and slow" and word 9 of b's "B the car ... never slow".
    assert [(each.id, each.metadata["_rerank_score"]) for each in found] == [("a", -6.0), ("b", -9.0)]
    assert found[0].metadata["_score"] == pytest.approx(np.exp(-6.0))
    assert "_hybrid" in found[0].metadata


async def test_the_compressor_works_in_async_code(async_articles: Connector) -> None:
    two_stage = ContextualCompressionRetriever(
        base_retriever=ConnectorRetriever(connector=async_articles, depth=0),
        base_compressor=ConnectorReranker(reranker=first_words),
    )
    assert ids(await two_stage.ainvoke("small car slow"))[:2] == ["a", "b"]


def test_documents_given_to_the_compressor_stay_as_they_are() -> None:
    documents = [Document(page_content="a slow car", metadata={"n": 1}), Document(page_content="slow")]
    found = ConnectorReranker(reranker=first_words).compress_documents(documents, "slow")
    assert [document.page_content for document in found] == ["slow", "a slow car"]
    assert documents[0].metadata == {"n": 1}
    assert found[1].metadata["n"] == 1


def test_documents_without_text_stand_last_in_their_order() -> None:
    documents = [Document(page_content=text) for text in (" ", "a slow car", "", "slow")]
    for blend in (None, 0.9):
        reranker = ConnectorReranker(reranker=first_words, blend=blend)
        found = reranker.compress_documents(documents, "slow")
        assert [document.page_content for document in found] == ["slow", "a slow car", " ", ""]
        assert [document.metadata["_rerank_score"] for document in found] == [0.0, -1.0, None, None]
        assert found[-1].metadata["_score"] == 0.0


def test_equal_scores_keep_the_order_that_documents_came_in() -> None:
    documents = [Document(page_content=f"slow {number}") for number in range(12)]
    assert ConnectorReranker(reranker=first_words).compress_documents(documents, "slow") == [
        document.model_copy(update={"metadata": {"_score": 1.0, "_rerank_score": 0.0}}) for document in documents
    ]


def test_no_documents_need_no_reranker() -> None:
    def never(query: str, passages: list[str]) -> Any:
        raise AssertionError("asked")

    assert ConnectorReranker(reranker=never).compress_documents([], "slow") == []


def test_the_bundled_reranker_is_blended_with_the_rank_as_a_search_does_it() -> None:
    texts = ["Wash the kettle.", "Bread rests overnight.", "Vinegar removes limescale from a kettle.", "A kettle."]
    with connect("embedded:", encoder=count_words) as client:
        articles = Connector(client, "articles", text_fields=["body"])
        articles.create()
        articles.index({"_id": str(number), "body": text} for number, text in enumerate(texts))
        query = "remove limescale from a kettle"
        searched = ConnectorRetriever(connector=articles).invoke(query)
        fused = ConnectorRetriever(connector=articles, depth=0).invoke(query)
        reranked = ConnectorReranker().compress_documents(fused, query)
    assert ids(list(reranked)) == ids(searched)
    scores = [document.metadata["_score"] for document in searched]
    assert [document.metadata["_score"] for document in reranked] == pytest.approx(scores)


@pytest.mark.parametrize("arguments", [{"blend": 1.5}, {"top_n": -1}, {"top_n": 1.5}, {"reranker": 3}, {"size": 3}])
def test_a_wrong_argument_of_the_compressor_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(arguments))):
        ConnectorReranker(**arguments)


# An index that ElasticsearchStore wrote


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
