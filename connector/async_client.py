"""The async twin of `client`: the same seam, the same flows, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, AsyncElasticsearch, UnsupportedProductError

from connector.calls import CallNeed, OwnSearch, Pass, ReadCapabilities, RenderTemplate
from connector.capabilities import Capabilities, read_capabilities
from connector.errors import RequestError
from connector.hybrid import (
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
    mapping_path,
    share,
    unless_ignored,
)
from connector.json_values import default_of
from connector.needs import MultiSearch, Need, ReadMappings, arun


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
            """Give a client with other options: see `elasticsearch.AsyncElasticsearch.options`."""
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
                return await self._read_capabilities()

    async def _read_capabilities(self) -> Capabilities:
        if self._hybrid.capabilities is None:
            info, licence = await self._asked("/"), await self._asked("/_license")
            self._hybrid.capabilities = read_capabilities(info, licence)
        return self._hybrid.capabilities

    async def _asked(self, path: str) -> Any:
        try:
            return (await super().perform_request("GET", path, headers=ACCEPT_JSON)).body
        except (ApiError, UnsupportedProductError):  # not allowed to ask, or no such endpoint
            return None

    async def _search(self, body: Any, params: Mapping[str, Any], index: str | None) -> ObjectApiResponse[Any]:
        flow = self._hybrid.flow(body, params, index)
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
                return await asyncio.to_thread(self._hybrid.perform, need)

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
        if (kept := self._hybrid.kept_mappings(index)) is not None:
            return kept
        path = mapping_path(index)
        try:
            response = await super().perform_request("GET", path, headers=ACCEPT_JSON, endpoint_id=READ_MAPPING)
        except ApiError:  # not allowed to read it, or no such index, which the search itself will tell
            return self._hybrid.keep_mappings(index, {})
        return self._hybrid.keep_mappings(index, response.body if response.meta.status == 200 else {})
