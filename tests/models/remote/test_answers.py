"""Answers that can't be used, in every service's language: an error of one sentence, without a word of the answer."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from connector.errors import ModelError, ModelOutputError
from tests.models.remote.misbehaving import SHAPES, Answer, Shape, answering, serving

TOLD = "what-the-server-says"
Make = Callable[[Shape], Answer]


def scored(*rows: tuple[Any, Any]) -> Make:
    return lambda shape: answering(shape.answer(*rows))


def content(answer: Any, status: int = 200, **headers: str) -> Make:
    return lambda shape: answering(answer, status, **headers)


def endless(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    for _ in range(40):
        handler.wfile.write(b" " * 2**20)


def cut(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
    handler.close_connection = True


def not_http(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
    handler.wfile.write(f"{TOLD}\r\n\r\n".encode())
    handler.close_connection = True


UNUSABLE: dict[str, tuple[Make, str]] = {
    "too few": (scored((0, 1.0)), "1 scores for 2 passages"),
    "too many": (scored((0, 1.0), (1, 1.0), (2, 1.0)), "not asked for"),
    "none": (scored(), "0 scores for 2 passages"),
    "twice": (scored((0, 1.0), (0, 1.0)), "or one twice"),
    "below 0": (scored((-1, 1.0), (0, 1.0)), "not asked for"),
    "place is text": (scored(("0", 1.0)), "not asked for"),
    "place is true": (scored((True, 1.0)), "not asked for"),
    "place is missing": (scored((None, 1.0)), "not asked for"),
    "score is missing": (scored((0, None)), "not a finite number, for passage 0"),
    "score is text": (scored((0, TOLD)), "not a finite number, for passage 0"),
    "score is true": (scored((0, True)), "not a finite number, for passage 0"),
    "nan": (scored((0, 1.0), (1, float("nan"))), "not a finite number, for passage 1"),
    "infinite": (scored((0, float("-inf"))), "not a finite number, for passage 0"),
    "infinite in 32 bits": (scored((0, 1e39)), "not a finite number, for passage 0"),
    "huge integer": (scored((0, 10**400)), "not a finite number, for passage 0"),
    "rows are texts": (lambda shape: answering({shape.found: [TOLD]} if shape.found else [TOLD]), "not asked for"),
    "other shape": (content({"scores": [TOLD]}), "no list of scores"),
    "text": (content(f'"{TOLD}"'.encode()), "no list of scores"),
    "html": (content(f"<html>{TOLD}</html>".encode()), "not JSON"),
    "empty": (content(b""), "not JSON"),
    "not utf-8": (content(b"\xff\xfe"), "not JSON"),
    "deep": (content(b"[" * 200_000), "not JSON"),
    "compressed without being asked": (content(gzip.compress(b"[]"), Content_Encoding="gzip"), "not JSON"),
    "endless": (lambda shape: endless, "more than 16,777,216 bytes"),
}

REFUSED = {
    "redirect": (content(b"", 302, Location="http://127.0.0.1:1"), "status 302; check its URL, model and key"),
    "no content": (content(b"", 204), "status 204; check its URL, model and key"),
    "wrong request": (content({"error": TOLD}, 422), "status 422; check its URL, model and key"),
    "wrong key": (content({"error": TOLD}, 401), "status 401; check its URL, model and key"),
}

GIVEN_UP: dict[str, tuple[Make, str]] = {
    "failing": (content({"error": TOLD}, 503), "answered with status 503"),
    "cut": (lambda shape: cut, "can't be reached: RemoteProtocolError"),
    "hanging up": (lambda shape: hang_up, "can't be reached: RemoteProtocolError"),
    "not http": (lambda shape: not_http, "can't be reached: RemoteProtocolError"),
}


def failure(shape: Shape, answer: Answer) -> tuple[ModelError, int]:
    """Return a score's error, and how many requests were sent."""
    with serving(answer) as server, pytest.raises(ModelError) as error:
        shape.make(server.url, api_key="sk-KEY").score("q", ["a", "b"])
    assert "\n" not in str(error.value)
    assert TOLD not in str(error.value)
    assert "sk-KEY" not in str(error.value)
    return error.value, len(server.bodies)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", UNUSABLE)
def test_an_answer_that_cant_be_used_says_why(name: str, shape: str) -> None:
    make, reason = UNUSABLE[name]
    error, asked = failure(SHAPES[shape], make(SHAPES[shape]))
    assert isinstance(error, ModelOutputError)
    assert reason in str(error)
    assert asked == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_refused_is_not_sent_again(name: str, shape: str) -> None:
    make, reason = REFUSED[name]
    error, asked = failure(SHAPES[shape], make(SHAPES[shape]))
    assert type(error) is ModelError
    assert reason in str(error)
    assert asked == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_server_that_keeps_failing_is_given_up_after_four_requests(
    name: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, reason = GIVEN_UP[name]
    monkeypatch.setattr("connector.models.remote.retries._random_wait_s", lambda state: 0.0)
    error, asked = failure(SHAPES[shape], make(SHAPES[shape]))
    assert type(error) is ModelError
    assert reason in str(error)
    assert asked == 4
