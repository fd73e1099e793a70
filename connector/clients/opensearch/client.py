"""The drop-in client for opensearch-py: its own, with searches by retrievers answered here.

The seam is the transport's `perform_request`: everything else passes through it as it came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
    OpenSearch,
    Request,
    SerializationError,
    Transport,
    TransportError,
    UnreadableError,
    as_api_error,
    as_transport_error,
    call_of,
    helpers,
    ndjson,
    response,
)
from connector.engines import OpenSearchDialect
from connector.engines.answers import bulk_items_in, readable
from connector.errors import RequestError
from connector.request.json_values import default_of
from connector.search.keeping import caller_of
from connector.search.needs import MultiSearch, Need, ReadMappings, run


class HybridOpenSearch(OpenSearch):
    """opensearch-py's client, which also runs Elastic's retrievers: BM25 and kNN fused, a cross-encoder over them.

    Args:
        *args: as `opensearchpy.OpenSearch`.
        encoder: embeds query texts: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: scores pairs: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        models: more encoders and rerankers, by the `model_id` or `inference_id` that requests call them by.
        provenance: add `_hybrid` to the response and to each hit; False leaves the response exactly OpenSearch's.
        execution: "auto" and "client" run retrievers here; "native" has the cluster fuse, by its `hybrid` query, what
            that can express, and runs here what it can't or refuses.
        **kwargs: as `opensearchpy.OpenSearch`.

    `search(index=..., body={"retriever": ...})` is Elasticsearch's request. Models load on first use, once.
    """

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
        self.transport: Any = HybridTransport(self.transport, self._hybrid)

    @classmethod
    def wrap(cls, client: OpenSearch, **hybrid: Any) -> HybridOpenSearch:
        """Make a client that shares another's connections, credentials and options.

        Args:
            client: an opensearch-py client; closing either closes both.
            **hybrid: encoder, reranker, models, provenance, execution, as for the class.
        """
        if not isinstance(client, OpenSearch):
            raise RequestError("client", type(client).__name__, "must be an opensearchpy.OpenSearch client")
        shared = client.transport.inner if isinstance(client.transport, HybridTransport) else client.transport
        return cls(transport_class=lambda *_, **__: shared, **hybrid)

    def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        read: Mapping[str, Any] = self.transport.read_mappings(index)
        return read

    def _streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        checked: Any = _CheckedBulk(self)
        return iter(helpers.streaming_bulk(checked, actions, **options))


class _CheckedBulk:
    """A client for opensearch-py's bulk helper, which loses documents where an answer has fewer items than asked."""

    def __init__(self, client: HybridOpenSearch) -> None:
        self._client = client
        self.transport = client.transport

    def bulk(self, *args: Any, body: str, **options: Any) -> Any:
        """Send index actions, each with its document."""
        with readable("_bulk"):
            try:
                answer = self._client.bulk(*args, body=body, **options)
            except SerializationError as error:
                raise as_api_error(error) from error
        bulk_items_in(answer, body.count("\n") // 2)
        return answer


_RENAMED_OPTIONS = {"basic_auth": "http_auth", "request_timeout": "timeout"}
_OPTIONS = frozenset(
    {
        *("encoder", "reranker", "models", "provenance", "execution"),
        *("http_auth", "timeout", "headers", "http_compress", "opaque_id", "transport_class", "connection_class"),
        *("max_retries", "retry_on_status", "retry_on_timeout", "pool_maxsize"),
        *("ca_certs", "client_cert", "client_key", "ssl_assert_fingerprint", "ssl_context", "ssl_show_warn"),
        *("ssl_assert_hostname", "ssl_version", "verify_certs"),
    }
)


def own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give options that may go by elasticsearch-py's names the names that opensearch-py knows.

    Raises:
        RequestError: opensearch-py has no such option; it would pass over it in silence.
    """
    named = {_RENAMED_OPTIONS.get(name, name): value for name, value in options.items()}
    for name in named.keys() - _OPTIONS:
        raise RequestError(
            name,
            type(named[name]).__name__,
            f"is no option of OpenSearch's client; it has {', '.join(sorted(_OPTIONS))}",
        )
    return named


class HybridTransport:
    """An opensearch-py transport, but for searches of ours.

    Args:
        inner: sends everything.
        hybrid: what searches of ours need beside.
    """

    def __init__(self, inner: Transport, hybrid: Hybrid) -> None:
        self.inner = inner
        self._hybrid = hybrid

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # not there yet, as while being copied
            raise AttributeError(name)
        return getattr(self.inner, name)

    def perform_request(
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
                    return self._search(request, searches, request.params, request.index).body
                flow = self._hybrid.call_flow(request.endpoint, searches, request.params, request.index)
                if flow is not None:
                    return run(flow, lambda need: self._perform_call(need, request)).body
            except (ApiError, UnreadableError) as error:
                raise as_transport_error(error) from error.__cause__
        return self.inner.perform_request(
            method, url, params=params, body=body, timeout=timeout, ignore=ignore, headers=headers
        )

    def read_mappings(self, index: str | None, request: Request = READ) -> Mapping[str, Any]:
        """Read an index's mappings, or give those read a short time ago; {} when they can't be read.

        Args:
            index: an index expression.
            request: whose credentials and timeout are taken.
        """
        flow = self._hybrid.mappings_flow(caller_of(request.headers), index)
        return run(flow, lambda path: self._sent(request, "GET", path, {}, None))

    def _perform_call(self, need: CallNeed, request: Request) -> Any:
        match need:
            case Pass(body):
                body = ndjson(self.inner, body) if request.has_lines else body
                return self._sent(request, request.method, request.url, request.given, body, request.ignore)
            case RenderTemplate(body):
                return self._sent(request, "POST", "/_render/template", {}, body)
            case OwnSearch(body, params, index):
                return self._search(request, body, params, index)

    def _search(
        self, request: Request, body: Any, params: Mapping[str, Any], index: str | None
    ) -> ObjectApiResponse[Any]:
        flow = self._hybrid.flow(body, params, index, caller_of(request.headers))
        call = call_of(self.inner)

        def perform(need: Need) -> Any:
            match need:
                case MultiSearch():
                    return run(call.multi_search(need), lambda need: self._send(request, need))
                case ReadMappings(index):
                    return self.read_mappings(index, request)
                case _:
                    return self._hybrid.perform(need)

        try:
            return call.response(run(flow, perform))
        except ApiError as error:
            return unless_ignored(error, request.ignore)

    def _send(self, request: Request, need: MultiSearch) -> ObjectApiResponse[Any]:
        return self._sent(request, "POST", "/_msearch", need.url_options, ndjson(self.inner, lines(need)))

    def _sent(
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
                self.inner.perform_request(
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
