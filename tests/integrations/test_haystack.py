"""Haystack's own package, over indices of any shape, on every engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from haystack import Document, Pipeline

from connector import Connector
from connector.errors import RequestError
from connector.integrations.haystack import ConnectorReranker, ConnectorRetriever
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
