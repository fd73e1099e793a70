"""LangChain's own package, over indices of any shape, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from pydantic import ValidationError

from connector import Connector, HybridElasticsearch
from connector.errors import RequestError
from connector.integrations.langchain import ConnectorRetriever
from tests.conftest import EngineUnderTest
from tests.integrations.conftest import MODELS, SOURCES
from tests.models_by_hand import count_words

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
    with pytest.raises(RequestError, match=r"^top: 3: is not an option of a search; use k, offset, filter"):
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
    with pytest.warns(UserWarning, match=r"no hit has text in titel; the hits have body, tags, title, year"):
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
