"""Partial failure has one rule: an error is the one `es.search` would have raised, and a partial response says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import elasticsearch
import pytest

from connector import AsyncHybridElasticsearch, HybridElasticsearch
from connector.errors import MalformedAnswerError
from tests.models_by_hand import count_words, first_words
from tests.scripted_server import SHARDS, Script, failed_leg, leg, responses, serving

TREE: dict[str, Any] = {
    "rrf": {
        "retrievers": [
            {"standard": {"query": {"match": {"body": "car"}}}},
            {"standard": {"query": {"match": {"body": "van"}}}},
        ]
    }
}
FAILURE = {"shard": 0, "index": "cars", "reason": {"type": "illegal_state_exception", "reason": "disk"}}
BROKEN_SHARD = {"total": 2, "successful": 1, "skipped": 0, "failed": 1, "failures": [FAILURE]}
Search = Callable[..., dict[str, Any]]


def search_sync(url: str, *, options: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    with HybridElasticsearch(url, encoder=count_words, reranker=first_words) as client:
        found: dict[str, Any] = client.options(**options or {}).search(index="cars", retriever=TREE, **beside).body
        return found


def search_async(url: str, *, options: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    async def search() -> dict[str, Any]:
        async with AsyncHybridElasticsearch(url, encoder=count_words, reranker=first_words) as client:
            found = await client.options(**options or {}).search(index="cars", retriever=TREE, **beside)
            body: dict[str, Any] = found.body
            return body

    return asyncio.run(search())


@pytest.fixture(params=[search_sync, search_async], ids=["sync", "async"])
def search(request: pytest.FixtureRequest) -> Search:
    found: Search = request.param
    return found


def saying(*answers: tuple[int, Any] | None) -> Script:
    """Answer each `_msearch` with the next of the answers; repeat the last one."""
    left = list(answers)
    return Script(lambda method, path: left.pop(0) if len(left) > 1 else left[0])


def ids(response: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_call_or_a_leg_that_is_turned_away_is_tried_again(search: Search, status: int) -> None:
    error = failed_leg(status, "es_rejected_execution_exception")
    whole = responses(leg("1"), leg("2"))
    with serving(saying((status, error), responses(leg("1"), error), whole)) as script:
        assert ids(search(script.url)) == ["1", "2"]
    assert len(script.asked) == 3


@pytest.mark.parametrize(("status", "raised"), [(429, elasticsearch.ApiError), (503, elasticsearch.ApiError)])
def test_a_leg_that_is_turned_away_for_good_raises_its_own_error(search: Search, status: int, raised: Any) -> None:
    error = failed_leg(status, "es_rejected_execution_exception")
    with serving(saying(responses(leg("1"), error))) as script, pytest.raises(raised) as caught:
        search(script.url, options={"max_retries": 2})
    assert caught.value.meta.status == status
    assert caught.value.message == "es_rejected_execution_exception"
    assert len(script.asked) == 3


def test_a_leg_that_is_not_to_be_tried_again_is_not(search: Search) -> None:
    error = failed_leg(503, "no_shard_available_action_exception")
    with serving(saying(responses(leg("1"), error))) as script, pytest.raises(elasticsearch.ApiError):
        search(script.url, options={"retry_on_status": [429]})
    assert len(script.asked) == 1


def test_a_missing_index_is_not_found_unless_that_is_ignored(search: Search) -> None:
    error = failed_leg(404, "index_not_found_exception")
    with serving(saying(responses(error, error))) as script:
        with pytest.raises(elasticsearch.NotFoundError, match="index_not_found_exception"):
            search(script.url)
        assert search(script.url, options={"ignore_status": 404})["status"] == 404


def test_a_leg_refused_as_partial_raises(search: Search) -> None:
    error = failed_leg(503, "search_phase_execution_exception")
    with serving(saying(responses(leg("1"), error))) as script, pytest.raises(elasticsearch.ApiError) as caught:
        search(script.url, options={"max_retries": 0}, allow_partial_search_results=False)
    assert caught.value.meta.status == 503


def test_a_leg_whose_shards_fail_is_answered_and_said_to_be_a_part(search: Search) -> None:
    with serving(saying(responses(leg("1"), leg("2", _shards=BROKEN_SHARD)))) as script:
        response = search(script.url)
    assert ids(response) == ["1", "2"]
    assert response["_shards"] == {**BROKEN_SHARD, "total": 2}
    assert response["_hybrid"]["degraded"] == "1 shards failed"


def test_a_leg_that_times_out_is_answered_and_said_to_be_a_part(search: Search) -> None:
    with serving(saying(responses(leg("1"), leg(timed_out=True)))) as script:
        response = search(script.url, timeout="1ms")
    assert ids(response) == ["1"]
    assert response["timed_out"] is True
    assert response["_shards"] == SHARDS
    assert response["_hybrid"]["degraded"] == "a leg timed out"


def test_a_connection_that_breaks_is_the_transports_own_error(search: Search) -> None:
    with serving(saying(None)) as script, pytest.raises(elasticsearch.ConnectionError):
        search(script.url, options={"max_retries": 1})
    assert len(script.asked) == 2


def test_an_answer_that_is_no_json_is_shown_in_the_error(search: Search) -> None:
    with serving(saying((200, b"<html>"))) as script, pytest.raises(MalformedAnswerError, match="<html>"):
        search(script.url)


def test_mappings_that_may_not_be_read_are_asked_for_once_and_not_missed() -> None:
    vectors = {"knn": {"field": "vector", "query_vector": [1.0, 2.0], "k": 3}}

    def answer(method: str, path: str) -> tuple[int, Any]:
        return (403, failed_leg(403, "security_exception")) if method == "GET" else responses(leg("1"), leg("2"))

    with (
        serving(Script(answer)) as script,
        HybridElasticsearch(script.url, encoder=count_words, reranker=first_words) as client,
    ):
        for _ in range(3):
            tree = {"rrf": {"retrievers": [*TREE["rrf"]["retrievers"][:1], vectors]}}
            assert ids(client.search(index="cars", retriever=tree).body) == ["1", "2"]
    assert script.asked == ["GET /cars/_mapping", *["POST /_msearch"] * 3]
