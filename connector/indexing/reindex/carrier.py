"""Pages of a source become documents of the target, or dead letters; what became of each is acknowledged.

Two targets: a new index, which gets whole documents, and the source itself, which gets partial ones that hold only
where nobody has written since. A document in conflict is read again as it now is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from connector.indexing.reindex.bulk_writer import Action, BulkWriter, Outcome, action
from connector.indexing.reindex.checkpoint import Checkpoint, Row, State
from connector.indexing.reindex.cluster import Cluster, item_of
from connector.indexing.reindex.items import NO_SEQ_NO, Counters, DeadLetter, Item, Key, Page, Prepared
from connector.indexing.reindex.plan import Plan
from connector.indexing.reindex.preparing import Preparer
from connector.indexing.reindex.stages import Window, items_in
from connector.indexing.vector_field import VectorField, change, check_place, filled, vectors_in

_TRIES_OF_A_CONFLICT = 20
Known = dict[Key, Row]


class Target(Protocol):
    """Where documents go: how one is written, and what its row then says."""

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:
        """Write the action; None: there is nothing to write. Raises: ValueError: the document can't hold vectors."""

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """Give the `_seq_no` at which the source then has the document unchanged."""


class NewIndex:
    """A new index, which nobody else writes to: see `Target`."""

    def __init__(self, plan: Plan, field: VectorField) -> None:
        self._index = plan.target
        self._field = field

    def action(self, prepared: Prepared, known: Row | None) -> Action:  # noqa: ARG002
        """See `Target`."""
        return self._written(prepared, "index", {})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:  # noqa: ARG002
        """See `Target`."""
        return prepared.item.seq_no

    def _written(self, prepared: Prepared, kind: str, guard: dict[str, Any]) -> Action:
        key = prepared.item.key
        document = filled(prepared.item.source, self._field, prepared.parts, prepared.vectors)
        return action(key, kind, header(self._index, key) | guard, document)


class ServedIndex(NewIndex):
    """The new index once others write to it: a document is replaced only if it is as we wrote it."""

    def action(self, prepared: Prepared, known: Row | None) -> Action:
        """See `Target`."""
        if known is None or known.state is State.DEAD:
            return self._written(prepared, "create", {})
        guard = {"if_seq_no": known.written_seq_no, "if_primary_term": known.written_term}
        return self._written(prepared, "index", guard)


class SameIndex:
    """The source itself: see `Target`."""

    def __init__(self, field: VectorField) -> None:
        self._field = field

    def action(self, prepared: Prepared, known: Row | None) -> Action | None:  # noqa: ARG002
        """See `Target`."""
        item = prepared.item
        if not prepared.vectors and not vectors_in(item.source, self._field):
            return None
        check_place(item.source, self._field.place)
        guard = {"if_seq_no": item.seq_no, "if_primary_term": item.primary_term}
        partial = change(self._field, prepared.parts, prepared.vectors)
        return action(item.key, "update", header(item.index, item.key) | guard, {"doc": partial})

    def seq_no(self, prepared: Prepared, outcome: Outcome | None) -> int:
        """See `Target`."""
        return prepared.item.seq_no if outcome is None else outcome.seq_no


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
        """Make a window: what is acknowledged at the same version is passed over, the rest gets vectors."""
        items = items_in(pages)
        self._counters.read += len(items) + sum(len(page.dead) for page in pages)
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
        rows, dead = self._written(window.prepared)
        dead = [*window.dead, *dead]
        rows += [Row(letter.key, State.DEAD, letter.seq_no, NO_SEQ_NO, 0, b"") for letter in dead]
        self._checkpoint.acknowledge(rows, window.positions, dead)
        self._counters.dead += len(dead)
        self._counters.written += sum(row.state is State.WRITTEN for row in rows)
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
            if not in_conflict or isinstance(self.target, NewIndex):
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
        for each in prepared:
            try:
                made = self.target.action(each, known.get(each.item.key))
            except ValueError as error:
                dead.append(DeadLetter(each.item.key, "write", str(error), each.item.source, each.item.seq_no))
                continue
            if made is None:
                rows.append(self._row(each, None))
            else:
                sent.append((each, made))
        in_conflict = []
        for (each, _), outcome in zip(sent, self._writer.write([made for _, made in sent]), strict=True):
            if outcome.fate == "written":
                rows.append(self._row(each, outcome))
            elif outcome.fate == "conflict":
                in_conflict.append(each)
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


def remove_deleted(
    cluster: Cluster, plan: Plan, checkpoint: Checkpoint, writer: BulkWriter, *, is_stopped: Callable[[], bool]
) -> int:
    """Delete from the new index what the source no longer has, where it is as we wrote it; give how many.

    A deleted document leaves no trace that a search could find, so every known id is asked for; that is done only
    where the source has fewer documents than are known.
    """
    known = sum(checkpoint.counts().values())
    if known <= sum(cluster.count(index) for index in plan.names()):
        return 0
    deleted = 0
    for rows in checkpoint.batches(1_000):
        if is_stopped():
            break
        found = cluster.fetch([(plan.index_of(row.key), row.key) for row in rows], with_source=False)
        gone = [row for row in rows if found[row.key] is None]
        writer.write([_deletion(plan, row) for row in gone if row.state is not State.DEAD])
        checkpoint.forget(row.key for row in gone)
        deleted += len(gone)
    return deleted


def _deletion(plan: Plan, row: Row) -> Action:
    guard = {"if_seq_no": row.written_seq_no, "if_primary_term": row.written_term}
    return action(row.key, "delete", header(plan.target, row.key) | guard)


def header(index: str | None, key: Key) -> dict[str, Any]:
    """Write what names a document in a line of a bulk body."""
    named: dict[str, Any] = {"_index": index, "_id": key.id}
    return {**named, "routing": key.routing} if key.routing else named
