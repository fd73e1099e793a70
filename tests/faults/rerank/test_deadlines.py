"""A search with a budget answers within it, whatever the reranker does; what was not read keeps its fused order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from connector import AsyncHybridElasticsearch, AsyncHybridOpenSearch, HybridElasticsearch, HybridOpenSearch
from connector.embedded import Engine, node_classes
from connector.errors import DeadlineError, RequestError
from connector.models.readings import Reading
from connector.models.stopping import Stop
from connector.threads import RERANKERS

Search = Callable[..., Any]
WAIT_S = 30


@pytest.fixture(scope="module")
def nodes() -> tuple[Any, Any]:
    sync_node, async_node = node_classes(Engine())
    with Elasticsearch("http://embedded:9200", node_class=sync_node) as client:
        for number in range(4):
            client.index(index="whales", id=str(number), document={"t": f"whale {number}", "n": number})
        client.indices.refresh(index="whales")
    return sync_node, async_node


@pytest.fixture(params=["sync", "async"])
def search(request: pytest.FixtureRequest, nodes: tuple[Any, Any]) -> Search:
    def sync(reranker: Any, options: dict[str, Any], **settings: Any) -> Any:
        with HybridElasticsearch("http://embedded:9200", node_class=nodes[0], reranker=reranker, **settings) as client:
            return client.search(index="whales", retriever=tree(**options)).body

    async def waited(reranker: Any, options: dict[str, Any], **settings: Any) -> Any:
        async with AsyncHybridElasticsearch(
            "http://embedded:9200", node_class=nodes[1], reranker=reranker, **settings
        ) as client:
            return (await client.search(index="whales", retriever=tree(**options))).body

    def run(reranker: Any, settings: dict[str, Any] | None = None, **options: Any) -> Any:
        if request.param == "sync":
            return sync(reranker, options, **settings or {})
        return asyncio.run(waited(reranker, options, **settings or {}))

    return run


def tree(**options: Any) -> dict[str, Any]:
    ranks = [{"constant_score": {"filter": {"term": {"n": n}}, "boost": 4 - n}} for n in range(4)]
    first = {"standard": {"query": {"bool": {"should": ranks}}}}
    return {"text_similarity_reranker": {"field": "t", "inference_text": "w", "retriever": first, **options}}


def ids(found: Any) -> list[str]:
    return [hit["_id"] for hit in found["hits"]["hits"]]


def scores(found: Any) -> list[float]:
    return [hit["_score"] for hit in found["hits"]["hits"]]


class Part:
    """Reads the first passages only, as if there were no time for the others."""

    name, source = "part", ""

    def __init__(self, *logits: float) -> None:
        self._logits = logits

    def score(self, query: str, passages: Sequence[str]) -> Any:
        raise AssertionError("a search asks a reranker that can stop to read until it must")

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        unread = [np.nan] * (len(passages) - len(self._logits))
        return Reading(np.array([*self._logits, *unread], dtype=np.float32), predicted_ms=7.0)


@contextmanager
def hanging() -> Iterator[tuple[Callable[[str, list[str]], list[float]], threading.Event]]:
    """A reranker that returns when it is let go, and at the end of the block at the latest."""
    released = threading.Event()

    def rerank(query: str, passages: list[str]) -> list[float]:
        assert released.wait(WAIT_S)
        return [float(place) for place in range(len(passages))]

    try:
        yield rerank, released
    finally:
        released.set()


def test_a_reranker_that_hangs_costs_no_more_than_the_budget(search: Search) -> None:
    with hanging() as (reranker, released):
        found = search(reranker, budget_ms=50)
        assert not released.is_set()
    assert ids(found) == ["0", "1", "2", "3"]
    assert found["_hybrid"]["degraded_codes"][0] == "deadline"
    assert found["_hybrid"]["rerank"]["stopped_by"] == "deadline"
    assert found["_hybrid"]["rerank"]["wanted"] == 4
    assert found["_hybrid"]["rerank"]["read"] == 0


def test_the_clients_budget_counts_for_searches_without_one(search: Search) -> None:
    with hanging() as (reranker, released):
        found = search(reranker, {"budget_ms": 50})
        assert not released.is_set()
    assert found["_hybrid"]["rerank"]["budget_ms"] == 50
    assert found["_hybrid"]["degraded_codes"][0] == "deadline"


def test_what_was_read_comes_first_and_the_rest_keeps_its_fused_order(search: Search) -> None:
    found = search(Part(-5.0, 3.0), budget_ms=60_000)
    assert ids(found) == ["1", "0", "2", "3"]
    assert scores(found) == sorted(scores(found), reverse=True)
    assert [hit["_hybrid"]["rerank_score"] for hit in found["hits"]["hits"]] == [3.0, -5.0, None, None]
    told = found["_hybrid"]["rerank"]
    assert (told["wanted"], told["read"], told["stopped_by"], told["predicted_ms"]) == (4, 2, "deadline", 7.0)
    assert found["_hybrid"]["depth"] == 2
    assert found["_hybrid"]["degraded"] is None


def test_blended_hits_that_were_not_read_come_last_too(search: Search) -> None:
    found = search(Part(-5.0, 3.0), budget_ms=60_000, blend=0.8)
    assert ids(found) == ["1", "0", "2", "3"]
    assert scores(found) == sorted(scores(found), reverse=True)


def test_nothing_read_in_time_is_the_fused_order_and_says_so(search: Search) -> None:
    found = search(Part(), budget_ms=60_000)
    assert ids(found) == ["0", "1", "2", "3"]
    assert found["_hybrid"]["degraded_codes"] == ["deadline"]


def test_a_search_that_needs_the_reranker_raises_instead(search: Search) -> None:
    with hanging() as (reranker, _), pytest.raises(DeadlineError, match="was not done in time"):
        search(reranker, budget_ms=50, allow_rerank_failures=False)


def test_without_a_budget_a_function_reads_everything(search: Search) -> None:
    found = search(lambda query, passages: [float(place) for place in range(len(passages))])
    assert ids(found) == ["3", "2", "1", "0"]
    told = found["_hybrid"]["rerank"]
    assert (told["wanted"], told["read"], told["budget_ms"], told["stopped_by"]) == (4, 4, None, None)


@pytest.mark.parametrize("wrong", [0, -1, "soon", True, float("nan"), float("inf")])
def test_a_budget_is_a_number_above_0(wrong: Any) -> None:
    with pytest.raises(RequestError, match="budget_ms"):
        HybridElasticsearch("http://localhost:9200", budget_ms=wrong)


@pytest.mark.parametrize("wrong", [0, -1, "soon"])
def test_the_budget_of_a_request_is_a_number_above_0(search: Search, wrong: Any) -> None:
    with pytest.raises(RequestError, match="budget_ms"):
        search(Part(), budget_ms=wrong)


def test_past_the_limit_searches_keep_their_fused_order(nodes: tuple[Any, Any]) -> None:
    entered = threading.Event()
    with hanging() as (slow, released):

        def reranker(query: str, passages: list[str]) -> list[float]:
            entered.set()
            return slow(query, passages)

        with HybridElasticsearch(
            "http://embedded:9200", node_class=nodes[0], reranker=reranker, rerank_limit=1
        ) as client:
            answers: list[Any] = []
            first = threading.Thread(
                target=lambda: answers.append(client.search(index="whales", retriever=tree()).body)
            )
            first.start()
            assert entered.wait(WAIT_S)
            second = client.search(index="whales", retriever=tree())
            released.set()
            first.join()
            third = client.search(index="whales", retriever=tree())
    assert second["_hybrid"]["degraded_codes"] == ["overloaded"]
    assert ids(second) == ["0", "1", "2", "3"]
    assert ids(answers[0]) == ids(third) == ["3", "2", "1", "0"]


def test_a_cancelled_search_stops_its_reranker(nodes: tuple[Any, Any]) -> None:
    reading, ended = threading.Event(), threading.Event()

    class Patient(Part):
        def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
            reading.set()
            stop.wait(threading.Event())
            if stop.is_cancelled:
                ended.set()
            return super().read_until(query, passages, stop)

    async def cancel_while_reading() -> None:
        async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=Patient()) as client:
            task = asyncio.ensure_future(client.search(index="whales", retriever=tree()))
            while not reading.is_set():
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancel_while_reading())
    assert ended.wait(WAIT_S)


def test_a_model_that_is_still_loading_degrades(nodes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()

    def load(reranker: Any) -> Any:
        assert loaded.wait(WAIT_S)
        return Part(1.0, 2.0, 3.0, 4.0)

    monkeypatch.setattr("connector.clients.query_models.as_reranker", load)
    with HybridElasticsearch("http://embedded:9200", node_class=nodes[0], reranker="slow") as client:
        early = client.search(index="whales", retriever=tree(budget_ms=50))
        loaded.set()
        late = client.search(index="whales", retriever=tree())
    assert early["_hybrid"]["degraded_codes"][0] == "deadline"
    assert ids(early) == ["0", "1", "2", "3"]
    assert ids(late) == ["3", "2", "1", "0"]


def test_many_searches_leave_no_thread_and_no_call_behind(nodes: tuple[Any, Any]) -> None:
    """A reranker that hangs now and then, raises and answers, for a few hundred searches."""
    asked = 0
    with hanging() as (slow, released):

        def reranker(query: str, passages: list[str]) -> list[float]:
            nonlocal asked
            asked += 1
            if asked % 10 == 0:
                return slow(query, passages)
            if asked % 3 == 0:
                raise RuntimeError("now and then")
            return [float(place) for place in range(len(passages))]

        with HybridElasticsearch("http://embedded:9200", node_class=nodes[0], reranker=reranker) as client:
            threads_before = RERANKERS.count
            answers = [client.search(index="whales", retriever=tree(budget_ms=60)).body for _ in range(300)]
            assert all(len(answer["hits"]["hits"]) == 4 for answer in answers)
            codes = {code for answer in answers for code in answer["_hybrid"].get("degraded_codes", ["none"])}
            assert codes <= {"none", "deadline", "reranker_error", "circuit_open"}
            assert RERANKERS.count <= threads_before + 9
            released.set()
            client.search(index="whales", retriever=tree())
    assert RERANKERS.queued == 0


def test_opensearchs_clients_keep_the_budget_too(opensearch_url: str) -> None:
    index = "budget-whales"
    body = {"retriever": tree(budget_ms=2_000)}
    with HybridOpenSearch(opensearch_url) as plain:
        for number in range(4):
            plain.index(index=index, id=str(number), body={"t": f"whale {number}", "n": number})
        plain.indices.refresh(index=index)

    async def search(reranker: Any) -> Any:
        async with AsyncHybridOpenSearch(opensearch_url, reranker=reranker) as client:
            return await client.search(index=index, body=body)

    try:
        with hanging() as (slow, released):
            with HybridOpenSearch(opensearch_url, reranker=slow) as client:
                late = client.search(index=index, body=body)
            late_too = asyncio.run(search(slow))
            assert not released.is_set()
        with HybridOpenSearch(opensearch_url, reranker=Part(-5.0, 3.0)) as client:
            part = client.search(index=index, body=body)
        part_too = asyncio.run(search(Part(-5.0, 3.0)))
    finally:
        with HybridOpenSearch(opensearch_url) as plain:
            plain.indices.delete(index=index)
    assert late["_hybrid"]["degraded_codes"][0] == late_too["_hybrid"]["degraded_codes"][0] == "deadline"
    assert ids(late) == ids(late_too) == ["0", "1", "2", "3"]
    assert ids(part) == ids(part_too) == ["1", "0", "2", "3"]
