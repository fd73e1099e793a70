"""Documents become bulk actions with vectors: windows of documents are encoded together, then sent. Streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from connector.documents.paths import check_place
from connector.errors import DocumentError, IndexingError
from connector.exact_json import dumps, holds_exact_numbers
from connector.indexing.splitting import Passages
from connector.indexing.vector_field import VectorField, filled, vector_field_of
from connector.models.encoder import Encoder
from connector.models.texts import own_errors

_WINDOW = 256
_MAX_BULK_BYTES = 10 * 1024 * 1024
_MAX_ID_BYTES = 512  # a longer one fails the whole bulk request on a cluster


class BulkClient(Protocol):
    """A client of ours, sync: what is needed of it here."""

    def streaming_bulk(self, actions: Iterable[dict[str, Any]], **options: Any) -> Iterator[tuple[bool, Any]]:
        """Run bulk actions in chunks."""


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
    field = vector_field_of(fields.text, fields.vector, fields.passages, encoder)
    stream = iter(documents)
    place = 0
    while window := list(islice(stream, _WINDOW)):
        for offset, document in enumerate(window):
            _check(document, place + offset, fields.id, field.place)
        place += len(window)
        vectorized = _vectorized(window, field, encoder)
        without_text += sum(not has_text for _, has_text in vectorized)
        actions = _actions(window, (source for source, _ in vectorized), fields.id)
        for is_written, item in client.streaming_bulk(
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


def _check(document: object, place: int, id_field: str, vector_place: str) -> None:
    if not isinstance(document, Mapping):
        raise DocumentError(place, "", document, "a document must be a mapping from field names to values")
    identifier = document.get(id_field)
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
    documents: Sequence[Mapping[str, Any]], field: VectorField, encoder: Encoder
) -> list[tuple[dict[str, Any], bool]]:
    """Return the documents as they are written, and whether each has text, and so a vector."""
    parts = [field.parts(document) for document in documents]
    with own_errors("the encoder"):
        vectors = iter(encoder.encode([part.text for of_document in parts for part in of_document]))
    return [
        (filled(document, field, own, [next(vectors).tolist() for _ in own]), bool(own))
        for document, own in zip(documents, parts, strict=True)
    ]


def _actions(
    documents: Sequence[Mapping[str, Any]], sources: Iterable[dict[str, Any]], id_field: str
) -> Iterator[dict[str, Any]]:
    """Write the bulk actions."""
    for document, whole in zip(documents, sources, strict=True):
        source = {name: value for name, value in whole.items() if name not in ("_id", "_routing")}
        action: dict[str, Any] = {"_source": _written(source)}
        for name, value in (("_id", document.get(id_field)), ("routing", document.get("_routing"))):
            if value is not None:
                action[name] = str(value)
        yield action


def _written(source: dict[str, Any]) -> dict[str, Any] | str:
    """Write a source whose numbers the client would round, digit for digit; every other is left to the client."""
    if not holds_exact_numbers(source):
        return source
    try:
        return dumps(source).decode()
    except (TypeError, ValueError):  # what only the client can write, or refuses
        return source
