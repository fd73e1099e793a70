"""`connect` opens a client of what may not answer; `connect_checked` one of what has answered."""

from __future__ import annotations

from typing import Any

import pytest
from elastic_transport import ConnectionError as TransportConnectionError
from elasticsearch import ApiError, AuthenticationException, UnsupportedProductError

from connector.clients.connect import connect, connect_checked
from connector.clients.elasticsearch import HybridElasticsearch
from connector.errors import MalformedAnswerError
from tests.scripted_server import Script, serving

ELASTICSEARCH = {"version": {"number": "8.19.0", "build_flavor": "default"}, "tagline": "You Know, for Search"}
DENIED = {"error": {"type": "security_exception", "reason": "no"}, "status": 403}


def script(status: int, body: Any, **options: Any) -> Script:
    return Script(lambda method, path: (status, body), **options)


@pytest.mark.parametrize(
    "answering",
    [script(200, ELASTICSEARCH), script(403, DENIED)],
    ids=["a cluster", "a user who may search but not ask what the cluster is"],
)
def test_a_cluster_that_answers_is_opened(answering: Script) -> None:
    with serving(answering), connect_checked(answering.url) as client:
        assert isinstance(client, HybridElasticsearch)
    assert answering.asked == ["GET /"]


@pytest.mark.parametrize(
    ("answering", "error"),
    [
        (script(401, {**DENIED, "status": 401}), AuthenticationException),
        (script(401, b"<html>", content_type="text/html"), AuthenticationException),
        (script(502, b"<html>", content_type="text/html"), ApiError),
        (script(404, b"<html>", content_type="text/html"), MalformedAnswerError),
        (script(403, b"<html>", content_type="text/html"), MalformedAnswerError),
        (script(200, b"<html>", content_type="text/html", product=None), MalformedAnswerError),
        (script(200, b"<html>"), MalformedAnswerError),
        (script(200, {"hello": "world"}, product=None), MalformedAnswerError),
        (script(200, ELASTICSEARCH, product=None), UnsupportedProductError),
    ],
)
def test_what_does_not_answer_as_a_cluster_is_an_error(answering: Script, error: type[Exception]) -> None:
    with serving(answering):
        with pytest.raises(error):
            connect_checked(answering.url)
        connect(answering.url).close()


def test_a_closed_port_is_an_error_only_if_it_is_checked() -> None:
    with pytest.raises(TransportConnectionError):
        connect_checked("http://127.0.0.1:1")
    connect("http://127.0.0.1:1").close()
