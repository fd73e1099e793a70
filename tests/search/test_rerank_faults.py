"""Whatever a reranker raises or returns, except KeyboardInterrupt, the search keeps its fused order and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from connector import AsyncHybridElasticsearch, HybridElasticsearch
from connector.clients.query_models import RerankerLike
from connector.embedded import Engine, node_classes
from connector.errors import ModelError

TREE: dict[str, Any] = {
    "text_similarity_reranker": {
        "field": "t",
        "inference_text": "whale",
        "retriever": {"standard": {"query": {"match": {"t": "whale"}}}},
    }
}
SECRET = "sk-SECRET"
SEE_LOG = "(see the log of connector.rerank)"
Search = Callable[..., Any]


class WordlessError(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")

    __repr__ = __str__


class Unasked(BaseException):
    pass


class Evil:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise WordlessError


class Nameless:
    def __call__(self, query: str, passages: list[str]) -> list[float]:
        return [1.0] * len(passages)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no name") if name == "__qualname__" else AttributeError(name)


class Object:
    """A user's own reranker, every part of which fails."""

    source = ""

    @property
    def name(self) -> str:
        raise Unasked

    def score(self, query: str, passages: list[str]) -> Any:
        raise Unasked


@pytest.fixture(scope="module")
def nodes() -> tuple[Any, Any]:
    sync_node, async_node = node_classes(Engine())
    with Elasticsearch("http://embedded:9200", node_class=sync_node) as client:
        for number in range(4):
            client.index(index="whales", id=str(number), document={"t": f"whale {number}"})
    return sync_node, async_node


@pytest.fixture(params=["sync", "async"])
def search(request: pytest.FixtureRequest, nodes: tuple[Any, Any]) -> Search:
    def sync(reranker: RerankerLike, tree: dict[str, Any] = TREE) -> Any:
        with HybridElasticsearch("http://embedded:9200", node_class=nodes[0], reranker=reranker) as client:
            return client.search(index="whales", retriever=tree).body

    async def waited(reranker: RerankerLike, tree: dict[str, Any]) -> Any:
        async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=reranker) as client:
            return (await asyncio.wait_for(client.search(index="whales", retriever=tree), 60)).body

    return sync if request.param == "sync" else lambda reranker, tree=TREE: asyncio.run(waited(reranker, tree))


def raising(error: BaseException) -> RerankerLike:
    def rerank(query: str, passages: list[str]) -> Any:
        raise error

    return rerank


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"401 for https://api.example/v1?api_key={SECRET}"),
        ModelError(f"a model of the user's: {SECRET}"),
        MemoryError(),
        RecursionError(),
        StopIteration(SECRET),
        StopAsyncIteration(),
        TimeoutError(),
        asyncio.TimeoutError(),
        WordlessError(),
        Unasked(SECRET),
        GeneratorExit(),
        SystemExit(SECRET),
        asyncio.CancelledError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_reranker_raises_degrades_by_the_name_of_its_type(search: Search, error: BaseException) -> None:
    found = search(raising(error))
    assert len(found["hits"]["hits"]) == 4
    assert found["_hybrid"]["degraded"] == f"not reranked: {type(error).__name__} {SEE_LOG}"
    code = "out_of_memory" if isinstance(error, MemoryError) else "reranker_error"
    assert found["_hybrid"]["degraded_codes"] == [code]


def test_a_keyboard_interrupt_ends_the_search(nodes: tuple[Any, Any]) -> None:
    reranker = raising(KeyboardInterrupt())
    with (
        HybridElasticsearch("http://embedded:9200", node_class=nodes[0], reranker=reranker) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.search(index="whales", retriever=TREE)


async def test_a_keyboard_interrupt_ends_the_awaited_search(nodes: tuple[Any, Any]) -> None:
    reranker = raising(KeyboardInterrupt())
    async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=reranker) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.search(index="whales", retriever=TREE)


async def _coroutine() -> list[float]:
    return []


@pytest.mark.parametrize(
    ("give", "reason"),
    [
        (lambda n: [1.0] * (n - 1), "scores of shape (3,) for 4 passages, must be (4,)"),
        (lambda n: [[1.0]] * n, "scores of shape (4, 1) for 4 passages, must be (4,)"),
        (lambda n: None, "scores of shape () for 4 passages, must be (4,)"),
        (lambda n: [float("nan")] * n, "nan for passage 0: scores must be finite"),
        (lambda n: [1e300] * n, "inf for passage 0: scores must be finite"),
        (lambda n: [10**400] * n, "list, must be an array of real numbers"),
        (lambda n: [1j] * n, "list, must be an array of real numbers"),
        (lambda n: np.full(n, 1j), "ndarray, must be an array of real numbers"),
        (lambda n: np.array([np.complex64(1j), *[None] * (n - 1)]), "ndarray, must be an array of real numbers"),
        (lambda n: np.ma.array([1.0] * n, mask=True), "MaskedArray, must be an array of real numbers"),
        (lambda n: np.ma.array([1.0] * n, mask=[True] + [False] * (n - 1)), "MaskedArray, must be an array of"),
        (lambda n: np.zeros(n, "datetime64[D]"), "ndarray, must be an array of real numbers"),
        (lambda n: np.zeros(n, "timedelta64[s]"), "ndarray, must be an array of real numbers"),
        (lambda n: np.zeros(n, [("a", float)]), "ndarray, must be an array of real numbers"),
        (lambda n: [SECRET] * n, "list, must be an array of real numbers"),
        (lambda n: b"\0" * n, "bytes, must be an array of real numbers"),
        (lambda n: dict.fromkeys(range(n), 1.0), "dict, must be an array of real numbers"),
        (lambda n: (1.0 for _ in range(n)), "generator, must be an array of real numbers"),
        (lambda n: [object()] * n, "list, must be an array of real numbers"),
        (lambda n: _coroutine(), "is async and returned a coroutine; pass a function that waits for it"),
    ],
)
def test_scores_that_are_none_degrade_and_the_log_says_what_came(
    search: Search, give: Callable[[int], Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = search(lambda query, passages: give(len(passages)))
    assert len(found["hits"]["hits"]) == 4
    assert found["_hybrid"]["degraded"] == f"not reranked: ModelOutputError {SEE_LOG}"
    assert found["_hybrid"]["degraded_codes"] == ["invalid_scores"]
    assert reason in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("reranker", "kind"),
    [(lambda query, passages: Evil(), "WordlessError"), (Object(), "Unasked")],
    ids=["an array that can't be read", "an object whose name can't be asked"],
)
def test_an_object_that_fails_when_it_is_looked_at_degrades(search: Search, reranker: RerankerLike, kind: str) -> None:
    assert search(reranker)["_hybrid"]["degraded"] == f"not reranked: {kind} {SEE_LOG}"


def test_a_reranker_without_a_name_scores(search: Search) -> None:
    found = search(Nameless())
    assert (found["_hybrid"]["model"], found["_hybrid"]["degraded"]) == (f"{__name__}.Nameless", None)


def test_a_reranker_that_changes_the_list_it_is_given_is_held_to_the_count_it_was_given(search: Search) -> None:
    def clears(query: str, passages: list[str]) -> list[float]:
        count = len(passages)
        passages.clear()
        return [1.0] * count

    assert search(clears)["_hybrid"]["degraded"] is None


def test_why_a_search_is_not_reranked_is_in_the_log(search: Search, caplog: pytest.LogCaptureFixture) -> None:
    search(raising(RuntimeError("the endpoint answers 503")))
    assert [record.levelname for record in caplog.records if record.name == "connector.rerank"] == ["WARNING"]
    assert "RuntimeError: the endpoint answers 503" in caplog.text


def test_without_leave_to_fail_the_error_is_a_model_error(search: Search) -> None:
    tree = {"text_similarity_reranker": {**TREE["text_similarity_reranker"], "allow_rerank_failures": False}}
    with pytest.raises(ModelError, match="raised SystemExit: 3"):
        search(raising(SystemExit(3)), tree)


async def test_a_search_that_is_cancelled_while_its_reranker_runs_is_cancelled(nodes: tuple[Any, Any]) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def waits(query: str, passages: list[str]) -> list[float]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(60)
        return [1.0] * len(passages)

    async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=waits) as client:
        task = asyncio.create_task(client.search(index="whales", retriever=TREE))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()


@pytest.mark.parametrize("count", [20, 200])
def test_searches_whose_rerankers_call_the_loop_are_all_answered(nodes: tuple[Any, Any], count: int) -> None:
    async def all_found() -> list[Any]:
        loop = asyncio.get_running_loop()

        async def scores(passages: list[str]) -> list[float]:
            await loop.getaddrinfo("localhost", 80)  # what aiohttp does first, on the loop's default executor
            return [1.0] * len(passages)

        def rerank(query: str, passages: list[str]) -> list[float]:
            return asyncio.run_coroutine_threadsafe(scores(passages), loop).result()

        async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=rerank) as client:
            searches = [client.search(index="whales", retriever=TREE) for _ in range(count)]
            return await asyncio.wait_for(asyncio.gather(*searches), 120)

    assert [found["_hybrid"]["degraded"] for found in asyncio.run(all_found())] == [None] * count


def test_a_reranker_may_run_a_search_that_is_reranked_itself(nodes: tuple[Any, Any]) -> None:
    async def all_found() -> list[Any]:
        loop = asyncio.get_running_loop()

        def rerank(query: str, passages: list[str]) -> list[float]:
            if query == "whale":
                inner = {"text_similarity_reranker": {**TREE["text_similarity_reranker"], "inference_text": "inner"}}
                asyncio.run_coroutine_threadsafe(client.search(index="whales", retriever=inner), loop).result()
            return [1.0] * len(passages)

        async with AsyncHybridElasticsearch("http://embedded:9200", node_class=nodes[1], reranker=rerank) as client:
            searches = [client.search(index="whales", retriever=TREE) for _ in range(50)]
            return await asyncio.wait_for(asyncio.gather(*searches), 120)

    assert [found["_hybrid"]["degraded"] for found in asyncio.run(all_found())] == [None] * 50
