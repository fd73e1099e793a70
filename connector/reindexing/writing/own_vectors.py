"""Which vectors of a live index a job has made itself: only those go with their text, all others stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from connector.indexing.vector_field import is_same_vector
from connector.reindexing.checkpoint import Checkpoint, State
from connector.reindexing.folders import before, kept_plan
from connector.reindexing.items import Item, Key
from connector.reindexing.writing.vector_cache import VectorCache, hashes_in


class OwnVectors:
    """Compares vectors with those that the job, or the one before it of the same name, has made for a document.

    Args:
        checkpoint: the job's.
        cache: the vectors by text; where it keeps none, no vector is known to be our own.
    """

    def __init__(self, checkpoint: Checkpoint, cache: VectorCache) -> None:
        self._now = checkpoint
        self._cache = cache
        self._before: Checkpoint | None = None
        self._places: dict[str, int] = {}
        if (folder := before(checkpoint.folder)).is_dir():
            self._before = Checkpoint(folder)
            plan = kept_plan(self._before)
            self._places = {} if plan is None else {name: place for place, name in enumerate(plan.names())}

    def are_these(self, item: Item, vectors: Sequence[object]) -> bool:
        """True if these vectors of a document are the ones that were last made of its text."""
        known = self._cache.find(hashes := self._last_made(item))
        made = [known[digest] for digest in hashes if digest in known]
        return len(made) == len(hashes) == len(vectors) and all(map(is_same_vector, vectors, made))

    def _last_made(self, item: Item) -> list[bytes]:
        keys = [(self._now, item.key)]
        if self._before is not None and item.index in self._places:
            keys.append((self._before, Key(self._places[item.index], item.key.id, item.key.routing)))
        for checkpoint, key in keys:
            row = checkpoint.rows([key]).get(key)
            if row is not None and row.state is State.WRITTEN:
                return hashes_in(row.text_hashes)
        return []

    def close(self) -> None:
        """Release the files of the job before."""
        if self._before is not None:
            self._before.close()
