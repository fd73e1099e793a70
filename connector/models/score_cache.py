"""Scores that a reranker has computed before, for the same query and the same passage."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from connector.models.once import ForkSafe
from connector.models.readings import Reading, Stoppable
from connector.models.score_stores import ScoreStore
from connector.models.stopping import Stop


class CachedReranker(ForkSafe):
    """A reranker that computes a score once, however many searches ask for it at the same time: see `Stoppable`.

    Only for rerankers whose score of a pair depends on nothing else.

    Args:
        reranker: computes the scores.
        store: keeps them.
        model: which model in which backend they are from; its scores are never those of another.
    """

    def __init__(self, reranker: Stoppable, store: ScoreStore, model: str = "") -> None:
        self._reranker = reranker
        self._store = store
        self._model = model
        super().__init__()

    def after_fork_in_child(self) -> None:
        """Forget what other threads of the parent are computing."""
        self._lock = threading.Lock()
        self._computed: dict[bytes, threading.Event] = {}

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """See `Stoppable`; only pairs that are not known are read."""
        keys = [_key(self._model, query, passage) for passage in passages]
        scores = self._known(keys)
        hits = int(np.isfinite(scores).sum())
        ours, theirs = self._claim([key for key, score in zip(keys, scores, strict=True) if np.isnan(score)])
        try:
            reading = self._read(query, passages, keys, ours, scores, stop)
        finally:
            self._give_up(ours)
        for event in theirs.values():
            stop.wait(event)
        late = [at for at, key in enumerate(keys) if key in theirs]
        if late:
            scores[late] = self._known([keys[at] for at in late])
            hits += int(np.isfinite(scores[late]).sum())
        if np.isnan(scores).any() and theirs and not stop.is_over:  # whoever computed them had to stop
            reading = self._read(query, passages, keys, set(theirs), scores, stop)
        return replace(reading, scores=scores, cache_hits=hits)

    def _known(self, keys: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the scores that the store has, NaN for the others."""
        found = np.array([np.nan if score is None else score for score in self._store.get(keys)], dtype=np.float32)
        found[~np.isfinite(found)] = np.nan
        return found

    def _read(
        self,
        query: str,
        passages: Sequence[str],
        keys: Sequence[bytes],
        wanted: set[bytes],
        scores: NDArray[np.float32],
        stop: Stop,
    ) -> Reading:
        """Read the wanted passages that have no score, and store their scores."""
        places = [at for at, key in enumerate(keys) if key in wanted and np.isnan(scores[at])]
        if not places:
            return Reading(scores)
        reading = self._reranker.read_until(query, [passages[at] for at in places], stop)
        scores[places] = reading.scores
        self._store.put({keys[at]: float(scores[at]) for at in places if np.isfinite(scores[at])})
        return reading

    def _claim(self, keys: Sequence[bytes]) -> tuple[set[bytes], dict[bytes, threading.Event]]:
        """Return the pairs that are ours to compute, and when others will have computed the rest."""
        ours: set[bytes] = set()
        theirs: dict[bytes, threading.Event] = {}
        with self._lock:
            for key in keys:
                if key in self._computed and key not in ours:
                    theirs[key] = self._computed[key]
                elif key not in ours:
                    ours.add(key)
            done = threading.Event()
            self._computed |= dict.fromkeys(ours, done)
        return ours, theirs

    def _give_up(self, ours: set[bytes]) -> None:
        """Tell those who wait that nothing more will come."""
        with self._lock:
            events = {id(event): event for key in ours if (event := self._computed.pop(key, None)) is not None}
        for event in events.values():
            event.set()


def _key(*texts: str) -> bytes:
    parts = (text.encode("utf-8", "surrogatepass") for text in texts)
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
