"""Which vectors of a live index a job made itself: it removes only those when their text is gone."""

from __future__ import annotations

from collections.abc import Sequence

from connector.indexing.vector_field import is_same_vector
from connector.reindexing.checkpoint import Checkpoint, State
from connector.reindexing.folders import previous_folder, stored_plan
from connector.reindexing.items import Item, Key
from connector.reindexing.writing.vector_cache import VectorCache, hashes_in


class OwnVectors:
    """Recognises vectors that the job, or the previous job of the same name, made for a document.

    Args:
        checkpoint: the job's.
        cache: the vectors by text; without it no vector is recognised.
    """

    def __init__(self, checkpoint: Checkpoint, cache: VectorCache) -> None:
        self._now = checkpoint
        self._cache = cache
        self._previous: Checkpoint | None = None
        self._places: dict[str, int] = {}
        if (folder := previous_folder(checkpoint.folder)).is_dir():
            self._previous = Checkpoint(folder)
            plan = stored_plan(self._previous)
            self._places = {} if plan is None else {name: place for place, name in enumerate(plan.names())}

    def are_these(self, item: Item, vectors: Sequence[object]) -> bool:
        """True if these are the vectors last made for a document's text."""
        known = self._cache.find(hashes := self._last_made(item))
        own = [known[digest] for digest in hashes if digest in known]
        return len(own) == len(hashes) == len(vectors) and all(map(is_same_vector, vectors, own))

    def _last_made(self, item: Item) -> list[bytes]:
        keys = [(self._now, item.key)]
        if self._previous is not None and item.index in self._places:
            keys.append((self._previous, Key(self._places[item.index], item.key.id, item.key.routing)))
        for checkpoint, key in keys:
            row = checkpoint.rows([key]).get(key)
            if row is not None and row.state is State.WRITTEN:
                return hashes_in(row.text_hashes)
        return []

    def close(self) -> None:
        """Release the files of the previous job."""
        if self._previous is not None:
            self._previous.close()
