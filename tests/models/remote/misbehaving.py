"""A rerank server on loopback that speaks each service's language, and misbehaves as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connector.models import RemoteReranker

Answer = Callable[[BaseHTTPRequestHandler, Mapping[str, Any], int], None]


@dataclass
class Server:
    """What a running server was asked; `answer(handler, body, number)` writes the response to a request."""

    answer: Answer
    url: str = ""
    paths: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)


def texts_in(body: Mapping[str, Any]) -> list[str]:
    """Return the passages of a request of any service."""
    return list(body.get("texts") or body.get("documents") or body.get("input") or [])


def send(handler: BaseHTTPRequestHandler, answer: Any, status: int = 200, **headers: str) -> None:
    """Send a whole response."""
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def answering(answer: Any, status: int = 200, **headers: str) -> Answer:
    """Answer every request in the same way."""
    return lambda handler, body, number: send(handler, answer, status, **headers)


def rows(body: Mapping[str, Any], score: str) -> list[dict[str, Any]]:
    """Score each passage by its length, best first, as services do."""
    found = [{"index": place, score: float(len(text))} for place, text in enumerate(texts_in(body))]
    return sorted(found, key=lambda row: -row[score])


def by_length(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
    """Answer as Text Embeddings Inference does."""
    send(handler, rows(body, "score"))


@dataclass(frozen=True)
class Shape:
    """How a service answers: where its rows are (None: they are the answer) and what a score is called."""

    make: Callable[..., RemoteReranker]
    found: str | None
    score: str

    def answer(self, *scored: tuple[Any, Any]) -> Any:
        """Return an answer with these places and scores."""
        found = [{"index": place, self.score: score} for place, score in scored]
        return found if self.found is None else {self.found: found}


SHAPES = {
    "tei": Shape(RemoteReranker.tei, None, "score"),
    "cohere": Shape(lambda url, **options: RemoteReranker.cohere("m", url, **options), "results", "relevance_score"),
    "jina": Shape(lambda url, **options: RemoteReranker.jina("m", url, **options), "results", "relevance_score"),
    "elastic": Shape(lambda url, **options: RemoteReranker.elastic(url, "m", **options), "rerank", "relevance_score"),
}


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Run a server while the block runs."""
    server = Server(answer)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(server.bodies)
                server.paths.append(self.path)
                server.bodies.append(body)
                server.keys.append(self.headers.get("authorization"))
                server.ports.add(self.client_address[1])
            with suppress(OSError):
                server.answer(self, body, number)

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that has hung up is no news
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
