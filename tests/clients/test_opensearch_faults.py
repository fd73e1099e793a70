"""Faults on OpenSearch mean what they mean on Elasticsearch; the errors are opensearch-py's own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import opensearchpy
import pytest

from connector import AsyncHybridOpenSearch, HybridOpenSearch
from connector.errors import MalformedAnswerError
from tests.clients.test_faults import BROKEN_SHARD, TREE, ids
from tests.models_by_hand import count_words, first_words
from tests.scripted_server import SHARDS, Script, failed_leg, leg, responses, serving

Search = Callable[..., dict[str, Any]]
MODELS: dict[str, Any] = {"encoder": count_words, "reranker": first_words}


def search_sync(url: str, *, options: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    with HybridOpenSearch(url, **MODELS, **(options or {})) as client:
        found: dict[str, Any] = client.search(index="cars", body={"retriever": TREE}, **beside)
        return found


def search_async(url: str, *, options: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    async def search() -> dict[str, Any]:
        async with AsyncHybridOpenSearch(url, **MODELS, **(options or {})) as client:
            found: dict[str, Any] = await client.search(index="cars", body={"retriever": TREE}, **beside)
            return found

    return asyncio.run(search())


@pytest.fixture(params=[search_sync, search_async], ids=["sync", "async"])
def search(request: pytest.FixtureRequest) -> Search:
    found: Search = request.param
    return found


def saying(*answers: tuple[int, Any] | None) -> Script:
    """Give the answers in turn; repeat the last one."""
    left = list(answers)
    return Script(lambda method, path: left.pop(0) if len(left) > 1 else left[0], product=None)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_call_or_a_leg_that_is_turned_away_is_tried_again(search: Search, status: int) -> None:
    error = failed_leg(status, "rejected_execution_exception")
    whole = responses(leg("1"), leg("2"))
    with serving(saying((status, error), responses(leg("1"), error), whole)) as script:
        assert ids(search(script.url)) == ["1", "2"]
    assert len(script.asked) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_leg_that_is_turned_away_for_good_raises_its_own_error(search: Search, status: int) -> None:
    error = failed_leg(status, "rejected_execution_exception")
    with (
        serving(saying(responses(leg("1"), error))) as script,
        pytest.raises(opensearchpy.TransportError, match="rejected_execution_exception") as caught,
    ):
        search(script.url, options={"max_retries": 2})
    assert caught.value.status_code == status
    assert caught.value.info == error
    assert len(script.asked) == 3


def test_statuses_that_the_client_was_told_are_the_only_ones_tried_again(search: Search) -> None:
    for turned_away, told in ((503, [504]), (429, [503])):
        error = failed_leg(turned_away, "rejected_execution_exception")
        with serving(saying(responses(leg("1"), error))) as script, pytest.raises(opensearchpy.TransportError):
            search(script.url, options={"retry_on_status": told})
        assert len(script.asked) == 1


def test_a_missing_index_is_not_found_unless_that_is_ignored(search: Search) -> None:
    error = failed_leg(404, "index_not_found_exception")
    with serving(saying(responses(error, error))) as script:
        with pytest.raises(opensearchpy.NotFoundError, match="index_not_found_exception"):
            search(script.url)
        assert search(script.url, ignore=404)["status"] == 404


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


def test_a_leg_refused_as_partial_raises(search: Search) -> None:
    error = failed_leg(503, "search_phase_execution_exception")
    with serving(saying(responses(leg("1"), error))) as script, pytest.raises(opensearchpy.TransportError) as caught:
        search(script.url, options={"max_retries": 0}, allow_partial_search_results=False)
    assert caught.value.status_code == 503


def test_a_connection_that_breaks_is_the_transports_own_error(search: Search) -> None:
    with serving(saying(None)) as script, pytest.raises(opensearchpy.ConnectionError):
        search(script.url, options={"max_retries": 1})
    assert len(script.asked) == 2


def test_an_answer_that_is_no_json_is_shown_in_the_error(search: Search) -> None:
    with serving(saying((200, b"<html>"))) as script, pytest.raises(MalformedAnswerError, match="<html>"):
        search(script.url)


@pytest.mark.parametrize(
    "body",
    [
        (b"null", "null"),
        (b"[]", "a list"),
        (b'"<html>"', "<html>"),
        (b'{"responses":[{}]}', "has 1 items, must have 2"),
        (b'{"responses":[{},null]}', "timed_out is missing"),
        (b"[" * 100_000 + b"]" * 100_000, "too deeply"),
    ],
    ids=lambda body: body[1],
)
def test_an_answer_that_is_none_is_shown_in_the_error(search: Search, body: tuple[bytes, str]) -> None:
    content, shown = body
    with serving(saying((200, content))) as script, pytest.raises(MalformedAnswerError, match=shown):
        search(script.url)


def test_a_template_with_a_retriever_is_filled_in_and_run_here() -> None:
    reason = "Unknown key for a START_OBJECT in [retriever]."
    unknown = {"type": "parsing_exception", "reason": reason}
    answers: dict[str, tuple[int, Any]] = {
        "/cars/_search/template": (400, {"error": {"root_cause": [unknown], **unknown}, "status": 400}),
        "/_render/template": (200, {"template_output": {"retriever": TREE, "size": 1}}),
        "/_msearch": responses(leg("1"), leg("2")),
    }
    with (
        serving(Script(lambda method, path: answers[path], product=None)) as script,
        HybridOpenSearch(script.url, **MODELS) as client,
    ):
        assert ids(client.search_template(index="cars", body={"id": "template", "params": {"n": 1}})) == ["1"]
    assert script.asked == ["POST /cars/_search/template", "POST /_render/template", "POST /_msearch"]


def test_headers_and_credentials_travel_with_every_search_of_ours() -> None:
    client = HybridOpenSearch.wrap(opensearchpy.OpenSearch("http://user:secret@127.0.0.1:9", max_retries=0), **MODELS)
    sent: list[dict[str, Any]] = []

    def perform_request(method: str, url: str, **rest: Any) -> dict[str, Any]:
        sent.append({"url": url, **rest})
        body: dict[str, Any] = responses(leg("1"), leg("2"))[1]
        return body

    client.transport.inner.perform_request = perform_request
    client.search(index="cars", body={"retriever": TREE}, opaque_id="me", request_timeout=7)
    assert [(each["url"], each["headers"], each["timeout"]) for each in sent] == [
        ("/_msearch", {"x-opaque-id": "me"}, 7)
    ]


@pytest.mark.parametrize("name", ["HybridOpenSearch", "AsyncHybridOpenSearch"])
def test_without_opensearch_py_the_error_names_the_extra_and_all_else_works(name: str) -> None:
    code = f"""
import sys
sys.modules["opensearchpy"] = None
from connector import *
import connector
assert HybridElasticsearch and "{name}" not in connector.__all__
try:
    connector.{name}
except ImportError as error:
    print(isinstance(error, ConnectorError), error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith(
        "True opensearchpy is not installed (extra 'opensearch'): pip install 'opensearch-py>="
    )
