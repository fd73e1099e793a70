"""Pages of a source become documents of the target, or dead letters; what became of each is acknowledged.

Two targets: a new index, which gets whole documents, and the source itself, which gets partial ones that hold only
where nobody has written since. A document in conflict is read again as it now is. Once others write to the new index,
what they wrote and what they deleted there stays so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from connector.documents.paths import check_place
from connector.indexing.vector_field import VectorField, change, filled, is_current, vectors_in
from connector.reindexing.checkpoint import Checkpoint, Row, State
from connector.reindexing.cluster.cluster import Cluster, Hit, item_of
from connector.reindexing.items import NO_SEQ_NO, Counters, DeadLetter, Item, Key, Page, Prepared
from connector.reindexing.plan import Plan
from connector.reindexing.stages import Window, items_in
from connector.reindexing.writing.bulk_writer import Action, BulkWriter, Outcome, action
from connector.reindexing.writing.deleting import Remover, digest_of, header
from connector.reindexing.writing.own_vectors import OwnVectors
from connector.reindexing.writing.preparing import Preparer
from connector.reindexing.writing.rewritten import is_spelled_otherwise, loses_digits

_TRIES_OF_A_CONFLICT = 20
_MAY_BE_DELETED = (
    "was written to the old index as the alias moved, and the job went on too late to know whether it was deleted from "
    "the new one since; `retry-dead-letters` writes it"
)
Known = dict[Key, Row]


class Target(Protocol):
    """Where documents go: how one is written, and what its row then says."""

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:
        """Write the action; None: there is nothing to write. Raises: ValueError: the document can't be written."""

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """Return the `_seq_no` at which the source then has the document unchanged."""

    def digest(self, prepared: Prepared) -> bytes | None:
        """Return by what a document is known again if the process is killed writing it; None: it need not be."""

    def take_out(self, keys: Sequence[Key]) -> None:
        """See that documents that the source does not have, or that are dead letters now, are not there."""


class _UnsureError(Exception):
    """Whether a document may be written can only be told from what is in the target."""


class NewIndex:
    """A new index, which nobody else writes to: see `Target`.

    Args:
        plan, field, remover: the job's.
        rewriting: the indices that do not keep `_source` as it is sent.
    """

    def __init__(self, plan: Plan, field: VectorField, remover: Remover, rewriting: Collection[str] = ()) -> None:
        self._index = plan.target
        self._field = field
        self._is_rewritten = plan.target in rewriting
        self.take_out = remover.take_out

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:  # noqa: ARG002
        """See `Target`."""
        return self._written(prepared, "index", {})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:  # noqa: ARG002
        """See `Target`."""
        return prepared.item.seq_no

    def digest(self, prepared: Prepared) -> bytes | None:  # noqa: ARG002
        """See `Target`; whatever is there is ours."""
        return b""

    def _written(self, prepared: Prepared, kind: str, guard: dict[str, Any]) -> Action:
        key = prepared.item.key
        if self._is_rewritten:
            _check_digits(prepared.item)
        document = filled(prepared.item.source, self._field, prepared.parts, prepared.vectors)
        return action(key, kind, header(self._index, key) | guard, document)


class ServedIndex(NewIndex):
    """The new index once others write to it: a document is replaced only if it is as we wrote it.

    One that it never had is written only if nothing was done under its id since, which the index remembers of a delete
    for a while.

    Args:
        cluster, plan, field, remover, rewriting: as for `NewIndex`.
        remembered_until: when that while ends, in seconds since 1970; None: what is asked for is written.
    """

    def __init__(
        self,
        cluster: Cluster,
        plan: Plan,
        field: VectorField,
        remover: Remover,
        remembered_until: float | None,
        rewriting: Collection[str] = (),
    ) -> None:
        super().__init__(plan, field, remover, rewriting)
        self._cluster = cluster
        self._remembered_until = remembered_until

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:
        """See `Target`."""
        if known is None or known.state is State.DEAD:
            if self._has_forgotten():
                raise _UnsureError
            return self._written(prepared, *self._cluster.engine.first_write())
        if known.written_seq_no == NO_SEQ_NO:
            return None
        guard = {"if_seq_no": known.written_seq_no, "if_primary_term": known.written_term}
        return self._written(prepared, "index", guard)

    def digest(self, prepared: Prepared) -> bytes:
        """See `Target`."""
        return digest_of(prepared.item.source, self._field, len(prepared.vectors))

    def settled(self, in_conflict: Sequence[Prepared], known: Mapping[Key, Row]) -> list[Outcome]:
        """Say of each document what became of it: it is there as it was to be, or as others wrote it, or deleted."""
        found = self._cluster.fetch([(str(self._index), each.item.key) for each in in_conflict], with_source=True)
        return [self._outcome(each, found[each.item.key], known.get(each.item.key)) for each in in_conflict]

    def acknowledge_announced(self, checkpoint: Checkpoint) -> None:
        """Acknowledge what a killed process wrote here and could not acknowledge; it is read again all the same."""
        announced = checkpoint.announced()
        found = self._cluster.fetch([(str(self._index), key) for key in announced], with_source=True)
        rows = [
            Row(key, State.WRITTEN, NO_SEQ_NO, hit["_seq_no"], hit["_primary_term"], b"")
            for key, hit in found.items()
            if hit is not None and digest_of(hit["_source"], self._field) == announced[key]
        ]
        checkpoint.acknowledge(rows, {})

    def _outcome(self, prepared: Prepared, hit: Hit | None, known: Row | None) -> Outcome:
        if hit is not None and digest_of(hit["_source"], self._field) == self.digest(prepared):
            return Outcome("written", hit["_seq_no"], hit["_primary_term"])
        is_new = known is None or known.state is State.DEAD
        if hit is None and is_new and self._has_forgotten():
            return Outcome("refused", reason=_MAY_BE_DELETED)
        return Outcome("written")

    def _has_forgotten(self) -> bool:
        return self._remembered_until is not None and time.time() > self._remembered_until


class SameIndex:
    """The source itself: see `Target`.

    An update spells all numbers of a document in the cluster's way, so one with numbers in another way is sent whole.

    Args:
        field, own, counters: the job's.
        rewriting: the indices that do not keep `_source` as it is sent.
    """

    def __init__(
        self, field: VectorField, own: OwnVectors, counters: Counters, rewriting: Collection[str] = ()
    ) -> None:
        self._field = field
        self._own = own
        self._counters = counters
        self._rewriting = rewriting

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:  # noqa: ARG002
        """See `Target`; a document that has its vectors is not written, one without text keeps what others gave it."""
        item = prepared.item
        if prepared.vectors and is_current(item.source, self._field, prepared.parts, prepared.vectors):
            return None
        if not prepared.vectors:
            held = vectors_in(item.source, self._field)
            if not held:
                return None
            if not self._own.are_these(item, held):
                self._counters.kept += 1
                return None
        check_place(item.source, self._field.place)
        guard = {"if_seq_no": item.seq_no, "if_primary_term": item.primary_term}
        if item.index in self._rewriting:
            _check_digits(item)
        elif is_spelled_otherwise(item.source):
            whole = filled(item.source, self._field, prepared.parts, prepared.vectors)
            return action(item.key, "index", header(item.index, item.key) | guard, whole)
        partial = change(self._field, prepared.parts, prepared.vectors)
        return action(item.key, "update", header(item.index, item.key) | guard, {"doc": partial})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """See `Target`."""
        return prepared.item.seq_no if outcome is None else outcome.seq_no

    def digest(self, prepared: Prepared) -> None:
        """See `Target`; what is deleted from the source is deleted here."""

    def take_out(self, keys: Sequence[Key]) -> None:
        """See `Target`; documents are the source's own."""


class Carrier:
    """Brings windows over.

    Args:
        cluster: both source and target.
        checkpoint: what is acknowledged.
        preparer: makes vectors.
        writer: writes.
        target: where to.
        counters: told of what was done.
        on_dead_letter: told each dead letter once it is acknowledged.
    """

    def __init__(
        self,
        cluster: Cluster,
        checkpoint: Checkpoint,
        preparer: Preparer,
        writer: BulkWriter,
        target: Target,
        counters: Counters,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self._cluster = cluster
        self._checkpoint = checkpoint
        self._preparer = preparer
        self._writer = writer
        self.target = target
        self._counters = counters
        self._on_dead_letter = on_dead_letter
        self.tries_dead_again = False

    def prepare(self, pages: Sequence[Page]) -> Window:
        """Make a window: what is acknowledged at the same version is passed over, the rest gets vectors.

        Of a document that changed while its pages were read the last version counts.
        """
        read = items_in(pages)
        self._counters.read += len(read) + sum(len(page.dead) for page in pages)
        items = list({item.key: item for item in read}.values())
        versioned = [item.key for item in items if item.seq_no != NO_SEQ_NO]
        known = self._checkpoint.rows(versioned) if versioned else {}
        fresh = [item for item in items if not self._is_acknowledged(item, known.get(item.key))]
        self._counters.unchanged += len(items) - len(fresh)
        prepared, dead = self._preparer.prepare(fresh)
        dead += [letter for page in pages for letter in page.dead]
        positions = {page.partition: page.position for page in pages if page.position is not None}
        return Window(prepared, dead, positions)

    def _is_acknowledged(self, item: Item, row: Row | None) -> bool:
        if row is None or (row.state is State.DEAD and self.tries_dead_again):
            return False
        return row.seq_no == item.seq_no

    def write(self, window: Window) -> None:
        """Write a window and acknowledge it."""
        digests = {each.item.key: self.target.digest(each) for each in window.prepared}
        self._checkpoint.announce({key: digest for key, digest in digests.items() if digest is not None})
        rows, dead = self._written(window.prepared)
        dead = [*window.dead, *dead]
        self.target.take_out([letter.key for letter in dead if letter.key.place >= 0])
        rows += [Row(letter.key, State.DEAD, letter.seq_no, NO_SEQ_NO, 0, b"") for letter in dead]
        self._checkpoint.acknowledge(rows, window.positions, dead)
        self._counters.dead += len(dead)
        have_vectors = [row for row in rows if row.state is State.WRITTEN]
        written = sum(row.written_seq_no != NO_SEQ_NO for row in have_vectors)
        self._counters.written += written
        self._counters.current += len(have_vectors) - written
        self._counters.without_text += sum(row.state is State.WITHOUT_TEXT for row in rows)
        if self._on_dead_letter is not None:
            for letter in dead:
                self._on_dead_letter(letter)

    def _written(self, prepared: Sequence[Prepared]) -> tuple[list[Row], list[DeadLetter]]:
        rows: list[Row] = []
        dead: list[DeadLetter] = []
        left = list(prepared)
        for _ in range(_TRIES_OF_A_CONFLICT):
            in_conflict = self._tried(left, rows, dead)
            if not in_conflict:
                return rows, dead
            self._counters.conflicts += len(in_conflict)
            left, unfit = self._preparer.prepare(self._read_again(in_conflict))
            dead += unfit
        reason = f"was written by others {_TRIES_OF_A_CONFLICT} times while it was to be"
        dead += [DeadLetter(each.item.key, "write", reason, each.item.source) for each in left]
        return rows, dead

    def _tried(self, prepared: Sequence[Prepared], rows: list[Row], dead: list[DeadLetter]) -> list[Prepared]:
        """Write once: rows of what was written, letters of what was refused; give what is in conflict."""
        guarded = isinstance(self.target, ServedIndex)
        known = self._checkpoint.rows([each.item.key for each in prepared]) if guarded else {}
        sent: list[tuple[Prepared, Action]] = []
        unsure: list[Prepared] = []
        for each in prepared:
            try:
                made = self.target.action(each, known.get(each.item.key))
            except ValueError as error:
                dead.append(DeadLetter(each.item.key, "write", str(error), each.item.source, each.item.seq_no))
                continue
            except _UnsureError:
                unsure.append(each)
                continue
            if made is None:
                rows.append(self._row(each, None))
            else:
                sent.append((each, made))
        outcomes = [
            *zip((each for each, _ in sent), self._writer.write([made for _, made in sent]), strict=True),
            *((each, Outcome("conflict")) for each in unsure),
        ]
        in_conflict = [each for each, outcome in outcomes if outcome.fate == "conflict"]
        if in_conflict and isinstance(self.target, ServedIndex):
            outcomes += zip(in_conflict, self.target.settled(in_conflict, known), strict=True)
            in_conflict = []
        for each, outcome in outcomes:
            if outcome.fate == "written":
                rows.append(self._row(each, outcome))
                self._counters.left += outcome.seq_no == NO_SEQ_NO
            elif outcome.fate == "refused":
                item = each.item
                dead.append(DeadLetter(item.key, "write", outcome.reason, item.source, item.seq_no))
        return in_conflict

    def _row(self, prepared: Prepared, outcome: Outcome | None) -> Row:
        state = State.WRITTEN if prepared.vectors else State.WITHOUT_TEXT
        seq_no = self.target.seq_no(prepared, outcome)
        written = (NO_SEQ_NO, 0) if outcome is None else (outcome.seq_no, outcome.primary_term)
        return Row(prepared.item.key, state, seq_no, *written, prepared.text_hashes)

    def _read_again(self, prepared: Sequence[Prepared]) -> list[Item]:
        wanted = [(each.item.index, each.item.key) for each in prepared]
        found = self._cluster.fetch(wanted, with_source=True)
        return [item_of(hit, key.place) for key, hit in found.items() if hit is not None]


def _check_digits(item: Item) -> None:
    """Refuse a document of which the index would keep other numbers. Raises: ValueError."""
    if loses_digits(item.source):
        raise ValueError(
            "holds a number with more digits than the index would keep, as it writes _source again "
            "(index.mapping.exclude_source_vectors, a final pipeline); reindex into a new index that does not, or send "
            "the number as a string"
        )
