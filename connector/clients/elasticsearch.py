"""The drop-in client for elasticsearch-py: searches that a free licence can't run are answered here.

The seam is `perform_request`: everything else passes through it byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from elasticsearch import Elasticsearch, helpers

from connector.clients.core import Execution, Hybrid
from connector.clients.elasticsearch_py import call_of, copy_options, default_in, is_passed_on, options_of
from connector.clients.hosts import check_elasticsearch_hosts
from connector.clients.query_models import EncoderLike, QueryModels, RerankerLike
from connector.clients.sending import ClientNeed, Send
from connector.engines.answers import bulk_items_in, readable
from connector.errors import RequestError
from connector.models.score_stores import SCORE_CACHE_BYTES, ScoreStore
from connector.search.keeping import caller_of
from connector.search.needs import Compute, run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from connector.clients.elasticsearch_py import RequestOptions


class HybridElasticsearch(Elasticsearch):
    """elasticsearch-py's client, which also runs the retrievers that a free licence, or an old version, does not.

    Models load on first use, once.

    Args:
        *args: as for `elasticsearch.Elasticsearch`.
        encoder: embeds query texts: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: scores pairs: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        models: more encoders and rerankers, by the `model_id` or `inference_id` that requests call them by.
        provenance: add `_hybrid` to the response and to each hit; False leaves the response exactly Elastic's.
        execution: "auto" and "client" run compound retrievers here; "native" passes on what the cluster's licence is
            known to run, and runs here what the cluster then refuses.
        budget_ms: how many milliseconds a search may take if it has no `budget_ms` of its own; None: any time.
        rerank_limit: how many searches each reranker reads for at the same time; others keep their fused order. None:
            16 for each core if it computes here, 256 if it is a function.
        score_cache: how many bytes of scores each loaded model keeps, 0 for none; or a store that several share.
        **kwargs: as for `elasticsearch.Elasticsearch`.

    Examples:
        >>> from connector import HybridElasticsearch
        >>> es = HybridElasticsearch("http://localhost:9200")
        >>> written = es.index(index="example-books", id="1", document={"title": "Emma"}, refresh=True)
        >>> title = {"standard": {"query": {"match": {"title": "emma"}}}}
        >>> everything = {"standard": {"query": {"match_all": {}}}}
        >>> response = es.search(index="example-books", retriever={"rrf": {"retrievers": [title, everything]}})
        >>> response["hits"]["hits"][0]["_source"]
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
        check_elasticsearch_hosts(args[0] if args else kwargs.get("hosts"))
        super().__init__(*args, **kwargs)
        query_models = QueryModels(encoder, reranker, dict(models or {}), rerank_limit, score_cache)
        self.hybrid = Hybrid(query_models, provenance, execution, default=default_in(self), budget_ms=budget_ms)

    @classmethod
    def wrap(cls, es: Elasticsearch, **hybrid: Any) -> HybridElasticsearch:
        """Return a client that shares another's connections, credentials and options.

        Args:
            es: an elasticsearch-py client; closing either closes both.
            **hybrid: encoder, reranker, models, provenance and the rest, as for the class.
        """
        if not isinstance(es, Elasticsearch):
            raise RequestError("es", type(es).__name__, "must be an elasticsearch.Elasticsearch client")
        wrapped = cls(_transport=es.transport, **hybrid)
        copy_options(es, wrapped)
        return wrapped

    if TYPE_CHECKING:  # type checkers and editors show the parent's signatures

        def __enter__(self) -> HybridElasticsearch: ...
    else:

        def options(self, **options: Any) -> HybridElasticsearch:
            """Return a client with other options: see `elasticsearch.Elasticsearch.options`."""
            client = super().options(**options)
            client.hybrid = self.hybrid
            return client

    def perform_request(self, method: str, path: str, **request: Unpack[RequestOptions]) -> Any:
        """Answer a search that the cluster can't run; pass on everything else as it is."""
        if is_passed_on(request):
            return super().perform_request(method, path, **request)
        return run(self.hybrid.handle(call_of(self, Send(method, path, **request))), self._perform)

    def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings, as read less than a minute ago; {} if they can't be read."""
        return run(self.hybrid.cluster.mappings(caller_of(self._headers), index), self._perform)

    def streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        """Run bulk actions in chunks: see `elasticsearch.helpers.streaming_bulk`."""
        checked: Any = _CheckedBulk(self)
        return iter(helpers.streaming_bulk(checked, actions, **options))

    def _perform(self, need: ClientNeed) -> Any:
        if isinstance(need, Compute):
            return need.work()
        return super().perform_request(need.method, need.path, **options_of(need))


class _CheckedBulk:
    """A client for elasticsearch-py's bulk helper, which loses documents if an answer has fewer items than actions."""

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
