"""Where documents are written: a new index, the same once it is served, or the source itself.

A new index gets whole documents.
The source gets partial documents, which take effect only if nobody has written since.
Once others write to the new index, their writes and deletes there win.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from connector.documents.paths import check_place
from connector.indexing.vector_field import VectorLayout, change, is_current, vectors_in, with_vectors
from connector.reindexing.checkpoint import Checkpoint, Row, State
from connector.reindexing.cluster.cluster import Cluster, Hit
from connector.reindexing.items import NO_SEQ_NO, Counters, Item, Key, Prepared
from connector.reindexing.plan import JobPlan
from connector.reindexing.writing.bulk_writer import Action, Outcome, action
from connector.reindexing.writing.deleting import Remover, digest_of, header
from connector.reindexing.writing.own_vectors import OwnVectors
from connector.reindexing.writing.rewritten import is_spelled_otherwise, loses_digits

_MAY_BE_DELETED = (
    "was written to the old index as the alias moved, and the job resumed too late to know whether it was deleted from "
    "the new one since; `retry-dead-letters` writes it"
)


class Destination(Protocol):
    """How documents are written to one kind of target, and what the checkpoint then keeps about them."""

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:
        """Return the bulk action that writes a document; None if there is nothing to write.

        Raises:
            ValueError: the document can't be written.
            UnsureError: the target must be read first.
        """

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """Return the `_seq_no` of the document in the source if it does not change again."""

    def digest(self, prepared: Prepared) -> bytes | None:
        """Return a digest that recognises a document whose writer was killed; None if none is needed."""

    def take_out(self, keys: Sequence[Key]) -> None:
        """Remove documents that the source no longer has, or that are now dead letters."""


class UnsureError(Exception):
    """Only a look into the target can tell whether a document may be written."""


class NewIndex:
    """A new index, which nobody else writes to: see `Destination`.

    Args:
        plan, layout, remover: the job's.
        rewriting: the indices that do not store `_source` as it is sent.
    """

    def __init__(self, plan: JobPlan, layout: VectorLayout, remover: Remover, rewriting: Collection[str] = ()) -> None:
        self._index = plan.target
        self._layout = layout
        self._is_rewritten = plan.target in rewriting
        self.take_out = remover.take_out

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:  # noqa: ARG002
        """See `Destination`."""
        return self._index_action(prepared, "index", {})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:  # noqa: ARG002
        """See `Destination`."""
        return prepared.item.seq_no

    def digest(self, prepared: Prepared) -> bytes | None:  # noqa: ARG002
        """See `Destination`; all documents there are the job's own."""
        return b""

    def _index_action(self, prepared: Prepared, kind: str, guard: dict[str, Any]) -> Action:
        key = prepared.item.key
        if self._is_rewritten:
            _check_digits(prepared.item)
        document = with_vectors(prepared.item.source, self._layout, prepared.parts, prepared.vectors)
        return action(key, kind, header(self._index, key) | guard, document)


class ServedIndex(NewIndex):
    """The new index once others write to it: a document is replaced only if it is still as the job wrote it.

    A document that the index never had is written only if nobody wrote or deleted its id since.
    The index remembers deletes only for a while.

    Args:
        cluster, plan, layout, remover, rewriting: as for `NewIndex`.
        remembered_until: when deletes may be forgotten, in seconds since 1970; None: deletes do not matter.
    """

    def __init__(
        self,
        cluster: Cluster,
        plan: JobPlan,
        layout: VectorLayout,
        remover: Remover,
        remembered_until: float | None,
        rewriting: Collection[str] = (),
    ) -> None:
        super().__init__(plan, layout, remover, rewriting)
        self._cluster = cluster
        self._remembered_until = remembered_until

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:
        """See `Destination`."""
        if known is None or known.state is State.DEAD:
            if self._has_forgotten():
                raise UnsureError
            return self._index_action(prepared, *self._cluster.engine.first_write())
        if known.written_seq_no == NO_SEQ_NO:
            return None
        guard = {"if_seq_no": known.written_seq_no, "if_primary_term": known.written_term}
        return self._index_action(prepared, "index", guard)

    def digest(self, prepared: Prepared) -> bytes:
        """See `Destination`."""
        return digest_of(prepared.item.source, self._layout, len(prepared.vectors))

    def resolve(self, in_conflict: Sequence[Prepared], known: Mapping[Key, Row]) -> list[Outcome]:
        """Return what became of documents in conflict: written after all, left as others wrote them, or refused."""
        found = self._cluster.fetch([(str(self._index), each.item.key) for each in in_conflict], with_source=True)
        return [self._resolve(each, found[each.item.key], known.get(each.item.key)) for each in in_conflict]

    def acknowledge_announced(self, checkpoint: Checkpoint) -> None:
        """Acknowledge what a killed process wrote here but did not acknowledge; the source is still read again."""
        announced = checkpoint.announced()
        found = self._cluster.fetch([(str(self._index), key) for key in announced], with_source=True)
        rows = [
            Row(key, State.WRITTEN, NO_SEQ_NO, hit["_seq_no"], hit["_primary_term"], b"")
            for key, hit in found.items()
            if hit is not None and digest_of(hit["_source"], self._layout) == announced[key]
        ]
        checkpoint.acknowledge(rows, {})

    def _resolve(self, prepared: Prepared, hit: Hit | None, known: Row | None) -> Outcome:
        if hit is not None and digest_of(hit["_source"], self._layout) == self.digest(prepared):
            return Outcome("written", hit["_seq_no"], hit["_primary_term"])
        is_new = known is None or known.state is State.DEAD
        if hit is None and is_new and self._has_forgotten():
            return Outcome("refused", reason=_MAY_BE_DELETED)
        return Outcome("written")

    def _has_forgotten(self) -> bool:
        return self._remembered_until is not None and time.time() > self._remembered_until


class SameIndex:
    """The source itself: see `Destination`.

    A partial update respells all numbers of a document, so a document whose spelling would change is sent whole.

    Args:
        layout, own, counters: the job's.
        rewriting: the indices that do not store `_source` as it is sent.
    """

    def __init__(
        self, layout: VectorLayout, own: OwnVectors, counters: Counters, rewriting: Collection[str] = ()
    ) -> None:
        self._layout = layout
        self._own = own
        self._counters = counters
        self._rewriting = rewriting

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:  # noqa: ARG002
        """See `Destination`; vectors that are up to date, or are others' and have no text, are left alone."""
        item = prepared.item
        if prepared.vectors and is_current(item.source, self._layout, prepared.parts, prepared.vectors):
            return None
        if not prepared.vectors:
            vectors = vectors_in(item.source, self._layout)
            if not vectors:
                return None
            if not self._own.are_these(item, vectors):
                self._counters.kept += 1
                return None
        check_place(item.source, self._layout.place)
        guard = {"if_seq_no": item.seq_no, "if_primary_term": item.primary_term}
        if item.index in self._rewriting:
            _check_digits(item)
        elif is_spelled_otherwise(item.source):
            whole = with_vectors(item.source, self._layout, prepared.parts, prepared.vectors)
            return action(item.key, "index", header(item.index, item.key) | guard, whole)
        partial = change(self._layout, prepared.parts, prepared.vectors)
        return action(item.key, "update", header(item.index, item.key) | guard, {"doc": partial})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """See `Destination`."""
        return prepared.item.seq_no if outcome is None else outcome.seq_no

    def digest(self, prepared: Prepared) -> None:
        """See `Destination`; a document deleted from the source is deleted here too."""

    def take_out(self, keys: Sequence[Key]) -> None:
        """See `Destination`; the documents belong to the source."""


def _check_digits(item: Item) -> None:
    """Refuse a document whose numbers the index would change.

    Raises:
        ValueError: a number would lose digits.
    """
    if loses_digits(item.source):
        raise ValueError(
            "holds a number with more digits than the index would keep, because the index rewrites _source "
            "(index.mapping.exclude_source_vectors, a final pipeline); reindex into a new index that does not, or send "
            "the number as a string"
        )
