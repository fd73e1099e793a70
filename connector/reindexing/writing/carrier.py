"""Writes pages of a source to the target; a document that can't be written becomes a dead letter.

What became of each document is acknowledged.
A document in conflict is read again as it is now, except in an index that others write to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.reindexing.checkpoint import Checkpoint, Row, State
from connector.reindexing.cluster.cluster import Cluster, item_of
from connector.reindexing.items import NO_SEQ_NO, Counters, DeadLetter, Item, Page, Prepared
from connector.reindexing.stages import Batch, items_in
from connector.reindexing.writing.bulk_writer import Action, BulkWriter, Outcome
from connector.reindexing.writing.destinations import Destination, ServedIndex, UnsureError
from connector.reindexing.writing.preparing import Preparer

_TRIES_OF_A_CONFLICT = 20


class Carrier:
    """Prepares batches of documents and writes them.

    Args:
        cluster: holds both the source and the target.
        checkpoint: stores what is acknowledged.
        preparer: makes vectors.
        writer: writes documents.
        destination: says how a document is written.
        counters: updated with what is done.
        on_dead_letter: called with each dead letter once it is acknowledged.
    """

    def __init__(
        self,
        cluster: Cluster,
        checkpoint: Checkpoint,
        preparer: Preparer,
        writer: BulkWriter,
        destination: Destination,
        counters: Counters,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self._cluster = cluster
        self._checkpoint = checkpoint
        self._preparer = preparer
        self._writer = writer
        self._destination = destination
        self._counters = counters
        self._on_dead_letter = on_dead_letter
        self.tries_dead_again = False

    def prepare(self, pages: Sequence[Page]) -> Batch:
        """Make vectors for the documents of some pages, except those that are acknowledged at the same version.

        If a document changed while the pages were read, its last version counts.
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
        return Batch(prepared, dead, positions)

    def _is_acknowledged(self, item: Item, row: Row | None) -> bool:
        if row is None or (row.state is State.DEAD and self.tries_dead_again):
            return False
        return row.seq_no == item.seq_no

    def write(self, batch: Batch) -> None:
        """Write a batch, and acknowledge it."""
        digests = {each.item.key: self._destination.digest(each) for each in batch.prepared}
        self._checkpoint.announce({key: digest for key, digest in digests.items() if digest is not None})
        rows, dead = self._write(batch.prepared)
        dead = [*batch.dead, *dead]
        self._destination.take_out([letter.key for letter in dead if letter.key.place >= 0])
        rows += [Row(letter.key, State.DEAD, letter.seq_no, NO_SEQ_NO, 0, b"") for letter in dead]
        self._checkpoint.acknowledge(rows, batch.positions, dead)
        self._counters.dead += len(dead)
        have_vectors = [row for row in rows if row.state is State.WRITTEN]
        written = sum(row.written_seq_no != NO_SEQ_NO for row in have_vectors)
        self._counters.written += written
        self._counters.current += len(have_vectors) - written
        self._counters.without_text += sum(row.state is State.WITHOUT_TEXT for row in rows)
        if self._on_dead_letter is not None:
            for letter in dead:
                self._on_dead_letter(letter)

    def _write(self, prepared: Sequence[Prepared]) -> tuple[list[Row], list[DeadLetter]]:
        rows: list[Row] = []
        dead: list[DeadLetter] = []
        left = list(prepared)
        for _ in range(_TRIES_OF_A_CONFLICT):
            in_conflict = self._try(left, rows, dead)
            if not in_conflict:
                return rows, dead
            self._counters.conflicts += len(in_conflict)
            left, unfit = self._preparer.prepare(self._read_again(in_conflict))
            dead += unfit
        reason = f"was changed by others {_TRIES_OF_A_CONFLICT} times while the job tried to write it"
        dead += [DeadLetter(each.item.key, "write", reason, each.item.source) for each in left]
        return rows, dead

    def _try(self, prepared: Sequence[Prepared], rows: list[Row], dead: list[DeadLetter]) -> list[Prepared]:
        """Try to write documents once.

        Args:
            prepared: the documents.
            rows, dead: extended with those that were written, and those that were refused.

        Returns:
            the documents in conflict.
        """
        guarded = isinstance(self._destination, ServedIndex)
        known = self._checkpoint.rows([each.item.key for each in prepared]) if guarded else {}
        sent: list[tuple[Prepared, Action]] = []
        unsure: list[Prepared] = []
        for each in prepared:
            try:
                action = self._destination.action(each, known.get(each.item.key))
            except ValueError as error:
                dead.append(DeadLetter(each.item.key, "write", str(error), each.item.source, each.item.seq_no))
                continue
            except UnsureError:
                unsure.append(each)
                continue
            if action is None:
                rows.append(self._row(each, None))
            else:
                sent.append((each, action))
        outcomes = [
            *zip((each for each, _ in sent), self._writer.write([action for _, action in sent]), strict=True),
            *((each, Outcome("conflict")) for each in unsure),
        ]
        in_conflict = [each for each, outcome in outcomes if outcome.fate == "conflict"]
        if in_conflict and isinstance(self._destination, ServedIndex):
            outcomes += zip(in_conflict, self._destination.resolve(in_conflict, known), strict=True)
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
        seq_no = self._destination.seq_no(prepared, outcome)
        written = (NO_SEQ_NO, 0) if outcome is None else (outcome.seq_no, outcome.primary_term)
        return Row(prepared.item.key, state, seq_no, *written, prepared.text_hashes)

    def _read_again(self, prepared: Sequence[Prepared]) -> list[Item]:
        wanted = [(each.item.index, each.item.key) for each in prepared]
        found = self._cluster.fetch(wanted, with_source=True)
        return [item_of(hit, key.place) for key, hit in found.items() if hit is not None]
