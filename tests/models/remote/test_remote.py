"""Rerankers behind HTTP: each service's language, every fault of a server, and never longer than a search may take."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from time import monotonic, sleep
from typing import Any

import pytest

from connector import HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.errors import DeadlineError, ModelError
from connector.models.remote import RemoteReranker
from connector.models.remote.retries import retry_after_s
from connector.models.stopping import Stop
from tests.models.remote.misbehaving import by_length, rows, send, serving, texts_in

SECRET = "sk-SECRET"
WAIT_S = 30.0
Handler = BaseHTTPRequestHandler
Body = Mapping[str, Any]


def in_s(seconds: float) -> Stop:
    return Stop(monotonic() + seconds)


def test_text_embeddings_inference() -> None:
    with serving(by_length) as server:
        reranker = RemoteReranker.tei(server.url, api_key=SECRET)
        assert reranker.score("q", ["aaa", "b", "cc"]).tolist() == [3.0, 1.0, 2.0]
    assert server.paths == ["/rerank"]
    assert server.bodies == [{"query": "q", "texts": ["aaa", "b", "cc"], "raw_scores": True, "truncate": True}]
    assert server.keys == [f"Bearer {SECRET}"]


@pytest.mark.parametrize(
    ("make", "path", "variable"),
    [
        (RemoteReranker.cohere, "/v2/rerank", "CO_API_KEY"),
        (RemoteReranker.jina, "/v1/rerank", "JINA_API_KEY"),
    ],
)
def test_cohere_and_jina_give_probabilities_which_become_logits(
    make: Callable[..., RemoteReranker], path: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)

    def answer(handler: Handler, body: Body, number: int) -> None:
        found = [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.0}]
        send(handler, {"results": found})

    with serving(answer) as server:
        scores = make("large", server.url).score("q", ["a", "b"]).tolist()
    assert scores == pytest.approx([math.log(1e-7 / (1 - 1e-7)), math.log(3)], rel=1e-5)
    assert server.paths == [path]
    assert server.bodies[0]["model"] == "large"
    assert server.bodies[0]["documents"] == ["a", "b"]
    assert server.bodies[0]["top_n"] == 2
    assert server.keys == [f"Bearer {SECRET}"]


def test_elastics_inference_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", SECRET)

    def answer(handler: Handler, body: Body, number: int) -> None:
        send(handler, {"rerank": rows(body, "relevance_score")})

    with serving(answer) as server:
        assert RemoteReranker.elastic(server.url, "my rerank").score("q", ["a", "bb"]).tolist() == [1.0, 2.0]
    assert server.paths == ["/_inference/rerank/my%20rerank"]
    assert server.bodies == [{"query": "q", "input": ["a", "bb"]}]
    assert server.keys == [f"ApiKey {SECRET}"]


def test_passages_are_sent_in_batches_over_one_connection() -> None:
    with serving(by_length) as server:
        scores = RemoteReranker.tei(server.url, batch=2).score("q", ["a", "bb", "ccc", "a", "dddd", "ee"])
    assert scores.tolist() == [1.0, 2.0, 3.0, 1.0, 4.0, 2.0]
    assert [texts_in(body) for body in server.bodies] == [["a", "bb"], ["ccc", "dddd"], ["ee"]]
    assert len(server.ports) == 1


def test_a_key_is_in_no_representation_and_no_error() -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        send(handler, {"error": f"bad key {SECRET}"}, 401)

    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url, api_key=SECRET)
        assert SECRET not in repr(reranker)
        with pytest.raises(ModelError, match="answered with status 401; check its URL, model and key") as error:
            reranker.score("q", ["a"])
    assert SECRET not in str(error.value)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_failures_that_may_pass_are_tried_again(status: int) -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        if number < 2:
            send(handler, {}, status, Retry_After="0")
        else:
            by_length(handler, body, number)

    with serving(answer) as server:
        assert RemoteReranker.tei(server.url).score("q", ["aa"]).tolist() == [2.0]
    assert len(server.bodies) == 3


def cut(handler: Handler, body: Body, number: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.close_connection = True


def test_a_cut_connection_is_tried_again() -> None:
    with serving(lambda handler, body, number: (by_length if number else cut)(handler, body, number)) as server:
        assert RemoteReranker.tei(server.url).score("q", ["aa"]).tolist() == [2.0]


def test_a_server_that_is_not_there_is_an_error() -> None:
    with serving(by_length) as server:
        url = server.url
    with pytest.raises(ModelError, match="can't be reached: ConnectError"):
        RemoteReranker.tei(url).read_until("q", ["a"], in_s(5))


@pytest.fixture
def released() -> Any:
    event = threading.Event()
    yield event
    event.set()


def test_a_late_answer_costs_no_more_than_the_deadline(released: threading.Event) -> None:
    def late(handler: Handler, body: Body, number: int) -> None:
        released.wait(WAIT_S)

    with serving(late) as server:
        with pytest.raises(DeadlineError):
            RemoteReranker.tei(server.url).read_until("q", ["a"], in_s(0.05))
        assert not released.is_set()
        released.set()


def test_an_answer_that_drips_costs_no_more_than_the_deadline(released: threading.Event) -> None:
    def drip(handler: Handler, body: Body, number: int) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while not released.is_set():
            handler.wfile.write(b" ")
            sleep(0.01)

    with serving(drip) as server:
        with pytest.raises(DeadlineError):
            RemoteReranker.tei(server.url).read_until("q", ["a"], in_s(0.1))
        released.set()


def test_batches_that_came_in_time_are_kept(released: threading.Event) -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        if number:
            released.wait(WAIT_S)
        by_length(handler, body, number)

    with serving(answer) as server:
        reading = RemoteReranker.tei(server.url, batch=2).read_until("q", ["a", "bb", "ccc"], in_s(0.3))
        released.set()
    assert reading.read == 2
    assert reading.scores[:2].tolist() == [1.0, 2.0]


def test_a_second_request_is_sent_if_the_first_is_late(released: threading.Event) -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        if not number:
            released.wait(WAIT_S)
        by_length(handler, body, number)

    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url, hedge_after_s=0.05)
        assert reranker.read_until("q", ["aa"], in_s(WAIT_S)).scores.tolist() == [2.0]
        released.set()
    assert len(server.bodies) == 2


def test_a_search_uses_it_and_survives_it() -> None:
    engine = Engine()
    healthy = threading.Event()
    healthy.set()

    def answer(handler: Handler, body: Body, number: int) -> None:
        by_length(handler, body, number) if healthy.is_set() else send(handler, b"<html>", 200)

    tree = {
        "text_similarity_reranker": {
            "field": "t",
            "inference_text": "whale",
            "retriever": {"standard": {"query": {"match": {"t": "whale"}}}},
        }
    }
    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url)
        with HybridElasticsearch(
            "http://embedded:9200", node_class=node_classes(engine)[0], reranker=reranker
        ) as client:
            for text in ("whale", "whale whale whale whale", "whale whale"):
                client.index(index="w", id=str(len(text)), document={"t": text}, refresh=True)
            found = client.search(index="w", retriever=tree)
            healthy.clear()
            degraded = client.search(index="w", retriever=tree)
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["23", "11", "5"]
    assert degraded["_hybrid"]["degraded_codes"] == ["invalid_scores"]
    assert len(degraded["hits"]["hits"]) == 3


def test_retry_after_is_a_number_or_a_date() -> None:
    from datetime import datetime, timedelta, timezone

    assert retry_after_s("7") == 7.0
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
    assert 50 < (retry_after_s(later) or 0) <= 60
    assert retry_after_s("soon") is None
    assert retry_after_s(None) is None


def test_no_passages_ask_nobody() -> None:
    with serving(by_length) as server:
        assert RemoteReranker.tei(server.url).score("q", []).shape == (0,)
    assert server.bodies == []
