"""How the index that is served differs from the one that a rollback returns to.

Both indices are read without their documents first.
A document that both have as the job read and wrote it is the same, even if a pipeline changed it.
Only the others are read whole and compared, without their vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from connector.documents.paths import without_value
from connector.reindexing.checkpoint import Checkpoint, Row, State
from connector.reindexing.cluster.cluster import Cluster, Hit
from connector.reindexing.cluster.switching import uuid_of
from connector.reindexing.items import Item, Key
from connector.reindexing.plan import JobPlan
from connector.reindexing.reading.index_source import reader_of

_TOGETHER = 500


@dataclass(frozen=True)
class Differences:
    """How many documents have changed since the job switched the alias.

    Attributes:
        written: documents that only the new index has.
        deleted: documents that only the old index has.
        changed: documents that differ between the two.
    """

    written: int = 0
    deleted: int = 0
    changed: int = 0

    @property
    def total(self) -> int:
        """The sum of all three."""
        return self.written + self.deleted + self.changed

    def __str__(self) -> str:
        """Return the counts for people."""
        return f"{self.written:,} written, {self.deleted:,} deleted, {self.changed:,} changed since"


def differences(cluster: Cluster, plan: JobPlan, checkpoint: Checkpoint, place: str) -> Differences:
    """Compare the new index with the one that a rollback returns to; if there is none, with the source if it exists.

    Args:
        cluster, plan, checkpoint: the job's.
        place: the dotted path of what the job adds to a document.
    """
    assert plan.target is not None
    old = plan.previous or next(iter(plan.names()), None)
    uuid = uuid_of(cluster, old) if old else ""
    is_source = (old, uuid) in plan.indices
    comparison = _Comparison(cluster, checkpoint, plan.target, old if uuid else None, place, is_source)
    found = [kind for keys in _chunks(comparison.suspects()) for kind in comparison.kinds(keys)]
    return Differences(found.count("written"), found.count("deleted"), found.count("changed"))


class _Comparison:
    """Compares two indices, with what a job knows about both.

    Args:
        cluster, checkpoint: the job's.
        new: the index that is served.
        old: the index to compare with; None if there is none.
        place: the dotted path of what the job adds to a document.
        is_source: the old index is the one that the job read.
    """

    def __init__(
        self, cluster: Cluster, checkpoint: Checkpoint, new: str, old: str | None, place: str, is_source: bool
    ) -> None:
        self._cluster = cluster
        self._checkpoint = checkpoint
        self._new = new
        self._old = old
        self._place = place
        self._is_source = is_source

    def suspects(self) -> set[Key]:
        """Return the documents that are not as the job left them in both indices."""
        suspects: set[Key] = set()
        is_known = self._is_source or self._old is None
        unchanged = {self._new: 0, self._old: 0}
        for index, is_unchanged in ((self._new, _is_as_written), (self._old, _is_as_read)):
            for items in self._items(index) if index else ():
                known = self._checkpoint.rows([item.key for item in items]) if is_known else {}
                same = {item.key for item in items if is_unchanged(item, known.get(item.key))}
                suspects |= {item.key for item in items} - same
                unchanged[index] += len(same)
        counts = self._checkpoint.counts()
        live = counts[State.WRITTEN] + counts[State.WITHOUT_TEXT]
        if is_known and unchanged[self._new] != live:
            suspects |= self._missing(self._new)
        if self._is_source and self._old and unchanged[self._old] != live + counts[State.DEAD]:
            suspects |= self._missing(self._old)
        return suspects

    def kinds(self, keys: Sequence[Key]) -> list[str]:
        """Return how each document differs; those that do not are left out."""
        known = self._checkpoint.rows(keys)
        new = self._cluster.fetch([(self._new, key) for key in keys], with_source=True)
        if self._old is None:
            kinds = [_since_written(new[key], known.get(key)) for key in keys]
        else:
            old = self._cluster.fetch([(self._old, key) for key in keys], with_source=True)
            kinds = [self._kind(new[key], old[key], known.get(key)) for key in keys]
        return [kind for kind in kinds if kind is not None]

    def _kind(self, new: Hit | None, old: Hit | None, row: Row | None) -> str | None:
        if old is None:
            return None if new is None else "written"
        if new is None:
            was_never_there = self._is_source and row is not None and row.state is State.DEAD
            return None if was_never_there and row and row.seq_no == old["_seq_no"] else "deleted"
        is_same = without_value(new["_source"], self._place) == without_value(old["_source"], self._place)
        return None if is_same else "changed"

    def _missing(self, index: str) -> set[Key]:
        """Return the documents that the job knows and an index no longer has."""
        missing: set[Key] = set()
        for rows in self._checkpoint.batches(_TOGETHER, (State.WRITTEN, State.WITHOUT_TEXT)):
            found = self._cluster.fetch([(index, row.key) for row in rows], with_source=False)
            missing |= {key for key, hit in found.items() if hit is None}
        return missing

    def _items(self, index: str) -> Iterator[list[Item]]:
        reader = reader_of(self._cluster, [index], reads_source=False)
        try:
            for partition in reader.partitions():
                for page in reader.pages(partition, None):
                    yield page.items
        finally:
            reader.close()


def _since_written(new: Hit | None, row: Row | None) -> str | None:
    """Return how a document differs from what the job wrote; None if it does not."""
    was_there = row is not None and row.state is not State.DEAD
    if new is None:
        return "deleted" if was_there else None
    return "changed" if was_there else "written"


def _is_as_written(item: Item, row: Row | None) -> bool:
    return row is not None and (item.seq_no, item.primary_term) == (row.written_seq_no, row.written_term)


def _is_as_read(item: Item, row: Row | None) -> bool:
    return row is not None and item.seq_no == row.seq_no


def _chunks(keys: set[Key]) -> Iterator[list[Key]]:
    left = iter(sorted(keys))
    while chunk := list(islice(left, _TOGETHER)):
        yield chunk
