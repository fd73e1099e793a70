"""Haystack's pipelines, written down and loaded again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from haystack import Pipeline
from haystack.utils import Secret

from connector import AsyncHybridElasticsearch, AsyncHybridOpenSearch, Connector, HybridElasticsearch, HybridOpenSearch
from connector.errors import RequestError
from connector.indexing import Passages
from connector.integrations.haystack import ConnectorReranker, ConnectorRetriever
from tests.conftest import EngineUnderTest
from tests.integrations.test_haystack import ids
from tests.models_by_hand import first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


@pytest.mark.node
@pytest.mark.parametrize("engine", ["es8", "es9"], indirect=True)
async def test_a_pipeline_is_written_down_and_made_again(
    engine: EngineUnderTest, es: Elasticsearch, index: str
) -> None:
    es.indices.create(index=f"{index}-plain", mappings={"properties": {"text": {"type": "text"}}})
    try:
        es.index(index=f"{index}-plain", id="1", document={"text": "a small car", "year": 2020}, refresh=True)
        for kind in (HybridElasticsearch, AsyncHybridElasticsearch):
            client: Any = kind(engine.url, execution="client")
            plain = Connector(client, f"{index}-plain", text_fields=["text"], vector_field=None)
            pipeline = Pipeline()
            filters = {"field": "meta.year", "operator": "==", "value": 2020}
            pipeline.add_component("retriever", ConnectorRetriever(plain, filters=filters, top_k=3, content="{text}!"))
            pipeline.add_component("reranker", ConnectorReranker(top_k=2))
            pipeline.connect("retriever.documents", "reranker.documents")
            written = pipeline.dumps()
            made = Pipeline.loads(written, allowed_modules=["connector.*"])
            assert made.dumps() == written
            again: Any = made.get_component("retriever")
            with pytest.warns(UserWarning, match="searches are lexical"):
                found = await again.run_async("car")
            assert [document.content for document in found["documents"]] == ["a small car!"]
            for each in (client, again.connector.client):
                closed = each.close()
                if kind is AsyncHybridElasticsearch:
                    await closed
    finally:
        es.indices.delete(index=f"{index}-plain")


@pytest.mark.node
async def test_a_retriever_over_opensearch_is_written_down_and_made_again(opensearch_url: str) -> None:
    index = f"test-{uuid.uuid4().hex[:12]}"
    with HybridOpenSearch(opensearch_url) as client:
        client.index(index=index, id="1", body={"text": "a small car", "year": 2020}, params={"refresh": "true"})
        try:
            for kind in (HybridOpenSearch, AsyncHybridOpenSearch):
                first: Any = kind(opensearch_url, timeout=60)
                written = ConnectorRetriever(Connector(first, index, text_fields=["text"])).to_dict()
                made = ConnectorRetriever.from_dict(written)
                assert made.to_dict() == written
                with pytest.warns(UserWarning, match="searches are lexical"):
                    assert ids(await made.run_async("car")) == ["1"]
                for each in (first, made.connector.client):
                    closed: Any = each.close()
                    if kind is AsyncHybridOpenSearch:
                        await closed
        finally:
            client.indices.delete(index=index)


def test_opensearchs_nodes_are_written_down_without_their_credentials() -> None:
    nodes = ["https://reader:hidden@a:9201/search", "http://b:9200"]
    with HybridOpenSearch(nodes) as client:
        retriever = ConnectorRetriever(Connector(client, "books", text_fields=["title"]))
        with pytest.raises(RequestError, match="basic_auth"):
            retriever.to_dict()
        retriever.client_options = {"basic_auth": ["reader", "other"]}
        written = retriever.to_dict()
    assert written["init_parameters"]["connector"]["url"] == ["https://a:9201/search", "http://b:9200"]
    assert "hidden" not in str(written)


def test_credentials_are_written_down_as_the_name_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with HybridElasticsearch("http://localhost:9200", api_key="aGlkZGVu") as client:
        passages = Passages(fields=("body",), max_tokens=64)
        books = Connector(client, "books", text_fields=["title", "body"], passages=passages)
        with pytest.raises(RequestError, match="api_key"):
            ConnectorRetriever(books).to_dict()
        retriever = ConnectorRetriever(
            books, api_key=Secret.from_env_var("BOOKS_KEY"), client_options={"request_timeout": 3}
        )
        written = retriever.to_dict()
    assert "aGlkZGVu" not in str(written)
    monkeypatch.setenv("BOOKS_KEY", "b3RoZXI=")
    made = ConnectorRetriever.from_dict(written)
    assert made.connector.client._headers["authorization"] == "ApiKey b3RoZXI="
    assert made.connector.settings.passages == passages
    assert made.to_dict() == written
    made.connector.client.close()


def test_what_is_an_object_of_this_process_is_not_written_down(articles: Connector) -> None:
    with pytest.raises(RequestError, match=r"connector(\.encoder)?:"):
        ConnectorRetriever(articles).to_dict()
    with pytest.raises(RequestError, match="reranker"):
        ConnectorReranker(first_words).to_dict()
    with HybridElasticsearch("http://localhost:9200") as client:
        books = Connector(client, "books", text_fields=["title"], rewrite={"twice": lambda text: [text]})
        with pytest.raises(RequestError, match=r"connector.rewrite: \['twice'\]: are functions"):
            ConnectorRetriever(books).to_dict()
