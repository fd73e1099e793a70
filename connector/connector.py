"""The short way: an index, its text fields, and two-stage search over them."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from elastic_transport import ObjectApiResponse
from elasticsearch import AsyncElasticsearch, Elasticsearch

from connector.async_client import AsyncHybridElasticsearch
from connector.client import HybridElasticsearch
from connector.errors import IndexMismatchError, RequestError
from connector.filters import Filter, as_queries
from connector.hybrid import EncoderLike, RerankerLike
from connector.indexing import IndexReport, index_body, index_documents
from connector.indexing.pipeline import Fields
from connector.models.folders import BUNDLED
from connector.retriever_tree import check_encodable
from connector.vectors import check_encoder, fingerprint_in, vector_fields

_MAX_WINDOW = 10_000
_MIN_CANDIDATES = 100
BUNDLED_BLEND = 0.8
"""How much of the bundled reranker's log-odds a search takes, beside the fused rank's."""


class Connector:
    """Two-stage search over one index: BM25 and kNN fused by RRF, then a cross-encoder.

    Args:
        client: a client of ours or of elasticsearch-py, sync or async. One of elasticsearch-py's is wrapped, with
            `encoder` and `reranker`; one of ours keeps its own models unless they are given here.
        index: the index's name, or an alias.
        text_fields: dotted paths of the fields to search; their texts together are the passage.
        vector_field: where the vectors are; None finds it in the mapping, and names it `vector` in a new index.
        id_field: the key of a document's id.
        encoder: a model's name or path, an `Encoder`, or a function texts -> (n, dims).
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).

    Raises:
        RequestError: an argument is wrong.
    """

    def __init__(
        self,
        client: Elasticsearch | AsyncElasticsearch,
        index: str,
        *,
        text_fields: Sequence[str],
        vector_field: str | None = None,
        id_field: str = "_id",
        encoder: EncoderLike | None = None,
        reranker: RerankerLike | None = None,
    ) -> None:
        if isinstance(text_fields, str) or not text_fields or not all(isinstance(f, str) and f for f in text_fields):
            raise RequestError("text_fields", text_fields, 'must be a list of field names, as ["title", "body"]')
        if not isinstance(index, str) or not index:
            raise RequestError("index", index, "must be the name of an index")
        self.client = _ours(client, encoder, reranker)
        self.index_name = index
        self.text_fields = tuple(text_fields)
        self._vector_field = vector_field
        self._id_field = id_field
        self._found_vector_field: str | None = vector_field

    def create(self) -> None:
        """Create the index; nothing changes where it already exists with a vector field of this encoder's.

        Raises:
            EncoderMismatchError: it exists, and its vectors are another encoder's.
            IndexMismatchError: it exists without a vector field.
        """
        client = self._sync("create")
        fingerprint = client._hybrid.fingerprint()
        if client.indices.exists(index=self.index_name):
            if self._find_vector_field(self._mappings(client)) is None:
                raise IndexMismatchError(
                    f"index {self.index_name!r} exists and has no vector field of {fingerprint.dims} dims. "
                    "Create an index of another name and index the documents into it"
                )
            return
        vector_field = self._vector_field or "vector"
        client.indices.create(
            index=self.index_name,
            body=index_body(client._hybrid.dialect, self.text_fields, vector_field, fingerprint),
        )
        self._found_vector_field = vector_field

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
        """
        client = self._sync("index")
        vector_field = self._found_vector_field or self._find_vector_field(self._mappings(client))
        if vector_field is None:
            raise IndexMismatchError(
                f"index {self.index_name!r} has no vector field of {client._hybrid.fingerprint().dims} dims to write "
                "to. Call create() for a new index"
            )
        self._found_vector_field = vector_field
        fields = Fields(self.text_fields, vector_field, self._id_field)
        try:
            return index_documents(
                client, self.index_name, documents, fields, client._hybrid.own_encoder(), on_progress=on_progress
            )
        finally:
            client.indices.refresh(index=self.index_name)

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
            source: which fields a hit's `_source` holds; None is all but the vectors.

        Returns:
            Elasticsearch's response, with `_hybrid` in it and in each hit.

        Raises:
            RequestError: an argument is wrong.
            EncoderMismatchError: the index's vectors are another encoder's.
            elasticsearch.ApiError: the cluster refused the search.
        """
        client = self._sync("search", "await asearch(...)")
        vector_field = self._vector_field_from(lambda: self._mappings(client))
        filters = as_queries(filter, {} if filter is None else self._mappings(client))
        body = self._body(text, size, offset, filters, depth, blend, source, vector_field)
        response = client.search(index=self.index_name, **body)
        self._warn_if_lexical(vector_field)
        return response

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
        if isinstance(client, HybridElasticsearch):
            return await asyncio.to_thread(
                self.search, text, size=size, offset=offset, filter=filter, depth=depth, blend=blend, source=source
            )
        mappings: Mapping[str, Any] = {}
        if self._found_vector_field is None or filter is not None:
            mappings = await client._read_mappings(self.index_name)
            await asyncio.to_thread(client._hybrid.fingerprint)
        vector_field = self._vector_field_from(lambda: mappings)
        filters = as_queries(filter, mappings)
        body = self._body(text, size, offset, filters, depth, blend, source, vector_field)
        response = await client.search(index=self.index_name, **body)
        self._warn_if_lexical(vector_field)
        return response

    def legs(self, text: str, k: int) -> dict[str, dict[str, Any]]:
        """Give the retrievers that `search` fuses, in Elasticsearch's syntax, to look at one alone or to build on.

        Args: text: the query. k: how many hits the vectors' leg gives.
        Returns: the body of `standard`, and of `knn` where the index has a vector field of this encoder.
        Raises: RequestError: an argument is wrong, or the client is async.
        """
        _check_text(text)
        client = self._sync("legs")
        vector_field = self._vector_field_from(lambda: self._mappings(client))
        self._warn_if_lexical(vector_field)
        return self._legs(text, k, vector_field)

    def _legs(self, text: str, window: int, vector_field: str | None) -> dict[str, dict[str, Any]]:
        lexical = {"multi_match": {"query": text, "fields": list(self.text_fields), "type": "most_fields"}}
        legs: dict[str, dict[str, Any]] = {"standard": {"query": lexical}}
        if vector_field is not None:
            knn = {
                "field": vector_field,
                "query_vector_builder": {"text_embedding": {"model_text": text}},
                "k": window,
                "num_candidates": max(_MIN_CANDIDATES, min(2 * window, _MAX_WINDOW)),
            }
            legs["knn"] = knn
        return legs

    def _sync(self, method: str, instead: str = "a sync client") -> HybridElasticsearch:
        if not isinstance(self.client, HybridElasticsearch):
            raise RequestError("client", type(self.client).__name__, f"is async, and {method}() is not; use {instead}")
        return self.client

    def _mappings(self, client: HybridElasticsearch) -> Mapping[str, Any]:
        return client._read_mappings(self.index_name)

    def _vector_field_from(self, mappings: Callable[[], Mapping[str, Any]]) -> str | None:
        """Give the vector field to search, read from the mapping once; None: the index has none, so search text."""
        if self._found_vector_field is None:
            self._found_vector_field = self._find_vector_field(mappings())
        return self._found_vector_field

    def _warn_if_lexical(self, vector_field: str | None) -> None:
        if vector_field is None:
            warnings.warn(
                f"index {self.index_name!r} has no vector field for this encoder, or its mapping can't be read: "
                "searches are lexical, then reranked",
                stacklevel=3,
            )

    def _find_vector_field(self, mappings: Mapping[str, Any]) -> str | None:
        """Find the field whose vectors are this encoder's: by `_meta`, else the only one of its dims."""
        hybrid = self.client._hybrid
        fingerprint = hybrid.fingerprint()
        candidates: set[str] = set()
        for index, body in mappings.items():
            mapping = body["mappings"]
            dims = vector_fields(mapping, hybrid.dialect)
            written = {field: found for field in dims if (found := fingerprint_in(mapping, field)) is not None}
            ours = {field for field, found in written.items() if not found.differences(fingerprint)}
            if self._vector_field is not None:
                candidates |= dims.keys() & {self._vector_field}
            elif ours:
                candidates |= ours
            elif written:
                check_encoder({index: body}, next(iter(written)), fingerprint, hybrid.dialect)
            else:
                candidates |= {field for field, found in dims.items() if found == fingerprint.dims}
        if len(candidates) > 1:
            raise RequestError("vector_field", None, f"must be one of {', '.join(sorted(candidates))}: say which")
        return next(iter(candidates), None)

    def _body(
        self,
        text: str,
        size: int,
        offset: int,
        filters: Sequence[Mapping[str, Any]],
        depth: int,
        blend: float | None,
        source: bool | Sequence[str] | None,
        vector_field: str | None,
    ) -> dict[str, Any]:
        """Write the search body: the retriever tree, and what stands beside it."""
        _check_text(text)
        for name, value in (("size", size), ("offset", offset), ("depth", depth)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise RequestError(name, value, "must be a whole number of at least 0")
        window = max(depth, size + offset, 1)
        if window > _MAX_WINDOW:
            raise RequestError("size", size, f"size, offset and depth reach past {_MAX_WINDOW:,} hits; page less deep")
        legs = self._legs(text, window, vector_field)
        tree: dict[str, Any] = {
            "rrf": {"retrievers": [{kind: leg} for kind, leg in legs.items()], "rank_window_size": window}
        }
        if filters:
            tree["rrf"]["filter"] = list(filters)
        if depth > 0:
            reranker: dict[str, Any] = {
                "field": list(self.text_fields),
                "inference_text": text,
                "rank_window_size": window,
            }
            if blend is None and self.client._hybrid.reranker == BUNDLED:
                blend = BUNDLED_BLEND
            if blend is not None:
                reranker["blend"] = blend
            tree = {"text_similarity_reranker": {"retriever": tree, **reranker}}
        body: dict[str, Any] = {"retriever": tree, "size": size, "from_": offset}
        if source is not None:
            body["source"] = source
        elif vector_field is not None:
            body["source"] = {"excludes": [vector_field]}
        return body


def _check_text(text: object) -> None:
    if not isinstance(text, str) or not text.strip():
        raise RequestError("text", text, "must be a text to search for")
    check_encodable(text, "text")


def _ours(
    client: Elasticsearch | AsyncElasticsearch, encoder: EncoderLike | None, reranker: RerankerLike | None
) -> HybridElasticsearch | AsyncHybridElasticsearch:
    """Give the client itself where it is one of ours and keeps its models, else one that shares its connections."""
    kind: Any = HybridElasticsearch if isinstance(client, Elasticsearch) else AsyncHybridElasticsearch
    given = {"encoder": encoder, "reranker": reranker}
    models = {name: model for name, model in given.items() if model is not None}
    made: HybridElasticsearch | AsyncHybridElasticsearch
    if not isinstance(client, HybridElasticsearch | AsyncHybridElasticsearch):
        made = kind.wrap(client, **models)
    elif models:
        own = client._hybrid
        kept = {name: getattr(own, name) for name in ("encoder", "reranker", "models", "provenance", "execution")}
        made = kind.wrap(client, **(kept | models))
    else:
        made = client
    return made
