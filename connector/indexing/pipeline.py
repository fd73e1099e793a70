"""Documents become bulk actions with vectors: windows of documents are encoded together, then sent. Streamed.

Comes in from `connector`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeAlias

from connector.errors import DocumentError, IndexingError
from connector.indexing.passages import PassageMaker, Passages
from connector.models.encoder import Encoder
from connector.passages import passage_of

_WINDOW = 256
_MAX_BULK_BYTES = 10 * 1024 * 1024


class BulkClient(Protocol):
    """A client of ours, sync: what is needed of it here."""

    def _streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]: ...


@dataclass(frozen=True)
class Fields:
    """Which fields of a document are read and written.

    Attributes:
        text: dotted paths whose texts make the passage.
        vector: dotted path of the passage's vector.
        id: the key that holds the document's id; it is not kept in the source when it is `_id`.
        passages: how long fields are split; None: a document has one vector, that of all its texts.
    """

    text: tuple[str, ...]
    vector: str
    id: str
    passages: Passages | None = None


@dataclass(frozen=True)
class IndexReport:
    """What indexing did: how many documents were written, and how many of them have no text and so no vector."""

    indexed: int
    without_text: int


def index_documents(
    client: BulkClient,
    index: str,
    documents: Iterable[Mapping[str, Any]],
    fields: Fields,
    encoder: Encoder,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> IndexReport:
    """Write documents with vectors; any iterable, read once, in windows, so that memory does not grow with it.

    Args:
        client: a sync client.
        index: the index to write to.
        documents: the sources; each with an id, or without one for an id of the cluster's.
        fields: which fields are read and written.
        encoder: makes the vectors.
        on_progress: told the number of documents written so far.

    Raises:
        DocumentError: a document has another shape than it must have; those before it may have been written.
        IndexingError: the cluster refused some documents; all others were written.
    """
    indexed, without_text, failures = 0, 0, []
    vectorize = _with_passages(fields.passages, fields, encoder) if fields.passages else _with_vectors(fields, encoder)
    stream = iter(documents)
    place = 0
    while window := list(islice(stream, _WINDOW)):
        for offset, document in enumerate(window):
            _check(document, place + offset, fields)
        place += len(window)
        sources = vectorize(window)
        without_text += sum(source is None for source in sources)
        actions = _actions(window, sources, fields)
        for is_written, item in client._streaming_bulk(
            actions,
            index=index,
            chunk_size=_WINDOW,
            max_chunk_bytes=_MAX_BULK_BYTES,
            raise_on_error=False,
            max_retries=5,
            initial_backoff=0.5,
            max_backoff=30,
        ):
            indexed += is_written
            if not is_written:
                failures.append(next(iter(item.values())))
        if on_progress is not None:
            on_progress(indexed)
    if failures:
        raise IndexingError(indexed, failures)
    return IndexReport(indexed, without_text)


def _check(document: object, place: int, fields: Fields) -> None:
    if not isinstance(document, Mapping):
        raise DocumentError(place, "", document, "a document must be a mapping from field names to values")
    identifier = document.get(fields.id)
    if identifier is not None and (isinstance(identifier, bool) or not isinstance(identifier, str | int)):
        raise DocumentError(place, fields.id, identifier, "an id must be a string or a whole number")
    if identifier == "":
        raise DocumentError(place, fields.id, identifier, "an id must not be empty; leave it out for a generated one")


Vectorize: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any] | None]]
"""Gives the documents with their vectors, None for a document without text."""


def _with_vectors(fields: Fields, encoder: Encoder) -> Vectorize:
    def vectorize(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        passages = [passage_of(document, fields.text) for document in documents]
        vectors = iter(encoder.encode([passage for passage in passages if passage]))
        return [
            with_value(document, fields.vector, next(vectors).tolist()) if passage else None
            for document, passage in zip(documents, passages, strict=True)
        ]

    return vectorize


def _with_passages(passages: Passages, fields: Fields, encoder: Encoder) -> Vectorize:
    maker = PassageMaker(passages, fields.text, encoder)

    def vectorize(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        made = [maker.split(document) for document in documents]
        vectors = iter(encoder.encode([passage.read for of_document in made for passage in of_document]))
        objects = [[passage.to_source(next(vectors).tolist()) for passage in of_document] for of_document in made]
        return [
            with_value(document, passages.path, of_document) if of_document else None
            for document, of_document in zip(documents, objects, strict=True)
        ]

    return vectorize


def _actions(
    documents: Sequence[Mapping[str, Any]], sources: Sequence[dict[str, Any] | None], fields: Fields
) -> Iterator[dict[str, Any]]:
    """Write the bulk actions; a document without text is written without a vector."""
    for document, vectorized in zip(documents, sources, strict=True):
        whole = document if vectorized is None else vectorized
        source = {name: value for name, value in whole.items() if name != "_id"}
        identifier = document.get(fields.id)
        yield {"_source": source} if identifier is None else {"_id": str(identifier), "_source": source}


def with_value(source: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Give a copy of a source with one value set at a dotted path; what is shared with the source is not changed."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**source, head: value}
    inner = source.get(head)
    return {**source, head: with_value(inner if isinstance(inner, Mapping) else {}, rest, value)}
