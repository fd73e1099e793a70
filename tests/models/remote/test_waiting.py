"""No search waits longer than it may: for batches, retries, second requests, or connections of before a fork."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any

import pytest

from connector.errors import DeadlineError, ModelError
from connector.models import RemoteReranker
from connector.models.remote.retries import retry_after_s
from connector.models.stopping import Stop
from tests.forking import holds_in_forked_child, needs_fork
from tests.models.remote.misbehaving import answering, by_length, send, serving, texts_in

WAIT_S = 30.0
Handler = BaseHTTPRequestHandler
Body = Mapping[str, Any]


def in_s(seconds: float) -> Stop:
    return Stop(monotonic() + seconds)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_wait_that_would_end_after_the_deadline_is_not_begun() -> None:
    stop = in_s(WAIT_S)
    with serving(answering({}, 429, Retry_After="3600")) as server, pytest.raises(ModelError, match="status 429"):
        RemoteReranker.tei(server.url).read_until("q", ["a"], stop)
    assert not stop.is_over
    assert len(server.bodies) == 1


def test_a_date_that_has_passed_is_not_waited_for() -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        if number:
            by_length(handler, body, number)
        else:
            send(handler, {}, 503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")

    with serving(answer) as server:
        assert RemoteReranker.tei(server.url).score("q", ["aa"]).tolist() == [2.0]
    assert len(server.bodies) == 2


@pytest.mark.parametrize("value", ["²", "-1", "1e3", "", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_what_is_neither_seconds_nor_a_date_is_ignored(value: str) -> None:
    assert retry_after_s(value) is None


def test_a_search_that_is_cancelled_does_not_wait(released: threading.Event) -> None:
    stop = Stop()

    def answer(handler: Handler, body: Body, number: int) -> None:
        stop.cancel()
        released.wait(WAIT_S)

    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url, timeout_s=WAIT_S)
        with pytest.raises(DeadlineError):
            reranker.read_until("q", ["a"], stop)
        assert not released.is_set()
        assert not reranker.calls.is_open
        released.set()


def test_headers_that_drip_cost_no_more_than_the_deadline(released: threading.Event) -> None:
    def drip(handler: Handler, body: Body, number: int) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not released.wait(0.01):
            handler.wfile.write(b"x: 1\r\n")

    with serving(drip) as server:
        with pytest.raises(DeadlineError):
            RemoteReranker.tei(server.url).read_until("q", ["a"], in_s(0.1))
        assert not released.is_set()
        released.set()


def test_the_first_request_may_answer_after_the_second_was_sent(released: threading.Event) -> None:
    second_is_there = threading.Event()

    def answer(handler: Handler, body: Body, number: int) -> None:
        if number:
            second_is_there.set()
            released.wait(WAIT_S)
        else:
            second_is_there.wait(WAIT_S)
            by_length(handler, body, number)

    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url, hedge_after_s=0.02)
        assert reranker.read_until("q", ["aa"], in_s(WAIT_S)).scores.tolist() == [2.0]
        released.set()


def test_a_second_request_that_fails_does_not_end_the_first(released: threading.Event) -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        if number:
            send(handler, {}, 400)
            released.set()
        else:
            released.wait(WAIT_S)
            by_length(handler, body, number)

    with serving(answer) as server:
        reranker = RemoteReranker.tei(server.url, hedge_after_s=0.02)
        assert reranker.read_until("q", ["aa"], in_s(WAIT_S)).scores.tolist() == [2.0]


def test_a_request_that_fails_in_time_is_not_hedged() -> None:
    with serving(answering({}, 400)) as server, pytest.raises(ModelError, match="status 400"):
        RemoteReranker.tei(server.url, hedge_after_s=WAIT_S).score("q", ["a"])
    assert len(server.bodies) == 1


def test_two_late_requests_cost_no_more_than_the_deadline(released: threading.Event) -> None:
    def answer(handler: Handler, body: Body, number: int) -> None:
        released.wait(WAIT_S)

    with serving(answer) as server:
        with pytest.raises(DeadlineError):
            RemoteReranker.tei(server.url, hedge_after_s=0.02).read_until("q", ["a"], in_s(0.2))
        assert not released.is_set()
        released.set()


def test_a_request_has_a_limit_of_characters_and_at_least_one_passage() -> None:
    with serving(by_length) as server:
        RemoteReranker.tei(server.url, batch_characters=4).score("q", ["aa", "bb", "c", "long" * 9, "dddd"])
    assert [texts_in(body) for body in server.bodies] == [["aa", "bb"], ["c"], ["long" * 9], ["dddd"]]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of threads
def test_a_forked_child_has_connections_of_its_own() -> None:
    with serving(by_length) as server:
        reranker = RemoteReranker.tei(server.url)
        reranker.score("q", ["a"])
        assert holds_in_forked_child(lambda: reranker.score("q", ["bb"]).tolist() == [2.0])
        assert reranker.score("q", ["ccc"]).tolist() == [3.0]
    assert len(server.bodies) == 3
    assert len(server.ports) == 2
