"""The short way: an index, its text fields, and two-stage search over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from elastic_transport import ObjectApiResponse

from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
from connector.clients.elasticsearch import HybridElasticsearch
from connector.clients.elasticsearch_api import AnyClient, hybrid_client, is_sync
from connector.clients.query_models import EncoderLike, RerankerLike
from connector.engines.answers import readable, search_in
from connector.errors import RequestError
from connector.facade.filters import as_queries
from connector.facade.pages import AsyncPages, Pages
from connector.facade.question import Paging, Question, check_text, legs_of, search_body, with_vectors
from connector.facade.rewriting import DEFAULT_TIMEOUT_S, Hook, Rewritten, arewritten, rewritten
from connector.facade.settings import checked_settings
from connector.facade.target_cache import TargetCache
from connector.facade.writing import create_index, write_documents
from connector.indexing import IndexReport, Passages
from connector.models.folders import BUNDLED
from connector.search.degradations import degraded_section
from connector.search.needs import Embed
from connector.threads import MODELS, SEARCHES

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from connector.facade.options import PageOptions, SearchOptions

BUNDLED_BLEND = 0.8
"""The share of the bundled reranker's log-odds in a hit's score; the rest is the fused rank's."""


class Connector:
    """Two-stage search over one index: BM25 and kNN fused by RRF, then a cross-encoder.

    Args:
        client: a client of this package, of elasticsearch-py or of opensearch-py, sync or async. A client of those
            libraries is wrapped, with `encoder` and `reranker`; one of this package keeps its own models unless they
            are given here.
        index: the index's name, or an alias.
        text_fields: dotted paths of the fields to search; their texts together are the passage. A boost ("title^3")
            counts for BM25. For a sub-field, an alias field or a `copy_to` target, encoder and reranker read the fields
            behind it.
        vector_field: where the vectors are; None finds it in the mapping, and names it `vector` in a new index.
        id_field: the key of a document's id.
        encoder: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        passages: how a new index splits long fields into passages, each with a vector; True is `Passages()`. An
            existing index records how its passages were split.
        rewrite: functions by name, each from the query's text to one or more texts that are searched in addition to it.
        rewrite_timeout: how long they may take, in seconds.

    Attributes:
        client: the client that runs the searches.
        index_name: the index's name.
        text_fields: the fields that are searched as text, without boosts.
        settings: the other arguments, checked.

    Raises:
        RequestError: an argument is wrong.

    Examples:
        >>> from connector import Connector, connect
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"])
        >>> articles.create()
        >>> report = articles.index(
        ...     [{"_id": "1", "title": "Descaling a kettle"}, {"_id": "2", "title": "Sharpening a knife"}]
        ... )
        >>> response = articles.search("remove limescale from a water boiler", size=1)
        >>> response["hits"]["hits"][0]["_source"]["title"]
        'Descaling a kettle'
    """

    def __init__(
        self,
        client: AnyClient,
        index: str,
        *,
        text_fields: Sequence[str],
        vector_field: str | None = None,
        id_field: str = "_id",
        encoder: EncoderLike | None = None,
        reranker: RerankerLike | None = None,
        passages: Passages | bool = False,
        rewrite: Mapping[str, Hook] | None = None,
        rewrite_timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self.settings = checked_settings(index, text_fields, vector_field, id_field, passages, rewrite, rewrite_timeout)
        models = {"encoder": encoder, "reranker": reranker}
        self.client = hybrid_client(client, **{name: model for name, model in models.items() if model is not None})
        self.index_name = self.settings.index
        self.text_fields = self.settings.names
        self._target = TargetCache(self.client.hybrid, self.settings)

    def create(self, fields: Mapping[str, Any] | None = None) -> None:
        """Create the index; nothing changes if it already exists with a vector field for this encoder.

        Args:
            fields: mappings of further fields of a new index, by dotted path; others are mapped as documents come.

        Raises:
            EncoderMismatchError: it exists, and its vectors are another encoder's.
            IndexMismatchError: it exists without a vector field, or without the passages that are asked for.
        """
        if create_index(self._sync("create"), self.settings, fields or {}):
            self._target.forget()

    def index(
        self, documents: Iterable[Mapping[str, Any]], *, on_progress: Callable[[int], None] | None = None
    ) -> IndexReport:
        """Write documents with their vectors, and make them visible to searches; warns if most have no text.

        Args:
            documents: any iterable of dicts, which is streamed. A document's id is under `id_field`.
            on_progress: called with the number of documents written so far.

        Raises:
            DocumentError: a document has the wrong shape.
            IndexingError: the cluster rejected some documents; all others were written.
            IndexMismatchError: the index has no vector field to write to.
            RequestError: a text field can't be read, or is in no mapping and in no document; nothing is written.
        """
        return write_documents(self._sync("index"), self.settings, documents, on_progress)

    def search(self, text: str, **options: Unpack[SearchOptions]) -> ObjectApiResponse[Any]:
        """Search for a text.

        Args:
            text: the query.
            **options: size: hits on the page (10).
                offset: hits before the page (0).
                filter: what every hit must match: queries of Elasticsearch's DSL, or {field: value},
                {field: [values]}, {field: {"gte": least}}, {field: None}, checked against the mapping: see
                `filters.as_queries`.
                depth: how many fused hits the reranker reads (50); it is raised if the page needs more. 0: no rerank.
                blend: the rerank score's share, 0 to 1; the rest is the fused rank's. None: 0.8 for the bundled
                reranker, the best over collections with each left out in turn; the rerank score alone for any other.
                budget_ms: how many milliseconds the search may take; hits that are not read in time keep their fused
                order below those that are. None: the client's `budget_ms`.
                source: which fields a hit's `_source` holds; None is all but the vectors and the passages.

        Returns:
            Elasticsearch's response, with `_hybrid` in it and in each hit.

        Raises:
            RequestError: an argument is wrong.
            EncoderMismatchError: the index's vectors are another encoder's.
            elasticsearch.ApiError: the cluster refused the search.
        """
        client = self._sync("search", "await asearch(...)")
        body, rewrites = self._body_of(client, Question(text, **options))
        with readable("_search"):
            found = client.search(index=self.index_name, **body)
        return self._annotated(found, rewrites)

    async def asearch(self, text: str, **options: Unpack[SearchOptions]) -> ObjectApiResponse[Any]:
        """Search for a text without blocking the event loop: see `search`. A sync client searches in a thread."""
        client = self.client
        if is_sync(client):
            return await SEARCHES.run(self.search, text, **options)
        body, rewrites = await self._abody_of(client, Question(text, **options))
        with readable("_search"):
            found = await client.search(index=self.index_name, **body)
        return self._annotated(found, rewrites)

    def pages(self, text: str, **options: Unpack[PageOptions]) -> Pages:
        """Page through a search's hits, which stay the same while documents are written and deleted.

        The search itself runs with the first page.

        Args:
            text: the query.
            **options: size: hits on a page (10).
                window: how many hits there are to page through (100).
                keep_alive: how long the point in time is kept after each page ("5m"), as Elasticsearch writes times.
                filter, depth, blend, budget_ms, source: as for `search`; the reranker reads the whole window, unless
                depth is 0.

        Returns:
            A cursor: iterate over its pages, or ask for one; use it in a `with`, or close it.

        Raises:
            RequestError: an argument is wrong.
            EncoderMismatchError: the index's vectors are another encoder's.
            elasticsearch.ApiError: the cluster refused the search.
        """
        client = self._sync("pages", "apages(...)")
        paging = Paging(text, **options)
        body, rewrites = self._body_of(client, paging.question)
        note = partial(self._annotated, rewrites=rewrites)
        return Pages(client, self.index_name, with_vectors(body, self._embed), paging.size, paging.keep_alive, note)

    async def apages(self, text: str, **options: Unpack[PageOptions]) -> AsyncPages:
        """Page through a search's hits without blocking the event loop: see `pages`."""
        client = self.client
        if is_sync(client):
            raise RequestError("client", type(client).__name__, "is sync, and apages() is not; use pages()")
        paging = Paging(text, **options)
        body, rewrites = await self._abody_of(client, paging.question)
        body = await MODELS.run(with_vectors, body, self._embed)
        note = partial(self._annotated, rewrites=rewrites)
        return AsyncPages(client, self.index_name, body, paging.size, paging.keep_alive, note)

    def legs(self, text: str, k: int) -> dict[str, dict[str, Any]]:
        """Return the retrievers that `search` fuses, in Elasticsearch's syntax, to run one alone or to build on.

        Args:
            text: the query.
            k: how many hits the vector retriever returns.

        Returns:
            The body of `standard`, and of `knn` if the index has a vector field for this encoder.

        Raises:
            RequestError: an argument is wrong, or the client is async.
        """
        check_text(text)
        client = self._sync("legs")
        target = self._target.find({} if self._target.is_known else client.read_mappings(self.index_name))
        self._target.warn_if_lexical()
        return legs_of(text, k, target)

    def _sync(self, method: str, instead: str = "a sync client") -> HybridElasticsearch:
        if not is_sync(self.client):
            raise RequestError("client", type(self.client).__name__, f"is async, and {method}() is not; use {instead}")
        return self.client

    def _embed(self, text: str) -> Sequence[float]:
        return self.client.hybrid.models.embed(Embed(text, None)).vector

    def _needs_mappings(self, question: Question) -> bool:
        return question.filter is not None or not self._target.is_known

    def _body_of(self, client: HybridElasticsearch, question: Question) -> tuple[dict[str, Any], Rewritten]:
        """Return the body of a search, and what the query was rewritten to."""
        mappings = client.read_mappings(self.index_name) if self._needs_mappings(question) else {}
        rewrites = rewritten(self.settings.rewrite, question.text, self.settings.rewrite_timeout)
        return self._body(question, mappings, rewrites), rewrites

    async def _abody_of(self, client: AsyncHybridElasticsearch, question: Question) -> tuple[dict[str, Any], Rewritten]:
        mappings: Mapping[str, Any] = {}
        if self._needs_mappings(question):
            await MODELS.run(client.hybrid.models.fingerprint)  # which loads the encoder off the event loop
            mappings = await client.read_mappings(self.index_name)
        rewrites = await arewritten(self.settings.rewrite, question.text, self.settings.rewrite_timeout)
        return self._body(question, mappings, rewrites), rewrites

    def _body(self, question: Question, mappings: Mapping[str, Any], rewrites: Rewritten) -> dict[str, Any]:
        target = self._target.find(mappings)
        default_blend = BUNDLED_BLEND if self.client.hybrid.models.reranker == BUNDLED else None
        filters = as_queries(question.filter, mappings)
        return search_body(question, target, filters, rewrites.texts, default_blend)

    def _annotated(self, response: ObjectApiResponse[Any], rewrites: Rewritten) -> ObjectApiResponse[Any]:
        """Add the rewritten texts and the hooks' failures to a response, and warn if no vectors were searched."""
        hybrid = search_in(response.body).get("_hybrid")
        if hybrid is not None and (rewrites.texts or rewrites.degradations):
            hybrid |= {"rewrites": rewrites.texts, **degraded_section(rewrites.degradations, hybrid)}
        self._target.warn_if_lexical()
        return response
