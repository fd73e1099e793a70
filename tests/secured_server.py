"""The embedded engine behind HTTP, for those who have a password: what a secured cluster is to a client."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from elastic_transport import HttpHeaders, NodeConfig

from connector.embedded import Engine, node_classes

DENIED = b'{"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}'


@dataclass
class Secured:
    """A secured server: its URL, what it accepts, and the Authorization headers that it has seen."""

    url: str
    accepted: set[str]
    seen: set[str] = field(default_factory=set)


def basic(user: str, password: str) -> str:
    """The Authorization header of a user."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@contextmanager
def secured_server(*accepted: str) -> Iterator[Secured]:
    """Run a server that accepts these Authorization headers while the block runs."""
    node = node_classes(Engine())[0](NodeConfig("http", "embedded", 9200))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = self.headers.get("authorization", "")
            server.seen.add(sent)
            if sent not in server.accepted:
                self.reply(401, {"content-type": "application/json"}, DENIED)
                return
            kept = HttpHeaders(
                {name: self.headers[name] for name in ("accept", "content-type") if name in self.headers}
            )
            found = node.perform_request(self.command, self.path, body or None, HttpHeaders(kept))
            self.reply(found.meta.status, dict(found.meta.headers), found.body)

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name in headers.keys() - {"content-length"}:
                self.send_header(name, headers[name])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Secured(f"http://127.0.0.1:{http_server.server_address[1]}", set(accepted))
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        http_server.shutdown()
        thread.join()
        http_server.server_close()
