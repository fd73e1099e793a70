"""Indexes a stream of documents: some are encoded together, then sent in bulk requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from connector.documents.paths import check_place
from connector.errors import DocumentError, IndexingError
from connector.exact_json import dumps, holds_exact_numbers
from connector.indexing.splitting import Passages
from connector.indexing.vector_field import VectorLayout, vector_layout_of, with_vectors
from connector.models.encoder import Encoder
from connector.models.texts import own_errors

_TOGETHER = 256
_MAX_BULK_BYTES = 10 * 1024 * 1024
_MAX_ID_BYTES = 512  # a longer one fails the whole bulk request on a cluster


class BulkClient(Protocol):
    """What is needed of a sync client."""

    def streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        """Run bulk actions in chunks."""


@dataclass(frozen=True)
class Fields:
    """Which fields of a document are read and written.

    Attributes:
        text: dotted paths of the texts to encode.
        vector: dotted path of the vector.
        id: the field that holds the document's id; without it, `_id` does, which is removed from the source.
        passages: how long fields are split; None: one vector for all texts of a document.
    """

    text: tuple[str, ...]
    vector: str
    id: str
    passages: Passages | None = None


@dataclass(frozen=True)
class IndexReport:
    """What indexing did.

    Attributes:
        indexed: how many documents were written.
        without_text: how many of the documents have no text, and so no vector.
    """

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
    """Write documents with vectors; the iterable is read once, as a stream, in bounded memory.

    Args:
        client: a sync client.
        index: the index to write to.
        documents: the sources, each with an id, or without one for a generated id.
        fields: which fields are read and written.
        encoder: makes the vectors.
        on_progress: called with the number of documents written so far.

    Raises:
        DocumentError: a document has the wrong shape; documents before it may have been written.
        IndexingError: the cluster refused some documents; all others were written.
    """
    indexed, without_text, failures = 0, 0, []
    layout = vector_layout_of(fields.text, fields.vector, fields.passages, encoder)
    stream = iter(documents)
    place = 0
    while together := list(islice(stream, _TOGETHER)):
        for offset, document in enumerate(together):
            _check(document, place + offset, fields.id, layout.place)
        place += len(together)
        vectorized = _vectorized(together, layout, encoder)
        without_text += sum(not has_text for _, has_text in vectorized)
        actions = _actions(together, (source for source, _ in vectorized), fields.id)
        for is_written, item in client.streaming_bulk(
            actions,
            index=index,
            chunk_size=_TOGETHER,
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


def _id_of(document: Mapping[str, Any], id_field: str) -> Any:
    return document.get(id_field, document.get("_id"))


def _check(document: object, place: int, id_field: str, vector_place: str) -> None:
    if not isinstance(document, Mapping):
        raise DocumentError(place, "", document, "a document must be a mapping from field names to values")
    identifier = _id_of(document, id_field)
    if identifier is not None and (isinstance(identifier, bool) or not isinstance(identifier, str | int)):
        raise DocumentError(place, id_field, identifier, "an id must be a string or a whole number")
    if identifier == "":
        raise DocumentError(place, id_field, identifier, "an id must not be empty; leave it out for a generated one")
    try:
        length = len(str(identifier).encode())
    except UnicodeEncodeError as error:
        raise DocumentError(place, id_field, identifier, "an id must not hold half a surrogate pair") from error
    if length > _MAX_ID_BYTES:
        raise DocumentError(place, id_field, identifier, f"an id has at most {_MAX_ID_BYTES} bytes, this one {length}")
    try:
        check_place(document, vector_place)
    except ValueError as error:
        raise DocumentError(place, vector_place, document.get(vector_place.partition(".")[0]), str(error)) from error


def _vectorized(
    documents: Sequence[Mapping[str, Any]], layout: VectorLayout, encoder: Encoder
) -> list[tuple[dict[str, Any], bool]]:
    """Return the documents with their vectors, and whether each has text, and so a vector."""
    parts = [layout.parts(document) for document in documents]
    with own_errors("the encoder"):
        vectors = iter(encoder.encode([part.text for of_document in parts for part in of_document]))
    return [
        (with_vectors(document, layout, own, [next(vectors).tolist() for _ in own]), bool(own))
        for document, own in zip(documents, parts, strict=True)
    ]


def _actions(
    documents: Sequence[Mapping[str, Any]], sources: Iterable[dict[str, Any]], id_field: str
) -> Iterator[dict[str, Any]]:
    """Yield the bulk actions."""
    for document, whole in zip(documents, sources, strict=True):
        source = {name: value for name, value in whole.items() if name not in ("_id", "_routing")}
        action: dict[str, Any] = {"_source": _serialised(source)}
        for name, value in (("_id", _id_of(document, id_field)), ("routing", document.get("_routing"))):
            if value is not None:
                action[name] = str(value)
        yield action


def _serialised(source: dict[str, Any]) -> dict[str, Any] | str:
    """Serialise a source whose numbers the client would round; any other source is left to the client."""
    if not holds_exact_numbers(source):
        return source
    try:
        return dumps(source).decode()
    except (TypeError, ValueError):  # something that only the client can serialise, or refuses
        return source
