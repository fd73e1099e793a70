"""elastic-transport's nodes that pass requests to an `Engine` instead of a socket."""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar

from elastic_transport import ApiResponseMeta, BaseAsyncNode, BaseNode, HttpHeaders, NodeConfig
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType

from connector.embedded.rest.engine import Engine, dump
from connector.threads import Threads

_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+(?:json|x-ndjson)\s*;\s*compatible-with=(\d+)")
_MAJORS = ("8", "9")
_THREADS = Threads("connector-embedded")


def _perform(
    engine: Engine, config: NodeConfig, method: str, target: str, body: bytes | None, headers: HttpHeaders | None
) -> NodeApiResponse:
    began = time.perf_counter()
    accepted = _COMPATIBLE.match((headers or HttpHeaders()).get("accept") or "")
    content_type = "application/json"
    if accepted and accepted[1] in _MAJORS:
        content_type = f"application/vnd.elasticsearch+json;compatible-with={accepted[1]}"
    answer = engine.handle(method, target, body)
    content = b"" if method == "HEAD" else dump(answer.body)
    answered = HttpHeaders({"x-elastic-product": "Elasticsearch", "content-type": content_type})
    duration = time.perf_counter() - began
    meta = ApiResponseMeta(node=config, duration=duration, http_version="1.1", status=answer.status, headers=answered)
    return NodeApiResponse(meta, content)


class EmbeddedNode(BaseNode):
    """A node for `Elasticsearch("http://embedded:9200", node_class=EmbeddedNode)`: one in-memory engine per client."""

    _CLIENT_META_HTTP_CLIENT = ("em", "1")
    engine: ClassVar[Engine | None] = None

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._engine = self.engine or Engine()

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,  # noqa: ARG002
    ) -> NodeApiResponse:
        """Answer a request from the engine; see elastic-transport's `BaseNode`."""
        response = _perform(self._engine, self.config, method, target, body, headers)
        self._log_request(method, target, headers, body, meta=response.meta, response=response.body)
        return response


class AsyncEmbeddedNode(BaseAsyncNode):
    """A node for `AsyncElasticsearch`; the engine runs in a thread, not on the event loop."""

    _CLIENT_META_HTTP_CLIENT = ("em", "1")
    engine: ClassVar[Engine | None] = None

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._engine = self.engine or Engine()

    async def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,  # noqa: ARG002
    ) -> NodeApiResponse:
        """Answer a request from the engine; see elastic-transport's `BaseAsyncNode`."""
        response = await _THREADS.run(_perform, self._engine, self.config, method, target, body, headers)
        self._log_request(method, target, headers, body, meta=response.meta, response=response.body)
        return response

    async def close(self) -> None:  # type: ignore[override]
        """Do nothing: the engine outlives its clients."""


def node_classes(engine: Engine) -> tuple[type[EmbeddedNode], type[AsyncEmbeddedNode]]:
    """Return node classes, sync and async, whose clients all share one engine."""
    attributes: dict[str, Any] = {"engine": engine}
    return type("EmbeddedNode", (EmbeddedNode,), attributes), type(
        "AsyncEmbeddedNode", (AsyncEmbeddedNode,), attributes
    )


def owning_node_class(engine: Engine) -> type[EmbeddedNode]:
    """Return a sync node class for a client that owns the engine: closing the client closes the engine."""

    class OwningEmbeddedNode(EmbeddedNode):
        def close(self) -> None:
            engine.close()

    OwningEmbeddedNode.engine = engine
    return OwningEmbeddedNode
