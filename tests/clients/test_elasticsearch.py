"""The drop-in clients, on every engine: compound retrievers run in the client, all else passes byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import elasticsearch
import pytest
from elastic_transport import HttpHeaders, NodeConfig
from elasticsearch import Elasticsearch, helpers

from connector import AsyncHybridElasticsearch, HybridElasticsearch, connect
from connector.embedded import EmbeddedNode, Engine, node_classes
from connector.errors import EncoderMismatchError, RequestError
from tests.conftest import EngineUnderTest
from tests.models_by_hand import WORDS, count_words, first_words

DIMS = len(WORDS) + 1
DOCUMENTS = {
    "a": "the car is small and slow , delivery is fast",
    "b": "the car is small and fast , delivery is slow",
    "c": "global warming changes the climate",
    "d": "a battery for python",
}


def mapping(meta: dict[str, Any] | None = None) -> dict[str, Any]:
    vector = {"type": "dense_vector", "dims": DIMS, "similarity": "cosine", "index_options": {"type": "hnsw"}}
    body: dict[str, Any] = {"properties": {"body": {"type": "text"}, "vector": vector}}
    return body | ({"_meta": meta} if meta else {})


def fill(es: Elasticsearch, index: str) -> None:
    es.indices.create(index=index, settings={"number_of_shards": 1}, mappings=mapping())
    vectors = count_words(list(DOCUMENTS.values())).tolist()
    actions = [
        {"_index": index, "_id": identifier, "body": body, "vector": vector}
        for (identifier, body), vector in zip(DOCUMENTS.items(), vectors, strict=True)
    ]
    helpers.bulk(es, actions, refresh=True)


@pytest.fixture
def hybrid(engine: EngineUnderTest, es: Elasticsearch, fresh_index: str) -> Iterator[HybridElasticsearch]:
    fill(es, fresh_index)
    with engine.client(HybridElasticsearch, encoder=count_words, reranker=first_words) as client:
        yield client


def tree(text: str = "small fast car", **options: Any) -> dict[str, Any]:
    vector = {"text_embedding": {"model_text": text}}
    legs = [
        {"standard": {"query": {"match": {"body": text}}}},
        {"knn": {"field": "vector", "query_vector_builder": vector, "k": 3, "num_candidates": 10}},
    ]
    return {"rrf": {"retrievers": legs, **options}}


def reranked(text: str = "slow", **options: Any) -> dict[str, Any]:
    body = {"retriever": tree(), "field": "body", "inference_text": text, **options}
    return {"text_similarity_reranker": body}


def ids(response: Any) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def test_rrf_and_rerank_run_on_a_free_licence(hybrid: HybridElasticsearch, fresh_index: str) -> None:
    fused = hybrid.search(index=fresh_index, retriever=tree())
    assert set(ids(fused)[:2]) == {"a", "b"}
    response = hybrid.search(index=fresh_index, retriever=reranked("slow"), size=2)
    assert response.meta.status == 200
    assert ids(response) == ["a", "b"]
    assert ids(hybrid.search(index=fresh_index, retriever=reranked("fast"), size=2)) == ["b", "a"]


async def test_the_async_client_gives_the_same(
    engine: EngineUnderTest, hybrid: HybridElasticsearch, fresh_index: str
) -> None:
    expected = hybrid.search(index=fresh_index, retriever=reranked())["hits"]
    async with engine.async_client(AsyncHybridElasticsearch, encoder=count_words, reranker=first_words) as client:
        found = await asyncio.gather(*(client.search(index=fresh_index, retriever=reranked()) for _ in range(5)))
    assert [response["hits"] for response in found] == [expected] * 5


def test_source_filters_and_pages_are_elastics(hybrid: HybridElasticsearch, fresh_index: str) -> None:
    everything = hybrid.search(index=fresh_index, retriever=tree(), source={"includes": ["body"]})
    assert [hit["_source"].keys() for hit in everything["hits"]["hits"]] == [{"body"}] * len(ids(everything))
    page = hybrid.search(index=fresh_index, retriever=tree(), source=False, from_=1, size=2)
    assert ids(page) == ids(everything)[1:3]
    assert all("_source" not in hit for hit in page["hits"]["hits"])


def test_a_window_past_the_legs_page_gives_the_same_hits(hybrid: HybridElasticsearch, fresh_index: str) -> None:
    small = hybrid.search(index=fresh_index, retriever=tree(rank_window_size=10), size=3)
    large = hybrid.search(index=fresh_index, retriever=tree(rank_window_size=200), size=3)
    assert large["hits"]["hits"] == small["hits"]["hits"]


@pytest.mark.parametrize(
    ("index", "leg", "error", "status"),
    [
        ("no-such-index", {"match_all": {}}, elasticsearch.NotFoundError, 404),
        (None, {"no_such_query": {}}, elasticsearch.BadRequestError, 400),
    ],
)
def test_an_error_of_a_leg_is_the_one_that_search_would_have_raised(
    hybrid: HybridElasticsearch, fresh_index: str, index: str | None, leg: Any, error: Any, status: int
) -> None:
    index = index or fresh_index
    with pytest.raises(error) as expected:
        hybrid.search(index=index, query=leg)
    with pytest.raises(error) as caught:
        hybrid.search(index=index, retriever={"rrf": {"retrievers": [{"standard": {"query": leg}}, tree()]}})
    assert caught.value.message == expected.value.message
    assert caught.value.meta.status == expected.value.meta.status == status
    assert caught.value.body["error"]["type"] == expected.value.body["error"]["type"]
    ignored = hybrid.options(ignore_status=status).search(
        index=index, retriever={"rrf": {"retrievers": [{"standard": {"query": leg}}]}}
    )
    assert ignored.body["status"] == status


def test_options_keep_what_is_ours(hybrid: HybridElasticsearch, fresh_index: str) -> None:
    again = hybrid.options(opaque_id="me", request_timeout=5).options(ignore_status=404)
    assert isinstance(again, HybridElasticsearch)
    assert ids(again.search(index=fresh_index, retriever=reranked(), size=2)) == ["a", "b"]


def test_a_wrapped_client_shares_connections_and_credentials(engine: EngineUnderTest, fresh_index: str) -> None:
    with engine.client(Elasticsearch, headers={"x-mine": "1"}).options(api_key="id:key") as es:
        fill(es, fresh_index)
        wrapped = HybridElasticsearch.wrap(es, encoder=count_words, reranker=first_words)
        assert wrapped.transport is es.transport
        assert wrapped._headers == es._headers
        assert ids(wrapped.search(index=fresh_index, retriever=reranked(), size=2)) == ["a", "b"]


def test_wrapping_something_else_is_refused() -> None:
    with pytest.raises(RequestError, match=r"must be an elasticsearch\.Elasticsearch client"):
        HybridElasticsearch.wrap("http://localhost:9200")  # type: ignore[arg-type]


class RecordingNode(EmbeddedNode):
    """An embedded node that records its requests."""

    seen: list[tuple[str, str, bytes | None, dict[str, str]]]

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        type(self).seen = []

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = None,
    ) -> Any:
        self.seen.append((method, target, body, dict(headers or {})))
        return super().perform_request(method, target, body, headers, request_timeout)


def _use(client: Elasticsearch) -> None:
    """Use a client as applications do, without the connector's features."""
    client.info()
    client.indices.create(index="articles", mappings=mapping())
    client.index(index="articles", id="1", document={"body": "ümläut"}, refresh=True)
    helpers.bulk(client, [{"_index": "articles", "_id": "2", "body": "car"}], refresh=True)
    client.search(index="articles", query={"match": {"body": "car"}}, size=3, source=False)
    client.search(index="articles", retriever={"standard": {"query": {"match_all": {}}}})
    client.search(index="articles", knn={"field": "vector", "query_vector": [1.0] * DIMS, "k": 1, "num_candidates": 5})
    client.msearch(searches=[{"index": "articles"}, {"query": {"match_all": {}}}])
    client.options(opaque_id="me").count(index="articles")
    client.perform_request("GET", "/_cluster/health", headers={"accept": "application/json"})


def test_what_is_not_ours_passes_byte_for_byte() -> None:
    recorded = []
    for kind in (Elasticsearch, HybridElasticsearch):

        class Node(RecordingNode):
            pass

        with kind("http://embedded:9200", node_class=Node) as client:
            _use(client)
        recorded.append(Node.seen)
    assert len(recorded[0]) >= 10
    assert recorded[0] == recorded[1]


def test_a_search_of_ours_is_one_request_and_keeps_the_callers_headers() -> None:
    class Node(RecordingNode):
        pass

    options: dict[str, Any] = {"node_class": Node, "encoder": count_words, "reranker": first_words}
    with HybridElasticsearch("http://embedded:9200", **options) as client:
        fill(client, "articles")
        client.search(index="articles", retriever=reranked())
        before = len(Node.seen)
        client.options(opaque_id="me").search(index="articles", retriever=reranked())
    ((method, target, body, headers),) = Node.seen[before:]
    assert (method, target) == ("POST", "/_msearch")
    assert headers["x-opaque-id"] == "me"
    assert body is not None
    assert body.count(b"\n") == 4


class RefusingNode(EmbeddedNode):
    """An embedded node whose first answers to _msearch say that every leg was rejected."""

    refusals = 0

    def perform_request(self, method: str, target: str, *args: Any, **kwargs: Any) -> Any:
        answer = super().perform_request(method, target, *args, **kwargs)
        if target != "/_msearch" or type(self).refusals == 0:
            return answer
        type(self).refusals -= 1
        error = b'{"error":{"type":"es_rejected_execution_exception","reason":"queue is full"},"status":429}'
        return type(answer)(answer.meta, b'{"took":1,"responses":[' + b",".join([error] * 2) + b"]}")


@pytest.mark.parametrize(("refusals", "is_answered"), [(2, True), (9, False)])
def test_a_leg_that_was_rejected_is_tried_again_as_the_transport_would(refusals: int, is_answered: bool) -> None:
    RefusingNode.refusals = refusals
    with HybridElasticsearch("http://embedded:9200", node_class=RefusingNode, encoder=count_words) as client:
        fill(client, "articles")
        if is_answered:
            assert ids(client.search(index="articles", retriever=tree()))
        else:
            with pytest.raises(elasticsearch.ApiError) as caught:
                client.search(index="articles", retriever=tree())
            assert caught.value.meta.status == 429
            assert RefusingNode.refusals == 9 - 4


def test_a_query_by_another_encoder_than_the_indexs_is_refused_naming_both() -> None:
    written = {
        "name": "theirs", "revision": "", "dims": DIMS, "pooling": "", "normalized": True,
        "query_prefix": "", "passage_prefix": "",
    }  # fmt: skip
    meta = {"hybrid_connector": {"vectors": {"vector": {"encoder": written, "text_fields": ["body"]}}}}
    with connect("embedded:", encoder=count_words) as client:
        client.indices.create(index="articles", mappings=mapping(meta))
        with pytest.raises(EncoderMismatchError, match=r"'theirs'.*count_words"):
            client.search(index="articles", retriever=tree())


def test_vectors_of_other_dims_are_refused() -> None:
    with connect("embedded:", encoder=lambda texts: [[1.0, 2.0] for _ in texts]) as client:
        client.indices.create(index="articles", mappings=mapping())
        with pytest.raises(EncoderMismatchError, match=f"{DIMS} dims"):
            client.search(index="articles", retriever=tree())


def test_models_are_called_by_the_names_they_were_registered_under() -> None:
    models: dict[str, Any] = {"words": count_words, "places": first_words}
    with connect("embedded:", models=models) as client:
        fill(client, "articles")
        builder = {"text_embedding": {"model_text": "small fast car", "model_id": "words"}}
        knn = {"knn": {"field": "vector", "query_vector_builder": builder, "k": 3}}
        options = {"field": "body", "inference_text": "slow", "inference_id": "places"}
        response = client.search(
            index="articles", retriever={"text_similarity_reranker": {"retriever": knn, **options}}
        )
        assert ids(response)[:2] == ["a", "b"]
        assert ids(client.search(index="articles", retriever=knn, size=1))


def test_another_kind_of_url_is_refused() -> None:
    with pytest.raises(RequestError, match="must begin with http://"):
        connect("ftp://example.org")


async def test_sync_and_async_clients_can_share_one_embedded_engine() -> None:
    sync_node, async_node = node_classes(Engine())
    with Elasticsearch("http://embedded:9200", node_class=sync_node) as es:
        fill(es, "articles")
    async with AsyncHybridElasticsearch("http://embedded:9200", node_class=async_node, encoder=count_words) as client:
        assert len(ids(await client.search(index="articles", retriever=tree()))) == 3
