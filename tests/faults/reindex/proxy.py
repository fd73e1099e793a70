"""A proxy before a node, which turns requests away, cuts connections, refuses parts of a bulk, as a test tells it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Verdict = Literal["pass", "403", "404", "429", "503", "cut before", "cut after", "part 429"]
_PASSED_ON = ("content-type", "accept", "authorization")


@dataclass
class Proxy:
    """What it does: `decide(method, path)` gives a verdict; `upstream` may change while it runs."""

    upstream: str
    decide: Callable[[str, str], Verdict] = lambda method, path: "pass"
    url: str = ""
    verdicts: list[tuple[str, str, Verdict]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, verdict: Verdict) -> int:
        """How often it was given."""
        return sum(given == verdict for _, _, given in self.verdicts)


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """Run a proxy while the block runs."""
    proxy = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with proxy.lock:
                verdict = proxy.decide(self.command, self.path)
                proxy.verdicts.append((self.command, self.path, verdict))
            if verdict.isdigit():
                error = {"type": "es_rejected_execution_exception", "reason": "as the test says"}
                self._answer(int(verdict), json.dumps({"error": error, "status": int(verdict)}).encode(), {})
                return
            if verdict == "cut before":
                self._cut()
                return
            try:
                if verdict == "part 429" and "_bulk" in self.path:
                    answer = self._part_of_a_bulk(body)
                else:
                    answer = self._forward(body)
            except OSError:
                self._cut()
                return
            if verdict == "cut after":
                self._cut()
                return
            self._answer(*answer)

        def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            parts = urlsplit(proxy.upstream)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            try:
                connection.request(self.command, self.path, body=body or None, headers=headers)
                response = connection.getresponse()
                return response.status, response.read(), {"content-type": response.headers.get("content-type", "")}
            finally:
                connection.close()

        def _part_of_a_bulk(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            """Pass every other document on, and turn the rest away one by one."""
            lines = body.split(b"\n")[:-1]
            pairs = list(zip(lines[::2], lines[1::2], strict=True))
            status, content, headers = self._forward(b"".join(line + b"\n" for pair in pairs[::2] for line in pair))
            taken = iter(json.loads(content)["items"])
            error = {"type": "es_rejected_execution_exception", "reason": "as the test says"}
            items: list[Any] = []
            for number, (header, _) in enumerate(pairs):
                ((kind, named),) = json.loads(header).items()
                refused = {kind: {"_index": named["_index"], "_id": named["_id"], "status": 429, "error": error}}
                items.append(refused if number % 2 else next(taken))
            return status, json.dumps({"took": 1, "errors": True, "items": items}).encode(), headers

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", headers.get("content-type") or "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _cut(self) -> None:
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
