"""The drop-in client for elasticsearch-py's async client: see `clients.elasticsearch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elasticsearch import AsyncElasticsearch

from connector.clients.core import Execution, Hybrid
from connector.clients.elasticsearch_py import call_of, copy_options, default_in, is_passed_on, options_of
from connector.clients.hosts import check_elasticsearch_hosts
from connector.clients.query_models import EncoderLike, QueryModels, RerankerLike
from connector.clients.sending import ClientNeed, Send, performed
from connector.errors import RequestError
from connector.models.score_stores import SCORE_CACHE_BYTES, ScoreStore
from connector.search.keeping import caller_of
from connector.search.needs import Compute, arun

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from connector.clients.elasticsearch_py import RequestOptions


class AsyncHybridElasticsearch(AsyncElasticsearch):
    """The async twin of `HybridElasticsearch`: the same arguments. Models run off the event loop.

    Examples:
        >>> import asyncio
        >>> from connector import AsyncHybridElasticsearch
        >>> async def first_book() -> dict[str, str]:
        ...     async with AsyncHybridElasticsearch("http://localhost:9200") as es:
        ...         await es.index(index="example-books", id="1", document={"title": "Emma"}, refresh=True)
        ...         title = {"standard": {"query": {"match": {"title": "emma"}}}}
        ...         everything = {"standard": {"query": {"match_all": {}}}}
        ...         retriever = {"rrf": {"retrievers": [title, everything]}}
        ...         response = await es.search(index="example-books", retriever=retriever)
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
        check_elasticsearch_hosts(args[0] if args else kwargs.get("hosts"))
        super().__init__(*args, **kwargs)
        query_models = QueryModels(encoder, reranker, dict(models or {}), rerank_limit, score_cache)
        self.hybrid = Hybrid(query_models, provenance, execution, default=default_in(self), budget_ms=budget_ms)

    @classmethod
    def wrap(cls, es: AsyncElasticsearch, **hybrid: Any) -> AsyncHybridElasticsearch:
        """Return a client that shares another's connections and options: see `HybridElasticsearch.wrap`."""
        if not isinstance(es, AsyncElasticsearch):
            raise RequestError("es", type(es).__name__, "must be an elasticsearch.AsyncElasticsearch client")
        wrapped = cls(_transport=es.transport, **hybrid)
        copy_options(es, wrapped)
        return wrapped

    if TYPE_CHECKING:

        async def __aenter__(self) -> AsyncHybridElasticsearch: ...
    else:

        def options(self, **options: Any) -> AsyncHybridElasticsearch:
            """Return a client with other options: see `elasticsearch.AsyncElasticsearch.options`."""
            client = super().options(**options)
            client.hybrid = self.hybrid
            return client

    async def perform_request(self, method: str, path: str, **request: Unpack[RequestOptions]) -> Any:
        """Answer a search that the cluster can't run; pass on everything else as it is."""
        if is_passed_on(request):
            return await super().perform_request(method, path, **request)
        return await arun(self.hybrid.handle(call_of(self, Send(method, path, **request))), self._perform)

    async def read_mappings(self, index: str | None) -> Mapping[str, Any]:
        """Return an index's mappings: see `HybridElasticsearch.read_mappings`."""
        return await arun(self.hybrid.cluster.mappings(caller_of(self._headers), index), self._perform)

    async def _perform(self, need: ClientNeed) -> Any:
        if isinstance(need, Compute):
            return await performed(need)
        return await super().perform_request(need.method, need.path, **options_of(need))
