"""The drop-in client for opensearch-py: searches by retrievers are answered here.

The seam is the transport's `perform_request`: everything else passes through it as it came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from connector.clients.call_flows import Pass
from connector.clients.core import Execution, Hybrid
from connector.clients.hosts import check_opensearch_hosts
from connector.clients.opensearch.translation import (
    OWN_REQUEST,
    OpenSearch,
    Request,
    SerializationError,
    Transport,
    as_api_error,
    elasticsearch_errors,
    helpers,
    is_passed_on,
    opensearch_errors,
    response,
)
from connector.clients.query_models import EncoderLike, QueryModels, RerankerLike
from connector.clients.sending import ClientNeed
from connector.engines import OpenSearchDialect
from connector.engines.answers import bulk_items_in, readable
from connector.errors import RequestError
from connector.models.score_stores import SCORE_CACHE_BYTES, ScoreStore
from connector.request.json_values import default_of
from connector.search.needs import Compute, run


class HybridOpenSearch(OpenSearch):
    """opensearch-py's client, which also runs Elastic's retrievers: BM25 and kNN fused, then a cross-encoder.

    `search(index=..., body={"retriever": ...})` takes Elasticsearch's request. Models load on first use, once.

    Args:
        *args: as for `opensearchpy.OpenSearch`.
        encoder: embeds query texts: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: scores pairs: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        models: more encoders and rerankers, by the `model_id` or `inference_id` that requests call them by.
        provenance: add `_hybrid` to the response and to each hit; False leaves the response exactly OpenSearch's.
        execution: "auto" and "client" run retrievers here; "native" has the cluster fuse, by its `hybrid` query, what
            that can express, and runs the rest here, as well as what the cluster refuses.
        budget_ms: how many milliseconds a search may take if it has no `budget_ms` of its own; None: any time.
        rerank_limit: how many searches each reranker reads for at the same time; others keep their fused order. None:
            16 for each core if it computes here, 256 if it is a function.
        score_cache: how many bytes of scores each loaded model keeps, 0 for none; or a store that several share.
        **kwargs: as for `opensearchpy.OpenSearch`.

    Examples:
        >>> from connector import HybridOpenSearch
        >>> client = HybridOpenSearch("http://localhost:9200")
        >>> written = client.index(index="example-books", id="1", body={"title": "Emma"}, refresh=True)
        >>> title = {"standard": {"query": {"match": {"title": "emma"}}}}
        >>> everything = {"standard": {"query": {"match_all": {}}}}
        >>> body = {"retriever": {"rrf": {"retrievers": [title, everything]}}}
        >>> client.search(index="example-books", body=body)["hits"]["hits"][0]["_source"]
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
        self.transport: Any = HybridTransport(self.transport, self.hybrid)

    @classmethod
    def wrap(cls, client: OpenSearch, **hybrid: Any) -> HybridOpenSearch:
        """Return a client that shares another's connections, credentials and options.

        Args:
            client: an opensearch-py client; closing either closes both.
            **hybrid: encoder, reranker, models, provenance and the rest, as for the class.
        """
        if not isinstance(client, OpenSearch):
            raise RequestError("client", type(client).__name__, "must be an opensearchpy.OpenSearch client")
        shared = client.transport.inner if isinstance(client.transport, HybridTransport) else client.transport
        return cls(transport_class=lambda *_, **__: shared, **hybrid)

    def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings, as read less than a minute ago; {} if they can't be read."""
        read: Mapping[str, Any] = self.transport.read_mappings(index)
        return read

    def streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        """Run bulk actions in chunks: see `opensearchpy.helpers.streaming_bulk`."""
        checked: Any = _CheckedBulk(self)
        return iter(helpers.streaming_bulk(checked, actions, **options))


class _CheckedBulk:
    """A client for opensearch-py's bulk helper, which loses documents if an answer has fewer items than actions."""

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


class HybridTransport:
    """An opensearch-py transport that answers searches by retrievers.

    Args:
        inner: sends everything.
        hybrid: answers the searches.
    """

    def __init__(self, inner: Transport, hybrid: Hybrid) -> None:
        self.inner = inner
        self.hybrid = hybrid

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
        """Answer a search by retrievers; pass on everything else as it is."""
        sent: dict[str, Any] = {
            "params": params,
            "body": body,
            "timeout": timeout,
            "ignore": ignore,
            "headers": headers,
        }
        if is_passed_on(method, url, body):
            return self.inner.perform_request(method, url, **sent)
        request = Request.of(method, url, **sent)
        call = request.call(self.inner)
        routed = self.hybrid.route(call)
        if isinstance(routed, Pass):
            return self.inner.perform_request(method, url, **sent)
        with opensearch_errors():
            return run(self.hybrid.answer(routed, call), partial(self._perform, request)).body

    def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridOpenSearch.read_mappings`."""
        caller = OWN_REQUEST.call(self.inner).caller
        return run(self.hybrid.cluster.mappings(caller, index), partial(self._perform, OWN_REQUEST))

    def _perform(self, request: Request, need: ClientNeed) -> Any:
        if isinstance(need, Compute):
            return need.work()
        with elasticsearch_errors():
            options = request.options_for(need, self.inner)
            return response(self.inner.perform_request(need.method, need.path, **options))
