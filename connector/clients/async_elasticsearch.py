"""The async twin of `client`: the same seam, the same flows, awaited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, AsyncElasticsearch

from connector.clients.call_flows import CallNeed, OwnSearch, Pass, ReadCapabilities, RenderTemplate
from connector.clients.core import (
    ACCEPT_JSON,
    READ_MAPPING,
    SEND_JSON,
    SEND_NDJSON,
    Call,
    EncoderLike,
    Execution,
    Hybrid,
    RerankerLike,
    index_of,
    lines,
    share,
    unless_ignored,
)
from connector.clients.hosts import check_elasticsearch_hosts
from connector.errors import RequestError
from connector.request.json_values import default_of
from connector.search.keeping import caller_of
from connector.search.needs import MultiSearch, Need, ReadMappings, arun
from connector.threads import MODELS


class AsyncHybridElasticsearch(AsyncElasticsearch):
    """The async twin of `HybridElasticsearch`: the same arguments. Models run off the event loop."""

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
        check_elasticsearch_hosts(args[0] if args else kwargs.get("hosts"))
        super().__init__(*args, **kwargs)
        self._hybrid = Hybrid(
            encoder,
            reranker,
            dict(models or {}),
            provenance,
            execution,
            default=default_of(self.transport.serializers.get_serializer("application/json")),
        )

    @classmethod
    def wrap(cls, es: AsyncElasticsearch, **hybrid: Any) -> AsyncHybridElasticsearch:
        """Make a client that shares another's connections, credentials and options: see `HybridElasticsearch.wrap`."""
        if not isinstance(es, AsyncElasticsearch):
            raise RequestError("es", type(es).__name__, "must be an elasticsearch.AsyncElasticsearch client")
        made = cls(_transport=es.transport, **hybrid)
        share(es, made)
        return made

    if TYPE_CHECKING:

        async def __aenter__(self) -> AsyncHybridElasticsearch: ...
    else:

        def options(self, **options: Any) -> AsyncHybridElasticsearch:
            """Return a client with other options: see `elasticsearch.AsyncElasticsearch.options`."""
            client = super().options(**options)
            client._hybrid = self._hybrid
            return client

    async def perform_request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any | None = None,
        endpoint_id: str | None = None,
        path_parts: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a search that is ours; pass on everything else as it is."""
        body = self._hybrid.read_body(endpoint_id, body)
        if self._hybrid.is_ours(endpoint_id, body):
            return await self._search(body, params or {}, index_of(path_parts))
        if endpoint_id and endpoint_id.startswith("indices."):
            self._hybrid.forget_mappings()
        send = partial(
            super().perform_request,
            method,
            path,
            params=params,
            headers=headers,
            endpoint_id=endpoint_id,
            path_parts=path_parts,
        )
        flow = self._hybrid.call_flow(endpoint_id, body, params or {}, index_of(path_parts))
        if flow is None:
            return await send(body=body)
        return await arun(flow, lambda need: self._perform_call(need, send))

    async def _perform_call(self, need: CallNeed, send: Callable[..., Any]) -> Any:
        match need:
            case Pass(body):
                return await send(body=body)
            case RenderTemplate(body):
                return await super().perform_request(
                    "POST", "/_render/template", headers=SEND_JSON, body=body, endpoint_id="render_search_template"
                )
            case OwnSearch(body, params, index):
                return await self._search(body, params, index)
            case ReadCapabilities():
                return await arun(self._hybrid.capabilities_flow(self._caller), self._read)

    async def _read(self, path: str) -> Any:
        endpoint = READ_MAPPING if path.endswith("/_mapping") else None
        return await super().perform_request("GET", path, headers=ACCEPT_JSON, endpoint_id=endpoint)

    async def _search(self, body: Any, params: Mapping[str, Any], index: str | None) -> ObjectApiResponse[Any]:
        flow = self._hybrid.flow(body, params, index, self._caller)
        call = Call.of(self)
        try:
            return call.response(await arun(flow, lambda need: self._perform(need, call)))
        except ApiError as error:
            return unless_ignored(error, self._ignore_status)

    async def _perform(self, need: Need, call: Call) -> Any:
        match need:
            case MultiSearch():
                return await arun(call.multi_search(need), self._send)
            case ReadMappings(index):
                return await self._read_mappings(index)
            case _:
                return await MODELS.run(self._hybrid.perform, need)

    async def _send(self, need: MultiSearch) -> Any:
        return await super().perform_request(
            "POST",
            "/_msearch",
            params=need.url_options,
            headers=SEND_NDJSON,
            body=lines(need),
            endpoint_id="msearch",
        )

    async def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        return await arun(self._hybrid.mappings_flow(self._caller, index), self._read)

    @property
    def _caller(self) -> str:
        return caller_of(self._headers)
