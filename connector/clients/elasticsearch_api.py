"""Any client, of either library, as clients that are called by elasticsearch-py's API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from elastic_transport import AsyncTransport, TransportApiResponse
from elasticsearch import AsyncElasticsearch, Elasticsearch

from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
from connector.clients.elasticsearch import HybridElasticsearch
from connector.clients.elasticsearch_py import copy_options
from connector.clients.exact_reading import transport_reading
from connector.errors import RequestError

if TYPE_CHECKING:
    from opensearchpy import AsyncOpenSearch, OpenSearch
    from typing_extensions import TypeIs

SyncClient: TypeAlias = "Elasticsearch | OpenSearch"
AnyClient: TypeAlias = "Elasticsearch | AsyncElasticsearch | OpenSearch | AsyncOpenSearch"


def hybrid_client(client: AnyClient, **models: Any) -> HybridElasticsearch | AsyncHybridElasticsearch:
    """Return a client that runs retrievers: the client itself if it does, else one that shares its connections.

    Args:
        client: a client of either library, sync or async; opensearch-py's is adapted to elasticsearch-py's API.
        **models: `encoder` and `reranker`, to replace the client's own.

    Raises:
        RequestError: it is a client of neither library.
    """
    adapted: Any = client
    if isinstance(client, Elasticsearch):
        adapted = _with_models(HybridElasticsearch, client, models)
    elif isinstance(client, AsyncElasticsearch):
        adapted = _with_models(AsyncHybridElasticsearch, client, models)
    elif _is_opensearch_py(client):
        from connector.clients.opensearch.adapter import adapt

        adapted = adapt(client, lambda kind: _with_models(kind, client, models))
    else:
        raise RequestError("client", type(client).__name__, "must be a client of elasticsearch-py or of opensearch-py")
    return cast(HybridElasticsearch, adapted)


def _with_models(kind: Any, client: Any, models: Mapping[str, Any]) -> Any:
    if not isinstance(client, kind):
        return kind.wrap(client, **models)
    return kind.wrap(client, **{**client.hybrid.settings, **models}) if models else client


def is_sync(client: object) -> TypeIs[HybridElasticsearch]:
    """True if a client that runs retrievers is a sync one."""
    return not asyncio.iscoroutinefunction(getattr(client, "read_mappings", None))


def sync_elasticsearch(client: Any) -> Elasticsearch | None:
    """Return a sync client as elasticsearch-py's; opensearch-py's sends through its own connections.

    Returns:
        The client; None if this is no sync client of either library.
    """
    inner = getattr(client, "own", client)  # Connector.client on OpenSearch
    if isinstance(inner, Elasticsearch):
        return inner
    if _is_opensearch_py(inner) and not _is_async_opensearch(inner):
        from connector.clients.opensearch.as_elasticsearch import as_elasticsearch

        return as_elasticsearch(inner)
    return None


async def threaded_elasticsearch(client: Any) -> Elasticsearch | None:
    """Return an async client as elasticsearch-py's sync client, for other threads than the running loop's.

    Returns:
        The client, which sends on the loop; None if this is no async client of either library.
    """
    inner, loop = getattr(client, "own", client), asyncio.get_running_loop()
    if isinstance(inner, AsyncElasticsearch):
        transport: Any = LoopTransport(inner.transport, loop)
        threaded = Elasticsearch(_transport=transport)
        copy_options(inner, threaded)
        return threaded
    if _is_opensearch_py(inner) and _is_async_opensearch(inner):
        from connector.clients.opensearch.as_elasticsearch import as_elasticsearch

        await inner.ping()  # opens its connections, which the copy of its transport then shares
        return as_elasticsearch(inner, loop)
    return None


class LoopTransport:
    """An elasticsearch-py transport for other threads than the event loop's, which sends on the loop."""

    def __init__(self, transport: AsyncTransport, loop: asyncio.AbstractEventLoop) -> None:
        self.serializers = transport.serializers
        self._own = transport
        self._loop = loop

    def perform_request(self, method: str, target: str, **options: Any) -> TransportApiResponse:
        """Send a request on the loop: see `elastic_transport.AsyncTransport.perform_request`."""
        sending = self._own.perform_request(method, target, **options)
        return asyncio.run_coroutine_threadsafe(sending, self._loop).result()

    def reading(self, loads: Callable[[bytes], Any]) -> LoopTransport:
        """Return a transport over the same connections that reads JSON answers with `loads`."""
        return LoopTransport(transport_reading(self._own, loads), self._loop)

    def close(self) -> None:
        """Leave the connections to the client that owns them."""


def _is_opensearch_py(client: object) -> bool:
    """True if a client is opensearch-py's, sync or async, or a subclass, without importing that library."""
    return any(kind.__module__.startswith("opensearchpy") for kind in type(client).__mro__)


def _is_async_opensearch(client: Any) -> bool:
    return asyncio.iscoroutinefunction(client.transport.perform_request)
