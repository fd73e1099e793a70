"""A retriever and a reranking document compressor for LangChain, and LangChain's embeddings as an encoder.

Needs the extra `langchain` (langchain-core).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from connector.clients.query_models import RerankerLike
from connector.errors import MissingExtraError, RequestError
from connector.facade.connector import Connector
from connector.facade.filters import Filter
from connector.integrations.documents import FoundDocument, Reading, checked_count
from connector.integrations.reranking import TextReranker
from connector.models.encoder import Fingerprint, name_of
from connector.models.folders import BUNDLED
from connector.models.once import Once
from connector.models.texts import checked_texts, unit_rows
from connector.threads import MODELS

try:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
        Callbacks,
    )
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, PrivateAttr
except ImportError as error:
    raise MissingExtraError(str(error.name), "langchain") from error

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


_OPTIONS = ("k", "offset", "filter", "depth", "blend", "budget_ms", "source")


class ConnectorRetriever(BaseRetriever):
    """Two-stage search as a LangChain retriever: `ConnectorRetriever(connector=articles).invoke("a question")`.

    A document has the hit's `_id` as `id`. Its metadata has the source's fields, `_index`, `_id`, `_score` and
    `_hybrid`: the rank and score in each leg, the fused rank, the rerank score, the model, and `degraded`, which is a
    reason or None. These names hide fields of the source with the same name.

    A call may replace the retriever's `k`, `offset`, `filter`, `depth`, `blend`, `budget_ms` and `source`:
    `retriever.invoke("a question", k=3, filter={"lang": "en"})`.

    Args:
        connector: the connector to search with; if its client is async, only `ainvoke` works.
        k: how many documents to return.
        offset, filter, depth, blend, budget_ms, source: as for `Connector.search`; the content's fields are always
            fetched.
        content: the field of `page_content`, or a template such as "{title}. {body}"; None joins the connector's text
            fields.
        metadata_field: the object whose fields are the metadata, such as `metadata` in an index of LangChain's
            `ElasticsearchStore`; None takes the whole source.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.integrations.langchain import ConnectorRetriever
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"])
        >>> articles.create()
        >>> report = articles.index([{"_id": "1", "title": "Descaling a kettle"}])
        >>> ConnectorRetriever(connector=articles, k=3).invoke("remove limescale")[0].page_content
        'Descaling a kettle'
    """

    connector: Connector
    k: int = 10
    offset: int = 0
    filter: Filter | None = None
    depth: int = 50
    blend: float | None = None
    budget_ms: float | None = None
    source: bool | Sequence[str] | None = None
    content: str | None = None
    metadata_field: str | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Check the options of the documents."""
        super().model_post_init(context)
        _ = self._reading

    @property
    def _reading(self) -> Reading:
        return Reading(self.connector.text_fields, self.content, self.metadata_field)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        response = self.connector.search(query, **self._options(options))
        return [_document(found) for found in self._reading.documents(response.body)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        response = await self.connector.asearch(query, **self._options(options))
        return [_document(found) for found in self._reading.documents(response.body)]

    def _options(self, changes: dict[str, Any]) -> dict[str, Any]:
        for name, value in changes.items():
            if name not in _OPTIONS:
                near = difflib.get_close_matches(name, _OPTIONS, n=1) or _OPTIONS
                raise RequestError(name, value, f"is not an option of a search; use {', '.join(near)}")
        options = {name: changes.get(name, getattr(self, name)) for name in _OPTIONS}
        return {
            "size": checked_count("k", options.pop("k")),
            **options,
            "source": self._reading.source(options["source"]),
        }


class ConnectorReranker(BaseDocumentCompressor):
    """A cross-encoder over the documents of any retriever, for `ContextualCompressionRetriever`.

    It returns a copy of each document, with `_score` (which orders them) and `_rerank_score` (the raw logit, or None
    without text) in its metadata. Documents without text are last.

    Args:
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        blend: the weight of the score against the original rank, from 0 to 1. None is 0.8 for the bundled reranker, and
            the score alone for any other.
        top_n: how many documents to keep; None keeps all.

    Raises:
        RequestError: the query is too long for the model.
        ModelError: the model failed.

    Examples:
        >>> from langchain_core.documents import Document
        >>> from connector.integrations.langchain import ConnectorReranker
        >>> found = [Document("Sharpening a knife"), Document("Descaling a kettle")]
        >>> ConnectorReranker(blend=1, top_n=1).compress_documents(found, "remove limescale")[0].page_content
        'Descaling a kettle'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    reranker: Any = BUNDLED
    blend: float | None = None
    top_n: int | None = None
    _texts: TextReranker = PrivateAttr()

    if TYPE_CHECKING:

        def __init__(
            self, *, reranker: RerankerLike = BUNDLED, blend: float | None = None, top_n: int | None = None
        ) -> None: ...

    def model_post_init(self, context: Any, /) -> None:
        """Check the arguments; the model loads on first use."""
        super().model_post_init(context)
        self._texts = TextReranker(self.reranker, self.blend)
        if self.top_n is not None:
            checked_count("top_n", self.top_n)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Return documents in the reranker's order, best first."""
        order = self._texts.order(query, [document.page_content for document in documents], self.top_n)
        return [
            documents[text.place].model_copy(
                update={
                    "metadata": {
                        **documents[text.place].metadata,
                        "_score": text.score,
                        "_rerank_score": text.rerank_score,
                    }
                }
            )
            for text in order
        ]

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Order documents without blocking the event loop: see `compress_documents`."""
        return await MODELS.run(self.compress_documents, documents, query, callbacks)


class EmbeddingsEncoder:
    """LangChain's embeddings as an encoder, for an index whose vectors they wrote.

    `Connector(es, "my-index", text_fields=["text"], encoder=EmbeddingsEncoder(embeddings))`. Vectors are
    normalised, so the index's similarity must be `cosine` or `dot_product`.

    Args:
        embeddings: an object with `embed_documents` and `embed_query`.
        name: the encoder's name in the mapping's `_meta`; None takes the model's name.

    Examples:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> from connector.integrations.langchain import EmbeddingsEncoder
        >>> EmbeddingsEncoder(DeterministicFakeEmbedding(size=8)).encode(["a kettle", "a knife"]).shape
        (2, 8)
    """

    def __init__(self, embeddings: Embeddings, *, name: str | None = None) -> None:
        if not hasattr(embeddings, "embed_documents") or not hasattr(embeddings, "embed_query"):
            raise RequestError("embeddings", embeddings, "must be LangChain's Embeddings")
        self._embeddings = embeddings
        self._name = name or _model_name(embeddings)
        self._dims = Once(lambda: self.encode_queries(["a"]).shape[1])

    @property
    def fingerprint(self) -> Fingerprint:
        """What identifies the encoder; the number of dims is measured by encoding one short text."""
        return Fingerprint(self._name, "", self._dims.get(), "", True, "", "")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the passages' vectors: float32 (n, dims), unit rows.

        Raises:
            RequestError: a text is not a string.
            ModelError: the embeddings failed or returned unusable vectors.
        """
        clean = checked_texts(texts, "texts")
        if not clean:
            return np.empty((0, self._dims.get()), dtype=np.float32)
        return unit_rows(self._embeddings.embed_documents(clean), len(clean), self._name)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the queries' vectors: see `encode`."""
        clean = checked_texts(texts, "texts")
        if not clean:
            return np.empty((0, self._dims.get()), dtype=np.float32)
        return unit_rows([self._embeddings.embed_query(text) for text in clean], len(clean), self._name)


def _document(found: FoundDocument) -> Document:
    return Document(id=found.id, page_content=found.content, metadata=found.metadata)


def _model_name(embeddings: object) -> str:
    """Return the embeddings' model name, which most of LangChain's have, or else the name of their class."""
    named = (getattr(embeddings, attribute, None) for attribute in ("model", "model_name"))
    return next((name for name in named if isinstance(name, str) and name), name_of(embeddings))
