"""The drop-in client for opensearch-py's async client: see `clients.opensearch.client`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from connector.clients.call_flows import Pass
from connector.clients.core import Execution, Hybrid
from connector.clients.hosts import check_opensearch_hosts
from connector.clients.opensearch.translation import (
    OWN_REQUEST,
    Request,
    elasticsearch_errors,
    is_passed_on,
    opensearch_errors,
    response,
)
from connector.clients.query_models import EncoderLike, QueryModels, RerankerLike
from connector.clients.sending import ClientNeed, performed
from connector.engines import OpenSearchDialect
from connector.errors import MissingExtraError, RequestError
from connector.models.score_stores import SCORE_CACHE_BYTES, ScoreStore
from connector.request.json_values import default_of
from connector.search.needs import Compute, arun

try:
    from opensearchpy import AsyncOpenSearch, AsyncTransport
except ImportError as error:  # opensearch-py leaves them out without aiohttp
    raise MissingExtraError("aiohttp", "async") from error


class AsyncHybridOpenSearch(AsyncOpenSearch):
    """The async twin of `HybridOpenSearch`: the same arguments. Models run off the event loop.

    Examples:
        >>> import asyncio
        >>> from connector import AsyncHybridOpenSearch
        >>> async def first_book() -> dict[str, str]:
        ...     async with AsyncHybridOpenSearch("http://localhost:9200") as client:
        ...         await client.index(index="example-books", id="1", body={"title": "Emma"}, refresh=True)
        ...         title = {"standard": {"query": {"match": {"title": "emma"}}}}
        ...         everything = {"standard": {"query": {"match_all": {}}}}
        ...         body = {"retriever": {"rrf": {"retrievers": [title, everything]}}}
        ...         response = await client.search(index="example-books", body=body)
        ...         return response["hits"]["hits"][0]["_source"]
        >>> asyncio.run(first_book())
        {'title': 'Emma'}
    """

    def __init__(
        self,
        *args: Any,
        encoder: EncoderLike = "bundled",
        reranker: RerankerLike = "bundled",
        models: Mapping[str, EncoderLike | RerankerLike] | None = None,
        provenance: bool = True,
        execution: Execution = "auto",
        budget_ms: float | None = None,
        rerank_limit: int | None = None,
        score_cache: int | ScoreStore = SCORE_CACHE_BYTES,
        **kwargs: Any,
    ) -> None:
        check_opensearch_hosts(args[0] if args else kwargs.get("hosts"))
        super().__init__(*args, **kwargs)
        query_models = QueryModels(encoder, reranker, dict(models or {}), rerank_limit, score_cache)
        default = default_of(self.transport.serializer)
        self.hybrid = Hybrid(query_models, provenance, execution, OpenSearchDialect(), default, budget_ms)
        self.transport: Any = AsyncHybridTransport(self.transport, self.hybrid)

    @classmethod
    def wrap(cls, client: AsyncOpenSearch, **hybrid: Any) -> AsyncHybridOpenSearch:
        """Return a client that shares another's connections, credentials and options: see `HybridOpenSearch.wrap`."""
        if not isinstance(client, AsyncOpenSearch):
            raise RequestError("client", type(client).__name__, "must be an opensearchpy.AsyncOpenSearch client")
        shared = client.transport.inner if isinstance(client.transport, AsyncHybridTransport) else client.transport
        return cls(transport_class=lambda *_, **__: shared, **hybrid)

    async def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridOpenSearch.read_mappings`."""
        read: Mapping[str, Any] = await self.transport.read_mappings(index)
        return read


class AsyncHybridTransport:
    """The async twin of `HybridTransport`."""

    def __init__(self, inner: AsyncTransport, hybrid: Hybrid) -> None:
        self.inner = inner
        self.hybrid = hybrid

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # not there yet, as while being copied
            raise AttributeError(name)
        return getattr(self.inner, name)

    async def perform_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = None,
        ignore: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Answer a search by retrievers; pass on everything else as it is."""
        sent: dict[str, Any] = {
            "params": params,
            "body": body,
            "timeout": timeout,
            "ignore": ignore,
            "headers": headers,
        }
        if is_passed_on(method, url, body):
            return await self.inner.perform_request(method, url, **sent)
        request = Request.of(method, url, **sent)
        call = request.call(self.inner)
        routed = self.hybrid.route(call)
        if isinstance(routed, Pass):
            return await self.inner.perform_request(method, url, **sent)
        with opensearch_errors():
            return (await arun(self.hybrid.answer(routed, call), partial(self._perform, request))).body

    async def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridOpenSearch.read_mappings`."""
        caller = OWN_REQUEST.call(self.inner).caller
        return await arun(self.hybrid.cluster.mappings(caller, index), partial(self._perform, OWN_REQUEST))

    async def _perform(self, request: Request, need: ClientNeed) -> Any:
        if isinstance(need, Compute):
            return await performed(need)
        with elasticsearch_errors():
            options = request.options_for(need, self.inner)
            return response(await self.inner.perform_request(need.method, need.path, **options))
