"""The drop-in client: elasticsearch-py's own, with the searches that a free licence can't run answered here.

The seam is `perform_request`: everything else passes through it byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elastic_transport import ObjectApiResponse
from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError, helpers

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
from connector.clients.hosts import check_elasticsearch_hosts, scheme_of
from connector.engines.answers import bulk_items_in, readable
from connector.engines.capabilities import read_capabilities
from connector.errors import RequestError
from connector.request.json_values import default_of
from connector.search.keeping import caller_of
from connector.search.needs import MultiSearch, Need, ReadMappings, run

if TYPE_CHECKING:
    from connector.clients.opensearch.client import HybridOpenSearch

_ASKING_TIMEOUT_S = 5


class HybridElasticsearch(Elasticsearch):
    """elasticsearch-py's client, which also runs the retrievers that a free licence, or an old version, does not.

    Args:
        *args: as `elasticsearch.Elasticsearch`.
        encoder: embeds query texts: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: scores pairs: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        models: more encoders and rerankers, by the `model_id` or `inference_id` that requests call them by.
        provenance: add `_hybrid` to the response and to each hit; False leaves the response exactly Elastic's.
        execution: "auto" and "client" run compound retrievers here; "native" passes on what the cluster's licence is
            known to run, and runs here what it refuses all the same.
        **kwargs: as `elasticsearch.Elasticsearch`.

    Models load on first use, once.
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
    def wrap(cls, es: Elasticsearch, **hybrid: Any) -> HybridElasticsearch:
        """Make a client that shares another's connections, credentials and options.

        Args:
            es: an elasticsearch-py client; closing either closes both.
            **hybrid: encoder, reranker, models, provenance, execution, as for the class.
        """
        if not isinstance(es, Elasticsearch):
            raise RequestError("es", type(es).__name__, "must be an elasticsearch.Elasticsearch client")
        made = cls(_transport=es.transport, **hybrid)
        share(es, made)
        return made

    if TYPE_CHECKING:  # the parent's signatures are the ones to show

        def __enter__(self) -> HybridElasticsearch: ...
    else:

        def options(self, **options: Any) -> HybridElasticsearch:
            """Return a client with other options: see `elasticsearch.Elasticsearch.options`."""
            client = super().options(**options)
            client._hybrid = self._hybrid
            return client

    def perform_request(
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
            return self._search(body, params or {}, index_of(path_parts))
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
            return send(body=body)
        return run(flow, lambda need: self._perform_call(need, send))

    def _perform_call(self, need: CallNeed, send: Callable[..., Any]) -> Any:
        match need:
            case Pass(body):
                return send(body=body)
            case RenderTemplate(body):
                return super().perform_request(
                    "POST", "/_render/template", headers=SEND_JSON, body=body, endpoint_id="render_search_template"
                )
            case OwnSearch(body, params, index):
                return self._search(body, params, index)
            case ReadCapabilities():
                return run(self._hybrid.capabilities_flow(self._caller), self._read)

    def _read(self, path: str) -> Any:
        endpoint = READ_MAPPING if path.endswith("/_mapping") else None
        return super().perform_request("GET", path, headers=ACCEPT_JSON, endpoint_id=endpoint)

    def _search(self, body: Any, params: Mapping[str, Any], index: str | None) -> ObjectApiResponse[Any]:
        flow = self._hybrid.flow(body, params, index, self._caller)
        call = Call.of(self)
        try:
            return call.response(run(flow, lambda need: self._perform(need, call)))
        except ApiError as error:
            return unless_ignored(error, self._ignore_status)

    def _perform(self, need: Need, call: Call) -> Any:
        match need:
            case MultiSearch():
                return run(call.multi_search(need), self._send)
            case ReadMappings(index):
                return self._read_mappings(index)
            case _:
                return self._hybrid.perform(need)

    def _send(self, need: MultiSearch) -> Any:
        return super().perform_request(
            "POST",
            "/_msearch",
            params=need.url_options,
            headers=SEND_NDJSON,
            body=lines(need),
            endpoint_id="msearch",
        )

    def _read_mappings(self, index: str | None) -> Mapping[str, Any]:
        return run(self._hybrid.mappings_flow(self._caller, index), self._read)

    @property
    def _caller(self) -> str:
        return caller_of(self._headers)

    def _streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        checked: Any = _CheckedBulk(self)
        return iter(helpers.streaming_bulk(checked, actions, **options))


class _CheckedBulk:
    """A client for elasticsearch-py's bulk helper, which loses documents where an answer has fewer items than asked."""

    def __init__(self, client: HybridElasticsearch) -> None:
        vars(self)["_client"] = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._client, name, value)

    def options(self, **options: Any) -> _CheckedBulk:
        """Return such a client with other options."""
        return _CheckedBulk(self._client.options(**options))

    def bulk(self, *args: Any, operations: list[Any], **options: Any) -> Any:
        """Send index actions, each with its document."""
        with readable("_bulk"):
            answer = self._client.bulk(*args, operations=operations, **options)
        bulk_items_in(answer.body, len(operations) // 2)
        return answer


def connect(url: str, **options: Any) -> HybridElasticsearch | HybridOpenSearch:
    """Open a client of the engine that is at a URL, found out by `GET /`; one that does not tell is Elasticsearch.

    Args:
        url: `http(s)://...` for a cluster; `embedded:` for an engine in memory; `embedded:DIR` for one that keeps its
            documents in a directory, which closing the client releases.
        **options: as for `HybridElasticsearch`; on OpenSearch those that `HybridOpenSearch` has too, `basic_auth` and
            `request_timeout` under these names.

    Raises:
        RequestError: another kind of URL, one that can't be read, or an option that OpenSearch's client does not have.
        MissingExtraError: it is an OpenSearch, and opensearch-py is not installed.
        EmbeddedStoreError: the directory can't be opened.
    """
    if not isinstance(url, str):
        raise RequestError("url", url, "must be a string, as http://localhost:9200 or embedded:")
    scheme, _, rest = url.partition(":")
    if scheme in ("http", "https"):
        client = HybridElasticsearch(url, **options)
        if read_capabilities(_told_of(client), None).flavour != "opensearch":
            return client
        client.close()
        from connector.clients.opensearch.client import HybridOpenSearch, own_options

        return HybridOpenSearch(url, **own_options(options))
    if scheme == "embedded":
        from connector.embedded import Engine, owning_node_class

        engine = Engine(Path(rest) if rest else None)
        try:
            return HybridElasticsearch("http://embedded:9200", node_class=owning_node_class(engine), **options)
        except BaseException:  # nobody could close the engine, and its directory would stay locked
            engine.close()
            raise
    raise RequestError(
        "url", scheme_of(url), "must begin with http://, https:// or embedded: (embedded:DIR keeps data)"
    )


def _told_of(client: HybridElasticsearch) -> Any:
    """Ask a server what it is; None where it does not tell, or nothing answers, which the first call will tell."""
    asking = client.options(max_retries=0, request_timeout=_ASKING_TIMEOUT_S)
    try:
        return asking.perform_request("GET", "/", headers=ACCEPT_JSON).body
    except UnsupportedProductError as error:
        return error.body
    except (ApiError, TransportError, RecursionError):
        return None
