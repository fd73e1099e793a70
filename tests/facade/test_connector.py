"""The short way, on every engine: create, index, search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch, NotFoundError

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch, connect
from connector.errors import (
    DocumentError,
    EncoderMismatchError,
    IndexingError,
    IndexMismatchError,
    RequestError,
)
from tests.conftest import EngineUnderTest
from tests.models_by_hand import WORDS, count_words, first_words

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "a", "title": "A", "body": "the car is small and slow , delivery is fast", "year": 2019},
    {"_id": "b", "title": "B", "body": "the car is small and fast , delivery is slow", "year": 2021},
    {"_id": "c", "title": "C", "body": ["climate", "warming"], "year": 2022},
    {"_id": "d", "year": 2023},
]
MODELS: dict[str, Any] = {"encoder": count_words, "reranker": first_words}


@pytest.fixture
def articles(engine: EngineUnderTest, fresh_index: str) -> Iterator[Connector]:
    with engine.client(HybridElasticsearch, **MODELS) as client:
        connector = Connector(client, fresh_index, text_fields=["title", "body"])
        connector.create()
        yield connector


def ids(response: Any) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


def test_documents_are_indexed_with_vectors_and_found(articles: Connector) -> None:
    report = articles.index(iter(DOCUMENTS))
    assert (report.indexed, report.without_text) == (4, 1)
    response = articles.search("small car slow", size=2)
    assert ids(response) == ["a", "b"]
    assert response["hits"]["hits"][0]["_source"] == {name: DOCUMENTS[0][name] for name in ("title", "body", "year")}
    assert response["_hybrid"]["legs"].keys() == {"standard", "knn"}
    assert ids(articles.search("small car fast", size=2)) == ["b", "a"]


def test_a_filter_holds_for_every_leg(articles: Connector) -> None:
    articles.index(DOCUMENTS)
    assert ids(articles.search("small fast car", filter={"range": {"year": {"gte": 2020}}}))[0] == "b"
    assert "a" not in ids(articles.search("small fast car", filter=[{"range": {"year": {"gte": 2020}}}]))


def test_the_legs_are_what_search_fuses(articles: Connector) -> None:
    articles.index(DOCUMENTS)
    fused = [{kind: leg} for kind, leg in articles.legs("small car slow", 10).items()]
    tree = {"rrf": {"retrievers": fused, "rank_window_size": 10}}
    asked: Any = articles.client
    response = asked.search(index=articles.index_name, retriever=tree)
    assert ids(response) == ids(articles.search("small car slow", depth=0))


def test_an_index_without_vectors_has_the_lexical_leg_only(es: Elasticsearch, fresh_index: str) -> None:
    es.indices.create(index=fresh_index, mappings={"properties": {"body": {"type": "text"}}})
    connector = Connector(es, fresh_index, text_fields=["body"], **MODELS)
    with pytest.warns(UserWarning, match="has no vector field"):
        assert connector.legs("small", 10).keys() == {"standard"}


def test_depth_zero_means_no_rerank(articles: Connector) -> None:
    articles.index(DOCUMENTS)
    response = articles.search("car slow", depth=0)
    assert response["_hybrid"]["model"] is None
    assert all("rerank_score" not in hit["_hybrid"] for hit in response["hits"]["hits"])


def test_the_window_grows_with_the_page(articles: Connector) -> None:
    articles.index({"_id": f"{number:03}", "body": f"car number {number}"} for number in range(70))
    assert len(ids(articles.search("car", size=60, depth=5))) == 60
    assert len(ids(articles.search("car", size=20, offset=60, depth=5))) == 10


def test_indexing_the_same_ids_again_replaces_them(articles: Connector) -> None:
    articles.index(DOCUMENTS)
    articles.index([{"_id": "a", "body": "python"}])
    assert articles.client.count(index=articles.index_name)["count"] == 4  # type: ignore[index]
    assert ids(articles.search("python"))[0] == "a"


async def test_asearch_gives_what_search_gives(engine: EngineUnderTest, articles: Connector) -> None:
    articles.index(DOCUMENTS)
    expected = articles.search("small car slow")["hits"]
    assert (await articles.asearch("small car slow"))["hits"] == expected
    async with engine.async_client(AsyncHybridElasticsearch, **MODELS) as client:
        found = await Connector(client, articles.index_name, text_fields=["title", "body"]).asearch("small car slow")
    assert found["hits"] == expected


def test_a_connector_works_on_an_index_that_has_no_meta_of_ours(
    engine: EngineUnderTest, es: Elasticsearch, fresh_index: str
) -> None:
    dims = len(WORDS) + 1
    vector = {"type": "dense_vector", "dims": dims, "similarity": "cosine", "index_options": {"type": "hnsw"}}
    es.indices.create(index=fresh_index, mappings={"properties": {"body": {"type": "text"}, "embedding": vector}})
    for document in DOCUMENTS[:2]:
        body = document["body"]
        source = {"body": body, "embedding": count_words([body])[0].tolist()}
        es.index(index=fresh_index, id=document["_id"], document=source, refresh=True)
    articles = Connector(es, fresh_index, text_fields=["body"], **MODELS)
    with pytest.warns(UserWarning, match="does not say which encoder wrote field 'embedding'"):
        assert ids(articles.search("small car slow")) == ["a", "b"]


def test_an_index_without_vectors_is_searched_by_its_text(es: Elasticsearch, fresh_index: str) -> None:
    es.index(index=fresh_index, id="1", document={"body": "small car"}, refresh=True)
    articles = Connector(es, fresh_index, text_fields=["body"], **MODELS)
    with pytest.warns(UserWarning, match="searches are lexical"):
        assert ids(articles.search("car")) == ["1"]


def test_a_missing_index_is_an_error_and_no_warning(es: Elasticsearch, fresh_index: str) -> None:
    articles = Connector(es, fresh_index, text_fields=["body"], **MODELS)
    with pytest.raises(NotFoundError, match="no such index"):  # warnings are errors here
        articles.search("car")


def test_create_is_repeatable_and_refuses_another_encoders_index(articles: Connector) -> None:
    articles.create()
    other = Connector(
        articles.client,
        articles.index_name,
        text_fields=["body"],
        encoder=lambda texts: np.ones((len(texts), 5), np.float32),
    )
    with pytest.raises(EncoderMismatchError, match="count_words"):
        other.create()
    with pytest.raises(EncoderMismatchError, match="count_words"):
        other.search("car")


def test_documents_that_are_refused_are_named_and_the_others_are_written(articles: Connector) -> None:
    bad = {"_id": "bad", "body": "car", "year": "not a year"}
    articles.index(DOCUMENTS[:1])
    with pytest.raises(IndexingError, match="'bad'") as caught:
        articles.index([*DOCUMENTS[1:], bad])
    assert caught.value.indexed == 3
    assert [failure["_id"] for failure in caught.value.failures] == ["bad"]
    assert sorted(ids(articles.search("small"))) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("text", ""),
        ({"_id": "", "body": "x"}, "_id"),
        ({"_id": 1.5}, "_id"),
        ({"_id": True}, "_id"),
        ({"_id": "x" * 513}, "_id"),
        ({"_id": "\ud800"}, "_id"),
    ],
)
def test_a_document_of_another_shape_is_refused(document: Any, field: str) -> None:
    with connect("embedded:", **MODELS) as client:
        articles = Connector(client, "articles", text_fields=["body"])
        articles.create()
        with pytest.raises(DocumentError) as caught:
            articles.index([document])
    assert caught.value.field == field


def test_a_vector_takes_the_place_of_nothing_else() -> None:
    with connect("embedded:", **MODELS) as client:
        articles = Connector(client, "articles", text_fields=["body"], vector_field="meta.vector")
        articles.create()
        with pytest.raises(DocumentError, match="'meta' is not an object"):
            articles.index([{"_id": "1", "body": "car", "meta": ["kept"]}])
        assert articles.index([{"_id": "1", "body": "car", "meta": {"kept": 1}}]).indexed == 1


def test_index_needs_a_vector_field() -> None:
    with connect("embedded:", **MODELS) as client:
        client.indices.create(index="plain", mappings={"properties": {"body": {"type": "text"}}})
        articles = Connector(client, "plain", text_fields=["body"])
        with pytest.raises(IndexMismatchError, match=r"create\(\)"):
            articles.index(DOCUMENTS)
        with pytest.raises(IndexMismatchError, match="another name"):
            articles.create()


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"text": ""}, "text"),
        ({"text": None}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "car", "size": -1}, "size"),
        ({"text": "car", "size": "10"}, "size"),
        ({"text": "car", "offset": True}, "offset"),
        ({"text": "car", "depth": 1.5}, "depth"),
        ({"text": "car", "size": 10_001}, "size"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Any, path: str) -> None:
    with connect("embedded:", **MODELS) as client:
        articles = Connector(client, "articles", text_fields=["body"])
        articles.create()
        with pytest.raises(RequestError) as caught:
            articles.search(**arguments)
    assert caught.value.path == path


@pytest.mark.parametrize("text_fields", ["body", [], [""], [1], 1, None, {"body"}, ["\ud800"]])
def test_text_fields_must_be_a_list_of_names(text_fields: Any) -> None:
    with connect("embedded:") as client, pytest.raises(RequestError, match="text_fields"):
        Connector(client, "articles", text_fields=text_fields)


@pytest.mark.parametrize(
    "arguments",
    [{"index": 5}, {"index": ""}, {"index": "\ud800"}, {"vector_field": ["v"]}, {"vector_field": ""}, {"id_field": 5}],
)
def test_a_name_that_can_be_none_is_refused(arguments: Any) -> None:
    ((argument, value),) = arguments.items()
    with connect("embedded:") as client, pytest.raises(RequestError) as caught:
        Connector(client, **{"index": "articles", "text_fields": ["body"], **arguments})
    assert (caught.value.path, caught.value.value) == (argument, value)


def test_a_directory_keeps_the_documents(tmp_path: Any) -> None:
    with connect(f"embedded:{tmp_path}", **MODELS) as client:
        articles = Connector(client, "articles", text_fields=["body"])
        articles.create()
        articles.index(DOCUMENTS)
    with connect(f"embedded:{tmp_path}", **MODELS) as client:
        assert ids(Connector(client, "articles", text_fields=["body"]).search("small car slow"))[0] == "a"
