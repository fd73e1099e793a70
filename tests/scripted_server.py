"""A server on loopback that answers as it is told to, for faults that no real node can be made to show."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
SHARDS: dict[str, Any] = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


@dataclass
class Script:
    """What to say, and what was asked: `answer(method, path)` gives a status and a body; None closes the connection."""

    answer: Callable[[str, str], tuple[int, Any] | None]
    url: str = ""
    product: str | None = "Elasticsearch"
    content_type: str = "application/json"
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def leg(*identifiers: str, **extra: Any) -> dict[str, Any]:
    """One response of an `_msearch`."""
    hits = [{"_index": "cars", "_id": each, "_score": 1.0} for each in identifiers]
    total = {"value": len(hits), "relation": "eq"}
    body = {"took": 1, "timed_out": False, "_shards": SHARDS, "hits": {"total": total, "max_score": 1.0, "hits": hits}}
    return {**body, "status": 200, **extra}


def failed_leg(status: int, kind: str) -> dict[str, Any]:
    """One response of an `_msearch` that is an error."""
    cause = {"type": kind, "reason": "as the script says"}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def responses(*legs: dict[str, Any]) -> tuple[int, Any]:
    """A whole answer to `_msearch`."""
    return 200, {"took": 1, "responses": list(legs)}


@contextmanager
def serving(script: Script, *, with_tls: bool = False) -> Iterator[Script]:
    """Run the server while the block runs; the script then knows its URL. TLS is by a self-signed certificate."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            script.asked.append(f"{self.command} {self.path}")
            script.headers.append({name.lower(): value for name, value in self.headers.items()})
            found = script.answer(self.command, self.path)
            if found is None:
                self.close_connection = True
                return
            status, body = found
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if script.product is not None:
                self.send_header("X-Elastic-Product", script.product)
            self.send_header("Content-Type", script.content_type)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if with_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        # The handshake is the handler's, in a thread of its own: a client that sends nothing blocks no other.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    script.url = f"http{'s' if with_tls else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
