"""Haystack's own package, over indices of any shape, on every engine."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from haystack import Document, Pipeline
from haystack.utils import Secret
from haystack.utils.filters import document_matches_filter

from connector import AsyncHybridElasticsearch, AsyncHybridOpenSearch, Connector, HybridElasticsearch, HybridOpenSearch
from connector.errors import RequestError
from connector.indexing import Passages
from connector.integrations.haystack import ConnectorReranker, ConnectorRetriever
from tests.conftest import EngineUnderTest
from tests.integrations.conftest import SOURCES, TEXT_FIELDS
from tests.models_by_hand import first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def ids(found: dict[str, Any]) -> list[str]:
    return [document.id for document in found["documents"]]


def test_a_document_has_text_meta_score_and_provenance(articles: Connector) -> None:
    (found,) = ConnectorRetriever(articles, top_k=1).run("small car slow")["documents"]
    response = articles.search("small car slow", size=1)
    (hit,) = response["hits"]["hits"]
    assert (found.id, found.content, found.score) == ("a", "A\n\nthe car is small and slow", hit["_score"])
    assert {name: found.meta[name] for name in SOURCES["a"]} == SOURCES["a"]
    assert found.meta["_hybrid"] == {**hit["_hybrid"], "model": response["_hybrid"]["model"], "degraded": None}


async def test_run_async_gives_what_run_gives(articles: Connector, async_articles: Connector) -> None:
    expected = ConnectorRetriever(articles).run("small car slow")
    assert await ConnectorRetriever(async_articles).run_async("small car slow") == expected
    assert await ConnectorRetriever(articles).run_async("small car slow") == expected


def test_it_stands_in_a_pipeline_with_the_reranker(articles: Connector) -> None:
    pipeline = Pipeline()
    pipeline.add_component("retriever", ConnectorRetriever(articles, depth=0, content="body.text"))
    pipeline.add_component("reranker", ConnectorReranker(first_words, top_k=2))
    pipeline.connect("retriever.documents", "reranker.documents")
    query = "small car slow"
    conditions = {"field": "meta.year", "operator": "<", "value": 2022}
    given = {"retriever": {"query": query, "filters": conditions}, "reranker": {"query": query}}
    found = pipeline.run(given)["reranker"]
    # "slow" is at place 5 of "the car is small and slow", at place 8 of "the car is small and fast , never slow".
    assert [(each.id, each.meta["_rerank_score"]) for each in found["documents"]] == [("a", -5.0), ("b", -8.0)]


async def test_it_stands_in_a_pipeline_that_runs_async(async_articles: Connector) -> None:
    pipeline = Pipeline()
    pipeline.add_component("retriever", ConnectorRetriever(async_articles, depth=0))
    pipeline.add_component("reranker", ConnectorReranker(first_words, top_k=1))
    pipeline.connect("retriever.documents", "reranker.documents")
    run = {name: {"query": "small car slow"} for name in ("retriever", "reranker")}
    found = await asyncio.gather(*(pipeline.run_async(run) for _ in range(3)))
    assert [ids(each["reranker"]) for each in found] == [["a"]] * 3


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"field": "meta.year", "operator": ">=", "value": 2022}, "cd"),
        ({"field": "year", "operator": ">", "value": 2022}, "d"),
        ({"field": "meta.year", "operator": "!=", "value": 2022}, "abd"),
        ({"field": "meta.year", "operator": "in", "value": [2019, 2021]}, "ab"),
        ({"field": "meta.year", "operator": "not in", "value": [2019, 2021]}, "cd"),
        ({"field": "meta.tags", "operator": "==", "value": None}, "bcd"),
        ({"field": "meta.tags", "operator": "!=", "value": None}, "a"),
        ({"field": "meta.tags", "operator": "==", "value": ["old", "new"]}, ""),
        ({"field": "meta.body.pages", "operator": "<=", "value": 3}, "a"),
        (
            {
                "operator": "OR",
                "conditions": [
                    {"field": "meta.tags", "operator": "==", "value": "old"},
                    {
                        "operator": "AND",
                        "conditions": [
                            {"field": "meta.year", "operator": ">", "value": 2019},
                            {"field": "meta.year", "operator": "<", "value": 2022},
                        ],
                    },
                ],
            },
            "ab",
        ),
        (
            {
                "operator": "NOT",
                "conditions": [
                    {"field": "meta.year", "operator": ">", "value": 2019},
                    {"field": "meta.year", "operator": "<", "value": 2022},
                ],
            },
            "acd",
        ),
        ({"year": {"gte": 2022}}, "cd"),
        ([{"term": {"tags": "old"}}], "a"),
        ({}, "abcd"),
    ],
)
def test_filters_are_haystacks_or_a_searchs_own(articles: Connector, filters: Any, expected: str) -> None:
    found = ConnectorRetriever(articles, filters={"year": 1900}).run("small car climate", filters=filters)
    assert "".join(sorted(ids(found))) == expected


VALUES: dict[str, list[Any]] = {
    **{key: [2021, 1900, None] for key in ("==", "!=")},
    **{key: [2021, 1900, None] for key in (">", ">=", "<", "<=")},
    **{key: [[], [2019], [2019, 1900], [None], [None, 3]] for key in ("in", "not in")},
}


def test_conditions_match_what_haystacks_own_document_store_matches(articles: Connector) -> None:
    documents = {key: Document(id=key, meta=source) for key, source in SOURCES.items()}
    conditions: list[dict[str, Any]] = [
        {"field": field, "operator": operator, "value": value}
        for field in ("meta.year", "meta.body.pages")
        for operator, values in VALUES.items()
        for value in values
    ]
    conditions += [
        {"operator": operator, "conditions": parts}
        for operator in ("AND", "OR", "NOT")
        for parts in ([], conditions[:2], [conditions[5], conditions[-1]])
    ]
    retriever = ConnectorRetriever(articles, depth=0)
    expected, found = {}, {}
    for condition in conditions:
        matching = [key for key, document in documents.items() if document_matches_filter(condition, document)]
        expected[str(condition)] = matching
        found[str(condition)] = sorted(ids(retriever.run("small car climate", filters=condition)))
    assert found == expected


async def test_async_searches_are_filtered_too(async_articles: Connector) -> None:
    conditions = {"field": "meta.year", "operator": ">", "value": 2022}
    assert ids(await ConnectorRetriever(async_articles, filters=conditions).run_async("small car")) == ["d"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"field": "meta.yeer", "operator": "==", "value": 1}, "is not mapped; there are year"),
        ({"field": "meta.title", "operator": "==", "value": "A"}, "is analysed text"),
        ({"field": "meta.year", "operator": "=", "value": 1}, "must be one of ==, !="),
        ({"field": "meta.year", "operator": "in", "value": 1}, "must be a list"),
        ({"field": "meta.year", "operator": "=="}, "must have a value"),
        ({"operator": "XOR", "conditions": []}, "must be AND, OR or NOT"),
        ({"operator": "AND", "conditions": [{"year": 1}]}, "must have an operator"),
        ({"operator": "AND"}, "must have a field and a value, or a list of conditions"),
        ({"field": "meta.yeer", "operator": "in", "value": []}, "is not mapped; there are year"),
        ({"field": "meta.yeer", "operator": ">", "value": None}, "is not mapped; there are year"),
    ],
)
def test_a_wrong_filter_is_named(articles: Connector, filters: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        ConnectorRetriever(articles).run("small car", filters=filters)


def test_meta_stands_under_the_metadata_field(es: Elasticsearch, fresh_index: str) -> None:
    es.indices.create(
        index=fresh_index,
        mappings={"properties": {"text": {"type": "text"}, "about": {"properties": {"lang": {"type": "keyword"}}}}},
    )
    for key, lang in {"1": "en", "2": "de"}.items():
        es.index(index=fresh_index, id=key, document={"text": "a car", "about": {"lang": lang}}, refresh=True)
    retriever = ConnectorRetriever(
        Connector(es, fresh_index, text_fields=["text"], reranker=first_words), metadata_field="about"
    )
    with pytest.warns(UserWarning, match="searches are lexical"):
        (found,) = retriever.run("car", {"field": "meta.lang", "operator": "==", "value": "de"})["documents"]
    assert (found.id, found.meta["lang"]) == ("2", "de")


# Written down and made again


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


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"index": "books", "text_fields": ["title"]}, "connector.url: None: is required"),
        ({"url": "http://localhost:9200", "index": "books", "text_fields": ["title"], "k": 3}, "connector.k: 3"),
        ({"url": "ftp://x", "index": "books", "text_fields": ["title"]}, "must begin with http"),
    ],
)
def test_settings_that_are_wrong_are_named(settings: dict[str, Any], said: str) -> None:
    kind = "connector.integrations.haystack.ConnectorRetriever"
    with pytest.raises(RequestError, match=said):
        ConnectorRetriever.from_dict({"type": kind, "init_parameters": {"connector": settings}})


# The reranker


def test_the_reranker_gives_copies_with_their_scores_and_those_without_text_last() -> None:
    documents = [Document(id="1", content=None), Document(id="2", content="a slow car", meta={"n": 1}, score=3.0)]
    documents.append(Document(id="3", content="slow"))
    found = ConnectorReranker(first_words).run("slow", documents)["documents"]
    assert [document.id for document in found] == ["3", "2", "1"]
    assert [document.meta["_rerank_score"] for document in found] == [0.0, -1.0, None]
    assert found[0].score == 1.0
    assert (documents[1].meta, documents[1].score) == ({"n": 1}, 3.0)
    assert ids(ConnectorReranker(first_words).run("slow", documents, top_k=1)) == ["3"]
    with pytest.raises(RequestError, match="top_k: -1"):
        ConnectorReranker(first_words).run("slow", documents, top_k=-1)


def test_the_bundled_reranker_loads_when_it_warms_up() -> None:
    reranker = ConnectorReranker()
    reranker.warm_up()
    documents = [Document(id="1", content="Bread rests."), Document(id="2", content="Vinegar removes limescale.")]
    assert ids(reranker.run("remove limescale", documents)) == ["2", "1"]
    assert ConnectorReranker.from_dict(reranker.to_dict()).to_dict() == reranker.to_dict()


def test_text_fields_of_the_connector_are_the_content(articles: Connector) -> None:
    assert list(articles.text_fields) == TEXT_FIELDS
    assert ConnectorRetriever(articles, top_k=1).run("climate")["documents"][0].content == "C\n\nclimate warming"
