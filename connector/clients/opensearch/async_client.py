"""The async twin of `opensearch_client`: the same seam, the same flows, awaited."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError

from connector.clients.call_flows import CallNeed, OwnSearch, Pass, RenderTemplate
from connector.clients.core import (
    EncoderLike,
    Execution,
    Hybrid,
    RerankerLike,
    lines,
    unless_ignored,
)
from connector.clients.hosts import check_opensearch_hosts
from connector.clients.opensearch.translation import (
    READ,
    Request,
    SerializationError,
    TransportError,
    UnreadableError,
    as_api_error,
    as_transport_error,
    call_of,
    ndjson,
    response,
)
from connector.engines import OpenSearchDialect
from connector.errors import MissingExtraError, RequestError
from connector.request.json_values import default_of
from connector.search.keeping import caller_of
from connector.search.needs import MultiSearch, Need, ReadMappings, arun
from connector.threads import MODELS

try:
    from opensearchpy import AsyncOpenSearch, AsyncTransport
except ImportError as error:  # opensearch-py leaves them out without aiohttp
    raise MissingExtraError("aiohttp", "async") from error


class AsyncHybridOpenSearch(AsyncOpenSearch):
    """The async twin of `HybridOpenSearch`: the same arguments. Models run off the event loop."""

    def __init__(
        self,
        *args: Any,
        encoder: EncoderLike = "bundled",
        reranker: RerankerLike = "bundled",
        models: Mapping[str, EncoderLike | RerankerLike] | None = None,
        provenance: bool = True,
        execution: Execution = "auto",
        **kwargs: Any,
    ) -> None:
        check_opensearch_hosts(args[0] if args else kwargs.get("hosts"))
        super().__init__(*args, **kwargs)
        self._hybrid = Hybrid(
            encoder,
            reranker,
            dict(models or {}),
            provenance,
            execution,
            OpenSearchDialect(),
            default_of(self.transport.serializer),
        )
        self.transport: Any = AsyncHybridTransport(self.transport, self._hybrid)

    @classmethod
    def wrap(cls, client: AsyncOpenSearch, **hybrid: Any) -> AsyncHybridOpenSearch:
        """Make a client that shares another's connections, credentials and options: see `HybridOpenSearch.wrap`."""
        if not isinstance(client, AsyncOpenSearch):
            raise RequestError("client", type(client).__name__, "must be an opensearchpy.AsyncOpenSearch client")
        shared = client.transport.inner if isinstance(client.transport, AsyncHybridTransport) else client.transport
        return cls(transport_class=lambda *_, **__: shared, **hybrid)

    async def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        read: Mapping[str, Any] = await self.transport.read_mappings(index)
        return read


class AsyncHybridTransport:
    """An opensearch-py transport, but for searches of ours.

    Args:
        inner: sends everything.
        hybrid: what searches of ours need beside.
    """

    def __init__(self, inner: AsyncTransport, hybrid: Hybrid) -> None:
        self.inner = inner
        self._hybrid = hybrid

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
        """Run a search that is ours; pass on everything else as it is."""
        request = Request.of(method, url, params, body, timeout, ignore, headers)
        if request.changes_mappings:
            self._hybrid.forget_mappings()
        searches = request.searches if request.endpoint else None
        if searches is not None:
            try:
                if self._hybrid.is_ours(request.endpoint, searches):
                    return (await self._search(request, searches, request.params, request.index)).body
                flow = self._hybrid.call_flow(request.endpoint, searches, request.params, request.index)
                if flow is not None:
                    return (await arun(flow, lambda need: self._perform_call(need, request))).body
            except (ApiError, UnreadableError) as error:
                raise as_transport_error(error) from error.__cause__
        return await self.inner.perform_request(
            method, url, params=params, body=body, timeout=timeout, ignore=ignore, headers=headers
        )

    async def read_mappings(self, index: str | None, request: Request = READ) -> Mapping[str, Any]:
        """Read an index's mappings, or give those read a short time ago; {} when they can't be read.

        Args:
            index: an index expression.
            request: whose credentials and timeout are taken.
        """
        flow = self._hybrid.mappings_flow(caller_of(request.headers), index)
        return await arun(flow, lambda path: self._sent(request, "GET", path, {}, None))

    async def _perform_call(self, need: CallNeed, request: Request) -> Any:
        match need:
            case Pass(body):
                body = ndjson(self.inner, body) if request.has_lines else body
                return await self._sent(request, request.method, request.url, request.given, body, request.ignore)
            case RenderTemplate(body):
                return await self._sent(request, "POST", "/_render/template", {}, body)
            case OwnSearch(body, params, index):
                return await self._search(request, body, params, index)

    async def _search(
        self, request: Request, body: Any, params: Mapping[str, Any], index: str | None
    ) -> ObjectApiResponse[Any]:
        flow = self._hybrid.flow(body, params, index, caller_of(request.headers))
        call = call_of(self.inner)

        async def perform(need: Need) -> Any:
            match need:
                case MultiSearch():
                    return await arun(call.multi_search(need), lambda need: self._send(request, need))
                case ReadMappings(index):
                    return await self.read_mappings(index, request)
                case _:
                    return await MODELS.run(self._hybrid.perform, need)

        try:
            return call.response(await arun(flow, perform))
        except ApiError as error:
            return unless_ignored(error, request.ignore)

    async def _send(self, request: Request, need: MultiSearch) -> ObjectApiResponse[Any]:
        return await self._sent(request, "POST", "/_msearch", need.url_options, ndjson(self.inner, lines(need)))

    async def _sent(
        self,
        request: Request,
        method: str,
        url: str,
        params: Mapping[str, Any],
        body: Any,
        ignore: Collection[int] = (),
    ) -> ObjectApiResponse[Any]:
        try:
            return response(
                await self.inner.perform_request(
                    method,
                    url,
                    params=dict(params),
                    body=body,
                    timeout=request.timeout,
                    ignore=ignore,
                    headers=request.headers,
                )
            )
        except (TransportError, SerializationError) as error:
            raise as_api_error(error) from error
