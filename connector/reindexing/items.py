"""What moves through a reindex job: items, pages, dead letters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from connector.indexing.vector_field import Part

NO_SEQ_NO = -1
"""The `seq_no` of a document that has none, from a file or from an index without sequence numbers."""


class Key(NamedTuple):
    """Identifies a document.

    Attributes:
        place: which of the job's source indices it is in; 0 for a file.
        id: its id.
        routing: its routing; "" for none.
    """

    place: int
    id: str
    routing: str


@dataclass(frozen=True, slots=True)
class Item:
    """One document on its way to the target.

    Attributes:
        key: identifies it.
        index: the concrete index that it was read from; "" for a file.
        seq_no, primary_term: its version in the source; NO_SEQ_NO if it has none.
        source: its `_source`.
    """

    key: Key
    index: str
    seq_no: int
    primary_term: int
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that can't be written, and why.

    Attributes:
        key, seq_no: which document it is, at which version.
        stage: where it failed.
        reason: why.
        document: its source, or the line that is not a document.
    """

    key: Key
    stage: str
    reason: str
    document: Any
    seq_no: int = NO_SEQ_NO

    def to_json(self) -> dict[str, Any]:
        """Return it as a line of the dead letter file."""
        routing = {"routing": self.key.routing} if self.key.routing else {}
        identity = {"id": self.key.id, **routing, "place": self.key.place, "seq_no": self.seq_no}
        return {**identity, "stage": self.stage, "reason": self.reason, "document": self.document}


@dataclass(frozen=True, slots=True)
class Page:
    """Documents read together, and the position in their partition once they are acknowledged."""

    partition: str
    position: Any
    items: list[Item] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item that is ready to be written.

    Attributes:
        item: the document.
        parts, vectors: what is encoded, and its vectors; empty if it has no text.
        text_hashes: the hashes of the parts' texts, concatenated.
    """

    item: Item
    parts: Sequence[Part]
    text_hashes: bytes
    vectors: tuple[Any, ...]


@dataclass(slots=True)
class Counters:
    """What this process has done for a job so far: documents, seconds of encoding, bulk requests.

    Attributes:
        unchanged: documents that are as they were when they were last acknowledged.
        current: documents that already had their vectors, so nothing was written.
        kept: documents without text whose vector the job did not make, and so left alone.
        left: documents that were left as others wrote them to the new index.
    """

    read: int = 0
    unchanged: int = 0
    encoded: int = 0
    cached: int = 0
    written: int = 0
    current: int = 0
    kept: int = 0
    without_text: int = 0
    deleted: int = 0
    dead: int = 0
    conflicts: int = 0
    left: int = 0
    retries: int = 0
    encoding_s: float = 0.0
    bulks: int = 0
    bulk_ms: float = 0.0
    bulk_bytes: int = 0

    def snapshot(self) -> Counters:
        """Return a copy that no thread changes."""
        return replace(self)
