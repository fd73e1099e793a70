"""The short way and `connect()` on OpenSearch: found out from `GET /`, called as on any engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import NotFoundError
from opensearchpy import AsyncOpenSearch, OpenSearch

from connector import Connector, HybridElasticsearch, HybridOpenSearch, connect
from connector.cli.app import main
from connector.errors import EncoderMismatchError, IndexingError, RequestError
from tests.facade.test_connector import DOCUMENTS, MODELS
from tests.scripted_server import Script, serving

MAPPINGS = Path(__file__).parents[2] / "mappings" / "opensearch"


@pytest.fixture
def client(opensearch_url: str) -> Iterator[HybridOpenSearch]:
    with connect(opensearch_url, **MODELS) as client:
        assert isinstance(client, HybridOpenSearch)
        yield client


@pytest.fixture
def index(client: HybridOpenSearch) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    client.indices.delete(index=name, ignore=404)


@pytest.fixture
def articles(client: HybridOpenSearch, index: str) -> Connector:
    connector = Connector(client, index, text_fields=["title", "body"])
    connector.create()
    connector.index(DOCUMENTS)
    return connector


def ids(response: Any) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


@pytest.mark.node
def test_documents_are_indexed_with_vectors_and_found(articles: Connector) -> None:
    response = articles.search("small car slow", size=2)
    assert ids(response) == ["a", "b"]
    assert response["hits"]["hits"][0]["_source"] == {name: DOCUMENTS[0][name] for name in ("title", "body", "year")}
    assert response["_hybrid"]["legs"].keys() == {"standard", "knn"}
    assert ids(articles.search("small car", filter={"range": {"year": {"gte": 2020}}}))[0] == "b"
    articles.create()  # which is there, and stays


@pytest.mark.node
def test_hits_are_paged_through_while_documents_change(articles: Connector, client: HybridOpenSearch) -> None:
    with articles.pages("small car", size=1) as pages:
        first = ids(next(iter(pages)))
        client.delete(index=articles.index_name, id="c", refresh=True)
        assert [*first, *(found for page in pages for found in ids(page))] == ["a", "b", "c"]


@pytest.mark.node
def test_long_documents_are_found_by_their_best_passage(client: HybridOpenSearch, index: str) -> None:
    connector = Connector(client, index, text_fields=["title", "body"], passages=True)
    connector.create()
    connector.index([*DOCUMENTS, {"_id": "long", "body": " ".join(["climate"] * 400 + ["small car slow"])}])
    response = connector.search("small car slow", size=3)
    assert {"a", "long"} <= set(ids(response))
    assert response["_hybrid"]["degraded"] is None


@pytest.mark.node
async def test_an_async_client_of_opensearch_py_is_wrapped(articles: Connector, opensearch_url: str) -> None:
    expected = ids(articles.search("small car slow"))
    async with AsyncOpenSearch(opensearch_url) as plain:
        connector = Connector(plain, articles.index_name, text_fields=["title", "body"], **MODELS)
        assert ids(await connector.asearch("small car slow")) == expected
        async with await connector.apages("small car slow", size=2) as pages:
            assert [found async for page in pages for found in ids(page)] == expected
        with pytest.raises(RequestError, match="is async, and search"):
            connector.search("small car")


@pytest.mark.node
def test_errors_are_those_of_any_engine(articles: Connector, opensearch_url: str) -> None:
    plain = OpenSearch(opensearch_url)
    with pytest.raises(NotFoundError, match="index_not_found_exception"):
        Connector(plain, "nowhere-at-all", text_fields=["body"], **MODELS).search("car")
    with pytest.raises(IndexingError, match="1 documents were rejected"):
        articles.index([{"_id": "x", "year": "not a number"}])
    other = Connector(plain, articles.index_name, text_fields=["body"], encoder=lambda texts: [[1.0] * 3] * len(texts))
    with pytest.raises(EncoderMismatchError):
        other.search("car")
    plain.close()


@pytest.mark.node
def test_the_command_line_finds_the_engine_out(articles: Connector, opensearch_url: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["search", "nowhere-at-all", "car", "--url", opensearch_url])
    assert ended.value.code == 2
    assert "there is no index nowhere-at-all" in capsys.readouterr().err


@pytest.mark.node
def test_the_shipped_mapping_is_accepted_as_it_stands(client: HybridOpenSearch, index: str) -> None:
    body = json.loads((MAPPINGS / "hybrid.json").read_text())
    client.indices.create(index=index, body=body)
    made = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]["vector"]
    assert made["method"]["engine"] == "lucene"


def test_the_faiss_mapping_differs_from_the_tested_one_in_its_method_alone() -> None:
    lucene, faiss = (json.loads((MAPPINGS / name).read_text()) for name in ("hybrid.json", "hybrid_faiss.json"))
    method = faiss["mappings"]["properties"]["vector"].pop("method")
    del lucene["mappings"]["properties"]["vector"]["method"]
    assert lucene == faiss
    assert (method["engine"], method["space_type"]) == ("faiss", "innerproduct")


@pytest.mark.parametrize(
    "answer",
    [(403, {"error": {"type": "security_exception"}}), (200, {"version": {}}), (200, b"<html>"), None],
    ids=["forbidden", "no version", "no JSON", "no answer"],
)
def test_what_does_not_tell_its_engine_is_taken_for_elasticsearch(answer: tuple[int, Any] | None) -> None:
    with serving(Script(lambda method, path: answer)) as script, connect(script.url) as client:
        assert isinstance(client, HybridElasticsearch)


def test_an_opensearch_that_hides_its_version_number_is_known_by_its_distribution() -> None:
    said = {"version": {"number": "7.10.2", "distribution": "opensearch"}}
    with (
        serving(Script(lambda method, path: (200, said), product=None)) as script,
        connect(script.url, basic_auth=("user", "secret"), request_timeout=3) as client,
    ):
        assert isinstance(client, HybridOpenSearch)
        with pytest.raises(RequestError, match="sniff_before_requests"):
            connect(script.url, sniff_before_requests=True)


def test_a_client_of_nobody_is_refused() -> None:
    client: Any = object()
    with pytest.raises(RequestError, match="must be a client of elasticsearch-py or of opensearch-py"):
        Connector(client, "articles", text_fields=["body"])
