"""Passages: the same over the embedded engine as over a real node; documents are found and reranked by their best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import Connector, HybridElasticsearch
from connector.errors import IndexMismatchError, RequestError
from connector.indexing import Passages
from tests.conftest import EngineUnderTest
from tests.contract.conftest import Pair
from tests.contract.harness import differences
from tests.contract.test_hybrid import Body, answer, reranked, rrf
from tests.contract.vector_corpora import PASSAGES
from tests.models_by_hand import count_words, first_words

TITLES: Body = {"standard": {"query": {"match": {"title": "about five one"}}}}
KIND_A: Body = {"term": {"kind": "a"}}


def near(**options: Any) -> Body:
    knn = {"field": "parts.vector", "query_vector": [0.9, 0.3, 0.1], "k": 3, "num_candidates": 50, "inner_hits": {}}
    return {"knn": {**knn, **options}}


def read(retriever: Body, **options: Any) -> Body:
    return reranked(retriever, field="parts.text", inference_text="a lazy dog", **options)


BARE: Body = {"source": ["title"]}
TREES: dict[str, Body] = {
    "a vector leg with inner_hits alone": {"retriever": near(), **BARE},
    "inner_hits on every hit of a fusion": {"retriever": rrf(TITLES, near()), **BARE},
    "inner_hits, filtered": {"retriever": rrf(TITLES, near(), filter=KIND_A), **BARE},
    "inner_hits by name and size": {"retriever": rrf(TITLES, near(inner_hits={"name": "best", "size": 1})), **BARE},
    "two legs with inner_hits, each under its own name": {
        "retriever": rrf(near(), near(query_vector=[0.0, 0.0, 1.0], inner_hits={"name": "far"}), TITLES),
        "track_total_hits": True,
        **BARE,
    },
    "reranked by the best passage": {"retriever": read(rrf(TITLES, near())), **BARE},
    "reranked by the sum of two": {
        "retriever": read(rrf(TITLES, near()), chunk_rescorer={"size": 2, "score_mode": "sum"}),
        **BARE,
    },
    "reranked, blended": {"retriever": read(rrf(TITLES, near()), blend=0.5), **BARE},
    "a page past what the legs carry": {
        "retriever": read(rrf(TITLES, near(k=200, num_candidates=200), rank_window_size=200), rank_window_size=200),
        "size": 10,
        **BARE,
    },
    "parts of a whole text": {
        "retriever": reranked(
            TITLES, field="title", chunk_rescorer={"size": 2, "chunking_settings": {"strategy": "word"}}
        ),
        **BARE,
    },
}


@pytest.mark.parametrize("body", TREES.values(), ids=TREES.keys())
def test_a_tree_over_passages_gives_the_same(any_pair: Pair, body: Body) -> None:
    real, embedded = answer(any_pair.real, PASSAGES, body), answer(any_pair.embedded, PASSAGES, body)
    assert real.status == 200
    assert real.body["hits"]["hits"]
    assert differences(real, embedded) == []


FILLER = "climate warming " * 40
DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "deep", "title": "T", "body": f"{FILLER}car battery {FILLER}", "year": 2020},
    {"_id": "other", "title": "T", "body": FILLER, "year": 2021},
    {"_id": "short", "title": "T", "body": "small car", "year": 2022},
    {"_id": "bare", "year": 2023},
]
MODELS: dict[str, Any] = {"encoder": count_words, "reranker": first_words}


@pytest.fixture
def articles(engine: EngineUnderTest, fresh_index: str) -> Iterator[Connector]:
    with engine.client(HybridElasticsearch, **MODELS) as client:
        made = Connector(
            client, fresh_index, text_fields=["title", "body"], passages=Passages(max_tokens=16, overlap=4)
        )
        made.create()
        report = made.index(DOCUMENTS)
        assert (report.indexed, report.without_text) == (4, 1)
        yield made


def test_a_document_is_found_by_its_best_passage_and_says_which(articles: Connector) -> None:
    found = articles.search("the car battery", depth=10)["hits"]["hits"]
    assert found[0]["_id"] == "deep"
    assert found[0]["_source"] == {name: DOCUMENTS[0][name] for name in ("title", "body", "year")}
    said = found[0]["_hybrid"]["passage"]
    assert "battery" in DOCUMENTS[0]["body"][said["start"] : said["end"]]
    best = found[0]["inner_hits"]["passages"]["hits"]["hits"][0]["_source"]
    assert best == {"field": "body", "text": best["text"], "start": best["start"], "end": best["end"]}
    assert DOCUMENTS[0]["body"][best["start"] : best["end"]] == best["text"]


def test_the_passages_shown_are_those_nearest_to_the_query_not_to_what_it_was_rewritten_to(
    articles: Connector,
) -> None:
    rewritten = Connector(
        articles.client,
        articles.index_name,
        text_fields=["title", "body"],
        rewrite={"other": lambda _: "climate warming"},
    )
    expected = {hit["_id"]: hit["inner_hits"] for hit in articles.search("car battery")["hits"]["hits"]}
    found = rewritten.search("car battery")
    assert found["_hybrid"]["rewrites"] == {"other": "climate warming"}
    shown = {hit["_id"]: hit["inner_hits"] for hit in found["hits"]["hits"]}
    assert {key: shown[key] for key in expected} == expected


def test_another_connector_reads_from_the_index_how_it_is_split(articles: Connector) -> None:
    again = Connector(articles.client, articles.index_name, text_fields=["title", "body"])
    again.index([{"_id": "late", "body": f"{FILLER}fast car {FILLER}", "year": 2024}])
    found = again.search("fast car", size=1, filter={"year": 2024})["hits"]["hits"]
    assert [hit["_id"] for hit in found] == ["late"]
    assert found[0]["inner_hits"]["passages"]["hits"]["total"]["value"] > 5


def test_a_document_written_again_has_the_passages_of_its_new_text(articles: Connector) -> None:
    articles.index([{**DOCUMENTS[0], "body": "slow car"}])
    found = articles.search("slow car", size=1, filter={"ids": {"values": ["deep"]}})["hits"]["hits"]
    assert found[0]["inner_hits"]["passages"]["hits"]["total"]["value"] == 1


def test_the_words_of_the_query_are_marked_in_its_passages(
    articles: Connector, engine: EngineUnderTest, es: Elasticsearch
) -> None:
    if engine.name == "embedded":
        pytest.skip("the embedded engine has no highlight")
    knn = articles.legs("car battery", 5)["knn"]
    highlighted = {**knn, "inner_hits": {"size": 1, "highlight": {"fields": {"passages.text": {}}}}}
    client = HybridElasticsearch.wrap(es, **MODELS)
    response = client.search(
        index=articles.index_name, retriever={"rrf": {"retrievers": [{"knn": highlighted}]}}, size=1, source=False
    )
    (best,) = response["hits"]["hits"][0]["inner_hits"]["passages"]["hits"]["hits"]
    assert "<em>car</em>" in best["highlight"]["passages.text"][0]


def test_fields_in_another_order_are_split_and_read_as_the_index_says(articles: Connector) -> None:
    again = Connector(articles.client, articles.index_name, text_fields=["body", "title"])
    again.index([{"_id": "late", "title": "T", "body": f"{FILLER}fast car {FILLER}", "year": 2024}])
    (hit,) = again.search("fast car", size=1, filter={"year": 2024})["hits"]["hits"]
    assert {each["_source"]["field"] for each in hit["inner_hits"]["passages"]["hits"]["hits"]} == {"body"}


def test_a_document_whose_text_is_gone_keeps_no_passages(articles: Connector, es: Elasticsearch) -> None:
    whole = es.search(index=articles.index_name, query={"ids": {"values": ["deep"]}})["hits"]["hits"][0]["_source"]
    articles.index([{**whole, "_id": "deep", "title": "", "body": ""}])
    kept = es.search(index=articles.index_name, query={"ids": {"values": ["deep"]}})["hits"]["hits"][0]["_source"]
    assert "passages" not in kept


def test_passages_asked_of_an_index_of_whole_documents_are_refused(engine: EngineUnderTest, fresh_index: str) -> None:
    with engine.client(HybridElasticsearch, **MODELS) as client:
        Connector(client, fresh_index, text_fields=["body"]).create()
        with pytest.raises(IndexMismatchError, match="keeps one vector per document, not passages"):
            Connector(client, fresh_index, text_fields=["body"], passages=True).create()


@pytest.mark.parametrize("path", ["body", "title.parts", "body.passages", "meta"])
def test_passages_never_take_the_place_of_a_text_field(engine: EngineUnderTest, path: str) -> None:
    fields = ["title", "body", "meta.text"]
    with engine.client(HybridElasticsearch, **MODELS) as client, pytest.raises(RequestError, match=r"passages\.path"):
        Connector(client, "any", text_fields=fields, passages=Passages(path=path))


def test_nested_vectors_of_unknown_making_are_not_written(engine: EngineUnderTest, fresh_index: str) -> None:
    vector = {"type": "dense_vector", "dims": 9, "index": True, "similarity": "cosine"}
    with engine.client(HybridElasticsearch, **MODELS) as client:
        nested = {"type": "nested", "properties": {"vector": vector}}
        client.indices.create(index=fresh_index, mappings={"properties": {"parts": nested, "body": {"type": "text"}}})
        with pytest.raises(IndexMismatchError, match="does not say how its documents are split"):
            Connector(client, fresh_index, text_fields=["body"]).index(DOCUMENTS)


def test_passages_and_another_vector_field_do_not_go_together(engine: EngineUnderTest) -> None:
    with engine.client(HybridElasticsearch, **MODELS) as client, pytest.raises(RequestError, match="vector_field"):
        Connector(client, "any", text_fields=["body"], passages=True, vector_field="vector")
