"""The short way: an index, its text fields, and two-stage search over them."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from elastic_transport import ObjectApiResponse, TransportError
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch

from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
from connector.clients.core import EncoderLike, RerankerLike, is_opensearchs
from connector.clients.elasticsearch import HybridElasticsearch
from connector.documents.text_fields import parse_text_fields, resolve_fields, source_paths, text_names
from connector.engines.answers import readable, search_in
from connector.errors import IndexMismatchError, RequestError
from connector.facade.filters import Filter, as_queries
from connector.facade.pages import DEFAULT_KEEP_ALIVE, AsyncPages, Pages, checked_keep_alive
from connector.facade.question import MAX_WINDOW, Question, Target, check_text, legs_of, search_body, with_vectors
from connector.facade.rewriting import (
    DEFAULT_TIMEOUT_S,
    Hook,
    Rewritten,
    arewritten,
    checked_hooks,
    checked_timeout,
    rewritten,
)
from connector.facade.target import find_target, find_vector_field, split_by, why_lexical
from connector.indexing import IndexReport, Passages, index_body, index_documents
from connector.indexing.first_documents import Bare, checked_documents, is_mostly_without
from connector.indexing.pipeline import Fields
from connector.indexing.splitting import PassageMaker, as_passages
from connector.models.folders import BUNDLED
from connector.search.needs import Embed
from connector.threads import MODELS, SEARCHES

if TYPE_CHECKING:
    from opensearchpy import AsyncOpenSearch, OpenSearch
    from typing_extensions import TypeIs

AnyClient: TypeAlias = "Elasticsearch | AsyncElasticsearch | OpenSearch | AsyncOpenSearch"
BUNDLED_BLEND = 0.8
"""How much of the bundled reranker's log-odds a search takes, beside the fused rank's."""


class Connector:
    """Two-stage search over one index: BM25 and kNN fused by RRF, then a cross-encoder.

    Args:
        client: a client of ours, of elasticsearch-py or of opensearch-py, sync or async. One that is not ours is
            wrapped, with `encoder` and `reranker`; one of ours keeps its own models unless they are given here.
        index: the index's name, or an alias.
        text_fields: dotted paths of the fields to search; their texts together are the passage. A boost ("title^3")
            counts for BM25. Of a sub-field, an alias field or a `copy_to` target, encoder and reranker read the fields
            behind it.
        vector_field: where the vectors are; None finds it in the mapping, and names it `vector` in a new index.
        id_field: the key of a document's id.
        encoder: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        passages: how a new index splits long fields into passages, each with a vector; True is `Passages()`. An index
            that has passages says itself how they were split.
        rewrite: functions by name, each from the query's text to one or several texts that are searched beside it.
        rewrite_timeout: how long they may take, in seconds.

    Raises:
        RequestError: an argument is wrong.
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
        self._named_fields = parse_text_fields(text_fields)
        _check_name("index", index, "an index")
        _check_name("id_field", id_field, "the key of a document's id")
        if vector_field is not None:
            _check_name("vector_field", vector_field, "a field")
        self.client = _ours(client, encoder, reranker)
        self.index_name = index
        self.text_fields = tuple(field.name for field in self._named_fields)
        self._vector_field = vector_field
        self._id_field = id_field
        self._passages = as_passages(passages, vector_field, self.text_fields)
        self._rewrite = checked_hooks(rewrite)
        self._rewrite_timeout = checked_timeout(rewrite_timeout)
        self._target: Target | None = None
        self._lexical_because: str | None = None

    def create(self) -> None:
        """Create the index; nothing changes where it already exists with a vector field of this encoder's.

        Raises:
            EncoderMismatchError: it exists, and its vectors are another encoder's.
            IndexMismatchError: it exists without a vector field, or without passages where these are asked for.
        """
        client = self._sync("create")
        fingerprint = client._hybrid.fingerprint()
        if client.indices.exists(index=self.index_name):
            mappings = self._mappings(client)
            field = self._vector_field_in(mappings)
            if field is None:
                raise IndexMismatchError(
                    f"index {self.index_name!r} exists and has no vector field of {fingerprint.dims} dims. "
                    "Create an index of another name and index the documents into it"
                )
            if self._passages is not None and split_by(mappings, field) is None:
                raise IndexMismatchError(
                    f"index {self.index_name!r} exists and keeps one vector a document, not passages. Create an index "
                    "of another name with passages, or leave passages out here"
                )
            return
        passages = self._passages
        vector_field = passages.vector_field if passages else self._vector_field or "vector"
        if passages:
            PassageMaker(passages, self.text_fields, client._hybrid.own_encoder())  # refuses what would not fit
        body = index_body(client._hybrid.dialect, self.text_fields, vector_field, fingerprint, passages)
        client.indices.create(index=self.index_name, body=body)
        self._target = None

    def index(
        self, documents: Iterable[Mapping[str, Any]], *, on_progress: Callable[[int], None] | None = None
    ) -> IndexReport:
        """Write documents with their vectors, and make them visible to searches.

        Args:
            documents: any iterable of dicts; it is streamed. The id stands under `id_field`.
            on_progress: told the number of documents written so far.

        Raises:
            DocumentError: a document has another shape than it must have.
            IndexingError: the cluster refused some documents; all others were written.
            IndexMismatchError: the index has no vector field to write to.
            RequestError: a text field can't be read, or is in no mapping and in no document; nothing is written.

        Warns: most documents have no text.
        """
        client = self._sync("index")
        mappings = self._mappings(client)
        vector_field = self._vector_field_in(mappings)
        if vector_field is None:
            raise IndexMismatchError(
                f"index {self.index_name!r} has no vector field of {client._hybrid.fingerprint().dims} dims to write "
                "to. Call create() for a new index"
            )
        found = resolve_fields(mappings, self._named_fields)
        fields = Fields(source_paths(found), vector_field, self._id_field, split_by(mappings, vector_field))
        tally = Bare(fields.text)
        checked = tally.counted(checked_documents(documents, found, self._id_field, text_names(mappings)))
        try:
            report = index_documents(
                client, self.index_name, checked, fields, client._hybrid.own_encoder(), on_progress=on_progress
            )
        except BaseException:
            with suppress(ApiError, TransportError, RecursionError):  # the first error is the one to see
                client.indices.refresh(index=self.index_name)
            raise
        with readable("_refresh"):
            client.indices.refresh(index=self.index_name)
            client._hybrid.forget_mappings()  # dynamic fields may have been added
        if is_mostly_without(tally.bare, tally.total):
            warnings.warn(
                f"{tally.bare:,} of {tally.total:,} documents have no text in {', '.join(self.text_fields)}, so they "
                "have no vector; check text_fields",
                stacklevel=2,
            )
        return report

    def search(
        self,
        text: str,
        *,
        size: int = 10,
        offset: int = 0,
        filter: Filter | None = None,
        depth: int = 50,
        blend: float | None = None,
        source: bool | Sequence[str] | None = None,
    ) -> ObjectApiResponse[Any]:
        """Search for a text.

        Args:
            text: the query.
            size: hits on the page.
            offset: hits before the page.
            filter: what every hit must match: queries of Elasticsearch's DSL, or {field: value}, {field: [values]},
                {field: {"gte": least}}, {field: None}, checked against the mapping: see `filters.as_queries`.
            depth: how many fused hits the reranker reads; it is raised where the page needs more. 0: no rerank.
            blend: the rerank score's share beside the fused rank's, 0 to 1. None: 0.8 for the bundled reranker, the
                best over collections with each left out in turn; the score alone for any other.
            source: which fields a hit's `_source` holds; None is all but the vectors and the passages.

        Returns:
            Elasticsearch's response, with `_hybrid` in it and in each hit.

        Raises:
            RequestError: an argument is wrong.
            EncoderMismatchError: the index's vectors are another encoder's.
            elasticsearch.ApiError: the cluster refused the search.
        """
        client = self._sync("search", "await asearch(...)")
        question = Question(text, size, offset, depth, blend, source)
        body, rewrites = self._asked(client, question, filter)
        with readable("_search"):
            found = client.search(index=self.index_name, **body)
        return self._told(found, rewrites)

    async def asearch(
        self,
        text: str,
        *,
        size: int = 10,
        offset: int = 0,
        filter: Filter | None = None,
        depth: int = 50,
        blend: float | None = None,
        source: bool | Sequence[str] | None = None,
    ) -> ObjectApiResponse[Any]:
        """Search for a text without blocking the event loop: see `search`. A sync client searches in a thread."""
        client = self.client
        if _is_sync(client):
            return await SEARCHES.run(
                self.search, text, size=size, offset=offset, filter=filter, depth=depth, blend=blend, source=source
            )
        question = Question(text, size, offset, depth, blend, source)
        body, rewrites = await self._aasked(client, question, filter)
        with readable("_search"):
            found = await client.search(index=self.index_name, **body)
        return self._told(found, rewrites)

    def pages(
        self,
        text: str,
        *,
        size: int = 10,
        window: int = 100,
        filter: Filter | None = None,
        depth: int = 50,
        blend: float | None = None,
        source: bool | Sequence[str] | None = None,
        keep_alive: str = DEFAULT_KEEP_ALIVE,
    ) -> Pages:
        """Page through a search's hits, which stay as they are while documents are written and deleted.

        Args:
            text, filter, depth, blend, source: as for `search`; the reranker reads the whole window, unless depth is 0.
            size: hits on a page.
            window: how many hits there are to page through.
            keep_alive: how long the point in time is kept after each page, as Elasticsearch writes times.

        Returns:
            A cursor: iterate over its pages, or ask for one; use it in a `with`, or close it.

        Raises: as `search`; the search itself runs with the first page.
        """
        client = self._sync("pages", "apages(...)")
        question = _paged(text, window, depth, blend, source, size)
        checked_keep_alive(keep_alive)
        body, rewrites = self._asked(client, question, filter)
        note = partial(self._told, rewrites=rewrites)
        return Pages(client, self.index_name, with_vectors(body, self._embedded), size, keep_alive, note)

    async def apages(
        self,
        text: str,
        *,
        size: int = 10,
        window: int = 100,
        filter: Filter | None = None,
        depth: int = 50,
        blend: float | None = None,
        source: bool | Sequence[str] | None = None,
        keep_alive: str = DEFAULT_KEEP_ALIVE,
    ) -> AsyncPages:
        """Page through a search's hits without blocking the event loop: see `pages`."""
        client = self.client
        if _is_sync(client):
            raise RequestError("client", type(client).__name__, "is sync, and apages() is not; use pages()")
        question = _paged(text, window, depth, blend, source, size)
        checked_keep_alive(keep_alive)
        body, rewrites = await self._aasked(client, question, filter)
        body = await MODELS.run(with_vectors, body, self._embedded)
        note = partial(self._told, rewrites=rewrites)
        return AsyncPages(client, self.index_name, body, size, keep_alive, note)

    def legs(self, text: str, k: int) -> dict[str, dict[str, Any]]:
        """Return the retrievers that `search` fuses, in Elasticsearch's syntax, to look at one alone or to build on.

        Args:
            text: the query.
            k: how many hits the vectors' leg gives.

        Returns:
            the body of `standard`, and of `knn` where the index has a vector field of this encoder.

        Raises:
            RequestError: an argument is wrong, or the client is async.
        """
        check_text(text)
        client = self._sync("legs")
        target = self._target_from(self._known(client, None))
        self._warn_if_lexical()
        return legs_of(text, k, target)

    def _sync(self, method: str, instead: str = "a sync client") -> HybridElasticsearch:
        if not _is_sync(self.client):
            raise RequestError("client", type(self.client).__name__, f"is async, and {method}() is not; use {instead}")
        return self.client

    def _mappings(self, client: HybridElasticsearch) -> Mapping[str, Any]:
        return client._read_mappings(self.index_name)

    def _embedded(self, text: str) -> Sequence[float]:
        return self.client._hybrid.embed(Embed(text, None)).vector

    def _known(self, client: HybridElasticsearch, filter: Filter | None) -> Mapping[str, Any]:
        """Return the mappings where something is to be found in them or checked against them."""
        return {} if self._target is not None and filter is None else self._mappings(client)

    async def _aknown(self, client: AsyncHybridElasticsearch, filter: Filter | None) -> Mapping[str, Any]:
        if self._target is not None and filter is None:
            return {}
        await MODELS.run(client._hybrid.fingerprint)
        return await client._read_mappings(self.index_name)

    def _asked(
        self, client: HybridElasticsearch, question: Question, filter: Filter | None
    ) -> tuple[dict[str, Any], Rewritten]:
        """Write the body of a search, and give what the query was rewritten to."""
        mappings = self._known(client, filter)
        rewrites = rewritten(self._rewrite, question.text, self._rewrite_timeout)
        return self._body(question, filter, mappings, rewrites), rewrites

    async def _aasked(
        self, client: AsyncHybridElasticsearch, question: Question, filter: Filter | None
    ) -> tuple[dict[str, Any], Rewritten]:
        mappings = await self._aknown(client, filter)
        rewrites = await arewritten(self._rewrite, question.text, self._rewrite_timeout)
        return self._body(question, filter, mappings, rewrites), rewrites

    def _body(
        self, question: Question, filter: Filter | None, mappings: Mapping[str, Any], rewrites: Rewritten
    ) -> dict[str, Any]:
        target = self._target_from(mappings)
        whole = replace(question, filters=as_queries(filter, mappings), rewrites=rewrites.texts)
        return search_body(whole, target, BUNDLED_BLEND if self.client._hybrid.reranker == BUNDLED else None)

    def _target_from(self, mappings: Mapping[str, Any]) -> Target:
        """Return what is searched, found in the mappings once; without a vector field of this encoder's, text alone."""
        if self._target is not None:
            return self._target
        hybrid = self.client._hybrid
        target = find_target(mappings, self._named_fields, self._vector_field, hybrid.fingerprint(), hybrid.dialect)
        if mappings and target.vector_field is not None and target.is_mapped:
            self._target = target
        self._lexical_because = None
        if target.vector_field is None:
            self._lexical_because = why_lexical(mappings, hybrid.fingerprint(), hybrid.dialect)
        return target

    def _told(self, response: ObjectApiResponse[Any], rewrites: Rewritten) -> ObjectApiResponse[Any]:
        """Say which texts were searched beside the query, which hooks gave none, and warn where no vector was."""
        said = search_in(response.body).get("_hybrid")
        if said is not None and (rewrites.texts or rewrites.failures):
            reasons = [*([said["degraded"]] if said["degraded"] else []), *rewrites.failures]
            said |= {"rewrites": rewrites.texts, "degraded": "; ".join(reasons) or None}
        self._warn_if_lexical()
        return response

    def _warn_if_lexical(self) -> None:
        if self._lexical_because is not None:
            warnings.warn(
                f"index {self.index_name!r} has no vector field for this encoder ({self._lexical_because}): "
                "searches are lexical, then reranked",
                stacklevel=4,
            )

    def _vector_field_in(self, mappings: Mapping[str, Any]) -> str | None:
        hybrid = self.client._hybrid
        return find_vector_field(mappings, self._vector_field, hybrid.fingerprint(), hybrid.dialect)


def _check_name(argument: str, value: object, what: str) -> None:
    """Refuse what can't be a name: it has to be text that UTF-8 can hold."""
    if not isinstance(value, str) or not value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise RequestError(argument, value, f"must be the name of {what}")


def _paged(
    text: str, window: int, depth: int, blend: float | None, source: bool | Sequence[str] | None, size: int
) -> Question:
    for name, value in (("size", size), ("window", window)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_WINDOW:
            raise RequestError(name, value, f"must be a whole number from 1 to {MAX_WINDOW:,}")
    return Question(text, window, 0, depth, blend, source)


def _ours(
    client: AnyClient, encoder: EncoderLike | None, reranker: RerankerLike | None
) -> HybridElasticsearch | AsyncHybridElasticsearch:
    """Return the client itself where it is one of ours and keeps its models, else one that shares its connections.

    One of opensearch-py's is given so that it is called as elasticsearch-py's are.
    """
    given = {"encoder": encoder, "reranker": reranker}
    models = {name: model for name, model in given.items() if model is not None}
    made: Any = client
    if isinstance(client, Elasticsearch):
        made = _with_models(HybridElasticsearch, client, models)
    elif isinstance(client, AsyncElasticsearch):
        made = _with_models(AsyncHybridElasticsearch, client, models)
    elif is_opensearchs(client):
        from connector.clients.opensearch.adapter import adapted

        made = adapted(client, lambda kind: _with_models(kind, client, models))
    else:
        raise RequestError("client", type(client).__name__, "must be a client of elasticsearch-py or of opensearch-py")
    return cast(HybridElasticsearch, made)


def _with_models(kind: Any, client: Any, models: dict[str, Any]) -> Any:
    if not isinstance(client, kind):
        return kind.wrap(client, **models)
    if not models:
        return client
    own = client._hybrid
    kept = {name: getattr(own, name) for name in ("encoder", "reranker", "models", "provenance", "execution")}
    return kind.wrap(client, **(kept | models))


def _is_sync(client: object) -> TypeIs[HybridElasticsearch]:
    return not asyncio.iscoroutinefunction(getattr(client, "_read_mappings", None))
