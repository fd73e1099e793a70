"""What moves through a reindex job: items, pages, dead letters. Pure; every module of this room comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from connector.indexing.vector_field import Part

NO_SEQ_NO = -1
"""The `seq_no` of what has none: a document of a file, or of an index that keeps no sequence numbers."""


class Key(NamedTuple):
    """What names a document: which of the job's source indices it is in (0 for a file), its id, its routing or ""."""

    place: int
    id: str
    routing: str


@dataclass(frozen=True, slots=True)
class Item:
    """One document on its way.

    Attributes:
        key: what names it.
        index: the concrete index that it was read from; "" for a file.
        seq_no, primary_term: its version in the source; NO_SEQ_NO where there is none.
        source: its `_source`.
    """

    key: Key
    index: str
    seq_no: int
    primary_term: int
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that can't be brought over, and why. `document` is its source, or the line that is none."""

    key: Key
    stage: str
    reason: str
    document: Any
    seq_no: int = NO_SEQ_NO

    def to_json(self) -> dict[str, Any]:
        """Return it as a line of the dead letters' file holds it."""
        routing = {"routing": self.key.routing} if self.key.routing else {}
        named = {"id": self.key.id, **routing, "place": self.key.place, "seq_no": self.seq_no}
        return {**named, "stage": self.stage, "reason": self.reason, "document": self.document}


@dataclass(frozen=True, slots=True)
class Page:
    """Documents read together, and where the reader of this partition stands once they are acknowledged."""

    partition: str
    position: Any
    items: list[Item] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item with its parts and their vectors, ready to be written; none: it has no text.

    `text_hashes` is the hash of each part's text, one after the other.
    """

    item: Item
    parts: Sequence[Part]
    text_hashes: bytes
    vectors: tuple[Any, ...]


@dataclass(slots=True)
class Counters:
    """What this process has done for a job so far: documents, seconds of encoding, bulk requests.

    `unchanged` documents are as they were when they were last acknowledged; `current` ones had their vectors already,
    so that nothing was written; `kept` ones have no text, and a vector that is not our own, which was left as it is.
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
        """Return a copy that no thread changes any more."""
        return replace(self)
