"""What a cluster says of itself, as real servers say it, and what is made of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from connector import HybridElasticsearch
from connector.capabilities import Capabilities, read_capabilities
from tests.models_by_hand import count_words, first_words

BASIC = {"license": {"status": "active", "type": "basic"}}
TRIAL = {"license": {"status": "active", "type": "trial"}}
EXPIRED = {"license": {"status": "expired", "type": "enterprise"}}
ELASTIC = {"version": {"number": "9.5.3", "build_flavor": "default"}}
FORBIDDEN = {"error": {"type": "security_exception"}, "status": 403}


@pytest.mark.parametrize(
    ("info", "licence", "expected", "runs"),
    [
        (ELASTIC, BASIC, Capabilities((9, 5, 3), "default", "basic"), False),
        (ELASTIC, TRIAL, Capabilities((9, 5, 3), "default", "trial"), True),
        (ELASTIC, EXPIRED, Capabilities((9, 5, 3), "default", None), False),
        (ELASTIC, FORBIDDEN, Capabilities((9, 5, 3), "default", None), False),
        (FORBIDDEN, FORBIDDEN, Capabilities(), False),
        (None, None, Capabilities(), False),
        (
            {"version": {"number": "8.11.0", "build_flavor": "serverless"}},
            None,
            Capabilities(None, "serverless", None),
            True,
        ),
        (
            {"version": {"number": "2.19.0", "distribution": "opensearch"}},
            None,
            Capabilities((2, 19, 0), "opensearch", None),
            False,
        ),
        (
            {"version": {"number": "9.0.0-SNAPSHOT", "build_flavor": "default"}},
            BASIC,
            Capabilities((9, 0, 0), "default", "basic"),
            False,
        ),
        ({"version": "odd"}, {"license": []}, Capabilities(), False),
    ],
)
def test_what_a_cluster_says_is_read_and_what_it_does_not_say_is_unknown(
    info: Any, licence: Any, expected: Capabilities, runs: bool
) -> None:
    found = read_capabilities(info, licence)
    assert found == expected
    assert found.runs_licensed_retrievers is runs


class _Forbidding(BaseHTTPRequestHandler):
    """A cluster whose client may search, but not ask what the cluster is."""

    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self._answer(403, b'{"error": {"type": "security_exception", "reason": "no"}, "status": 403}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        shards = b'"_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}'
        hits = b'"hits": {"total": {"value": 0, "relation": "eq"}, "max_score": null, "hits": []}'
        leg = b'{"took": 1, "timed_out": false, "status": 200, ' + shards + b", " + hits + b"}"
        self._answer(200, b'{"took": 1, "responses": [' + leg + b"]}")

    def _answer(self, status: int, body: bytes) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def forbidding() -> Iterator[tuple[str, list[str]]]:
    class Handler(_Forbidding):
        asked: ClassVar[list[str]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_client_that_may_not_ask_searches_all_the_same_and_asks_once(forbidding: tuple[str, list[str]]) -> None:
    url, asked = forbidding
    tree: dict[str, Any] = {"rrf": {"retrievers": [{"standard": {"query": {"match_all": {}}}}]}}
    with HybridElasticsearch(url, encoder=count_words, reranker=first_words, execution="native") as client:
        for made in (client, client.options(request_timeout=5)):
            assert made.search(index="cars", retriever=tree)["hits"]["hits"] == []
    assert asked == ["GET /", "GET /_license", "POST /_msearch", "POST /_msearch"]
